"""Gradients: what each differentiation goes through, so that nothing else has to record."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.graph.ir import GradientPath, Graph, Node
from edgraph.graph.models import leaves, models_read, overlaps
from edgraph.text.diagnostics import Diagnostics


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    upstream = differentiable_edges(graph)
    for node in graph.nodes.values():
        if node.kind == "gradients":
            _optimize(node, graph, upstream, diagnostics)
        elif node.op == "gradient":
            _gradient(node, graph, upstream)
        elif node.kind == "op" and node.spec.differentiates:
            behind = cone(leaves(node), upstream)
            graph.gradients[node.name] = _path(None, behind, leaves(node), graph, upstream)
    for path in graph.gradients.values():
        for name in path.through & path.records:
            node = graph.nodes[name]
            if path.optimizer is not None:
                _train(node)
    for node in graph.nodes.values():
        if node.op == "forward" and node.settings.get("mode") == "train":
            node.train_mode = True
    return True


def _train(node: Node) -> None:
    """A forward that an update's gradient passes through trains, also one in a loop."""
    for inner in node.body.nodes.values() if node.body is not None else ():
        _train(inner)
    if node.op == "forward" and node.settings.get("mode", "auto") == "auto":
        node.train_mode = True


def differentiable_edges(graph: Graph) -> dict[str, list[str]]:
    """For each node the nodes to which a gradient flows back from it."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        sources: list[str] = []
        if node.spec.differentiable or node.kind == "gradients":
            sources = [read.node for read in node.reads
                       if read.gradient and (node.kind != "gradients" or read.port == "loss")]
        found[node.name] = sources
    return found


def cone(start: Iterable[str], edges: dict[str, list[str]]) -> set[str]:
    """What can be reached from `start`, itself included."""
    seen = set(start)
    stack = list(seen)
    while stack:
        for name in edges[stack.pop()]:
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen


def _optimize(node: Node, graph: Graph, upstream: dict[str, list[str]], diagnostics: Diagnostics) -> None:
    behind = cone([node.name], upstream)
    updated: tuple[str, ...] = node.settings["models"]
    roots = [name for name in behind
             if any(overlaps(model, other) for model in models_read(graph.nodes[name]) for other in updated)]
    if not roots and updated and node.inputs:
        names = ", ".join(f"'{model}'" for model in updated)
        diagnostics.error("no-gradient", f"no gradient of '{node.inputs[0].value.text}' reaches what optimizer "
                          f"'{node.settings.get('optimizer')}' updates ({names})", node.inputs[0].value.span,
                          "the loss must depend on the model through a forward, not through hold, previous or detach")
    optimizer = str(node.settings.get("optimizer"))
    graph.gradients[node.name] = _path(optimizer, behind - {node.name}, roots, graph, upstream)


def _gradient(node: Node, graph: Graph, upstream: dict[str, list[str]]) -> None:
    """A `gradient` op forces recording between what it differentiates and with respect to what."""
    behind = cone([read.node for read in node.reads if read.port == "of"], upstream)
    roots = [name for name in leaves(node) if name in behind]
    if node.settings.get("wrt"):
        roots = [name for name in behind if any(overlaps(model, str(node.settings["wrt"]))
                                                for model in models_read(graph.nodes[name]))]
    graph.gradients[node.name] = _path(None, behind, roots, graph, upstream)


def _path(optimizer: str | None, behind: set[str], roots: Iterable[str], graph: Graph,
          upstream: dict[str, list[str]]) -> GradientPath:
    forward: dict[str, list[str]] = {name: [] for name in behind}
    for name in behind:
        for source in upstream[name]:
            if source in behind:
                forward[source].append(name)
    records = cone([name for name in roots if name in behind], forward)
    through = frozenset(name for name in records if models_read(graph.nodes[name]))
    models = frozenset(model for name in through for model in models_read(graph.nodes[name]))
    return GradientPath(optimizer, frozenset(records), models, through)
