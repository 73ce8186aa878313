"""The layered structure of a connected part: which way edges run, the layers, and the order in them.

Vertices are the nodes, by number, and after them the bends of edges that pass layers. Edges of one kind
from one node share their bends, so that they run together and branch where their ways part.
"""

from __future__ import annotations

from itertools import pairwise

from edgraph.graph.draw.crossings import order_layers
from edgraph.graph.draw.drawing import Edge, EdgeKind, Node
from edgraph.graph.draw.layers import Link, assign_layers, topological

# How much an edge pulls its ends together.
WEIGHTS: dict[EdgeKind, int] = {
    "data": 4, "hold": 3, "condition": 3, "previous": 1, "frequency": 1, "order": 1, "state": 1}
STRONG = 3
Trunk = tuple[int, str]


class Structure:
    """What the coordinates are made from.

    turned: edges that point up (in a graph without errors only `previous` ones), turned round here.
    chains: the vertices of each edge, from the upper node to the lower one.
    layer, layers: the layer of each vertex, and the vertices of each layer from left to right.
    up, down: the neighbours that a vertex is to stand under and over.
    """

    def __init__(self, nodes: list[Node], edges: list[Edge]) -> None:
        """`edges`: none from a node to itself."""
        self.count = len(nodes)
        number = {node.name: index for index, node in enumerate(nodes)}
        links = [Link(number[edge.source], number[edge.target], WEIGHTS[edge.kind], edge.kind == "previous")
                 for edge in edges]
        rank = topological(self.count, links)
        self.turned = [rank[link.source] > rank[link.target] for link in links]
        down = [Link(link.target, link.source, link.weight) if turned else link
                for link, turned in zip(links, self.turned, strict=True)]
        self.trunks: list[Trunk] = [(-1 - index, "") if turned else (link.source, edge.kind)
                                    for index, (link, turned, edge) in enumerate(zip(down, self.turned, edges,
                                                                                     strict=True))]
        self.layer = assign_layers(self.count, down)
        self.chains = self._chains(down)
        self._order([link.weight for link in down])

    def is_bend(self, vertex: int) -> bool:
        return vertex >= self.count

    def _chains(self, links: list[Link]) -> list[list[int]]:
        """Makes the bends: a vertex in each layer that a trunk passes."""
        chains: list[list[int]] = []
        bends: dict[tuple[Trunk, int], int] = {}
        for link, trunk in zip(links, self.trunks, strict=True):
            chain = [link.source]
            for layer in range(self.layer[link.source] + 1, self.layer[link.target]):
                if (trunk, layer) not in bends:
                    bends[trunk, layer] = len(self.layer)
                    self.layer.append(layer)
                chain.append(bends[trunk, layer])
            chains.append([*chain, link.target])
        return chains

    def _order(self, weights: list[int]) -> None:
        up: list[dict[int, int]] = [{} for _ in self.layer]
        down: list[dict[int, int]] = [{} for _ in self.layer]
        for chain, weight in zip(self.chains, weights, strict=True):
            for upper, lower in pairwise(chain):
                down[upper][lower] = up[lower][upper] = max(weight, down[upper].get(lower, 0))
        layers: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        for vertex in _depth_first(up, down):
            layers[self.layer[vertex]].append(vertex)
        self.layers = order_layers(layers, [list(found) for found in up], [list(found) for found in down])
        self.up, self.down = [_strongest(found) for found in up], [_strongest(found) for found in down]


def _strongest(neighbours: dict[int, int]) -> list[int]:
    """Weak edges count only where there are no others."""
    return [other for other, weight in neighbours.items() if weight >= STRONG] or list(neighbours)


def _depth_first(up: list[dict[int, int]], down: list[dict[int, int]]) -> list[int]:
    """Vertices as a walk along links meets them: what hangs together starts side by side."""
    seen = [False] * len(up)
    found: list[int] = []
    for start in range(len(up)):
        stack = [start]
        while stack:
            vertex = stack.pop()
            if not seen[vertex]:
                seen[vertex] = True
                found.append(vertex)
                stack += reversed([other for other in (*down[vertex], *up[vertex]) if not seen[other]])
    return found
