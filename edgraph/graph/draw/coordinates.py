"""The x-coordinate of every node: Brandes and Köpf (2001), four aligned placements and their median."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

Layers = list[list[int]]
Neighbours = list[list[int]]


def place(layers: Layers, up: Neighbours, down: Neighbours, is_bend: Callable[[int], bool],
          separation: Callable[[int, int], float]) -> list[float]:
    """Centres of all nodes, the leftmost at 0.

    up, down: neighbours in the layers above and below. is_bend: nodes that are only bends of a long edge;
    what is between two of them is drawn straight. separation(a, b): the least distance between the
    centres of a and its right neighbour b.
    """
    count = sum(map(len, layers))
    crossed = _crossed_by_long_edges(layers, up, is_bend) | _branches(up, is_bend)
    candidates: list[list[float]] = []
    for downwards in (True, False):
        for leftwards in (True, False):
            rows = [layer if leftwards else layer[::-1] for layer in (layers if downwards else layers[::-1])]
            root = _align(rows, up if downwards else down, crossed)
            gap = separation if leftwards else (lambda a, b: separation(b, a))
            x = _compact(rows, root, gap)
            candidates.append(x if leftwards else [-value for value in x])
    narrowest = min(candidates, key=lambda x: max(x) - min(x))
    low, high = min(narrowest), max(narrowest)
    for index, x in enumerate(candidates):
        shift = low - min(x) if index % 2 == 0 else high - max(x)
        candidates[index] = [value + shift for value in x]
    centres = [sum(sorted(x[node] for x in candidates)[1:3]) / 2 for node in range(count)]
    start = min(centres)
    return [value - start for value in centres]


def _crossed_by_long_edges(layers: Layers, up: Neighbours,
                           is_bend: Callable[[int], bool]) -> set[tuple[int, int]]:
    """Links that cross the inside of a long edge: they give way, so that long edges stay straight."""
    crossed: set[tuple[int, int]] = set()
    for upper, lower in pairwise(layers):
        position = {node: index for index, node in enumerate(upper)}
        left, scanned = 0, 0
        for index, node in enumerate(lower):
            inner = next((other for other in up[node] if is_bend(other)), None) if is_bend(node) else None
            if inner is None and index < len(lower) - 1:
                continue
            right = position[inner] if inner is not None else len(upper)
            for crossing in lower[scanned:index + 1]:
                for other in up[crossing]:
                    if not left <= position[other] <= right and not (is_bend(crossing) and is_bend(other)):
                        crossed.add((other, crossing))
            scanned, left = index + 1, right
    return crossed


def _branches(up: Neighbours, is_bend: Callable[[int], bool]) -> set[tuple[int, int]]:
    """Links with which a long edge branches off from one that goes on: the trunk stays straight."""
    trunks = {other for node, others in enumerate(up) if is_bend(node) for other in others if is_bend(other)}
    return {(other, node) for node, others in enumerate(up) if not is_bend(node) for other in others
            if other in trunks}


def _align(rows: Layers, before: Neighbours, crossed: set[tuple[int, int]]) -> list[int]:
    """The block of each node, named by its first node: chains in which each is aligned with a median of
    its neighbours in the row before."""
    count = sum(map(len, rows))
    root, follower = list(range(count)), list(range(count))
    position: dict[int, int] = {}
    for row in rows:
        taken = -1
        for node in row:
            others = sorted(before[node], key=position.__getitem__)
            for other in others[(len(others) - 1) // 2:len(others) // 2 + 1]:
                if (follower[node] == node and taken < position[other]
                        and (other, node) not in crossed and (node, other) not in crossed):
                    follower[other] = node
                    follower[node] = root[node] = root[other]
                    taken = position[other]
        position = {node: index for index, node in enumerate(row)}
    return root


def _compact(rows: Layers, root: list[int], gap: Callable[[int, int], float]) -> list[float]:
    """Push all blocks to the left, then each to the right as far as nothing else has to move."""
    right_of: dict[int, dict[int, float]] = {block: {} for block in root}
    left_of: dict[int, dict[int, float]] = {block: {} for block in root}
    for row in rows:
        for node, neighbour in pairwise(row):
            a, b = root[node], root[neighbour]
            room = max(gap(node, neighbour), right_of[a].get(b, 0.0))
            right_of[a][b] = left_of[b][a] = room
    order = _left_to_right(right_of, left_of)
    x: dict[int, float] = {}
    for block in order:
        x[block] = max((x[other] + room for other, room in left_of[block].items()), default=0.0)
    for block in reversed(order):
        if right_of[block]:
            x[block] = max(x[block], min(x[other] - room for other, room in right_of[block].items()))
    return [x[block] for block in root]


def _left_to_right(right_of: dict[int, dict[int, float]], left_of: dict[int, dict[int, float]]) -> list[int]:
    waiting = {block: len(others) for block, others in left_of.items()}
    ready = [block for block, number in waiting.items() if not number]
    for block in ready:  # grows while it is walked
        for other in right_of[block]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return ready
