"""Trees and names without a file, for tests of ops."""

from __future__ import annotations

from typing import Any

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Source, Span, Tree

SOURCE = Source("pipeline.yaml", "")
SPAN = Span(SOURCE, 1, 1, 1, 2)


def tree(value: Any) -> Tree:
    """A tree without places."""
    if isinstance(value, dict):
        return Mapping({key: Entry(SPAN, tree(item)) for key, item in value.items()}, SPAN)
    if isinstance(value, list | tuple):
        return Sequence([tree(item) for item in value], SPAN)
    return Scalar(value, SPAN)


def mapping(value: dict[str, Any]) -> Mapping:
    made = tree(value)
    assert isinstance(made, Mapping)
    return made


def said(diagnostics: Diagnostics) -> list[str]:
    """`code: message (help)` of each."""
    return [f"{d.code}: {d.message}" + (f" ({d.help})" if d.help else "") for d in diagnostics]
