"""The legend of a picture: an entry for each slice, kind of node and kind of edge that occurs."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.draw.drawing import EDGE_KINDS, EDGE_WORDS, NODE_KINDS, NODE_WORDS, Drawing
from edgraph.graph.draw.marks import SIGNS, element, head, line, place, sign, words
from edgraph.graph.draw.palette import LIGHT
from edgraph.graph.draw.widths import width

SIZE = 11.0
ROW = 22.0  # height of a row


def legend(drawing: Drawing, limit: float) -> tuple[list[str], float, float]:
    """SVG at (0, 0), with its width and height: as many entries side by side as `limit` pixels take."""
    entries: list[str] = []
    x, rows, widest = limit, 0, 0.0
    for mark, mark_width, text in _entries(drawing):
        wide = mark_width + 6 + width(text, SIZE)
        if x + wide > limit:
            x, rows = 0.0, rows + 1
        entry = mark + words("muted", mark_width + 6, 0, SIZE, LIGHT.muted, text)
        entries.append(element("g", "entry", entry, transform=place(x, ROW * (rows - 1))))
        widest = max(widest, x + wide)
        x += wide + 20
    return entries, widest, ROW * rows


def _entries(drawing: Drawing) -> Iterator[tuple[str, float, str]]:
    """A mark, its width, and what it means."""
    nodes = [node for part in drawing.walk() for node in part.nodes]
    edges = {edge.kind for part in drawing.walk() for edge in part.merged_edges()}
    for css, colours, name in (("tr", LIGHT.training, "training"), ("ob", LIGHT.observing, "observing")):
        if any(node.training == (css == "tr") for node in nodes):
            box = element("rect", "box", y=-9, width=18, height=11, rx=3, fill=colours.fill,
                          stroke=colours.stroke, stroke_width=1.2)
            yield element("g", css, box), 18, f"{name} slice"
    for kind in NODE_KINDS:
        if kind in SIGNS and any(node.kind == kind for node in nodes):
            yield sign("key", SIGNS[kind], LIGHT.muted, 0, -9.5), 12, NODE_WORDS[kind]
    for edge_kind in EDGE_KINDS:
        if edge_kind in edges:
            mark = line(edge_kind, "M0 -3.5H25") + head(edge_kind, 32, -3.5, "right")
            yield mark, 32, EDGE_WORDS[edge_kind]
