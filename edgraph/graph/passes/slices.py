"""Slices: every update, and what leads to one, trains and comes first; everything else observes."""

from __future__ import annotations

from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.models import acts, data_of
from edgraph.graph.refs import uses
from edgraph.text.diagnostics import Diagnostics

LEADS_TO = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION, EdgeKind.FREQUENCY)
MEMORY = (EdgeKind.HOLD, EdgeKind.PREVIOUS)


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
    remembered = {source for source, target, kind in graph.edges if kind in MEMORY and target in training}
    for node in graph.nodes.values():
        node.training = node.name in training
        # what keeps state, or is kept for later steps, is due whenever its clock allows; a counter counts every
        # firing, also those at which nothing asks for the count
        own = node.counts is not None or (node.kind == "op" and bool(
            node.spec.effect or updates(node) or node.spec.state or (node.spec.metric and graph.use is not None)))
        node.sink = own or node.name in kept or acts(node)
        node.drives = node.training and (own or node.name in remembered)
        node.shares = node.training and (_is_stream(node, graph) or (_has_streams(node) and not updates(node)))
    return True


def _is_stream(node: Node, graph: Graph) -> bool:
    """Whether a node takes from a stream with a position of its own."""
    if node.op != "load_batch":
        return False
    if graph.use is not None:
        return node.settings.get("data") is not None
    return node.settings.get("stream") is not None or data_of(node, graph) != graph.facts.over


def _has_streams(node: Node) -> bool:
    """Whether there are such nodes in a loop."""
    return node.body is not None and any(_is_stream(inner, node.body) or _has_streams(inner)
                                         for inner in node.body.nodes.values())


def updates(node: Node) -> bool:
    """Whether a node trains: it changes a model, or runs a loop that does."""
    if node.body is not None:
        return any(updates(inner) for inner in node.body.nodes.values())
    return node.kind == "op" and (node.spec.update or bool(node.spec.writes))


def _outputs(graph: Graph) -> set[str]:
    return {graph.targets[use.ref.path].node for output in graph.outputs.values() for use in uses(output.root)
            if use.ref.path in graph.targets}
