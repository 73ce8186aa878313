"""Which nodes touch which models and optimizers."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.graph.ir import EdgeKind, Graph, Node


def overlaps(path: str, other: str) -> bool:
    """Whether two model paths share parameters: one is a part of the other."""
    return path == other or path.startswith(other + ".") or other.startswith(path + ".")


def state_path(model: str, graph: Graph) -> str:
    """The state object of a model or sub-module; models that share parameters are one."""
    return graph.facts.same.get(model.split(".", 1)[0], model)


def models_read(node: Node) -> list[str]:
    """The models whose weights a node reads."""
    if node.body is not None:
        return [model for inner in node.body.nodes.values() for model in models_read(inner)]
    return [str(node.settings[name]) for name in node.spec.reads if node.settings.get(name) is not None]


def data_of(node: Node, graph: Graph, over: str | None = None) -> str:
    """The data set that a `load_batch` or `fixed_examples` node reads; by default what the loop is over.

    over: of the run, for nodes in a loop that is over no data set. "" where there is none.
    """
    return str(node.settings.get("data") or graph.facts.over or over or "")


def index_updates(graph: Graph) -> None:
    """Notes which nodes update what, so that nobody has to go through all of them to find out. A loop does what its
    graph does."""
    for node in graph.nodes.values():
        if node.kind != "op":
            continue
        for optimizer in dict.fromkeys(_optimizers(node)):
            graph.appliers.setdefault(optimizer, []).append(node.name)
        for root in dict.fromkeys(model.split(".", 1)[0] for model in models_updated(node)):
            graph.updaters.setdefault(root, []).append(node)


def appliers(optimizer: str, graph: Graph) -> list[str]:
    """The `optimize` nodes of an optimizer, and loops that have some."""
    return graph.appliers.get(optimizer, [])


def _optimizers(node: Node) -> Iterable[str]:
    if node.body is not None:
        return node.body.appliers
    return (str(node.settings.get("optimizer")),) if node.op == "optimize" else ()


def leaves(node: Node) -> list[str]:
    """The nodes with respect to whose values a node takes gradients: what `gradient` is told, and every input of an
    op that differentiates its inputs itself."""
    if node.op != "gradient" and not node.spec.differentiates:
        return []
    return [read.node for read in node.reads
            if read.kind is EdgeKind.DATA and (node.spec.differentiates or read.port == "wrt")]


def acts(node: Node) -> bool:
    """Whether a node is an effect, or a loop with some in its graph."""
    if node.body is not None:
        return any(acts(inner) for inner in node.body.nodes.values())
    return node.kind == "op" and node.spec.effect


def counted(node: Node, graph: Graph) -> list[str]:
    """The nodes whose firings a counter counts."""
    assert node.counts is not None
    of = node.counts[0]
    return [of] if node.settings["kind"] == "firings" else appliers(of, graph)


def ema_sources(node: Node, graph: Graph) -> list[Node]:
    """The updates of the model that an average follows: `optimize` nodes, and loops that have some."""
    source = str(node.settings.get("source"))
    return [other for other in graph.updaters.get(source.split(".", 1)[0], ())
            if any(overlaps(source, model) for model in models_updated(other))]


def models_updated(node: Node) -> tuple[str, ...]:
    """The models that an `optimize` node, or the graph of a loop, updates."""
    if node.body is not None:
        return tuple(model for inner in node.body.nodes.values() if inner.kind == "op"
                     for model in models_updated(inner))
    return tuple(node.settings.get("models", ())) if node.op == "optimize" else ()
