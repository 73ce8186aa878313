"""Which way edges point, and which layer each node is in."""

from __future__ import annotations

import heapq
from typing import NamedTuple


class Link(NamedTuple):
    """An edge between node numbers. `back` marks one that may point upwards: the value of an earlier step."""

    source: int
    target: int
    weight: int
    back: bool = False


def topological(count: int, links: list[Link]) -> list[int]:
    """Rank of each node in an order that all links without `back` follow, ties by number.

    Where such links form a cycle, it is entered at its node with the smallest number.
    """
    waiting = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        if not link.back and link.source != link.target:
            after[link.source].append(link.target)
            waiting[link.target] += 1
    ready = [node for node in range(count) if not waiting[node]]
    rank = [-1] * count
    smallest = 0  # no node below it is without a rank
    for position in range(count):
        while ready and rank[ready[0]] >= 0:
            heapq.heappop(ready)
        if ready:
            node = heapq.heappop(ready)
        else:
            while rank[smallest] >= 0:
                smallest += 1
            node = smallest
        rank[node] = position
        for target in after[node]:
            waiting[target] -= 1
            if not waiting[target] and rank[target] < 0:
                heapq.heappush(ready, target)
    return rank


def assign_layers(count: int, links: list[Link], passes: int = 8) -> list[int]:
    """The layer of each node, from 0 at the top; every link points down. `links` form no cycle.

    Longest paths first; then nodes move, within the room they have, to where their links are shortest.
    """
    rank = topological(count, links)
    order = sorted(range(count), key=rank.__getitem__)
    above: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    below: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for link in links:
        above[link.target].append((link.source, link.weight))
        below[link.source].append((link.target, link.weight))
    layer = [0] * count
    for node in order:
        layer[node] = max((layer[other] + 1 for other, _ in above[node]), default=0)
    for turn in range(passes):
        moved = False
        for node in order if turn % 2 else reversed(order):
            best = _best_layer(layer, above[node], below[node], layer[node])
            moved = moved or best != layer[node]
            layer[node] = best
        if not moved and turn:
            break
    top = min(layer, default=0)
    return [value - top for value in layer]


def _best_layer(layer: list[int], above: list[tuple[int, int]], below: list[tuple[int, int]],
                now: int) -> int:
    """The total length of a node's links falls or grows linearly between its neighbours; where it is
    flat the node goes down, close to what uses it, and lets what feeds it follow."""
    highest = max((layer[other] + 1 for other, _ in above), default=None)
    lowest = min((layer[other] - 1 for other, _ in below), default=None)
    pull_up = sum(weight for _, weight in above)
    pull_down = sum(weight for _, weight in below)
    if pull_down >= pull_up and lowest is not None:
        return lowest
    if highest is not None:
        return highest
    return now
