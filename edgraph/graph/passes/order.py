"""The static order: the training slice, then the observing slice, each topological, ties as in the file."""

from __future__ import annotations

from itertools import repeat

from edgraph.graph.ir import EdgeKind, Graph
from edgraph.graph.passes.causality import report_cycle
from edgraph.graph.refs import uses
from edgraph.graph.surface import atom_node
from edgraph.graph.toposort import shortest_cycles, toposort
from edgraph.language.expressions import Expression
from edgraph.text.diagnostics import Diagnostics


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    """Postcondition: every edge within a step goes forward in `graph.order`."""
    nodes = graph.nodes
    for source, target, kind in graph.edges:
        if kind is EdgeKind.ORDER and nodes[target].training and not nodes[source].training:
            entry = nodes[target].entry
            span = next((name.span for name in entry.after if name.text == source), entry.span) if entry else None
            diagnostics.error("order-cycle", f"'{target}' trains and '{source}' observes: what observes comes after "
                              "every update of the step", span,
                              "drop this `after`, or let an update depend on the value")
            return False
    edges = [(source, target) for source, target, kind in graph.edges if kind is not EdgeKind.PREVIOUS]
    rank = _rank(graph)
    wishes = _left_to_right(graph)
    graph.order, left = toposort(nodes, [*edges, *wishes], rank.__getitem__)
    if left and wishes:  # wishes that contradict each other, or an edge, give way
        possible = [(source, target) for source, target in wishes if source not in left or target not in left]
        graph.order, left = toposort(nodes, [*edges, *possible], rank.__getitem__)
    if left:
        successors: dict[str, list[str]] = {name: [] for name in nodes}
        for source, target in edges:
            successors[source].append(target)
        for cycle in shortest_cycles(left, successors):
            report_cycle(graph, cycle, "order-cycle", diagnostics,
                         "each op sees the weights as they stood when the step began unless `after` says otherwise: "
                         "one of these `after` or data edges must go")
        return False
    return True


def _rank(graph: Graph) -> dict[str, tuple[object, ...]]:
    """Training first. Conditions stand as early as they can, so that what only they demand need not run; each where
    the first op of its slice stands that states it, so that an observer never moves what training waits for."""
    place: dict[str, int] = {}
    for node in graph.nodes.values():
        for name in node.conditions:
            if graph.nodes[name].training == node.training:
                place[name] = min(place.get(name, node.index), node.index)
    return {name: (not node.training, node.kind != "condition" or node.metric, place.get(name, node.index),
                   node.kind != "gradients", name) for name, node in graph.nodes.items()}


def _left_to_right(graph: Graph) -> list[tuple[str, str]]:
    """Guards are looked at from left to right: those of the inputs, then the parts of the own `when`, one after the
    other. What comes later is not computed where one before it fails."""
    wishes: list[tuple[str, str]] = []
    for node in graph.nodes.values():
        if not node.conditions:
            continue
        own = set(node.conditions)
        given = {source for argument in node.inputs for source in _flags(argument.value, graph)} - own
        chain = [*zip(sorted(given), repeat(node.conditions[0]), strict=False),
                 *zip(node.conditions, node.conditions[1:], strict=False)]
        # an observer has no say in the order of training
        wishes += [(source, target) for source, target in chain
                   if graph.nodes[source].training >= graph.nodes[target].training
                   and graph.nodes[target].training == node.training]
    return wishes


def _flags(expression: Expression, graph: Graph) -> set[str]:
    """The conditions that what an expression reads depends on."""
    return {name for use in uses(expression.root) if use.kind is EdgeKind.DATA and use.ref.path in graph.targets
            for atom in graph.nodes[graph.targets[use.ref.path].node].clock.atoms
            if (name := atom_node(atom)) is not None and name in graph.nodes}
