"""What there is to say about a node, in Markdown: what it does, when it runs, who asks for it, its place."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.clocks import words
from edgraph.lsp.nodes import Found
from edgraph.plan.causes import due_words, way_words, ways_to_sinks
from edgraph.plan.explain import Explainer
from edgraph.plan.wording import EVENTS, in_unit, on, op_words

DEMANDERS = 4  # that are named


def node_words(found: Found, brief: bool = False) -> Iterator[str]:
    """Paragraphs about a node. brief: only what it is and when it runs."""
    node, graph = found.node, found.graph
    yield f"**{node.name}**: `{op_words(node, graph)}`" + (f"  ({node.place})" if brief else "")
    if not brief:
        if node.op != "expr":
            yield node.spec.summary
        if node.entry is not None and node.entry.doc:
            yield node.entry.doc
    yield _runs(found)
    if brief:
        return
    explainer = Explainer(graph, node, list(found.loops))
    rows = [("clock", "; ".join(explainer.clock()))]
    rows += [("demand", text) for text in _demand(found)]
    rows += [("order", explainer.order()), ("slice", explainer.slice())]
    if found.loops:
        rows.append(("loop", f"'{found.loops[-1].name}', which runs {on(words(found.loops[-1].clock))}"))
    yield "\n".join(f"- *{head}*: {text}" for head, text in rows)


def _runs(found: Found) -> str:
    """When it runs, in one sentence."""
    node = found.node
    if node.metric or (found.loops and node.spec.metric):
        return "Its value is made once, when the loop has ended."
    runs = found.timings.of(node.name)
    events = [f"at `{event}`, {EVENTS[event]}" for event, _ in (node.entry.at if node.entry else ())]
    if events and not node.clock.terms:
        return f"It fires {', and '.join(events)}."
    if runs is None:
        text = f"{'may fire' if node.conditions else 'fires'} {on(in_unit(words(node.clock), found.unit))}"
    else:
        text = runs.words(found.unit)
    return f"It {text}." + (f" And {', and '.join(events)}." if events else "")


def _demand(found: Found) -> list[str]:
    """What needs it: itself, and the ops that are due by themselves."""
    node, graph = found.node, found.graph
    due = due_words(node, graph)
    ways = ways_to_sinks(node, graph)
    texts = [f"by itself: {due}"] if due else []
    texts += [f"{way_words(way)}, {on(in_unit(words(graph.nodes[way[-1]].clock), found.unit))}"
              for way in ways[:DEMANDERS]]
    if len(ways) > DEMANDERS:
        texts.append(f"… and {len(ways) - DEMANDERS} more")
    return texts or ["nothing that is ever due needs it, so it never runs"]


def part_words(found: Found, name: str) -> str:
    """A part of a node's value."""
    port = found.node.spec.port(name)
    said = f": {port.doc}" if port is not None and port.doc else ""
    return f"`{found.node.name}.{name}`{said or ', a part of its value'}"
