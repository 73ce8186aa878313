"""The files of a pipeline as trees: the document, and what it includes, read as far as they can be read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edgraph.lsp.positions import Text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.files import read_file
from edgraph.text.read import read_rest
from edgraph.text.source import Mapping, Scalar, Sequence, Source

MOST = 200  # files of one pipeline


class File(NamedTuple):
    """A text and its tree. None: it holds no mapping."""

    text: Text
    tree: Mapping | None


def files_of(text: Text) -> list[File]:
    """The document first, then what it includes, each file once."""
    found = {_key(text.source): read_text(text)}
    queue = list(found.values())
    for file in queue:
        for path in _includes(file):
            source = read_file(path, Diagnostics(), None) if len(found) < MOST else None
            if source is not None and _key(source) not in found:
                found[_key(source)] = read_text(Text(source, text.encoding))
                queue.append(found[_key(source)])
    return list(found.values())


def read_text(text: Text) -> File:
    """A text with its tree."""
    tree = read_rest(text.source)
    return File(text, tree if isinstance(tree, Mapping) else None)


def _key(source: Source) -> str:
    return source.name if source.name.startswith("<") else str(Path(source.name).resolve())


def _includes(file: File) -> list[Path]:
    """The paths that a file's `include` names."""
    name = file.text.source.name
    folder = Path() if name.startswith("<") else Path(name).parent
    include = file.tree.get("include") if file.tree is not None else None
    items = include.items if isinstance(include, Sequence) else [] if include is None else [include]
    wanted = [item.get("file") if isinstance(item, Mapping) else item for item in items]
    return [folder / item.value for item in wanted
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value.strip()]
