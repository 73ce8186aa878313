"""Adding a key to an entry and taking one out, in braces and in lines, without touching the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.positions import Text
from edgraph.lsp.rename import Change
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Span, Tree, join


class Named(NamedTuple):
    """An op that is written as a mapping in the document."""

    name: str
    tree: Mapping


def entry_at(analysis: Analysis, span: Span, name: str | None = None) -> Named | None:
    """The op in whose entry a span lies; with a name that op, in the same graph. None: it is not in the document, or
    written in one line."""
    tree = analysis.files[0].tree
    for section in _sections(tree) if tree is not None else ():
        for key, entry in section.entries.items():
            whole = join(entry.span, entry.value.span)
            if whole[1:3] <= span[1:3] and span[3:] <= whole[3:]:
                named = key if name is None else name
                value = section.get(named)
                return Named(named, value) if isinstance(value, Mapping) else None
    return None


class Place(NamedTuple):
    """A scalar of the document. flow: it stands in braces or brackets. plain: it has no quotes."""

    span: Span
    flow: bool
    plain: bool


def scalar_at(analysis: Analysis, span: Span) -> Place | None:
    """The scalar that a span is a part of."""
    tree: Tree | None = analysis.files[0].tree
    flow = False
    while tree is not None and not isinstance(tree, Scalar):
        flow = flow or analysis.text.slice(tree.span)[:1] in ("{", "[")
        parts = tree.items if isinstance(tree, Sequence) else [entry.value for entry in tree.entries.values()]
        tree = next((part for part in parts if part.span[1:3] <= span[1:3] and span[3:] <= part.span[3:]
                     and part.span.source is analysis.source), None)
    return None if tree is None else Place(tree.span, flow, tree.plain)


def _sections(tree: Mapping) -> Iterator[Mapping]:
    graphs = tree.get("graphs")
    inner = [entry.value for entry in graphs.entries.values()] if isinstance(graphs, Mapping) else []
    for owner in (tree, *inner):
        ops = owner.get("ops") if isinstance(owner, Mapping) else None
        if isinstance(ops, Mapping):
            yield ops


def without_key(text: Text, tree: Mapping, key: str) -> Change:
    """The change that takes a key out."""
    entry = tree.entries[key]
    start, end = _extent(text, entry)
    if _in_braces(text, tree):
        return Change(_cut(text, start, end), "")
    line_start = text.offset(entry.span.line, 1)
    line_end = text.text.find("\n", end)
    return Change(text.span(line_start, len(text.text) if line_end < 0 else line_end + 1), "")


def _extent(text: Text, entry: Entry) -> tuple[int, int]:
    span = entry.value.span
    return text.offset(entry.span.line, entry.span.column), text.offset(span.end_line, span.end_column)


def _in_braces(text: Text, tree: Mapping) -> bool:
    return text.slice(tree.span)[:1] == "{"


def _cut(text: Text, start: int, end: int) -> Span:
    """A part of a list in braces, with the comma before it, or else the one behind it."""
    before = len(text.text[:start].rstrip())
    if text.text[before - 1:before] == ",":
        return text.span(before - 1, end)
    rest = text.text[end:]
    behind = rest.lstrip()
    if behind.startswith(","):
        end += len(rest) - len(behind[1:].lstrip(" "))
    return text.span(start, end)


def add_to_list(text: Text, tree: Mapping, key: str, name: str) -> Change:
    """The change that adds a name to a key which takes one or a list."""
    entry = tree.entries.get(key)
    if entry is None:
        return _new_key(text, tree, f"{key}: [{name}]")
    value = entry.value
    if isinstance(value, Scalar) and value.value is not None:
        return Change(value.span, f"[{text.slice(value.span)}, {name}]")
    if isinstance(value, Sequence) and value.items and text.slice(value.span)[:1] == "[":
        return Change(_empty_at(text, value.items[-1].span), f", {name}")
    if isinstance(value, Sequence) and value.items:
        last = value.items[-1].span
        dash = text.source.line(last.line)
        indent = dash[:len(dash) - len(dash.lstrip())]
        return Change(_empty_at(text, last), f"\n{indent}- {name}")
    return Change(value.span, f"[{name}]")


def _empty_at(text: Text, span: Span) -> Span:
    at = text.offset(span.end_line, span.end_column)
    return text.span(at, at)


def _new_key(text: Text, tree: Mapping, written: str) -> Change:
    """Behind the last key."""
    last = list(tree.entries.values())[-1]
    _, end = _extent(text, last)
    if _in_braces(text, tree):
        return Change(text.span(end, end), f", {written}")
    line_end = text.text.find("\n", end)
    at = len(text.text) if line_end < 0 else line_end
    return Change(text.span(at, at), f"\n{' ' * (last.span.column - 1)}{written}")
