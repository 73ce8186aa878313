"""The colours of pictures: light as attributes, dark as CSS that only dark pages use."""

from __future__ import annotations

from dataclasses import dataclass

from edgraph.graph.draw.drawing import EdgeKind


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of the graph: training or observing."""

    fill: str
    stroke: str
    text: str
    muted: str


@dataclass(frozen=True, slots=True)
class Line:
    """How edges of a kind are drawn."""

    colour: str
    width: float = 1.5
    dash: str = ""
    head: str = "arrow"  # arrow, open, diamond


@dataclass(frozen=True, slots=True)
class Palette:
    page: str
    border: str
    title: str
    muted: str
    training: Slice
    observing: Slice
    lines: dict[EdgeKind, Line]


LIGHT = Palette(
    page="#ffffff", border="#d8dee4", title="#1f2328", muted="#59636e",
    training=Slice("#e7f0ff", "#3f74d1", "#14315f", "#47639a"),
    observing=Slice("#fdf4e0", "#c2892b", "#573a08", "#8a6a33"),
    lines={
        "data": Line("#5b6672"),
        "hold": Line("#0e8074", dash="7 4"),
        "previous": Line("#cf4f1f", dash="7 4 1.5 4"),
        "condition": Line("#8250df", dash="4 3", head="diamond"),
        "frequency": Line("#1a7f37", dash="1.5 3.5", head="open"),
        "order": Line("#8c959f", 1.3, dash="1.5 3.5", head="open"),
        "state": Line("#b5476d", 1.3, dash="3 3", head="open"),
    })

DARK = Palette(
    page="#0d1117", border="#30363d", title="#e6edf3", muted="#9198a1",
    training=Slice("#13233f", "#5f93ee", "#dce8ff", "#93b1e6"),
    observing=Slice("#2a2111", "#cf9a3d", "#fbe9c8", "#c9a76a"),
    lines={
        "data": Line("#9aa4af"), "hold": Line("#3fbfae"), "previous": Line("#f0814f"),
        "condition": Line("#b392f0"), "frequency": Line("#56d364"), "order": Line("#6e7681"),
        "state": Line("#e07a9e"),
    })


def dark_css() -> str:
    """Rules for pages that ask for dark pictures. Selectors are the classes that `svg.py` writes.

    Observing nodes may be inside a training loop, never the other way round; so their rules come last.
    """
    page = DARK.page
    rules = [f".page{{fill:{page};stroke:{DARK.border}}}", f".title{{fill:{DARK.title}}}",
             f".muted{{fill:{DARK.muted}}}", f".key{{stroke:{DARK.muted}}}",
             f".when{{fill:{page};stroke:{DARK.lines['condition'].colour}}}"]
    for name, colours in (("tr", DARK.training), ("ob", DARK.observing)):
        fill, stroke = colours.fill, colours.stroke
        rules += [f".{name} {part}" for part in (
            f".box{{fill:{fill};stroke:{stroke}}}", f".body{{fill:{page};stroke:{stroke}}}",
            f".clock{{fill:{page};stroke:{stroke}}}", f".sign{{stroke:{stroke}}}",
            f".name{{fill:{colours.text}}}", f".op{{fill:{colours.muted}}}")]
    for kind, line in DARK.lines.items():
        rules += [f".{kind}{{stroke:{line.colour}}}", f".{kind}-head,.{kind}-text{{fill:{line.colour}}}"]
    rules.append(f".halo{{stroke:{page}}}")
    return "@media (prefers-color-scheme:dark){" + "".join(rules) + "}"
