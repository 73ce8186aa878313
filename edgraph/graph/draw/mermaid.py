"""A drawing as a Mermaid flowchart, which code hosts and note programs draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.draw.drawing import EDGE_WORDS, Drawing, EdgeKind, Node, NodeKind
from edgraph.graph.draw.palette import LIGHT

SHAPES: dict[NodeKind, tuple[str, str]] = {
    "source": ("([", "])"), "transform": ("(", ")"), "update": ("[/", "\\]"), "effect": ("[", "]"),
    "loop": ("[[", "]]")}
ARROWS: dict[EdgeKind, str] = {
    "data": "-->", "hold": "-.->", "previous": "-.->", "condition": "--o", "frequency": "-.->",
    "order": "-.->", "state": "-.->"}


def mermaid(drawing: Drawing) -> str:
    """The flowchart's text. Nodes have numbers there, because a name may be one of Mermaid's words."""
    lines: list[str] = []
    links: list[EdgeKind] = []
    if drawing.title:
        lines += ["---", f"title: {_title(drawing.title)}", "---"]
    lines.append("flowchart TD")
    lines += _graph(drawing, "n", "    ", links)
    for name, colours in (("training", LIGHT.training), ("observing", LIGHT.observing)):
        lines.append(f"    classDef {name} fill:{colours.fill},stroke:{colours.stroke},color:{colours.text}")
    for kind in sorted(set(links)):
        numbers = ",".join(str(index) for index, other in enumerate(links) if other == kind)
        lines.append(f"    linkStyle {numbers} stroke:{LIGHT.lines[kind].colour}")
    return "\n".join([*lines, ""])


def _graph(drawing: Drawing, prefix: str, indent: str, links: list[EdgeKind]) -> Iterator[str]:
    """Nodes, with the bodies of loops as subgraphs, then edges. `links` collects the kinds of all edges."""
    number = {node.name: f"{prefix}{index}" for index, node in enumerate(drawing.nodes)}
    for node in drawing.nodes:
        css = "training" if node.training else "observing"
        if node.body is None:
            opening, closing = SHAPES[node.kind]
            yield f'{indent}{number[node.name]}{opening}"{_label(node)}"{closing}:::{css}'
        else:
            yield f'{indent}subgraph {number[node.name]}["{_label(node)}"]'
            yield from _graph(node.body, f"{number[node.name]}_", indent + "    ", links)
            yield f"{indent}end"
    for edge in drawing.merged_edges():
        kind = "" if edge.kind == "data" else EDGE_WORDS[edge.kind].split(" (")[0]
        label = _escape(" ".join(filter(None, (kind, edge.label))))
        links.append(edge.kind)
        yield (f"{indent}{number[edge.source]} {ARROWS[edge.kind]}" + (f'|"{label}"|' if label else "")
               + f" {number[edge.target]}")


def _label(node: Node) -> str:
    parts = [f"<b>{_escape(node.name)}</b>", _escape(node.op), _escape(node.clock)]
    return "<br/>".join(filter(None, [*parts, _escape(f"when {node.condition}" if node.condition else "")]))


def _title(text: str) -> str:
    """A quoted scalar of the YAML block that holds the title."""
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    """Mermaid reads `#name;` as a character; what would end or change a label is written so."""
    text = text.replace("#", "\0")
    for character in '&"<>`':
        text = text.replace(character, f"#{ord(character)};")
    return " ".join(text.replace("\0", "#35;").split())
