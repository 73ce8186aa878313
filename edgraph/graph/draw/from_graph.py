"""From a checked graph to what a picture shows: nodes that authors know, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgraph.graph import ir
from edgraph.graph.clocks import words
from edgraph.graph.draw.drawing import Drawing, Edge, EdgeKind, Node, NodeKind
from edgraph.graph.models import appliers
from edgraph.graph.refs import uses
from edgraph.graph.surface import only_optimizer
from edgraph.language.expressions import Ref
from edgraph.language.pipeline import Every, EveryFirings, EveryUnion, EveryUpdates

USED = ("model", "optimizer", "data")  # roles of parameters that are shown


def drawing(graph: ir.Graph) -> Drawing:
    """The picture of a graph that has passed its checks, with the bodies of its loops."""
    nodes = tuple(_node(node) for node in graph.nodes.values() if _shown(node))
    pipeline = graph.pipeline
    edges = tuple(Edge(*edge) for edge in _edges(graph))
    if graph.use is not None:
        return Drawing(nodes, edges)
    return Drawing(nodes, edges, pipeline.name, " ".join(pipeline.description.split()))


def _shown(node: ir.Node) -> bool:
    return node.visible or node.kind == "argument"


# -- nodes ----------------------------------------------------------------------------------------

def _node(node: ir.Node) -> Node:
    entry = node.entry
    clock = [words(node.declared)] if node.declared is not None and entry and entry.every else []
    clock += [f"at {event.replace('_', ' ')}" for event, _ in (entry.at if entry else ())]
    if entry and entry.during:
        clock.append(f"during {' and '.join(stage.text for stage in entry.during)}")
    condition = entry.when.text if entry and entry.when is not None else ""
    body = drawing(node.body) if node.body is not None and node.body.nodes else None
    return Node(node.name, _op_words(node), _kind(node), ", ".join(clock), condition, node.training, body)


def _op_words(node: ir.Node) -> str:
    """The op type with the model, optimizer, data set or graph that it uses: `forward(classifier)`. An
    expression is its own text."""
    if node.kind == "argument":
        return "input of the loop"
    if node.op == "expr" and node.inputs:
        return node.inputs[0].value.text
    if node.op == "loop" and node.body is not None and node.body.use is not None:
        over = node.body.use.over
        return f"loop({node.body.use.name})" + (f" over {over.text}" if over is not None else "")
    used = [node.settings.get(param.name) for param in node.spec.params if param.role in USED]
    named = ", ".join(name for name in used if isinstance(name, str))
    return f"{node.op}({named})" if named else node.op


def _kind(node: ir.Node) -> NodeKind:
    if node.op == "loop":
        return "loop"
    if node.spec.update or node.spec.writes:
        return "update"
    if node.spec.effect:
        return "effect"
    return "transform" if node.inputs else "source"


# -- edges ----------------------------------------------------------------------------------------

class _Edge(NamedTuple):
    source: str
    target: str
    kind: EdgeKind
    label: str = ""


def _edges(graph: ir.Graph) -> list[_Edge]:
    """Edges through nodes that have no name of their own become edges between those that have one; edges
    of state are left out where another way says the same."""
    found = list(dict.fromkeys(edge for node in graph.nodes.values() if _shown(node)
                               for edge in _incoming(node, graph)))
    below: dict[str, list[str]] = {}
    for edge in found:
        if edge.kind not in ("hold", "previous"):
            below.setdefault(edge.source, []).append(edge.target)
    for source, target, kind in graph.edges:
        if kind == ir.EdgeKind.STATE:
            source, target = _owner(source, graph), _owner(target, graph)
            # between two forwards it is only about the statistics of batch norm
            writes = any(_kind(graph.nodes[name]) == "update" for name in (source, target))
            if writes and source != target and not _reaches(source, target, below):
                found.append(_Edge(source, target, "state"))
                below.setdefault(source, []).append(target)
    return found


def _incoming(node: ir.Node, graph: ir.Graph) -> Iterator[_Edge]:
    gradients = graph.nodes.get(f"{node.name}.gradients")
    for argument in (*node.inputs, *(gradients.inputs if gradients else ())):
        for use in uses(argument.value.root):
            yield from _reference(use.ref, node.name, use.kind.value, graph)
    for name in node.conditions:
        for argument in graph.nodes[name].inputs:
            for use in uses(argument.value.root):
                yield from _reference(use.ref, node.name, "condition", graph)
    if node.entry is not None:
        yield from (_Edge(name.text, node.name, "order") for name in node.entry.after)
        yield from (_Edge(source, node.name, "frequency") for source in _counted(node.entry.every, graph))
    for source, target, kind in graph.edges:
        if target == node.name and kind == ir.EdgeKind.FREQUENCY and _shown(graph.nodes[source]):
            yield _Edge(source, target, "frequency")


def _reference(ref: Ref, target: str, kind: EdgeKind, graph: ir.Graph) -> Iterator[_Edge]:
    found = graph.targets.get(ref.path)
    if found is not None:
        source = _owner(found.node, graph)
        if source != target or kind != "data":
            label = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found.field)
            yield _Edge(source, target, kind, label)


def _owner(name: str, graph: ir.Graph) -> str:
    """The node that an author knows it by."""
    return name.removesuffix(".gradients") if graph.nodes[name].kind == "gradients" else name


def _counted(every: Every | None, graph: ir.Graph) -> Iterator[str]:
    """The nodes whose firings a clock counts."""
    match every:
        case EveryUnion(parts):
            for part in parts:
                yield from _counted(part, graph)
        case EveryFirings(_, of):
            yield of.text
        case EveryUpdates(_, of):
            yield from appliers(only_optimizer(of, graph), graph)


def _reaches(source: str, target: str, below: dict[str, list[str]]) -> bool:
    seen, stack = {source}, [source]
    while stack:
        for other in below.get(stack.pop(), ()):
            if other == target:
                return True
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return False
