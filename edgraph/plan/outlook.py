"""What may happen at a step, seen before the run: what only the run will know is a condition like any other.

A run looks at the time and at stages before each step and plans for what holds then. Before the run that would
be a plan for every combination; here it is one plan, in which such ops are marked with what has to hold.
"""

from __future__ import annotations

from dataclasses import replace

from edgraph.graph.clock_atoms import exclude
from edgraph.graph.clocks import ALWAYS, Atom, Clock, Term
from edgraph.graph.ir import Graph, Node
from edgraph.graph.surface import atom_node
from edgraph.plan.pattern import Call, Plan, Planner
from edgraph.plan.timetable import Flags, Guard, Item, Timetable

DEFAULT_CHECKPOINT = "run.checkpoint"


class Outlook(Timetable):
    """The items of a graph, with ticks (times, stages, epochs of unknown length) among the conditions."""

    def __init__(self, graph: Graph) -> None:
        self.atoms: dict[str, Atom] = {}  # what is known before a step, by the name of its condition
        self._plans: dict[tuple[int, bool], Plan] = {}
        super().__init__(graph)

    def _item(self, term: Term) -> int:
        item = Item(Clock((Term(term.factors),)) if term.factors else ALWAYS, frozenset(),
                    frozenset(self._flag(atom) for atom in term.atoms))
        if item not in self._index:
            self._index[item] = len(self.items)
            self.items.append(item)
        return self._index[item]

    def _flag(self, atom: Atom) -> str:
        name = atom_node(atom)
        if name is None:
            name = f"\0{atom.kind} {atom.key}"  # no author can write such a name
            self.atoms[name] = atom
        return name

    def plan(self, mask: int, *, epilogue: bool = False) -> Plan:
        """The plan of a pattern, made once."""
        key = (mask, epilogue)
        if key not in self._plans:
            self._plans[key] = OutlookPlanner(self, mask, epilogue).plan()
        return self._plans[key]

    def possible(self, flags: Flags) -> bool:
        """Whether these can hold together: two stages cannot."""
        atoms = frozenset(self.atoms[flag] for flag in flags if flag in self.atoms)
        return not any(exclude(frozenset((atom,)), atoms - {atom}) for atom in atoms)

    def before(self, guard: Guard) -> Guard:
        """What of a guard is known before the step begins."""
        return frozenset(frozenset(flag for flag in flags if flag in self.atoms) for flags in guard)


class OutlookPlanner(Planner):
    """Plans with ticks as conditions, which are known before anything runs."""

    def __init__(self, table: Outlook, mask: int, epilogue: bool) -> None:
        super().__init__(table.graph, table, mask, epilogue)
        self.table = table

    def known(self, flag: str, place: int) -> bool:
        return flag in self.table.atoms or super().known(flag, place)

    def _call(self, node: Node) -> Call | None:
        call = super()._call(node)
        return call if call is not None and any(map(self.table.possible, call.guard)) else None


def without_default_checkpoint(graph: Graph) -> Graph:
    """The graph without the checkpoints that every run makes: they are told apart from what the author wrote."""
    if DEFAULT_CHECKPOINT not in graph.nodes:
        return graph
    return replace(graph, nodes={name: node for name, node in graph.nodes.items() if name != DEFAULT_CHECKPOINT},
                   order=[name for name in graph.order if name != DEFAULT_CHECKPOINT],
                   edges=[edge for edge in graph.edges if DEFAULT_CHECKPOINT not in edge[:2]])
