"""The resolved pipeline as YAML: includes, overrides, `like` and parameters worked in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgraph.language.overrides import SOURCE as COMMAND_LINE
from edgraph.language.pipeline import Pipeline
from edgraph.text.dump import Verbatim, dump, flow, scalar
from edgraph.text.inserted import Inserted
from edgraph.text.render import one_line
from edgraph.text.scalars import resolve
from edgraph.text.source import Mapping, Scalar, Sequence, Span, Tree

_COMMENT_COLUMN = 60


def expand(pipeline: Pipeline, origins: bool = False) -> str:
    """YAML that loads to the same pipeline. origins: a comment on each line says where its value came from.

    Graphs stay as they are written: their parameters are inserted at each use. For a pipeline without errors.
    """
    if not origins:
        return dump(_values(pipeline.tree))
    lines = list(_lines(pipeline.tree, 0))
    width = min(max((len(text) for text, _ in lines if len(text) <= _COMMENT_COLUMN), default=0),
                _COMMENT_COLUMN)
    return "".join(f"{text:<{width}}  # {one_line(origin)}".rstrip() + "\n" if origin else f"{text}\n" for text,
                   origin in lines)


def _values(tree: Tree) -> Any:
    if isinstance(tree, Mapping):
        return {key: _values(entry.value) for key, entry in tree.entries.items()}
    if isinstance(tree, Sequence):
        return [_values(item) for item in tree.items]
    return _scalar(tree)


def _scalar(tree: Scalar) -> Any:
    """Numbers as the author wrote them (`1e-3` stays `1e-3`)."""
    value = tree.value
    if isinstance(value, str) or not tree.raw or isinstance(resolve(tree.raw), str):
        return value
    return Verbatim(tree.raw) if repr(resolve(tree.raw)) == repr(value) else value


# -- with origins ----------------------------------------------------------------------------------

def _lines(tree: Mapping, indent: int) -> Iterator[tuple[str, str]]:
    """Lines of YAML, each with where what it says came from."""
    for key, entry in tree.entries.items():
        head = f"{' ' * indent}{scalar(key)}:"
        value = entry.value
        if (indent and _origins(value) == {_origin(value)}) or not isinstance(value, (Mapping, Sequence)):
            yield f"{head} {flow(_values(value))}", _origin(value)
        elif isinstance(value, Mapping):
            yield (head, "") if value.entries else (f"{head} {{}}", _origin(value))
            yield from _lines(value, indent + 2)
        else:
            yield (head, "") if value.items else (f"{head} []", _origin(value))
            for item in value.items:
                yield f"{' ' * (indent + 2)}- {flow(_values(item))}", ", ".join(sorted(_origins(item)))


def _origins(tree: Tree) -> set[str]:
    if isinstance(tree, Mapping):
        return set().union(*(_origins(entry.value) for entry in tree.entries.values())) or {_origin(tree)}
    if isinstance(tree, Sequence):
        return set().union(*map(_origins, tree.items)) or {_origin(tree)}
    return {_origin(tree)}


def _origin(tree: Tree) -> str:
    """`pipeline.yaml:31`, `command line: lr=1e-4`, `${lr} at pipeline.yaml:3`."""
    if isinstance(tree, Inserted):
        return f"{tree.text} at {_place(tree.defined)}"
    return _place(tree.span)


def _place(span: Span) -> str:
    if span.source.name == COMMAND_LINE:
        return f"{COMMAND_LINE}: {span.source.text}"
    return f"{span.source.name}:{span.line}"
