"""What a picture shows. Knows nothing of clocks or plans: they arrive here as words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

NodeKind = Literal["transform", "effect", "update", "source", "loop"]
EdgeKind = Literal["data", "hold", "previous", "condition", "frequency", "order", "state"]
NODE_KINDS: tuple[NodeKind, ...] = ("source", "transform", "update", "effect", "loop")
EDGE_KINDS: tuple[EdgeKind, ...] = ("data", "hold", "previous", "condition", "frequency", "order", "state")

NODE_WORDS: dict[NodeKind, str] = {
    "source": "source of data", "transform": "transform", "update": "update of a model",
    "effect": "effect", "loop": "loop over a graph",
}
EDGE_WORDS: dict[EdgeKind, str] = {
    "data": "data", "hold": "latest value (hold)", "previous": "previous value",
    "condition": "condition (when)", "frequency": "sets the clock of",
    "order": "order (after)", "state": "order of reads and writes",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One node. A loop has a `body`, whose names are its own."""

    name: str
    op: str  # the op type, or the text of an expression
    kind: NodeKind = "transform"
    clock: str = ""  # in words: "every 50 steps"; empty where nothing narrows it
    condition: str = ""  # as written, without "when"
    training: bool = False  # in the training slice; else observing
    body: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """From `source` to `target`, names of nodes of the same drawing."""

    source: str
    target: str
    kind: EdgeKind = "data"
    label: str = ""  # the part of the value that is used, such as ".image"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph, or the body of a loop. Nodes in the order of the file; edges of unknown names are left out."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    title: str = ""
    note: str = ""  # a line below the title

    def merged_edges(self) -> list[Edge]:
        """Edges of one kind between the same two nodes become one, its label naming all the parts."""
        names = {node.name for node in self.nodes}
        labels: dict[tuple[str, str, EdgeKind], list[str]] = {}
        for edge in self.edges:
            if edge.source in names and edge.target in names:
                found = labels.setdefault((edge.source, edge.target, edge.kind), [])
                if edge.label not in found:
                    found.append(edge.label)
        return [Edge(*key, label=" ".join(filter(None, found))) for key, found in labels.items()]

    def walk(self) -> Iterator[Drawing]:
        """This drawing and those inside its loops."""
        yield self
        for node in self.nodes:
            if node.body is not None:
                yield from node.body.walk()
