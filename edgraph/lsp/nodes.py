"""The nodes of the graph that an op of the text means: one, or one for each use of the graph that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgraph.graph.ir import Graph, Node
from edgraph.lsp.analysis import Analysis
from edgraph.lsp.timing import Timings


class Found(NamedTuple):
    """A node where it runs. loops: those around it, the outermost first."""

    node: Node
    graph: Graph
    timings: Timings
    loops: tuple[Node, ...] = ()

    @property
    def unit(self) -> str:
        return "iteration" if self.loops else "step"

    @property
    def name(self) -> str:
        return ".".join([*(loop.name for loop in self.loops), self.node.name])


def nodes_of(analysis: Analysis, scope: str, name: str) -> list[Found]:
    """The nodes of an op that stands in the pipeline (scope "") or in a graph."""
    graph, timings = analysis.graph, analysis.timings
    if graph is None or timings is None:
        return []
    if not scope:
        node = graph.nodes.get(name)
        return [Found(node, graph, timings)] if node is not None and node.kind == "op" else []
    uses = [pattern for patterns in analysis.index.names.patterns.values()
            for pattern, used in patterns.items() if used == scope]
    return [found for found in _all(graph, timings, ())
            if (found.graph.use is not None and found.graph.use.name == scope and found.node.name == name)
            or any(found.node.name == f"{use}.{name}" or found.node.name.endswith(f".{use}.{name}") for use in uses)]


def _all(graph: Graph, timings: Timings, loops: tuple[Node, ...]) -> Iterator[Found]:
    for node in graph.nodes.values():
        if node.kind == "op":
            yield Found(node, graph, timings, loops)
            if node.body is not None:
                yield from _all(node.body, timings.inside(node), (*loops, node))
