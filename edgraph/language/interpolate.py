"""`${name}` and `${env:NAME}`: parameters and environment variables in values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from collections.abc import Mapping as Map

from edgraph.language.fields import check_name, describe, first_line
from edgraph.language.places import Places
from edgraph.text.build import MAX_DEPTH, height
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken, Inserted
from edgraph.text.scalars import resolve, write
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean

_INSERT = re.compile(r"\$\{([^{}]*)\}")
MAX_TEXT = 64 * 1024
MAX_INSERTED = 100_000  # values that `${…}` may add to a pipeline
MAX_CHAIN = 100


class Interpolator:
    """Inserts parameters. `params` are resolved values; what is wrong is reported once and becomes Broken."""

    def __init__(self, params: Map[str, Tree], diagnostics: Diagnostics, owner: str = "") -> None:
        self.params = params
        self.diagnostics = diagnostics
        self.owner = owner  # in messages: ` in graph 'evaluate'`
        self._sizes: dict[int, int] = {}
        self._inserted = 0

    def tree(self, tree: Tree, skip: Iterable[str] = ()) -> Tree:
        """The tree with parameters inserted: the same object where there are none.

        skip: keys of the outermost mapping whose values stay as they are, because they are expressions.
        """
        if isinstance(tree, Scalar):
            text = tree.value
            return self.scalar(tree, text) if isinstance(text, str) and "${" in text else tree
        if isinstance(tree, Sequence):
            items = [self.tree(item) for item in tree.items]
            changed = any(new is not old for new, old in zip(items, tree.items, strict=True))
            return Sequence(items, tree.span) if changed else tree
        entries: dict[str, Entry] | None = None
        for key, (span, value) in tree.entries.items():
            if key in skip:
                continue
            new = self.tree(value)
            if new is not value:
                if entries is None:
                    entries = dict(tree.entries)
                entries[key] = Entry(span, new)
        return tree if entries is None else Mapping(entries, tree.span)

    def scalar(self, node: Scalar, text: str) -> Tree:
        places = Places(text, node.span)
        whole = _INSERT.fullmatch(text)
        if whole is not None:
            found = self.lookup(whole[1], places.span(0, len(text)))
            return Broken(None, node.span) if found is None else self.placed(found, node.span, text)
        pieces: list[str] = []
        at = 0
        for match in _INSERT.finditer(text):
            span = places.span(*match.span())
            found = self.lookup(match[1], span)
            if found is None:
                return Broken(None, node.span)
            if not isinstance(found, Scalar):
                self.diagnostics.error("bad-interpolation",
                                       f"'{match[0]}' is {describe(found)} and cannot be a part of a text",
                                       span, "let the value be exactly one '${…}'")
                return Broken(None, node.span)
            pieces += text[at:match.start()], _format(found)
            at = match.end()
        pieces.append(text[at:])
        if "${" in text[at:]:
            start = text.index("${", at)
            self.diagnostics.error("bad-interpolation", "'${' is not closed", places.span(start, len(text)),
                                   "write ${NAME}")
            return Broken(None, node.span)
        result = "".join(pieces)
        if len(result) > MAX_TEXT:
            self.diagnostics.error("bad-interpolation",
                                   f"the text becomes longer than {MAX_TEXT:,} characters", node.span)
            return Broken(None, node.span)
        return Inserted(result, node.span, result, False, text, node.span)

    def lookup(self, inner: str, span: Span) -> Tree | None:
        """The value of what stands between the braces; None after an error (or for a broken parameter)."""
        name = inner.strip()
        if name.startswith("env:"):
            return self.environment(name[4:], span)
        found = self.params.get(name)
        if found is not None:
            return None if isinstance(found, Broken) else found
        if not name:
            self.diagnostics.error("bad-interpolation", "'${}' names no parameter", span, "write ${NAME}")
        elif name.startswith("params."):
            self.diagnostics.error("bad-interpolation", "in '${…}' a parameter is named without 'params.'",
                                   span,
                                   f"write ${{{name[7:]}}}")
        else:
            help = did_you_mean(name, self.params) or f"add it to 'params'{self.owner}"
            self.diagnostics.error("unknown-parameter", f"there is no parameter {name!r}{self.owner}", span,
                                   help)
        return None

    def environment(self, name: str, span: Span) -> Tree | None:
        """Read like a plain YAML value, so that a number is a number."""
        name, default_given, default = name.partition(":-")
        value = os.environ.get(name.strip())
        if value is None:
            if not default_given:
                self.diagnostics.error("unset-variable", f"the environment variable {name!r} is not set",
                                       span,
                                       f"set it, or give a default: ${{env:{name}:-…}}")
                return None
            value = default
        return Scalar(resolve(value), span, value)

    def placed(self, tree: Tree, span: Span, text: str) -> Tree:
        """A parameter's value where it is used: messages about a single value point at the use."""
        if isinstance(tree, Scalar):
            return Inserted(tree.value, span, tree.raw, tree.plain, text, tree.span)
        self._inserted += self._size(tree)
        if self._inserted > MAX_INSERTED:
            self.diagnostics.error("alias-bomb",
                                   f"parameters expand the file by more than {MAX_INSERTED:,} values", span)
            return Broken(None, span)
        return tree

    def _size(self, tree: Tree) -> int:
        if isinstance(tree, Scalar):
            return 1
        size = self._sizes.get(id(tree))
        if size is None:
            parts = tree.items if isinstance(tree, Sequence) else [e.value for e in tree.entries.values()]
            size = self._sizes[id(tree)] = 1 + sum(map(self._size, parts))
        return size


def resolve_params(section: Map[str, Entry], outer: Map[str, Tree], diagnostics: Diagnostics,
                   owner: str = "") -> dict[str, Tree]:
    """The values of a `params` section, which may name each other and those of `outer`."""
    return _Resolver(section, outer, diagnostics, owner).all()


class _Resolver:
    def __init__(self, section: Map[str, Entry], outer: Map[str, Tree], diagnostics: Diagnostics,
                 owner: str) -> None:
        self.section = section
        self.diagnostics = diagnostics
        self.values: dict[str, Tree] = {name: tree for name, tree in outer.items() if name not in section}
        self.open: list[str] = []
        self.interpolator = Interpolator(self.values, diagnostics, owner)

    def all(self) -> dict[str, Tree]:
        for name, entry in self.section.items():
            check_name(name, entry.span, "a parameter", self.diagnostics, ("env",))
            self.one(name)
        return {name: self.values[name] for name in self.section}

    def one(self, name: str) -> None:
        if name in self.values:
            return
        tree = self.section[name].value
        if name in self.open or len(self.open) > MAX_CHAIN:
            chain = " → ".join([*self.open[self.open.index(name):], name]) if name in self.open else None
            self.diagnostics.error("parameter-cycle", f"parameters need each other: {chain}" if chain
                                   else f"a chain of more than {MAX_CHAIN} parameters", first_line(tree.span),
                                   "give one of them a value of its own")
            self.values[name] = Broken(None, tree.span)
            return
        self.open.append(name)
        for needed in _names(tree):
            if needed in self.section:
                self.one(needed)
        self.open.pop()
        if name in self.values:
            return
        value = self.interpolator.tree(tree)
        if height(value) > MAX_DEPTH:
            self.diagnostics.error("too-deep", f"the parameter {name!r} is nested more than {MAX_DEPTH} deep",
                                   first_line(tree.span))
            value = Broken(None, tree.span)
        self.values[name] = value


def _names(tree: Tree) -> Iterable[str]:
    if isinstance(tree, Scalar):
        if isinstance(tree.value, str) and "${" in tree.value:
            yield from (match[1].strip() for match in _INSERT.finditer(tree.value))
    else:
        for part in tree.items if isinstance(tree, Sequence) else [e.value for e in tree.entries.values()]:
            yield from _names(part)


def _format(scalar: Scalar) -> str:
    value = scalar.value
    if isinstance(value, str):
        return value
    assert value is None or isinstance(value, (bool, int, float))
    return scalar.raw if scalar.raw and resolve(scalar.raw) == value else write(value)
