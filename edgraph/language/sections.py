"""What the sections of a pipeline have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from edgraph.language.fields import Fields, check_name, describe, first_line, is_empty
from edgraph.language.interpolate import Interpolator
from edgraph.language.parse import Scope
from edgraph.language.pipeline import Use
from edgraph.language.silence import hush
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken
from edgraph.text.source import Entry, Mapping, Name, Scalar, Span, Tree

_Item = TypeVar("_Item")
CHECKED_BY_KEY = ("data", "models", "optimizers", "loggers")  # a wrong key leaves the others to be checked


class Context:
    """What reading any section needs, and what it leaves behind."""

    def __init__(self, diagnostics: Diagnostics, params: dict[str, Tree], interpolates: bool = True) -> None:
        self.diagnostics = diagnostics
        self.params = params
        self.interpolator = Interpolator(params, diagnostics) if interpolates else None
        self.scope = Scope(params)
        self.resolved: dict[str, Entry] = {}  # sections as they are after interpolation
        self.broken: set[str] = set()  # `models.net`: entries in which something was wrong

    def insert(self, tree: Tree, skip: Iterable[str] = ()) -> Tree:
        return tree if self.interpolator is None else self.interpolator.tree(tree, skip)

    def mapping(self, root: Mapping, section: str, help: str) -> Mapping | None:
        """A section of the file, if it is there."""
        entry = root.entries.get(section)
        if entry is None:
            return None
        tree = entry.value
        if isinstance(tree, Mapping):
            return tree
        if is_empty(tree):
            self.diagnostics.error("missing-value", f"the section {section!r} is empty", entry.span,
                                   f"{help}, or remove it")
        elif not (isinstance(tree, Scalar) and tree.value is None):
            self.diagnostics.error("wrong-type", f"the section {section!r} is {describe(tree)}; expected a mapping",
                                   first_line(tree.span), help)
        return None

    def each(self, root: Mapping, section: str, what: str, help: str,
             read: Callable[[str, Span, Mapping], _Item], skip: Iterable[str] = (),
             reserved: Iterable[str] = (), bare: bool = False) -> dict[str, _Item]:
        """Every entry of a section of named mappings. `bare`: an entry may be empty."""
        mapping = self.mapping(root, section, help)
        found: dict[str, _Item] = {}
        if mapping is None:
            return found
        trees: dict[str, Entry] = {}
        for name, entry in mapping.entries.items():
            before = len(self.diagnostics)
            check_name(name, entry.span, what, self.diagnostics, reserved)
            tree = self.insert(entry.value, skip)
            if bare and isinstance(tree, Scalar) and tree.value is None:
                tree = Mapping({}, tree.span)
            trees[name] = Entry(entry.span, tree)
            label = f"{what.removeprefix('an ').removeprefix('a ')} {name!r}"
            if isinstance(tree, Mapping):
                found[name] = read(name, entry.span, tree)
            else:
                if not isinstance(tree, Broken):
                    self.entry_is_no_mapping(label, entry.span, tree, help)
                # known by its name nevertheless, so that nothing is said about those who use it
                found[name] = self.silently(read, name, entry.span)
            if len(self.diagnostics) > before:
                self.broken.add(f"{section}.{name}")
                hush(self.diagnostics, before, entry.span, tree.entries if section in CHECKED_BY_KEY
                     and isinstance(tree, Mapping) else {}, tree)
        self.resolved[section] = Entry(root.entries[section].span, Mapping(trees, mapping.span))
        return found

    def silently(self, read: Callable[[str, Span, Mapping], _Item], name: str, span: Span) -> _Item:
        """An entry with nothing in it."""
        outer, self.diagnostics = self.diagnostics, Diagnostics()
        try:
            return read(name, span, Mapping({}, span))
        finally:
            self.diagnostics = outer

    def entry_is_no_mapping(self, label: str, span: Span, tree: Tree, help: str) -> None:
        if isinstance(tree, Scalar) and tree.value is None:
            self.diagnostics.error("missing-value", f"{label} is empty", span, help)
        else:
            hint = f"write {{use: {tree.raw}}}" if isinstance(tree, Scalar) and "use" in help else help
            self.diagnostics.error("wrong-type", f"{label} is {describe(tree)}; expected a mapping",
                                   first_line(tree.span), hint)


def read_use(fields: Fields, required: bool = True, help: str | None = None) -> Use | None:
    """`use:` and `with:`."""
    use = fields.require("use", help) if required else fields.get("use")
    name = None if use is None else fields.as_name("use", use, "a registered name or an import path")
    settings = fields.part("with", "write with: {NAME: VALUE}")
    if name is None:
        if not required and settings is not None and not fields.has("use"):
            fields.diagnostics.error("missing-key", f"{fields.where} has 'with' but no 'use'",
                                     fields.key_span("with"), help)
        return None
    return Use(Name(name.text, name.span), settings)
