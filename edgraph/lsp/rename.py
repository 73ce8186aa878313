"""Renaming: a name at every place at which it stands, or a reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edgraph.language.fields import OP_NAMES_NOT_FREE, check_name
from edgraph.lsp.analysis import Analysis, analyse
from edgraph.lsp.files import File, read_text
from edgraph.lsp.index import Index
from edgraph.lsp.positions import Text
from edgraph.lsp.sites import Key, Kind, Site
from edgraph.text.diagnostics import Diagnostics, Fix
from edgraph.text.edits import apply
from edgraph.text.source import Source, Span

WHAT: dict[Kind, str] = {
    "op": "an op", "pattern": "a pattern", "graph": "a graph", "model": "a model", "optimizer": "an optimizer",
    "data": "a data set", "stage": "a stage", "param": "a parameter", "output": "an output", "argument": "an input",
    "logger": "a logger"}
SHARED: tuple[Kind, ...] = ("op", "pattern", "argument")  # one may not have the name of another


class Refused(ValueError):
    """It cannot be renamed, or not so; the message says why."""


class Change(NamedTuple):
    """A text in place of what stands at a span."""

    span: Span
    text: str


def renameable(analysis: Analysis, offset: int) -> Site:
    """The name at an offset, if it can be renamed. Raises Refused."""
    site = analysis.site(offset)
    if site is None:
        raise Refused("there is no name here that could be renamed")
    name = site.key.name
    if site.key.kind == "kind":
        raise Refused(f"'{name}' is an op type: it is renamed where it is defined, in Python")
    if site.key.kind not in WHAT:
        raise Refused(f"'{name}' is not a name that this pipeline gives")
    if site.key.kind == "op" and "." in name:
        raise Refused(f"'{name}' is made by the pattern '{name.split('.')[0]}', which can be renamed")
    if not analysis.index.given(site.key):
        raise Refused(f"'{name}' is declared nowhere")
    return site


def rename(analysis: Analysis, offset: int, name: str) -> list[Change]:
    """Every change that gives the name at an offset another name. Raises Refused where that cannot be, or where the
    pipeline would not mean the same afterwards."""
    site = renameable(analysis, offset)
    key = site.key
    if analysis.checked.pipeline is None:
        raise Refused("the file cannot be read as it is: correct that first")
    if name == key.name:
        return []
    _check_free(analysis.index, key, name)
    changes = [Change(other.span, name) for other in analysis.index.of(key)]
    _check_meaning(analysis, key, name, changes)
    return changes


def _check_free(index: Index, key: Key, name: str) -> None:
    found = Diagnostics()
    if not check_name(name, Span(Source("", name), 1, 1, 1, 1), WHAT[key.kind], found,
                      OP_NAMES_NOT_FREE if key.kind in SHARED else ()):
        first = next(iter(found))
        raise Refused(first.message + (f"; {first.help}" if first.help else ""))
    for kind in SHARED if key.kind in SHARED else (key.kind,):
        taken = index.given(Key(kind, key.scope, name))
        if taken:
            raise Refused(f"there is already {WHAT[kind]} '{name}' ({taken[0].span.place()})")


def _check_meaning(analysis: Analysis, key: Key, name: str, changes: Sequence[Change]) -> None:
    """The changed texts have the new name exactly where the old one was, and no mistake that was not there before."""
    texts = {source.name: apply(source, [Fix("", change.span, name) for change in changes
                                         if change.span.source is source])
             for source in {id(file.text.source): file.text.source for file in analysis.files}.values()}
    files = [_file(file, texts) for file in analysis.files]
    before, after = analysis.index.of(key), Index(files).of(key._replace(name=name))
    if len(before) != len(after):
        raise Refused(f"'{name}' would be taken for something else where '{key.name}' is used now")
    if any(change.span.source is not analysis.source for change in changes):
        return  # what is included is read from disk, where nothing has changed yet
    changed = analyse(analysis.source.name, texts[analysis.source.name])
    known = {item.code for item in analysis.diagnostics}
    for item in changed.diagnostics:
        if item.severity == "error" and item.code not in known:
            raise Refused(f"then {item.span.place() if item.span else 'the pipeline'} would be wrong: {item.message}")


def _file(file: File, texts: dict[str, str]) -> File:
    return read_text(Text(Source(file.text.source.name, texts[file.text.source.name])))


__all__ = ["Change", "Refused", "rename", "renameable"]
