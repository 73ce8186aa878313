"""Slices: every update, and what leads to one, trains and comes first; everything else observes."""

from __future__ import annotations

from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.refs import uses
from edgraph.text.diagnostics import Diagnostics

LEADS_TO = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION, EdgeKind.FREQUENCY)


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    before = graph.predecessors(LEADS_TO)
    stack = [node.name for node in graph.nodes.values() if updates(node)]
    training = set(stack)
    while stack:
        for source in before[stack.pop()]:
            if source not in training:
                training.add(source)
                stack.append(source)
    kept = {slot.node for slot in graph.slots}
    if graph.use is not None:
        kept |= _outputs(graph)
    for node in graph.nodes.values():
        node.training = node.name in training
        # what keeps state, or is kept for later steps, is due whenever its clock allows
        node.sink = node.kind == "op" and (node.spec.effect or updates(node)
                                           or node.spec.state or (node.spec.metric and graph.use is not None))
        # a counter counts every firing, also those at which nothing asks for the count
        node.sink = node.sink or node.name in kept or node.counts is not None
    return True


def updates(node: Node) -> bool:
    """Whether a node trains: it changes a model, or runs a loop that does."""
    if node.body is not None:
        return any(updates(inner) for inner in node.body.nodes.values())
    return node.kind == "op" and (node.spec.update or bool(node.spec.writes))


def _outputs(graph: Graph) -> set[str]:
    return {graph.targets[use.ref.path].node for output in graph.outputs.values() for use in uses(output.root)
            if use.ref.path in graph.targets}
