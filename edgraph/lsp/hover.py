"""What is said of a name under the cursor, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.node_words import node_words, part_words
from edgraph.lsp.nodes import nodes_of
from edgraph.lsp.sites import Key, Site
from edgraph.lsp.structure import describe_key
from edgraph.lsp.vocabulary import item_words, kind_words, port_words, setting_words
from edgraph.text.source import Span

LINES = 6  # of an entry that are shown


class Hover(NamedTuple):
    """Markdown, and the name that it is about."""

    text: str
    span: Span


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """What there is to say about the name at an offset; None where there is none, or nothing is known of it."""
    site = analysis.site(offset)
    if site is None:
        return None
    parts = [part for part in _words(analysis, site) if part]
    return Hover("\n\n".join(parts), site.span) if parts else None


def _words(analysis: Analysis, site: Site) -> Iterator[str]:
    key = site.key
    match key.kind:
        case "op":
            yield from _op(analysis, key)
        case "field":
            scope, op = key.scope.split(":", 1)
            found = nodes_of(analysis, scope, op)
            if found:
                yield part_words(found[0], key.name)
                yield from node_words(found[0], brief=True)
        case "kind":
            yield kind_words(key.name)
        case "use":
            yield item_words(key.scope, key.name)
        case "setting":
            yield setting_words(key.scope, key.name)
        case "port":
            yield port_words(key.scope, key.name)
        case "section":
            yield describe_key(key)
        case "param":
            yield from _param(analysis, key)
        case "output" if not site.gives and (reader := analysis.index.left_of(site)) is not None:
            yield from _entry(analysis, key)
            for loop in nodes_of(analysis, reader.key.scope, reader.key.name)[:1]:
                yield from node_words(loop, brief=True)
        case _:
            yield from _entry(analysis, key)


def _op(analysis: Analysis, key: Key) -> Iterator[str]:
    found = nodes_of(analysis, key.scope, key.name)
    if not found:
        yield from _entry(analysis, key)
        return
    yield from node_words(found[0])
    if analysis.good is not analysis.checked:
        yield "*As of the last version without errors.*"
    if len(found) > 1:
        others = ", ".join(f"`{other.name}`" for other in found[1:])
        yield f"The graph is used {len(found)} times; this is about `{found[0].name}`. The others: {others}."


def _param(analysis: Analysis, key: Key) -> Iterator[str]:
    yield f"**{key.name}**: parameter of {f'graph `{key.scope}`' if key.scope else 'the pipeline'}"
    yield from _written(analysis, key)


def _entry(analysis: Analysis, key: Key) -> Iterator[str]:
    """Anything else that is declared: how it is written, and what it uses."""
    if not analysis.index.given(key):
        return
    what = {"data": "data set", "argument": "input of the loop"}.get(key.kind, key.kind)
    of = f" of graph `{key.scope}`" if key.scope else ""
    yield f"**{key.name}**: {what}{of}"
    yield from _written(analysis, key)
    inside = [site for site in analysis.index.sites if site.key.kind == "use"]
    for given in analysis.index.given(key):
        for site in inside:
            if given.whole is not None and _within(site.span, given.whole):
                yield item_words(site.key.scope, site.key.name, brief=True)


def _within(span: Span, whole: Span) -> bool:
    return span.source is whole.source and whole[1:3] <= span[1:3] and span[3:] <= whole[3:]


def _written(analysis: Analysis, key: Key) -> Iterator[str]:
    """The entry as it stands in the file."""
    for site in analysis.index.given(key)[:1]:
        if site.whole is not None:
            indent = " " * (site.whole.column - 1)
            written = analysis.index.texts[id(site.whole.source)].slice(site.whole)
            lines = [line.removeprefix(indent) for line in written.splitlines()]
            more = ["…"] if len(lines) > LINES else []
            yield "\n".join(["```yaml", *lines[:LINES], *more, "```"])
            if site.span.source is not analysis.source:
                yield f"From `{site.span.place()}`"
