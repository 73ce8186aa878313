"""Topological order with ties broken by a key, and the shortest cycle where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

SEARCHED = 100  # nodes of a tangle from which a short cycle is looked for


def toposort(nodes: Iterable[str], edges: Iterable[tuple[str, str]],
             key: Callable[[str], Any]) -> tuple[list[str], set[str]]:
    """The order (Kahn's algorithm with a heap), and the nodes that could not be ordered.

    Postcondition: every edge between ordered nodes goes forward, and each node stands as early as its key allows.
    """
    names = sorted(sorted(nodes), key=key)  # by name where keys are equal
    place = {name: number for number, name in enumerate(names)}
    waiting = [0] * len(names)
    after: list[list[int]] = [[] for _ in names]
    for source, target in edges:
        number = place[target]
        after[place[source]].append(number)
        waiting[number] += 1
    heap = [number for number, count in enumerate(waiting) if count == 0]  # in order, and so a heap
    order: list[str] = []
    while heap:
        number = heappop(heap)
        order.append(names[number])
        for later in after[number]:
            waiting[later] -= 1
            if waiting[later] == 0:
                heappush(heap, later)
    return order, set(names) - set(order) if len(order) < len(names) else set()


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
