"""How often each op runs, beside its name."""

from __future__ import annotations

from typing import NamedTuple

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.nodes import Found, nodes_of
from edgraph.text.source import Span


class Hint(NamedTuple):
    """A short text behind a name, and what it means in a sentence."""

    span: Span
    text: str
    tooltip: str


def hints(analysis: Analysis, first: int = 1, last: int | None = None) -> list[Hint]:
    """For the ops whose names stand on the lines first..last, where the run is known before it begins."""
    found = []
    for site in analysis.index.sites:
        if (site.key.kind == "op" and site.gives and site.span.source is analysis.source
                and first <= site.span.line and (last is None or site.span.line <= last)):
            hint = _hint(nodes_of(analysis, site.key.scope, site.key.name))
            if hint is not None:
                found.append(Hint(site.span, *hint))
    return found


def _hint(nodes: list[Found]) -> tuple[str, str] | None:
    """Of a graph that is used several times, only what is the same for each use."""
    said = {words for node in nodes if (words := _of(node)) is not None}
    return said.pop() if len(said) == 1 else None


def _of(found: Found) -> tuple[str, str] | None:
    node = found.node
    if node.metric or (found.loops and node.spec.metric):
        return "1× per loop", "its value is made once, when the loop has ended"
    runs = found.timings.of(node.name)
    if runs is None or (node.entry is not None and node.entry.at and not node.clock.terms):
        return None
    return runs.hint() + (" per loop" if found.loops else ""), runs.words(found.unit)
