"""Clocks, conditions and ops in the words of plans and explanations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from edgraph.graph.availability import decider
from edgraph.graph.clocks import ALWAYS, Atom, Clock, TooComplex, both, includes, meets, words
from edgraph.graph.ir import Graph, Node
from edgraph.graph.models import data_of
from edgraph.language.expressions import Choice, Logic
from edgraph.plan.outlook import Outlook
from edgraph.plan.tally import RANGES, Firings
from edgraph.plan.timetable import ALWAYS_GUARD, Flags, Guard, Timetable

EXCEPTIONS = 4  # more exceptions than this are not spelt out
ROLES = ("model", "optimizer", "data", "graph")
EVENTS = {
    "start": "before step 1, once per run", "resume": "when the run is resumed",
    "epoch_start": "before the first step of each epoch", "epoch_end": "after the last step of each complete epoch",
    "end": "when the run finishes (not when it is interrupted)", "exception": "when an op fails",
}


def op_words(node: Node, graph: Graph) -> str:
    """The kind of work, with what it works on: `forward(classifier)`; of an expression its text."""
    if node.op == "expr" and node.inputs:
        return f"= {node.inputs[0].value.text}"
    named = [str(node.settings[param.name]) for param in node.spec.params
             if param.role in ROLES and isinstance(node.settings.get(param.name), str)]
    if node.op in ("load_batch", "fixed_examples"):
        named = [data_of(node, graph)] if data_of(node, graph) else []
    return f"{node.op}({', '.join(named)})" if named else node.op


def on(clock: str) -> str:
    """A clock's words after a verb: "fires on step 1", "fires every 10 steps"."""
    return clock if clock.startswith(("every ", "on ", "while ", "where ", "when", "at ", "never")) else f"on {clock}"


# -- conditions -------------------------------------------------------------------------------------

def tick_words(atom: Atom) -> str:
    """What the run knows before a step: "every 10 minutes", "while stage 'main' lasts"."""
    match atom.kind:
        case "stage":
            return f"while {atom.words}"
        case "stage_first" | "stage_last" | "last" | "epochs":
            return f"on {atom.words}"
    return atom.words


def flag_words(flag: str, table: Outlook) -> str:
    """What must hold, without "if"."""
    if flag in table.atoms:
        return tick_words(table.atoms[flag])
    node = table.graph.nodes.get(flag)
    if node is None:
        return f"{decider(flag)} {'is applied' if flag.endswith('.applied') else 'has an iteration'}"
    if node.counts is not None:
        of, number = node.counts
        kind = str(node.settings["kind"])
        return f"every {number} {kind} of {of}" if number > 1 else f"every {kind.removesuffix('s')} of {of}"
    return flag.removeprefix("when ")


def guard_words(guard: Guard, table: Outlook) -> str | None:
    """A guard as one text, None where nothing has to hold."""
    if guard == ALWAYS_GUARD:
        return None
    texts = [" and ".join(_operand(flag, table, len(flags) > 1) for flag in flags) for flags in _sorted(guard, table)]
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" if " and " in text else text for text in texts)


def guard_note(guard: Guard, table: Outlook) -> str:
    """A guard as a remark: "if record", "on the last step of each epoch, if record"; empty where it is none."""
    if guard == ALWAYS_GUARD:
        return ""
    notes = []
    for flags in _sorted(guard, table):
        clocks = [flag_words(flag, table) for flag in flags if _is_clock(flag, table)]
        tests = [flag for flag in flags if not _is_clock(flag, table)]
        texts = [_operand(flag, table, len(tests) > 1) for flag in tests]
        notes.append(", ".join([*clocks, *([f"if {' and '.join(texts)}"] if texts else [])]))
    return ", or ".join(notes)


def _sorted(guard: Guard, table: Outlook) -> list[list[str]]:
    """The alternatives; in each clocks first, then conditions as in the file."""
    def rank(flag: str) -> tuple[bool, int, str]:
        return not _is_clock(flag, table), table.in_file.get(flag, -1), flag
    return sorted(sorted(_without_implied(flags), key=rank) for flags in guard)


def _without_implied(flags: Flags) -> Flags:
    """The first step of a stage is a step of it."""
    ends = {flag.split(" ", 1)[1] for flag in flags if flag.startswith(("\0stage_first ", "\0stage_last "))}
    return flags - {f"\0stage {name}" for name in ends}


def _is_clock(flag: str, table: Outlook) -> bool:
    node = table.graph.nodes.get(flag)
    return flag in table.atoms or (node is not None and node.counts is not None)


def _operand(flag: str, table: Outlook, several: bool) -> str:
    node = table.graph.nodes.get(flag)
    loose = several and node is not None and node.inputs and isinstance(node.inputs[0].value.root, Logic | Choice)
    return f"({flag_words(flag, table)})" if loose else flag_words(flag, table)


def in_unit(text: str, unit: str) -> str:
    """Words about steps as words about the iterations of a loop; what is quoted stays."""
    if unit == "step":
        return text
    return re.sub(r"'[^']*'|\bstep(s?)\b", lambda found: found[0] if found[1] is None else unit + found[1], text)


# -- steps ------------------------------------------------------------------------------------------

def step_list(firings: Firings) -> str:
    """The first steps: "1, 50, 100, …", "2..49, 51..99, …"."""
    parts = [str(start) if start == stop else f"{start}, {stop}" if stop == start + 1 else f"{start}..{stop}"
             for start, stop in firings.ranges[:RANGES]]
    if len(firings.ranges) > RANGES:
        return ", ".join([*parts, "…"])
    if firings.rate is not None:  # it never ends
        parts[-1] = f"{firings.ranges[-1][0]}, {firings.ranges[-1][0] + 1}, …"
    return ", ".join(parts)


def pattern_words(table: Timetable, masks: Sequence[int], unit: str = "step",
                  ticks: frozenset[Atom] = frozenset()) -> str:
    """When exactly the items of a pattern are due: "every step, except every 50 steps". Empty where that cannot
    be said shortly."""
    texts = [_mask_words(table, mask, ticks) for mask in masks[:3]]
    if len(texts) > 2 or not all(texts):
        return ""
    text = ", and ".join(texts)
    return in_unit(text, unit)


def _mask_words(table: Timetable, mask: int, ticks: frozenset[Atom]) -> str:
    horizon = table.graph.facts.last_step
    due = {item.clock for index, item in enumerate(table.items) if mask >> index & 1}
    clocks = list(dict.fromkeys(item.clock for item in table.items if item.ticks <= ticks and item.clock != ALWAYS))
    own = _without([clock for clock in clocks if clock in due], lambda a, b: _within(b, a, horizon))
    rest = _without([clock for clock in clocks if clock not in due and _may_meet(clock, own, horizon)],
                    lambda a, b: _within(a, b, horizon))
    text = "every step" if not own else words(own[0])
    if len(own) > 1:
        text = f"where these meet: {'; '.join(map(words, own))}"
    if not rest:
        return text
    if len(rest) > EXCEPTIONS:
        return f"{text} (except where less frequent ops are due)"
    return f"{text} (except: {'; '.join(map(words, rest))})"


def _without(clocks: list[Clock], says_less: Callable[[Clock, Clock], bool]) -> list[Clock]:
    """Without those that say nothing more than another."""
    kept: list[Clock] = []
    for clock in clocks:
        if not any(says_less(clock, other) for other in kept):
            kept = [*(other for other in kept if not says_less(other, clock)), clock]
    return kept


def _within(small: Clock, big: Clock, horizon: int | None) -> bool:
    try:
        return includes(big, small, horizon) is None
    except TooComplex:
        return False


def _may_meet(clock: Clock, own: Iterable[Clock], horizon: int | None) -> bool:
    try:
        return meets(both(*own), clock, horizon) is not None
    except TooComplex:
        return True
