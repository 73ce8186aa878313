"""Reading a pipeline's file with everything it includes."""

from __future__ import annotations

from collections.abc import Mapping as Map
from pathlib import Path, PurePath
from typing import Any

from edgraph.language.declare import with_value
from edgraph.language.fields import Fields, describe, first_line
from edgraph.language.merge import lay_over
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.dump import dump
from edgraph.text.files import read_file
from edgraph.text.read import read
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Source, Span, Tree
from edgraph.text.suggest import did_you_mean

MAX_DEPTH = 32
MAX_NESTED = 90
MAPPING = "<mapping>"  # the name in messages of a pipeline given as a Python mapping


def read_root(path_or_mapping: str | Path | Map[str, Any] | Source, diagnostics: Diagnostics) -> Source | None:
    """The text of a pipeline, before its includes."""
    if isinstance(path_or_mapping, Source):
        return path_or_mapping
    if isinstance(path_or_mapping, Map):
        return _from_mapping(path_or_mapping, diagnostics)
    return read_file(Path(path_or_mapping), diagnostics, None)


def read_with_includes(source: Source, diagnostics: Diagnostics) -> Mapping | None:
    """A source's tree over those of the files it includes; None where any of them could not be read."""
    reader = _Reader(diagnostics)
    tree = reader.file(source, [])
    return None if reader.failed else tree


def _from_mapping(mapping: Map[str, Any], diagnostics: Diagnostics) -> Source | None:
    """A Python mapping as the text that an author would have written, so that messages can point at it."""
    wrong = _not_data(mapping, "", 0)
    if wrong is not None:
        diagnostics.error("wrong-type", wrong, None, "a pipeline is made of mappings, lists, texts and numbers")
        return None
    return Source(MAPPING, dump(mapping))


def _not_data(value: Any, path: str, depth: int) -> str | None:
    where = f"the value at {path!r}" if path else "the pipeline"
    if depth > MAX_NESTED:
        return f"{where} is nested more than {MAX_NESTED} deep"
    if isinstance(value, Map):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"a key of {where} is {key!r}; keys are texts"
            if (wrong := _not_data(item, f"{path}.{key}".lstrip("."), depth + 1)) is not None:
                return wrong
        return None
    if isinstance(value, (list, tuple)):
        found = (_not_data(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value))
        return next((wrong for wrong in found if wrong is not None), None)
    if value is None or isinstance(value, (bool, int, float, str, PurePath)):
        return None
    return f"{where} is a {type(value).__name__}, not data"


class _Reader:
    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.failed = False

    def file(self, source: Source, above: list[str]) -> Mapping | None:
        """A file's tree over what it includes. above: the files that include this one, as absolute paths."""
        tree = read(source, self.diagnostics)
        if tree is None:
            return None
        include = tree.entries.get("include")
        if include is None:
            return tree
        here = Path("." if source.name.startswith("<") else source.name)
        folder = here if source.name.startswith("<") else here.parent
        base: Mapping | None = None
        value = include.value
        for item in value.items if isinstance(value, Sequence) else [value]:
            included = self.one(item, folder, [*above, str(here.resolve())])
            if included is not None:
                base = included if base is None else _over(included, base)
        return tree if base is None else _over(tree, base)

    def one(self, item: Tree, folder: Path, above: list[str]) -> Mapping | None:
        """One entry of `include`: a file's name, or {file:, only:}."""
        before = len(self.diagnostics)
        only: list[tuple[str, Span]] | None = None
        target = item
        if isinstance(item, Mapping):
            fields = Fields(item, "an entry of 'include'", ("file", "only"), self.diagnostics)
            found = fields.require("file", "write {file: base.yaml, only: [params]}")
            only = [(name.text, name.span) for name in fields.names("only")] if fields.has("only") else None
            target = found if found is not None else item
        if not isinstance(target, Scalar) or not isinstance(target.value, str) or not target.value.strip():
            if len(self.diagnostics) == before:
                self.diagnostics.error("wrong-type", f"'include' has {describe(target)}; expected the name of a file",
                                       first_line(target.span), "write include: [base.yaml]")
            self.failed = True
            return None
        if "${" in target.value:
            self.diagnostics.error("bad-interpolation", "'${…}' is not possible in 'include': what is included may "
                                   "give parameters", target.span, "write the name of the file")
            self.failed = True
            return None
        tree = self.included(target.value, target.span, folder, above)
        if tree is None:
            self.failed = True
            return None
        return tree if only is None else self.only(tree, only, target.value)

    def included(self, name: str, span: Span, folder: Path, above: list[str]) -> Mapping | None:
        path = folder / name
        resolved = str(path.resolve())
        if resolved in above:
            chain = " → ".join(Path(p).name for p in [*above[above.index(resolved):], resolved])
            self.diagnostics.error("include-cycle", f"files include each other: {chain}", span,
                                   "remove one of the includes")
            return None
        if len(above) >= MAX_DEPTH:
            self.diagnostics.error("include-cycle", f"files include each other more than {MAX_DEPTH} deep",
                                   span)
            return None
        source = read_file(path, self.diagnostics, span)
        return None if source is None else self.file(source, above)

    def only(self, tree: Mapping, only: list[tuple[str, Span]], name: str) -> Mapping:
        for key, span in only:
            if key not in tree.entries:
                self.diagnostics.error("unknown-key", f"{name!r} has no section {key!r}", span,
                                       did_you_mean(key, tree.entries) or None)
        wanted = {key for key, _ in only}
        return Mapping({key: entry for key, entry in tree.entries.items() if key in wanted}, tree.span)


def _over(upper: Mapping, lower: Mapping) -> Mapping:
    upper = Mapping({key: Entry(entry.span, _values_over(entry.value, lower.get(key))) if key == "params" else entry
                     for key, entry in upper.entries.items()}, upper.span)
    merged = lay_over(upper, lower)
    assert isinstance(merged, Mapping)
    # Sections keep the order of the upper file where it has them, so that messages and `expand` follow it.
    order: dict[str, Entry] = {key: merged.entries[key] for key in upper.entries if key in merged.entries}
    return Mapping({**order, **merged.entries}, upper.span)


def _values_over(upper: Tree, lower: Tree | None) -> Tree:
    """Parameters that only get another value stay what the included file declares them to be."""
    if not isinstance(upper, Mapping) or not isinstance(lower, Mapping):
        return upper
    return Mapping({name: Entry(entry.span, with_value(below, entry.value))
                    if (below := lower.get(name)) is not None else entry
                    for name, entry in upper.entries.items()}, upper.span)
