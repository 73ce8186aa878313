"""The outline of a document, and what of it can be folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.names import SECTIONS, text
from edgraph.text.source import Entry, Mapping, Span, Tree, join

NAMED = (*SECTIONS, "ops", "patterns", "params")  # sections of named entries


@dataclass(slots=True)
class Symbol:
    """One entry. kind: "section", "op", "model", …; whole: with its value; name_span: of its key."""

    name: str
    kind: str
    detail: str
    whole: Span
    name_span: Span
    children: list[Symbol] = field(default_factory=list)


class Fold(NamedTuple):
    """Lines from 1, the first stays visible."""

    first: int
    last: int


def symbols(analysis: Analysis) -> list[Symbol]:
    """The sections of the document with their entries; those of a graph below it."""
    tree = analysis.files[0].tree
    return [] if tree is None else _sections(tree)


def _sections(tree: Mapping) -> list[Symbol]:
    found = []
    for section, entry in tree.entries.items():
        symbol = _symbol(section, "section", "", entry)
        if section in NAMED and isinstance(entry.value, Mapping):
            kind = SECTIONS.get(section, section.removesuffix("s"))
            symbol.children = [_entry(name, kind, inner) for name, inner in entry.value.entries.items()]
        found.append(symbol)
    return found


def _entry(name: str, kind: str, entry: Entry) -> Symbol:
    value = entry.value
    symbol = _symbol(name, kind, _detail(value), entry)
    if kind == "graph" and isinstance(value, Mapping):
        symbol.children = [child for section in _sections(value) if section.name in NAMED for child in section.children]
    return symbol


def _symbol(name: str, kind: str, detail: str, entry: Entry) -> Symbol:
    return Symbol(name, kind, detail, join(entry.span, entry.value.span), entry.span)


def _detail(value: Tree) -> str:
    """What an entry is, in a word."""
    if isinstance(value, Mapping):
        words = [text(value.get(key)) for key in ("op", "use", "copy", "like")]
        return next((word for word in words if word), "")
    return text(value).split("\n")[0][:60]


def folds(analysis: Analysis) -> list[Fold]:
    """Every mapping or list over several lines, from the line of its key."""
    found: set[Fold] = set()
    tree = analysis.files[0].tree
    if tree is not None:
        _collect(tree, analysis, found)
    return sorted(found)


def _collect(tree: Tree, analysis: Analysis, found: set[Fold]) -> None:
    for span, value in ([(entry.span, entry.value) for entry in tree.entries.values()] if isinstance(tree, Mapping)
                        else [(item.span, item) for item in getattr(tree, "items", ())]):
        last = value.span.end_line if value.span.end_column > 1 else value.span.end_line - 1
        while last > span.line and not analysis.source.line(last).strip():
            last -= 1
        if last > span.line:
            found.add(Fold(span.line, last))
        _collect(value, analysis, found)
