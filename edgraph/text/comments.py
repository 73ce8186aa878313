"""Where a text has comments, which are no part of its tree."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.text.source import LINE_END, Mapping, Scalar, Source, Span, Tree


def comments(source: Source, tree: Tree) -> Iterator[tuple[Span, str]]:
    """Each comment, with its '#', to the end of its line."""
    texts: dict[int, list[Span]] = {}
    for span in scalars(tree):
        for number in range(span.line, span.end_line + 1):
            texts.setdefault(number, []).append(span)
    for number, line in enumerate(LINE_END.split(source.text), 1):
        start = line.find("#")
        while start >= 0:
            at = Span(source, number, start + 1, number, len(line) + 1)
            outside = not any(span[1:3] <= at[1:3] < span[3:] for span in texts.get(number, ()))
            if outside and (start == 0 or line[start - 1].isspace()):
                yield at, line[start:].rstrip()
                break
            start = line.find("#", start + 1)


def scalars(tree: Tree) -> Iterator[Span]:
    """Where keys and values without parts stand."""
    if isinstance(tree, Scalar):
        yield tree.span
    elif isinstance(tree, Mapping):
        for entry in tree.entries.values():
            yield entry.span
            yield from scalars(entry.value)
    else:
        for item in tree.items:
            yield from scalars(item)
