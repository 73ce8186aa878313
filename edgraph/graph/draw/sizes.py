"""How large a node is and where its texts stand, before anything has a place."""

from __future__ import annotations

from dataclasses import dataclass

from edgraph.graph.draw.drawing import Node
from edgraph.graph.draw.widths import shorten, width

NAME, OP, SMALL = 13.0, 11.0, 10.0  # font sizes in pixels
LIMIT = 230.0  # no text is wider than this
PAD_X, PAD_Y = 12.0, 8.0
ICON = 18.0  # the sign of a node's kind, with the room after it
BADGE = 17.0  # height of a badge


@dataclass(frozen=True, slots=True)
class Badge:
    """A clock or a condition in words, at (x, y) of the node's content."""

    kind: str  # "clock" or "condition"
    text: str
    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Content:
    """The texts of a node, the box they need, and the badges in it."""

    name: str
    op: str
    badges: tuple[Badge, ...]
    width: float
    height: float


def content(node: Node) -> Content:
    """Name and op type in two lines, then the badges side by side where that is not wider, else stacked."""
    name = shorten(node.name, NAME, LIMIT, bold=True)
    op = shorten(node.op, OP, LIMIT)
    icon = 0.0 if node.kind == "transform" else ICON
    inner = max(icon + width(name, NAME, bold=True), width(op, OP))
    condition = f"when {node.condition}" if node.condition else ""
    texts = [(kind, shorten(text, SMALL, LIMIT - 25))
             for kind, text in (("clock", node.clock), ("condition", condition)) if text]
    widths = [width(text, SMALL) + 25 for _, text in texts]
    beside = len(texts) == 2 and sum(widths) + 6 <= max(inner, 130.0)
    badges: list[Badge] = []
    x, y = 0.0, 38.0
    for (kind, text), wide in zip(texts, widths, strict=True):
        badges.append(Badge(kind, text, x, y, wide))
        inner = max(inner, x + wide)
        x, y = (x + wide + 6, y) if beside else (x, y + BADGE + 4)
    height = badges[-1].y + BADGE + 1 if badges else 34.0
    return Content(name, op, tuple(badges), inner, height)
