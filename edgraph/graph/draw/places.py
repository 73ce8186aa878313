"""Where things are: the result of the layout. Pixels; y grows downwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgraph.graph.draw.drawing import Edge, Node
from edgraph.graph.draw.sizes import Content

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A node's place; x and y are of its top left corner."""

    node: Node
    content: Content
    x: float
    y: float
    width: float
    height: float
    body: Layout | None = None  # its coordinates are relative to (body_x, body_y)
    body_x: float = 0.0
    body_y: float = 0.0

    def moved(self, x: float, y: float) -> Box:
        return replace(self, x=self.x + x, y=self.y + y, body_x=self.body_x + x, body_y=self.body_y + y)


@dataclass(frozen=True, slots=True)
class Route:
    """An edge's way from point to point, vertical at each; the head of the arrow is at the last."""

    edge: Edge
    points: tuple[Point, ...]
    upward: bool = False  # its head points up: the value of an earlier step
    label: Point | None = None  # where the label's text begins
    beside: bool = False  # from a node to itself: four corners to the right of it

    def moved(self, x: float, y: float) -> Route:
        points = tuple((px + x, py + y) for px, py in self.points)
        label = None if self.label is None else (self.label[0] + x, self.label[1] + y)
        return replace(self, points=points, label=label)


@dataclass(frozen=True, slots=True)
class Layout:
    """Nodes and edges, all within (0, 0) and (width, height)."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
