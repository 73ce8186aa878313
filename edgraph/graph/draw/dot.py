"""A drawing in the dot language, for those who have Graphviz and want to lay it out their own way."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.draw.drawing import Drawing, EdgeKind, Node, NodeKind
from edgraph.graph.draw.palette import LIGHT

STYLES: dict[NodeKind, str] = {
    "source": "rounded,filled,bold", "transform": "rounded,filled", "update": "rounded,filled,bold",
    "effect": "filled", "loop": "rounded,filled,dashed"}
LINES: dict[EdgeKind, str] = {
    "data": "solid", "hold": "dashed", "previous": "dashed", "condition": "dashed", "frequency": "dotted",
    "order": "dotted", "state": "dotted"}
HEADS = {"arrow": "normal", "diamond": "diamond", "open": "vee"}


def dot(drawing: Drawing) -> str:
    """The text of a digraph. The bodies of loops are clusters."""
    lines = [f"digraph {_quote(drawing.title or 'graph')} {{",
             '    graph [rankdir=TB, compound=true, fontname="Helvetica", labelloc=t, labeljust=l'
             + (f", label={_quote(drawing.title)}]" if drawing.title else "]"),
             '    node [shape=box, fontname="Helvetica", fontsize=11]',
             '    edge [fontname="Helvetica", fontsize=9]']
    return "\n".join([*lines, *_graph(drawing, "n", "    "), "}", ""])


def _graph(drawing: Drawing, prefix: str, indent: str) -> Iterator[str]:
    number = {node.name: f"{prefix}{index}" for index, node in enumerate(drawing.nodes)}
    bodies = {node.name: node.body for node in drawing.nodes if node.body is not None and node.body.nodes}
    for node in drawing.nodes:
        colours = LIGHT.training if node.training else LIGHT.observing
        if node.name in bodies:
            yield f"{indent}subgraph cluster_{number[node.name]} {{"
            yield (f'{indent}    graph [label={_label(node)}, style="rounded,dashed", '
                   f'color="{colours.stroke}", fontcolor="{colours.text}"]')
            yield from _graph(bodies[node.name], f"{number[node.name]}_", indent + "    ")
            yield f"{indent}}}"
        else:
            yield (f'{indent}{number[node.name]} [label={_label(node)}, style="{STYLES[node.kind]}", '
                   f'fillcolor="{colours.fill}", color="{colours.stroke}", fontcolor="{colours.text}"]')
    for edge in drawing.merged_edges():
        line = LIGHT.lines[edge.kind]
        # Graphviz joins nodes only: an edge of a cluster is one of a node in it, cut off at its border.
        tail, head = _anchor(number, bodies, edge.source, last=True), _anchor(number, bodies, edge.target)
        more = f", ltail=cluster_{number[edge.source]}" if edge.source in bodies else ""
        more += f", lhead=cluster_{number[edge.target]}" if edge.target in bodies else ""
        more += f', label={_quote(edge.label)}, fontcolor="{line.colour}"' if edge.label else ""
        more += ", constraint=false" if edge.kind == "previous" else ""
        yield (f'{indent}{tail} -> {head} [style={LINES[edge.kind]}, color="{line.colour}", '
               f"arrowhead={HEADS[line.head]}{more}]")


def _anchor(number: dict[str, str], bodies: dict[str, Drawing], name: str, last: bool = False) -> str:
    """The node that stands for `name`: itself, or the first or last one of the loop's body."""
    found = number[name]
    body = bodies.get(name)
    while body is not None:
        index = len(body.nodes) - 1 if last else 0
        found, inner = f"{found}_{index}", body.nodes[index].body
        body = inner if inner is not None and inner.nodes else None
    return found


def _label(node: Node) -> str:
    condition = f"when {node.condition}" if node.condition else ""
    return _quote("\n".join(filter(None, (node.name, node.op, node.clock, condition))))


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", "\\n")
    return f'"{escaped}"'
