"""What a plan does, as rows for people and tools: only ops that an author knows by name."""

from __future__ import annotations

from typing import NamedTuple

from edgraph.plan.outlook import Outlook
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.tally import Firings, Tally, tally
from edgraph.plan.timetable import ALWAYS_GUARD, Flags, Guard, absorb
from edgraph.plan.wording import guard_note, guard_words, op_words


class Row(NamedTuple):
    """One call of a plan. `part` is "gradients" or "apply" of an `optimize`, else empty."""

    name: str
    part: str
    work: str  # the op, and what it works on
    when: str | None  # None: unconditional
    notes: tuple[str, ...]
    records: bool
    training: bool

    @property
    def label(self) -> str:
        return f"{self.name} ({self.part})" if self.part else self.name


class Listing(NamedTuple):
    """What a step of a firing pattern does."""

    effects: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def ops(self) -> list[Row]:
        """One row for each op; an `optimize` stands where it is applied."""
        return [row for row in self.rows if row.part != "gradients"]


class Pattern(NamedTuple):
    """All the steps that do the same."""

    listing: Listing
    firings: Firings
    masks: list[int]


def listing(table: Outlook, plan: Plan) -> Listing:
    """The rows of a plan, in the order in which they run."""
    asked = _recording(plan, table)
    rows = tuple(_row(call, asked, table) for call in plan.calls if call.node.visible or call.node.kind == "gradients")
    return Listing(tuple(plan.effects), rows)


class Survey:
    """The firing patterns of a graph over some steps, in order of first appearance."""

    def __init__(self, table: Outlook, first: int = 1, last: int | None = None) -> None:
        self.table = table
        self._listings: dict[int, Listing] = {}
        self._masks: dict[Listing, list[int]] = {}
        self.tally: Tally[Listing] = tally(table, self.listing, first, last)

    def listing(self, mask: int) -> Listing:
        """What a step does on which these items are due."""
        found = self._listings.get(mask)
        if found is None:
            found = self._listings[mask] = listing(self.table, self.table.plan(mask))
            self._masks.setdefault(found, []).append(mask)
        return found

    def patterns(self) -> list[Pattern]:
        return [Pattern(found, firings, self._masks[found]) for found, firings in self.tally.kinds.items()]


def _row(call: Call, asked: dict[str, Guard], table: Outlook) -> Row:
    node = call.node
    part = "gradients" if node.kind == "gradients" else "apply" if node.op == "optimize" else ""
    notes = [guard_note(call.guard, table), *_mode(call, table)]
    if call.records:
        when = asked.get(node.name, ALWAYS_GUARD)
        narrow = when not in (ALWAYS_GUARD, table.before(call.guard))
        notes.append(" ".join(["records gradients", *([guard_note(when, table)] if narrow else [])]))
    if call.early:
        notes.append("whether it is needed is known only later")
    if node.spec.metric and table.graph.use is not None:
        notes.append("its value is made when the loop ends")
    name = node.name.removesuffix(".gradients") if part == "gradients" else node.name
    return Row(name, part, op_words(node, table.graph), guard_words(call.guard, table),
               tuple(note for note in notes if note), call.records, node.training)


def _mode(call: Call, table: Outlook) -> list[str]:
    """The mode of a model's call, and whether what it has beside weights, or a source's position, moves."""
    node = call.node
    if node.op == "forward" and not node.train_mode:
        return ["eval mode"]
    mode, still, moves = ["train mode"], "buffers unchanged", "buffers change"
    if node.op != "forward":
        if not node.shares:
            return []
        mode, still, moves = [], "looked at without moving on: only training moves it", "moves on"
    if not call.moves:
        return [*mode, still]
    when = "" if call.moves_when == call.guard else guard_note(call.moves_when, table)
    return [*mode, f"{moves} {when}"] if when else mode


def _recording(plan: Plan, table: Outlook) -> dict[str, Guard]:
    """For each node that records gradients: what of the conditions for that is known before the step."""
    asked: dict[str, set[Flags]] = {}
    for call in plan.calls:
        if call.node.name in table.graph.gradients:
            before = table.before(call.guard)
            for name in table.graph.gradients[call.node.name].records:
                asked.setdefault(name, set()).update(before)
    return {name: absorb(found) for name, found in asked.items()}
