"""A drawing as one SVG file: no program, no script and no font of ours is needed to show it.

Colours are attributes, for a light page, so that every viewer shows them; CSS turns them dark where the
reader's pages are dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgraph.graph.draw.drawing import Drawing
from edgraph.graph.draw.layout import layout
from edgraph.graph.draw.legend import legend
from edgraph.graph.draw.marks import SIGNS, badge, element, escape, head, line, number, place, sign, words
from edgraph.graph.draw.palette import LIGHT, dark_css
from edgraph.graph.draw.places import Box, Layout, Point, Route
from edgraph.graph.draw.sizes import ICON, NAME, OP, PAD_X, PAD_Y, SMALL
from edgraph.graph.draw.widths import width

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'DejaVu Sans',sans-serif"
MARGIN = 28.0
TITLE = 17.0
HEAD = 7.0  # a line ends this far before the tip of its head


def svg(drawing: Drawing) -> str:
    """The SVG text. Same drawing, same text."""
    placed = layout(drawing)
    title_width = max(width(drawing.title, TITLE, bold=True), width(drawing.note, OP))
    keys, keys_width, keys_height = legend(drawing, max(placed.width, title_width, 420.0))
    inner = max(placed.width, title_width, keys_width)
    top = MARGIN + (34.0 if drawing.title else 0.0) + (18.0 if drawing.note else 0.0)
    low = top + placed.height
    wide, high = inner + 2 * MARGIN, low + (keys_height + 14.0 if keys else 0.0) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(wide)} {number(high)}" '
        f'width="{number(wide)}" height="{number(high)}" role="img" font-family="{FONT}">',
        f"<title>{escape(drawing.title or 'graph')}</title>",
        f"<style>{dark_css()}</style>",
        element("rect", "page", x="0.5", y="0.5", width=wide - 1, height=high - 1, rx=10, fill=LIGHT.page,
                stroke=LIGHT.border),
    ]
    if drawing.title:
        parts.append(words("title", MARGIN, MARGIN + 13, TITLE, LIGHT.title, drawing.title,
                           font_weight="600"))
    if drawing.note:
        parts.append(words("muted", MARGIN, MARGIN + 32, OP, LIGHT.muted, drawing.note))
    parts += _moved(MARGIN + (inner - placed.width) / 2, top, _graph(placed))
    parts += _moved(MARGIN, low + 32, keys)
    return "\n".join([*parts, "</svg>", ""])


def _moved(x: float, y: float, parts: Iterable[str]) -> Iterator[str]:
    yield f'<g transform="{place(x, y)}">'
    yield from parts
    yield "</g>"


def _graph(placed: Layout, loop: str = "") -> Iterator[str]:
    """Edges first, so that nodes lie over them; their labels last. `data-node` and `data-edge` name them for pages;
    loop: that of a loop's body, whose nodes are `LOOP.NAME`."""
    for route in placed.routes:
        way = "left" if route.beside else "up" if route.upward else "down"
        yield _of_edge(route, loop, line(route.edge.kind, _way(route)) + head(route.edge.kind, *route.points[-1], way))
    for box in placed.boxes:
        yield from _node(box, loop)
    for route in placed.routes:
        if route.label is not None:
            kind = route.edge.kind
            yield _of_edge(route, loop, words(
                f"halo {kind}-text", *route.label, SMALL, LIGHT.lines[kind].colour, route.edge.label,
                stroke=LIGHT.page, stroke_width=3, stroke_linejoin="round", paint_order="stroke"))


def _of_edge(route: Route, loop: str, drawn: str) -> str:
    return f'<g data-edge="{escape(f"{loop}{route.edge.source} {loop}{route.edge.target}")}">{drawn}</g>'


def _way(route: Route) -> str:
    """The SVG path: straight where it is above or below a node, S-curves in between."""
    points = list(route.points)
    if route.beside:
        (x, y), (far, _), _, (end_x, end_y) = points
        return _joined("M", (x, y), "C", (far, y), (far, end_y), (end_x + HEAD, end_y))
    (x, y), (_, before) = points[-1], points[-2]
    if abs(y - before) < HEAD:  # the last stretch is shorter than the head: the curve before it ends earlier
        points.pop()
    points[-1] = (x, y + HEAD if route.upward else y - HEAD)
    x, y = points[0]
    way = _joined("M", (x, y))
    for next_x, next_y in points[1:]:
        if number(x) != number(next_x):
            middle = (y + next_y) / 2
            way += _joined("C", (x, middle), (next_x, middle), (next_x, next_y))
        elif number(y) != number(next_y):
            way += f"V{number(next_y)}"
        x, y = next_x, next_y
    return way


def _joined(*parts: str | Point) -> str:
    """Commands and points of a path: `M1 2C3 4 5 6 7 8`."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            text += f"{'' if text[-1:].isalpha() else ' '}{number(part[0])} {number(part[1])}"
    return text


def _node(box: Box, loop: str) -> Iterator[str]:
    """The outline, name, op type and badges; a loop's body below them."""
    node, texts = box.node, box.content
    colours = LIGHT.training if node.training else LIGHT.observing
    yield (f'<g class="{"tr" if node.training else "ob"}" data-node="{escape(loop + node.name)}">'
           f"<title>{escape(_tooltip(box))}</title>")
    yield _outline(box)
    left = PAD_X if box.body is not None else (box.width - texts.width) / 2
    indent = 0.0 if node.kind == "transform" else ICON
    parts = [sign("sign", SIGNS[node.kind], colours.stroke, 0, 2.5)] if indent else []
    parts += [words("name", indent, 13, NAME, colours.text, texts.name, font_weight="600"),
              words("op", 0, 29, OP, colours.muted, texts.op)]
    parts += [badge(found, colours) for found in texts.badges]
    yield from _moved(box.x + left, box.y + PAD_Y, parts)
    if box.body is not None:
        yield from _moved(box.body_x, box.body_y, _graph(box.body, f"{loop}{node.name}."))
    yield "</g>"


def _tooltip(box: Box) -> str:
    node = box.node
    lines = [f"{node.name}: {node.op}", "training slice" if node.training else "observing slice", node.clock]
    return "\n".join(filter(None, [*lines, f"when {node.condition}" if node.condition else ""]))


def _outline(box: Box) -> str:
    """Sources are round, effects square, updates heavy; a loop has a dashed frame."""
    node = box.node
    colours = LIGHT.training if node.training else LIGHT.observing
    empty = box.body is not None
    radius = {"source": min(20.0, box.height / 2), "effect": 2.5}.get(node.kind, 8.0)
    return element("rect", "body" if empty else "box", x=box.x, y=box.y, width=box.width, height=box.height,
                   rx=radius, fill=LIGHT.page if empty else colours.fill, stroke=colours.stroke,
                   stroke_width=2.2 if node.kind == "update" else 1.2,
                   stroke_dasharray="6 4" if node.kind == "loop" else "")
