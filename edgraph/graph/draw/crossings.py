"""The order of nodes within layers: few crossings, found by sweeps of weighted medians and swaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import pairwise

Layers = list[list[int]]
Neighbours = list[list[int]]


def order_layers(layers: Layers, up: Neighbours, down: Neighbours, sweeps: int = 16) -> Layers:
    """Reorder each layer. up[v], down[v]: neighbours of v in the layers directly above and below.

    The order given is kept where it makes no difference. Same input, same output.
    """
    best = [list(layer) for layer in layers]
    fewest = count_crossings(best, down)
    current = [list(layer) for layer in best]
    unchanged = 0
    for sweep in range(sweeps):
        if not fewest or unchanged > 3:
            break
        downwards = sweep % 2 == 0
        _sweep(current, up if downwards else down, downwards)
        _swap(current, up, down)
        crossings = count_crossings(current, down)
        unchanged += 1
        if crossings < fewest:
            best, fewest, unchanged = [list(layer) for layer in current], crossings, 0
    return best


def count_crossings(layers: Layers, down: Neighbours) -> int:
    """Pairs of links that cross."""
    total = 0
    for upper, lower in pairwise(layers):
        place = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = [place[other] for other in down[node]]
            for end in ends:
                total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
    return total


def _sweep(layers: Layers, fixed: Neighbours, downwards: bool) -> None:
    """Sort each layer by the medians of its neighbours in the layer before it."""
    indices = range(1, len(layers)) if downwards else range(len(layers) - 2, -1, -1)
    for index in indices:
        before = layers[index - 1 if downwards else index + 1]
        place = {node: position for position, node in enumerate(before)}
        layer = layers[index]
        wanted: dict[int, float] = {}
        for node in layer:
            ends = sorted(place[other] for other in fixed[node])
            if ends:
                wanted[node] = _median(ends)
        # A node without neighbours there stays where it is; the others are sorted around it.
        movable = iter(sorted((node for node in layer if node in wanted), key=wanted.__getitem__))
        layers[index] = [next(movable) if node in wanted else node for node in layer]


def _median(ends: list[int]) -> float:
    """The weighted median of Gansner and others (1993): between two, nearer to the denser side."""
    middle = len(ends) // 2
    if len(ends) % 2:
        return ends[middle]
    if len(ends) == 2:
        return (ends[0] + ends[1]) / 2
    left, right = ends[middle - 1] - ends[0], ends[-1] - ends[middle]
    if not left + right:
        return (ends[middle - 1] + ends[middle]) / 2
    return (ends[middle - 1] * right + ends[middle] * left) / (left + right)


def _swap(layers: Layers, up: Neighbours, down: Neighbours) -> None:
    """Exchange neighbours in a layer while that removes crossings."""
    position: dict[int, int] = {}
    for layer in layers:
        position.update((node, index) for index, node in enumerate(layer))
    for layer in layers:
        ends = {node: (sorted(position[other] for other in up[node]),
                       sorted(position[other] for other in down[node])) for node in layer}
        for _ in range(len(layer)):
            changed = False
            for i in range(len(layer) - 1):
                left, right = ends[layer[i]], ends[layer[i + 1]]
                gain = (_pairs(left[0], right[0]) + _pairs(left[1], right[1])
                        - _pairs(right[0], left[0]) - _pairs(right[1], left[1]))
                if gain > 0:
                    layer[i], layer[i + 1] = layer[i + 1], layer[i]
                    changed = True
            if not changed:
                break
        position.update((node, index) for index, node in enumerate(layer))


def _pairs(left: list[int], right: list[int]) -> int:
    """Crossings of the links of a node with those of the node to the right of it; both sorted."""
    return sum(bisect_left(right, end) for end in left)
