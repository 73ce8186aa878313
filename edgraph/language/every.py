"""`every:` in all its forms (the table of clocks), and durations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

from edgraph.language.fields import Fields, describe, first_line, is_empty, unknown_key
from edgraph.language.pipeline import (
    Every,
    EveryCycle,
    EveryEdge,
    EveryEpochs,
    EveryFirings,
    EverySteps,
    EveryTime,
    EveryUnion,
    EveryUpdates,
)
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken, origin
from edgraph.text.scalars import write
from edgraph.text.source import Mapping, Name, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean, hint, means, nearest

_AMOUNT = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]*)\s*")
SECONDS = {"s": 1, "second": 1, "seconds": 1, "sec": 1, "min": 60, "minute": 60, "minutes": 60,
           "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400}
COUNTS = {"steps": "steps", "step": "steps", "epochs": "epochs", "epoch": "epochs",
          "updates": "updates", "update": "updates"}
_UNITS = ("steps", "epochs", "updates", "s", "minutes", "h")
_EXAMPLES = "write a number of steps, '10 steps', '1 epoch', '10 updates', '10 minutes', 'first' or 'last'"
LARGEST = 2**62


class _Bad(Exception):
    """A clock that was reported."""


def parse_every(tree: Tree, where: str, diagnostics: Diagnostics) -> Every | None:
    """The clock that an author wrote; None after an error. `where` is such as `op 'report'`."""
    if isinstance(tree, Broken):
        return None
    try:
        return _Clock(where, diagnostics, origin(tree)).any(tree)
    except _Bad:
        return None


def amount(text: str) -> tuple[Fraction, str] | None:
    """`0.5 epochs` as (1/2, "epochs"); the unit may be empty. None for other text."""
    match = _AMOUNT.fullmatch(text)
    if match is None or len(match[1]) > 40 or abs(int(match[1].lower().partition("e")[2] or 0)) > 40:
        return None  # 1e999999 would be a number of a million digits
    return Fraction(match[1]), match[2]


def parse_duration(key: str, tree: Tree, fields: Fields) -> float | None:
    """`2 h` in seconds; None after an error."""
    if isinstance(tree, Broken):
        return None
    parsed = amount(tree.value) if isinstance(tree, Scalar) and isinstance(tree.value, str) else None
    example = "write such as '30 s', '10 minutes' or '2 h'"
    if parsed is None or parsed[1] not in SECONDS:
        help = example
        if isinstance(tree, Scalar) and type(tree.value) in (int, float):
            help = f"a unit is missing: '{tree.raw} s', '{tree.raw} minutes' or '{tree.raw} h'"
        elif parsed is not None and parsed[1]:
            near = did_you_mean(parsed[1], SECONDS)
            help = near if near.startswith("did") else example
        fields.wrong(key, tree, "a length of time", help)
        return None
    seconds = float(parsed[0] * SECONDS[parsed[1]])
    if seconds <= 0:
        fields.error("out-of-range", key, f"{key!r} of {fields.where} must be longer than nothing", example)
        return None
    return seconds


class _Clock:
    def __init__(self, where: str, diagnostics: Diagnostics, related: tuple[tuple[str, Span], ...]) -> None:
        self.where = f"'every' of {where}"
        self.diagnostics = diagnostics
        self.related = related  # where the clock was given, if not here

    def fail(self, code: str, message: str, span: Span, help: str | None = None) -> _Bad:
        self.diagnostics.error(code, message, first_line(span), help, self.related)
        return _Bad()

    def any(self, tree: Tree, inner: bool = False) -> Every:
        if isinstance(tree, Mapping):
            return self.mapping(tree)
        if isinstance(tree, Sequence):
            if inner:
                raise self.fail("bad-clock", f"{self.where} has a list inside a list", tree.span,
                                "write one list")
            return self.union(tree)
        value = tree.value
        if isinstance(value, str):
            return self.text(value, tree.span)
        if value is None and is_empty(tree):
            raise self.fail("missing-value", f"{self.where} has no value", tree.span, _EXAMPLES)
        if isinstance(value, bool) or value is None:
            raise self.fail("bad-clock", f"{self.where} is {write(value)}; expected a clock", tree.span,
                            _EXAMPLES)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self.fail("not-finite", f"{self.where} is {write(value)}; expected a whole number of steps",
                                tree.span, _EXAMPLES)
            if not value.is_integer():
                raise self.fail("bad-clock", f"{self.where} is {write(value)}; expected a whole number of steps",
                                tree.span, f"a part of an epoch is '{write(value)} epochs'" if value > 0
                                else _EXAMPLES)
        assert isinstance(value, (int, float))
        return self.steps(Fraction(value), tree.span)

    def union(self, tree: Sequence) -> Every:
        if not tree.items:
            raise self.fail("bad-clock", f"{self.where} is an empty list: it would never fire", tree.span,
                            _EXAMPLES)
        parts: list[Every] = []
        failed = False
        for item in tree.items:
            try:
                parts.append(self.any(item, inner=True))
            except _Bad:
                failed = True
        if failed:
            raise _Bad
        return EveryUnion(tuple(parts), tree.span)

    # -- text --------------------------------------------------------------------------------------

    def text(self, value: str, span: Span) -> Every:
        word = value.strip()
        if word == "first" or word == "last":
            return EveryEdge("first" if word == "first" else "last", None, span)
        parsed = amount(value)
        if parsed is None:
            raise self.fail("bad-clock", f"{self.where} cannot be {value!r}", span, _hint(word))
        number, unit = parsed
        if unit in ("", "step", "steps"):
            return self.steps(number, span)
        if unit in COUNTS:
            kind = COUNTS[unit]
            if number <= 0:
                raise self.fail("out-of-range", f"{self.where} is {word!r}; it takes more than 0 {kind}",
                                span, f"write such as '1 {kind.removesuffix('s')}', or leave the op out")
            if kind == "epochs":
                return EveryEpochs(number, span)
            if number.denominator != 1:
                raise self.fail("bad-clock", f"{self.where} is {word!r}; updates are whole", span)
            return EveryUpdates(int(number), None, span)
        if unit in SECONDS:
            if number <= 0:
                raise self.fail("out-of-range", f"{self.where} is {word!r}; it takes more than no time", span,
                                "write such as '10 minutes', or leave the op out")
            return EveryTime(float(number * SECONDS[unit]), span)
        near = nearest(unit, (*COUNTS, *SECONDS))
        help = means(unit, near) if near else f"units are {', '.join(_UNITS)}"
        if unit in ("m", "M"):
            help = "write 'min' or 'minutes'"
        raise self.fail("bad-clock", f"{self.where} has the unknown unit {unit!r}", span, help)

    def steps(self, number: Fraction, span: Span) -> Every:
        if number.denominator != 1:
            raise self.fail("bad-clock", f"{self.where}: steps are whole, {float(number):g} is not", span,
                            f"a part of an epoch is '{float(number):g} epochs'")
        if not 1 <= number <= LARGEST:
            low = number < 1
            raise self.fail("out-of-range", f"{self.where} is {int(number)}; steps are counted from 1" if low
                            else f"{self.where}: {int(number)} steps are more than a run can have", span,
                            "to leave the op out, remove it" if number == 0 else "write a number of 1 or more" if low
                            else "write a smaller number")
        return EverySteps(int(number), span)

    # -- mappings ----------------------------------------------------------------------------------

    def mapping(self, tree: Mapping) -> Every:
        forms: dict[str, Callable[[Fields, Mapping], Every]] = {
            "steps": self.windowed, "updates": self.updates, "cycle": self.cycle, "firings": self.firings,
            "first": self.edge, "last": self.edge}
        kinds = [key for key in tree.entries if key in forms]
        if len(kinds) > 1:
            first = (f"{kinds[0]!r} is here", tree.entries[kinds[0]].span)
            self.diagnostics.error("exclusive-keys", f"{self.where} has both {kinds[0]!r} and {kinds[1]!r}",
                                   tree.entries[kinds[1]].span, "for both, write a list of two clocks",
                                   (first,))
            raise _Bad
        if not kinds:
            for key, entry in tree.entries.items():
                unit = COUNTS.get(key) or (key if key in SECONDS else None)
                shown = entry.value.raw if isinstance(entry.value, Scalar) else "N"
                near = nearest(key, forms)
                if near is not None and unit is None:
                    unknown_key(key, entry.span, self.where, forms, self.diagnostics)
                    raise _Bad
                if unit is not None:
                    raise self.fail("bad-clock", f"{self.where} has no form with the key {key!r}", entry.span,
                                    f"write '{shown} {unit}'")
            raise self.fail("bad-clock", f"{self.where} does not say what it counts", tree.span,
                            "write {steps: …}, {updates: …}, {cycle: …, positions: […]}, {firings: …, of: OP}, "
                            "{first: STAGE} or {last: STAGE}")
        kind = kinds[0]
        allowed = {"steps": ("steps", "offset", "from", "until", "grow", "max"), "updates": ("updates", "of"),
                   "cycle": ("cycle", "positions"), "firings": ("firings", "of"), "first": ("first",),
                   "last": ("last",)}
        before = len(self.diagnostics)
        clock = forms[kind](Fields(tree, self.where, allowed[kind], self.diagnostics), tree)
        if len(self.diagnostics) > before:
            raise _Bad
        return clock

    def windowed(self, fields: Fields, tree: Mapping) -> Every:
        before = len(self.diagnostics)
        fields.require("steps")
        steps = fields.integer("steps", 1, LARGEST) or 1
        start = fields.integer("from", 1, LARGEST) or 1
        until = fields.integer("until", 1, LARGEST)
        grow = fields.integer("grow", 2, LARGEST)
        maximum = fields.integer("max", 1, LARGEST)
        offset = fields.integer("offset", 0) or 0
        if len(self.diagnostics) > before:
            raise _Bad
        if offset >= steps:
            fields.error("out-of-range", "offset", f"{self.where} has offset {offset} with steps {steps}; "
                         f"expected 0 to {steps - 1}", "to begin later use 'from'")
        if until is not None and until < start:
            fields.error("out-of-range", "until", f"{self.where} ends at step {until}, before it begins at {start}",
                         f"let 'until' be {start} or more")
        if maximum is not None and grow is None:
            self.diagnostics.error("bad-clock", f"{self.where} has 'max' without 'grow'",
                                   fields.key_span("max"),
                                   "'max' bounds a growing interval; to end at a step use 'until'")
        elif maximum is not None and maximum < steps:
            fields.error("out-of-range", "max", f"{self.where} has max {maximum}, less than steps {steps}")
        if grow is not None and offset:
            self.diagnostics.error("exclusive-keys", f"{self.where} has both 'grow' and 'offset'",
                                   fields.key_span("offset"), "a growing interval has no offset")
        return EverySteps(steps, tree.span, offset, start, until, grow, maximum)

    def updates(self, fields: Fields, tree: Mapping) -> Every:
        fields.require("updates")
        return EveryUpdates(fields.integer("updates", 1, LARGEST) or 1, fields.name("of"), tree.span)

    def cycle(self, fields: Fields, tree: Mapping) -> Every:
        fields.require("cycle")
        length = fields.integer("cycle", 1, LARGEST) or 1
        written = fields.require("positions", "say which steps of the cycle: positions: [1, 2]")
        if not fields.has("positions") or written is None:
            raise _Bad
        items = written.items if isinstance(written, Sequence) else [written]
        positions: list[int] = []
        for item in items:
            position = fields.as_integer("positions", item, 1, length)
            if position is not None and position in positions:
                self.diagnostics.error("bad-clock", f"{self.where} has position {position} twice", item.span,
                                       "remove one of them")
            if position is not None:
                positions.append(position)
        if not items:
            fields.error("bad-clock", "positions", f"{self.where} has no positions: it would never fire",
                         "say which steps of the cycle: positions: [1, 2]")
        return EveryCycle(length, tuple(sorted(positions)), tree.span)

    def firings(self, fields: Fields, tree: Mapping) -> Every:
        fields.require("firings")
        firings = fields.integer("firings", 1, LARGEST) or 1
        fields.require("of", "say whose firings are counted: of: OP")
        return EveryFirings(firings, fields.name("of") or Name("", tree.span), tree.span)

    def edge(self, fields: Fields, tree: Mapping) -> Every:
        edge: Literal["first", "last"] = "first" if "first" in tree.entries else "last"
        fields.require(edge)
        return EveryEdge(edge, fields.name(edge) or Name("", tree.span), tree.span)


def _hint(word: str) -> str:
    """What to write instead of a text that is no clock."""
    lower = word.lower()
    if lower in COUNTS:
        return f"a number is missing: '1 {lower}'"
    if lower in SECONDS:
        return f"a number is missing: '10 {lower}'"
    if lower.startswith("every "):
        return hint(f"leave the word 'every' out: '{word[6:].strip()}'", word[6:].strip(), found=word)
    if lower in ("start", "resume", "epoch_start", "epoch_end", "end", "exception"):
        return f"'{lower}' is an event between steps: write 'at: {lower}'"
    near = nearest(word, ("first", "last"))
    return means(word, near) if near else _EXAMPLES


__all__ = ["amount", "describe", "parse_duration", "parse_every"]
