"""Entries of `ops`: one op each, with its edges."""

from __future__ import annotations

from collections.abc import Container
from keyword import kwlist
from typing import NamedTuple

from edgraph.language.every import parse_every
from edgraph.language.expressions import Expression
from edgraph.language.fields import (
    OP_NAMES_NOT_FREE,
    Fields,
    check_name,
    describe,
    first_line,
    is_empty,
    unknown_key,
)
from edgraph.language.interpolate import Interpolator
from edgraph.language.parse import Scope, constant, parse_expression
from edgraph.language.pipeline import EVENTS, Event, Input, OpEntry
from edgraph.language.silence import hush
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken, origin
from edgraph.text.source import Entry, Mapping, Name, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean, hint

OP_KEYS = ("op", "inputs", "with", "every", "at", "during", "when", "after", "doc", "ignore")
_EXPRESSIONS = ("inputs", "when")  # their `${…}` is an error that the expression parser reports
_HINTS = {
    "input": "did you mean 'inputs'?", "use": "an op has 'op: TYPE'", "type": "an op has 'op: TYPE'",
    "params": "parameters of an op go under 'with'", "if": hint("a condition is 'when: EXPRESSION'", "when"),
    **dict.fromkeys(("freq", "frequency", "interval"), hint("a frequency is 'every: …'", "every")),
    "stage": "did you mean 'during'?", "before": "order is given with 'after' at the op that comes later",
}


class Entries(NamedTuple):
    """What reading a section gives: typed entries, their resolved trees, and which of them had errors."""

    ops: dict[str, OpEntry]
    trees: dict[str, Entry]
    broken: set[str]


class OpReader:
    """Reads the ops of a pipeline, or of a graph, with the parameters that hold there."""

    def __init__(self, diagnostics: Diagnostics, interpolator: Interpolator | None, scope: Scope,
                 origin: Span | None = None) -> None:
        self.diagnostics = diagnostics
        self.interpolator = interpolator  # None where the text has no `${` at all
        self.scope = scope
        self.origin = origin

    def section(self, section: Mapping) -> Entries:
        ops: dict[str, OpEntry] = {}
        trees: dict[str, Entry] = {}
        broken: set[str] = set()
        diagnostics = self.diagnostics
        for name, entry in section.entries.items():
            before = len(diagnostics)
            if not name.isidentifier() or name in _NOT_FREE or not name.isascii():
                # ops of patterns have dots: in an expanded pipeline they stand as they are
                for part in name.split("."):
                    if not check_name(part, entry.span, "an op", diagnostics, OP_NAMES_NOT_FREE):
                        break
            tree = entry.value
            if isinstance(tree, Mapping):
                if self.interpolator is not None:
                    tree = self.interpolator.tree(tree, _EXPRESSIONS)
                    assert isinstance(tree, Mapping)
                ops[name] = self.op(name, entry.span, tree)
            else:
                ops[name] = self.one_line(name, entry.span, tree)
            trees[name] = entry if tree is entry.value else Entry(entry.span, tree)
            if len(diagnostics) > before:
                broken.add(name)
                hush(diagnostics, before, entry.span, tree.entries if isinstance(tree, Mapping) else {}, entry.value)
        return Entries(ops, trees, broken)

    def one_line(self, name: str, name_span: Span, tree: Tree) -> OpEntry:
        """`total: recon + 0.1 * kl`."""
        inputs: tuple[Input, ...] = ()
        if isinstance(tree, Sequence):
            self.diagnostics.error("wrong-type", f"op {name!r} is a list", first_line(tree.span),
                                   "write {op: TYPE, …} or an expression")
        elif is_empty(tree) or (isinstance(tree, Scalar) and tree.value is None):
            if not isinstance(tree, Broken):
                self.diagnostics.error("missing-value", f"op {name!r} is empty", name_span,
                                       "write {op: TYPE, …} or an expression")
        else:
            value = self.expression(f"op {name!r}", tree)
            inputs = () if value is None else (Input(None, value),)
        return OpEntry(name, name_span, Name("expr", name_span), tree.span, inputs,
                       inputs_span=tree.span, origin=self.origin)

    def op(self, name: str, name_span: Span, tree: Mapping) -> OpEntry:
        op = Name("", name_span)
        inputs: tuple[Input, ...] = ()
        inputs_span = settings = every = when = doc = None
        at: tuple[tuple[Event, Span], ...] = ()
        during: tuple[Name, ...] = ()
        after: tuple[Name, ...] = ()
        ignore: tuple[str, ...] = ()
        meant: set[str | None] = set()
        where = f"op {name!r}"
        for key, (key_span, value) in tree.entries.items():
            if isinstance(value, Scalar) and value.value is None:
                meant.add(self.nothing(key, key_span, value, where))
            elif key == "op":
                op = self.kind(value, where)
            elif key == "inputs":
                inputs, inputs_span = self.inputs(value, where), value.span
            elif key == "with":
                settings = self.settings(value, where)
            elif key == "every":
                every = parse_every(value, where, self.diagnostics)
            elif key == "when":
                when = self.expression(f"'when' of {where}", value)
            else:
                fields = Fields(tree, where, tree.entries, self.diagnostics)
                if key in ("at", "during") and isinstance(value, Sequence) and not value.items:
                    what = "event" if key == "at" else "stage"
                    fields.error("missing-value", key, f"{key!r} of {where} names no {what}",
                                 f"name one, or remove {key!r}")
                elif key == "at":
                    at = self.events(value, where)
                elif key == "during":
                    during = fields.names("during")
                elif key == "after":
                    after = fields.names("after")
                elif key == "doc":
                    doc = fields.text("doc", empty=True)
                elif key == "ignore":
                    ignore = fields.texts("ignore")
                else:
                    meant.add(self.unknown(key, key_span, value, where, tree.entries))
        if "op" not in tree.entries and "op" not in meant:
            self.diagnostics.error("missing-key", f"{where} needs the key 'op'", name_span,
                                   "write op: TYPE; 'edgraph ops' lists the types")
        return OpEntry(name, name_span, op, tree.span, inputs, inputs_span, settings, every, at, during, when,
                       after, doc, ignore, self.origin)

    # -- its parts ---------------------------------------------------------------------------------

    def nothing(self, key: str, span: Span, value: Scalar, where: str) -> str | None:
        """A key without a value; an explicit null is as if the key were not there. Gives the key that was meant."""
        if key not in OP_KEYS:
            return self.unknown(key, span, value, where)
        if not isinstance(value, Broken) and (is_empty(value) or key == "op"):
            self.diagnostics.error("missing-value", f"{key!r} of {where} has no value", span,
                                   "write a value after the ':', or remove the key")
        return None

    def unknown(self, key: str, span: Span, value: Tree, where: str, given: Container[str] = ()) -> str | None:
        written = value.raw if isinstance(value, Scalar) and value.raw else "…"
        hints = {**_HINTS, "*": f"parameters of an op go under 'with': with: {{{key}: {written}}}"}
        return unknown_key(key, span, where, OP_KEYS, self.diagnostics, hints, given)

    def kind(self, value: Tree, where: str) -> Name:
        if isinstance(value, Scalar) and isinstance(value.value, str) and value.value:
            return Name(value.value, value.span)
        self.diagnostics.error("wrong-type", f"'op' of {where} is {describe(value)}; expected the name of an op type",
                               first_line(value.span), "'edgraph ops' lists the types")
        return Name("", value.span)

    def settings(self, value: Tree, where: str) -> Mapping | None:
        if isinstance(value, Mapping):
            return value
        self.diagnostics.error("wrong-type",
                               f"'with' of {where} is {describe(value)}; expected a mapping of parameters",
                               first_line(value.span), "write with: {NAME: VALUE}")
        return None

    def inputs(self, value: Tree, where: str) -> tuple[Input, ...]:
        """One expression, a list, or a mapping by input name."""
        found: list[Input] = []
        if isinstance(value, Mapping):
            for key, (span, part) in value.entries.items():
                if not key.isidentifier():
                    check_name(key, span, "an input", self.diagnostics)
                expression = self.expression(f"input {key!r} of {where}", part)
                if expression is not None:
                    found.append(Input(Name(key, span), expression))
        elif isinstance(value, Sequence):
            for part in _rejoin(value.items, where, self.diagnostics):
                expression = self.expression(f"'inputs' of {where}", part)
                if expression is not None:
                    found.append(Input(None, expression))
        else:
            expression = self.expression(f"'inputs' of {where}", value)
            if expression is not None:
                found.append(Input(None, expression))
        return tuple(found)

    def expression(self, what: str, tree: Tree) -> Expression | None:
        if not isinstance(tree, Scalar):
            help = None
            if isinstance(tree, Mapping) and "op" in tree.entries:
                help = "give the inner op an entry of its own and write its name here"
            self.diagnostics.error("wrong-type", f"{what} is {describe(tree)}; expected an expression",
                                   first_line(tree.span), help)
            return None
        value = tree.value
        if isinstance(value, str):
            return parse_expression(value, tree.span, self.diagnostics, self.scope)
        if value is None:
            if not isinstance(tree, Broken):
                self.diagnostics.error("missing-value", f"{what} has no value", tree.span,
                                       "write an expression, such as 'loss'")
            return None
        assert isinstance(value, (bool, int, float))
        return constant(value, tree.raw, tree.span)

    def events(self, value: Tree, where: str) -> tuple[tuple[Event, Span], ...]:
        found: list[tuple[Event, Span]] = []
        for item in value.items if isinstance(value, Sequence) else [value]:
            text = item.value if isinstance(item, Scalar) else None
            event = next((event for event in EVENTS if event == text), None)
            if event is not None:
                found.append((event, item.span))
            elif not isinstance(item, Broken):
                steps = not isinstance(text, str) or any(c.isdigit() for c in text)
                help = ("'at' takes events between steps; steps are 'every: …'" if steps
                        else did_you_mean(text, EVENTS) if isinstance(text, str)
                        else f"expected one of {', '.join(EVENTS)}")
                self.diagnostics.error("bad-value", f"'at' of {where} cannot be {describe(item)}",
                                       first_line(item.span), help, origin(item))
        return tuple(found)


def _rejoin(items: list[Tree], where: str, diagnostics: Diagnostics) -> list[Tree]:
    """`[hold(x, 0), y]` is read as three items; the first two were one expression."""
    found: list[Tree] = []
    joined = False
    for item in items:
        last = found[-1] if found else None
        joined = (isinstance(last, Scalar) and isinstance(last.value, str) and isinstance(item, Scalar)
                  and (last.plain or joined) and last.value.count("(") > last.value.count(")"))
        if joined:
            assert isinstance(last, Scalar) and isinstance(last.value, str) and isinstance(item, Scalar)
            text = f"{last.value}, {item.raw}"
            span = last.span._replace(end_line=item.span.end_line, end_column=item.span.end_column)
            found[-1] = Scalar(text, span, text, False)
            if text.count("(") <= text.count(")"):
                diagnostics.error("unquoted-comma",
                                  f"the comma ends an item of 'inputs' of {where} in the middle of an expression",
                                  span,
                                  f'in brackets an expression with a comma needs quotes: "{text}"')
        else:
            found.append(item)
    return found


_NOT_FREE = OP_NAMES_NOT_FREE | frozenset(kwlist)
