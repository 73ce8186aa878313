"""What may happen at a step, seen before the run: what only the run will know is a condition like any other.

A run looks at the time and at stages before each step and plans for what holds then. Before the run that would
be a plan for every combination; here it is one plan, in which such ops are marked with what has to hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edgraph.graph.clock_atoms import exclude
from edgraph.graph.clocks import ALWAYS, NEVER, Atom, Clock, Term, both, window
from edgraph.graph.ir import Graph, Node
from edgraph.graph.surface import atom_node
from edgraph.plan.pattern import Call, Plan, Planner
from edgraph.plan.timetable import Flags, Guard, Item, Timetable, absorb

DEFAULT_CHECKPOINT = "run.checkpoint"
STAGES = frozenset({"stage", "stage_first", "stage_last"})


class Outlook(Timetable):
    """The items of a graph, with ticks (times, stages, epochs of unknown length) among the conditions.

    during: a stage that lasts; without it stages that only the run will know are conditions too.
    """

    def __init__(self, graph: Graph, during: str | None = None) -> None:
        self.atoms: dict[str, Atom] = {}  # what is known before a step, by the name of its condition
        self.in_file = {name: position for position, name in enumerate(graph.nodes)}
        self.during = during
        self.open_stages = open_stages(graph)
        self._plans: dict[tuple[int, bool], Plan] = {}
        super().__init__(graph)
        # an item for each such stage, so that a pattern tells which of them a step may be in
        self._stage_items = {} if during is not None else {
            name: self._item(Term((), frozenset({Atom("stage", name)}))) for name in self.open_stages}

    def _item(self, term: Term) -> int:
        clock = Clock((Term(term.factors),)) if term.factors else ALWAYS
        flags = set()
        for atom in term.atoms:
            if atom.kind in STAGES and self.during is None:
                clock = both(clock, window(self.open_stages.get(atom.key, 1)))
                flags.add(self._flag(Atom("stage", atom.key)))
            elif atom.kind in STAGES and atom.key != self.during:
                clock = NEVER
            if atom != Atom("stage", self.during):
                flags.add(self._flag(atom))
        return self._number(Item(clock, frozenset(), frozenset(flags)))

    def _flag(self, atom: Atom) -> str:
        name = atom_node(atom)
        if name is None:
            name = f"\0{atom.kind} {atom.key}"  # no author can write such a name
            self.atoms[name] = atom
        return name

    def in_stages(self, names: Iterable[str]) -> Guard:
        """That one of these stages lasts."""
        return frozenset(frozenset({self._flag(Atom("stage", name))}) for name in names)

    def plan(self, mask: int, *, epilogue: bool = False) -> Plan:
        """The plan of a pattern, made once."""
        key = (mask, epilogue)
        if key not in self._plans:
            self._plans[key] = OutlookPlanner(self, mask, epilogue).plan()
        return self._plans[key]

    def before(self, guard: Guard) -> Guard:
        """What of a guard is known before the step begins."""
        return frozenset(frozenset(flag for flag in flags if flag in self.atoms) for flags in guard)

    def tidy(self, guard: Guard, mask: int) -> Guard:
        """Without what cannot hold (two stages at once), and with one for all where it holds in every stage that
        the step may be in."""
        found = {flags for flags in guard if self._possible(flags)}
        stages = {f"\0stage {name}" for name, index in self._stage_items.items() if mask >> index & 1}
        for flags in list(found):
            rest = flags - stages
            if rest != flags and all(rest | {stage} in found for stage in stages):
                found -= {rest | {stage} for stage in stages}
                found.add(rest)
        return absorb(found)

    def _possible(self, flags: Flags) -> bool:
        atoms = frozenset(self.atoms[flag] for flag in flags if flag in self.atoms)
        return not any(exclude(frozenset((atom,)), atoms - {atom}) for atom in atoms)


class OutlookPlanner(Planner):
    """Plans with ticks as conditions, which are known before anything runs."""

    def __init__(self, table: Outlook, mask: int, epilogue: bool) -> None:
        super().__init__(table.graph, table, mask, epilogue)
        self.table = table

    def known(self, flag: str, place: int) -> bool:
        return flag in self.table.atoms or super().known(flag, place)

    def _call(self, node: Node) -> Call | None:
        call = super()._call(node)
        if call is None:
            return None
        call.guard = self.table.tidy(call.guard, self.mask)
        return call if call.guard else None


def open_stages(graph: Graph) -> dict[str, int]:
    """The stages whose steps only the run will know, each with the first step that it can have."""
    found: dict[str, int] = {}
    earliest = 1
    for stage in graph.stages:
        earliest = max(earliest, stage.start or 1)
        if stage.start is None or stage.condition is not None:
            found[stage.name] = earliest
        earliest = earliest + (stage.length or 1) if stage.until is None else max(earliest, stage.until) + 1
    return found


def without_default_checkpoint(graph: Graph) -> Graph:
    """The graph without the checkpoints that every run makes: they are told apart from what the author wrote."""
    if DEFAULT_CHECKPOINT not in graph.nodes:
        return graph
    return replace(graph, nodes={name: node for name, node in graph.nodes.items() if name != DEFAULT_CHECKPOINT},
                   order=[name for name in graph.order if name != DEFAULT_CHECKPOINT],
                   edges=[edge for edge in graph.edges if DEFAULT_CHECKPOINT not in edge[:2]])
