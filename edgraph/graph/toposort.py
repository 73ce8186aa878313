"""Topological order with ties broken by a key, and the shortest cycle where there is none."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any

SEARCHED = 100  # nodes of a tangle from which a short cycle is looked for


def toposort(nodes: Iterable[str], edges: Iterable[tuple[str, str]],
             key: Callable[[str], Any]) -> tuple[list[str], set[str]]:
    """The order (Kahn's algorithm with a heap), and the nodes that could not be ordered.

    Postcondition: every edge between ordered nodes goes forward, and each node stands as early as its key allows.
    """
    waiting: dict[str, int] = dict.fromkeys(nodes, 0)
    after: dict[str, list[str]] = {name: [] for name in waiting}
    for source, target in edges:
        after[source].append(target)
        waiting[target] += 1
    heap = [(key(name), name) for name, count in waiting.items() if count == 0]
    heapq.heapify(heap)
    order: list[str] = []
    while heap:
        _, name = heapq.heappop(heap)
        order.append(name)
        for target in after[name]:
            waiting[target] -= 1
            if waiting[target] == 0:
                heapq.heappush(heap, (key(target), target))
    return order, set(waiting) - set(order) if len(order) < len(waiting) else set()


def shortest_cycles(nodes: set[str], successors: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """A short cycle of each tangle among nodes that could not be ordered; the first node is not repeated."""
    import networkx as nx  # only to explain an error

    graph = nx.DiGraph((source, target) for source in sorted(nodes) for target in successors.get(source, ())
                       if target in nodes)
    found: list[list[str]] = []
    for part in sorted(map(sorted, nx.strongly_connected_components(graph))):
        inside = graph.subgraph(part)
        loops = [[name] for name in part if graph.has_edge(name, name)]
        paths = [path[:-1] for start in part[:SEARCHED] if len(part) > 1
                 for path in [_back(inside, start)]]
        if loops or paths:
            found.append(min([*loops, *paths], key=len))
    return found


def _back(graph: Any, start: str) -> list[str]:
    """A shortest way from a node back to itself, in a strongly connected graph."""
    import networkx as nx

    to = nx.single_target_shortest_path(graph, start)
    return min(([start, *to[name]] for name in sorted(graph.successors(start))), key=len)
