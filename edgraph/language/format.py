"""A pipeline's text in good order: same meaning, same comments, the author's own way of laying things out.

Each step is tried and kept only if the text reads as before and has the same comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from edgraph.language import graphs
from edgraph.language.loading import SECTIONS
from edgraph.language.ops import OP_KEYS
from edgraph.text.comments import comments
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.edits import apart, apply
from edgraph.text.layout import reordered, spaced, tidy_lines
from edgraph.text.read import read
from edgraph.text.source import Mapping, Scalar, Source, Tree
from edgraph.text.source import Sequence as List

Form: TypeAlias = "tuple[object, ...]"


def format_text(source: Source, diagnostics: Diagnostics) -> str | None:
    """The text in good order; None where it cannot be read, which is reported."""
    windows = "\r\n" in source.text
    source = Source(source.name, source.text.replace("\r\n", "\n"))
    source = _quoted(source)
    tree = read(source, diagnostics)
    if tree is None or diagnostics.failed:
        return None
    for step in (_ops, _graphs, _sections, spaced, tidy_lines):
        new = Source(source.name, step(source, tree))
        now = read(new, Diagnostics())
        if now is not None and _form(now) == _form(tree) and _said(new, now) == _said(source, tree):
            source, tree = new, now
    return source.text.replace("\n", "\r\n") if windows else source.text


def _quoted(source: Source) -> Source:
    """With quotes around expressions whose commas cut them up."""
    found = Diagnostics()
    read(source, found)
    fixes = apart(fix for item in found if item.code == "unquoted-comma" for fix in item.fixes)
    return Source(source.name, apply(source, fixes)) if fixes else source


def _ops(source: Source, tree: Mapping) -> str:
    return reordered(source, [(node, OP_KEYS) for node in _nodes(tree)], tree)


def _graphs(source: Source, tree: Mapping) -> str:
    return reordered(source, [(graph, graphs.KEYS) for graph in _entries(tree, "graphs")], tree)


def _sections(source: Source, tree: Mapping) -> str:
    return reordered(source, [(tree, SECTIONS)], tree)


def _nodes(tree: Mapping) -> Iterator[Mapping]:
    yield from _entries(tree, "ops")
    for graph in _entries(tree, "graphs"):
        yield from _entries(graph, "ops")


def _entries(tree: Mapping, section: str) -> Iterator[Mapping]:
    found = tree.get(section)
    if isinstance(found, Mapping):
        yield from (entry.value for entry in found.entries.values() if isinstance(entry.value, Mapping))


def _said(source: Source, tree: Tree) -> Counter[str]:
    return Counter(text for _, text in comments(source, tree))


def _form(tree: Mapping) -> Form:
    """All that a text means: two texts of one form are one pipeline."""
    nodes = {id(node) for node in _nodes(tree)}
    orders: dict[int, Sequence[str]] = {
        id(tree): SECTIONS, **dict.fromkeys(nodes, OP_KEYS),
        **{id(graph): graphs.KEYS for graph in _entries(tree, "graphs")}}
    return _part(tree, orders)


def _part(tree: Tree, orders: dict[int, Sequence[str]]) -> Form:
    """orders: of the mappings whose keys may change places."""
    if isinstance(tree, Scalar):
        return ("scalar", type(tree.value).__name__, repr(tree.value))
    if isinstance(tree, List):
        return ("list", *(_part(item, orders) for item in tree.items))
    entries = [(key, _part(entry.value, orders)) for key, entry in tree.entries.items()]
    return ("mapping", *(sorted(entries, key=lambda entry: entry[0]) if id(tree) in orders else entries))
