"""Where everything goes: each connected part in layers from top to bottom, and the parts side by side."""

from __future__ import annotations

from edgraph.graph.draw.component import Component
from edgraph.graph.draw.drawing import Drawing, Edge, Node
from edgraph.graph.draw.places import Box, Layout, Route

GAP = 52.0  # between connected parts


def layout(drawing: Drawing, aspect: float = 1.5) -> Layout:
    """Lay out a drawing and the bodies of its loops. Same drawing, same layout.

    aspect: width by height to aim at where there is a choice.
    """
    parts = []
    for nodes, edges in _components(drawing.nodes, drawing.merged_edges()):
        bodies = [None if node.body is None else layout(node.body, 1.2) for node in nodes]
        parts.append(Component(nodes, edges, bodies).layout())
    return _pack(parts, aspect)


def _components(nodes: tuple[Node, ...], edges: list[Edge]) -> list[tuple[list[Node], list[Edge]]]:
    """Connected parts: those that train first, then in the order of the file."""
    leader = {node.name: node.name for node in nodes}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for edge in edges:
        leader[find(edge.target)] = find(edge.source)
    parts: dict[str, tuple[list[Node], list[Edge]]] = {}
    for node in nodes:
        parts.setdefault(find(node.name), ([], []))[0].append(node)
    for edge in edges:
        parts[find(edge.source)][1].append(edge)
    return sorted(parts.values(), key=lambda part: not any(node.training for node in part[0]))


def _pack(parts: list[Layout], aspect: float) -> Layout:
    """Rows of columns: a part goes under the one before it where the row is high enough for both."""
    if not parts:
        return Layout(0.0, 0.0, (), ())
    area = sum((part.width + GAP) * (part.height + GAP) for part in parts)
    limit = max(max(part.width for part in parts), (area * aspect) ** 0.5)
    boxes: list[Box] = []
    routes: list[Route] = []
    x = y = row_height = total = 0.0
    column_width = column_y = 0.0
    for part in parts:
        if column_y and column_y + part.height <= row_height and part.width <= column_width * 1.3:
            column_width = max(column_width, part.width)
        else:
            x += column_width + GAP if column_width else 0.0
            if x and x + part.width > limit:
                x, y, row_height = 0.0, y + row_height + GAP, 0.0
            column_width, column_y = part.width, 0.0
        boxes += [box.moved(x, y + column_y) for box in part.boxes]
        routes += [route.moved(x, y + column_y) for route in part.routes]
        column_y += part.height + GAP
        row_height = max(row_height, column_y - GAP)
        total = max(total, x + column_width)
    return Layout(total, y + row_height, tuple(boxes), tuple(routes))
