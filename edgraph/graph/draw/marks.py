"""The pieces of an SVG picture: elements, texts, lines, heads of arrows, signs of kinds, badges."""

from __future__ import annotations

from edgraph.graph.draw.drawing import EdgeKind, NodeKind
from edgraph.graph.draw.palette import LIGHT, Slice
from edgraph.graph.draw.sizes import BADGE, SMALL, Badge

# In a square of 12 pixels. Transforms, the most common kind, have none.
SIGNS: dict[NodeKind, str] = {
    "source": "M1.5 3.2c0-2.4 9-2.4 9 0v5.6c0 2.4-9 2.4-9 0zM1.5 3.2c0 2.4 9 2.4 9 0M1.5 6c0 2.4 9 2.4 9 0",
    "update": "M1 2h10L6 10.8z",
    "effect": "M4.8 2.2H1.5v8.3h8.3V7.2M6.6 1.2h4.2v4.2M10.6 1.4L5.4 6.6",
    "loop": "M9.9 8.4a4.6 4.6 0 1 1 .5-3.8M10.9 1.6l-.4 3.2-3.1-.6",
}
CLOCK = "M10.5 -4a4 4 0 1 0 0.01 0zM10.5 -2.4v2.6l1.8 1"
CONDITION = "M10.5 -4l3 4l-3 4l-3 -4z"
HEADS = {"arrow": "M0 0L-3.6 -8L0 -6.6L3.6 -8Z", "diamond": "M0 0L-3.6 -5L0 -10L3.6 -5Z",
         "open": "M-3.8 -6.5L0 -0.5L3.8 -6.5"}
TURNS = {"down": 0, "left": 90, "up": 180, "right": 270}


def number(value: float) -> str:
    """A coordinate with at most one decimal, the same on every machine."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def escape(text: str) -> str:
    """Text for XML; characters that XML does not allow are replaced."""
    allowed = "".join(c if c in "\t\n" or (" " <= c < "\ud800" or "\udfff" < c < "\ufffe" or c > "\uffff")
                      else "\ufffd" for c in text)
    return allowed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def element(name: str, css: str, content: str | None = None, **attributes: str | float) -> str:
    """`element("rect", "box", x=1.0, stroke_width=2)` is `<rect class="box" x="1" stroke-width="2"/>`."""
    text = f'<{name} class="{css}"'
    for key, value in attributes.items():
        if value != "":
            text += f' {key.replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
    return f"{text}/>" if content is None else f"{text}>{content}</{name}>"


def place(x: float, y: float, turn: int = 0) -> str:
    """The transformation that puts (0, 0) at (x, y), turned to the right by some degrees."""
    return f"translate({number(x)} {number(y)})" + (f" rotate({turn})" if turn else "")


def words(css: str, x: float, y: float, size: float, colour: str, text: str, **more: str | float) -> str:
    """A line of text from (x, y) on."""
    return element("text", css, escape(text), x=x, y=y, font_size=size, fill=colour, **more)


def line(kind: EdgeKind, way: str) -> str:
    """An edge of a kind along an SVG path."""
    style = LIGHT.lines[kind]
    return element("path", kind, d=way, fill="none", stroke=style.colour, stroke_width=style.width,
                   stroke_dasharray=style.dash)


def head(kind: EdgeKind, x: float, y: float, way: str) -> str:
    """The head of an edge, its tip at (x, y), pointing down, left, up or right."""
    style = LIGHT.lines[kind]
    shape, where = HEADS[style.head], place(x, y, TURNS[way])
    if style.head == "open":
        return element("path", kind, d=shape, transform=where, fill="none", stroke=style.colour,
                       stroke_width=1.4)
    return element("path", f"{kind}-head", d=shape, transform=where, fill=style.colour)


def sign(css: str, shape: str, colour: str, x: float, y: float, stroke_width: float = 1.4) -> str:
    """A small drawing of strokes."""
    return element("path", css, d=shape, transform=place(x, y), fill="none", stroke=colour,
                   stroke_width=stroke_width, stroke_linejoin="round", stroke_linecap="round")


def badge(found: Badge, colours: Slice) -> str:
    """A pill with a clock's face or a diamond, and words."""
    x, middle = found.x, found.y + BADGE / 2
    if found.kind == "clock":
        css, colour, text, text_css = "clock", colours.stroke, colours.text, "name"
        face = sign("sign", CLOCK, colour, x, middle, 1.1)
    else:
        css, text_css = "when", "condition-head"
        colour = text = LIGHT.lines["condition"].colour
        face = element("path", text_css, d=CONDITION, transform=place(x, middle), fill=colour)
    pill = element("rect", css, x=x, y=found.y, width=found.width, height=BADGE, rx=BADGE / 2,
                   fill=LIGHT.page, stroke=colour, stroke_width=0.9)
    return pill + face + words(text_css, x + 18, middle + 3.6, SMALL, text, found.text)
