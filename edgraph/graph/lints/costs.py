"""Work at every step that is hardly ever wanted: for a log, or for a value that is kept."""

from __future__ import annotations

from functools import cached_property

from edgraph.graph.clock_values import clock_of
from edgraph.graph.clocks import Clock, Term, TooComplex, union
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.lints.warner import Warner, every_step, named
from edgraph.graph.passes.slices import updates

COSTLY = ("forward", "load_batch", "loop")
DEMANDS = (EdgeKind.DATA, EdgeKind.CONDITION, EdgeKind.FREQUENCY)
RARELY = 10  # how many times less often something must be wanted than made


def only_logged(graph: Graph, warner: Warner) -> None:
    """A log line at every step that a batch or a model's output is made for, and for nothing else."""
    if not any(map(updates, graph.nodes.values())):
        return  # a run that only looks
    last = graph.facts.last_step
    asked = [node for node in graph.nodes.values() if _logs(node) and every_step(node.clock, last)]
    if not asked:
        return
    demands = Demands(graph)
    for node in asked:
        costly = [name for name in demands.costly(node) if not graph.nodes[name].training and demands.logs_only[name]]
        if costly:
            warner.op(node, "only-logged", f"'{node.name}' logs at every step, and {named(costly)} "
                      f"run{'s' if len(costly) == 1 else ''} for that alone",
                      "give it an `every`, such as `every: 50`: what only it needs then runs on those steps only")


def held_every_step(graph: Graph, warner: Warner) -> None:
    """What `hold` and `previous` read is made whenever it can be, and all that it needs with it."""
    last = graph.facts.last_step
    kept = [graph.nodes[name] for name in dict.fromkeys(slot.node for slot in graph.slots)]
    asked = [node for node in kept if only_kept(node) and node.declared is None and every_step(node.clock, last)]
    if not asked:
        return
    demands = Demands(graph)
    for node in asked:
        costly = [source for source in demands.costly(node) if source in demands.rare]
        if costly:
            name = node.name
            asking = _reader(node, graph)
            what = f"'{name}'" if node.kind == "op" else "what is kept here"
            way_out = f"give it an `every` of its own, such as `{name}: {{…, every: 50}}`"
            warner.op(asking, "held-every-step", f"{what} is made at every step, because hold or previous reads it, "
                      f"and with it {named(costly)}",
                      way_out if node.kind == "op" else "make it an op of its own, with an `every`")


class Demands:
    """What each node needs, and who wants it: one sweep along the order each way, with costly ops and clocks as bits. A
    value that is kept asks for what it needs, but nobody may want it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        before = graph.predecessors(DEMANDS)
        self.costs = [name for name, node in graph.nodes.items() if node.op in COSTLY and node.kind == "op"]
        own = {name: 1 << place for place, name in enumerate(self.costs)}
        self.needs: dict[str, int] = {}
        for name in graph.order:
            self.needs[name] = own.get(name, 0)
            for source in before[name]:
                self.needs[name] |= self.needs[source]
        self.clocks: dict[Clock, int] = {}  # of what is due by itself
        self.wanted = dict.fromkeys(graph.order, 0)
        self.logs_only = dict.fromkeys(graph.order, True)
        for name in reversed(graph.order):
            node = graph.nodes[name]
            if node.sink:
                self.logs_only[name] &= _logs(node)
                if not only_kept(node):
                    self.wanted[name] |= 1 << self.clocks.setdefault(_bare(node.clock), len(self.clocks))
            for source in before[name]:
                self.wanted[source] |= self.wanted[name]
                self.logs_only[source] &= self.logs_only[name]

    def costly(self, node: Node) -> list[str]:
        """Batches, forward passes and loops that a node needs, in the order of the file."""
        bits, found = self.needs[node.name], []
        while bits:
            lowest = bits & -bits
            found.append(self.costs[lowest.bit_length() - 1])
            bits ^= lowest
        return found

    @cached_property
    def rare(self) -> frozenset[str]:
        """Costly ops without a clock of their own that are wanted on few steps, those aside on which they are made to
        be kept. Conditions count as if they held."""
        return frozenset(name for name in self.costs if self.graph.nodes[name].declared is None
                         and self._rarely(self.wanted[name]))

    def _rarely(self, wanted: int) -> bool:
        last = self.graph.facts.last_step or 1000
        try:
            number = union([clock for clock, place in self.clocks.items() if wanted >> place & 1]).count(last)
        except TooComplex:
            return False
        return number is not None and number * RARELY <= last


def only_kept(node: Node) -> bool:
    """Whether a node is due only because its value is kept."""
    spec = node.spec
    return node.sink and node.counts is None and not (spec.effect or spec.state or updates(node))


def _bare(clock: Clock) -> Clock:
    """Without what only the run will know."""
    return union([clock_of((Term(term.factors),)) for term in clock.terms])


def _logs(node: Node) -> bool:
    return node.kind == "op" and node.spec.family == "logging" and not node.conditions


def _reader(node: Node, graph: Graph) -> Node:
    """The op to point at: the one that is kept, or for a part of an expression the one that has it."""
    if node.kind == "op":
        return node
    return next((other for other in graph.nodes.values() if other.kind == "op"
                 and any(read.node == node.name for read in other.reads)), node)
