"""Data entries without a file: every part of the tree has a source of its own, whose text is that part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgraph.data.source import DataSource, open_data
from edgraph.language.pipeline import DataEntry, Use
from edgraph.ops.registry import registry
from edgraph.text.diagnostics import Diagnostic, Diagnostics
from edgraph.text.source import Entry, Mapping, Name, Scalar, Sequence, Source, Span, Tree


def span(text: Any) -> Span:
    return Span(Source("pipeline.yaml", str(text)), 1, 1, 1, 2)


def tree(value: Any) -> Tree:
    if isinstance(value, dict):
        return Mapping({key: Entry(span(key), tree(item)) for key, item in value.items()}, span(value))
    if isinstance(value, list):
        return Sequence([tree(item) for item in value], span(value))
    return Scalar(str(value) if isinstance(value, Path) else value, span(value))


def entry(use: str, settings: dict[str, Any] | None = None, name: str = "train", **keys: Any) -> DataEntry:
    written = None if settings is None else tree(settings)
    assert written is None or isinstance(written, Mapping)
    for key in ("transform", "sampler"):
        if key in keys:
            keys[key] = tree(keys[key])
    if "collate" in keys:
        keys["collate"] = Name(keys["collate"], span(keys["collate"]))
    return DataEntry(name, span(name), Use(Name(use, span(use)), written), **keys)


def opened(use: str, settings: dict[str, Any] | None = None, seed: int = 0, folder: Path = Path(),
           **keys: Any) -> DataSource:
    diagnostics = Diagnostics()
    source = open_data(entry(use, settings, **keys), registry, seed, diagnostics, folder)
    assert source is not None, list(diagnostics)
    assert not len(diagnostics)
    return source


def refused(use: str, settings: dict[str, Any] | None = None, folder: Path = Path(),
            **keys: Any) -> Diagnostic:
    diagnostics = Diagnostics()
    source = open_data(entry(use, settings, **keys), registry, 0, diagnostics, folder)
    assert source is None
    [diagnostic] = diagnostics
    return diagnostic


def at(diagnostic: Diagnostic) -> str:
    """The text that the diagnostic points at."""
    assert diagnostic.span is not None
    return diagnostic.span.source.text
