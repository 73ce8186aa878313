"""Sites, as the trees of a pipeline's files are gone through: what each name in a value means."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.lsp.names import Names, each
from edgraph.lsp.positions import Text
from edgraph.lsp.scan import Part, paths
from edgraph.lsp.scan import insertions as inserted_in
from edgraph.lsp.sites import Key, Kind, Site
from edgraph.text.source import Entry, Scalar, Sequence, Span, Tree, join


class Collector:
    """Collects sites; the trees are gone through by `walk.Walker`."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._sites: dict[tuple[Key, Span], Site] = {}  # once each: an alias leads to the same places again
        self.text: Text
        self.roles: dict[Key, Kind] = {}  # what a parameter's value names, as far as its uses tell
        self._later: list[tuple[Key, str, Scalar, Text]] = []  # values of parameters: (which, scope, value, file)

    def finish(self) -> None:
        """Values of parameters whose uses say what they name; one may pass its value on to another."""
        for _ in range(4):
            waiting, self._later = self._later, []
            for key, scope, value, self.text in waiting:
                if key in self.roles:
                    self.named(self.roles[key], scope, value)
                else:
                    self._later.append((key, scope, value, self.text))

    def _found(self, site: Site) -> None:
        self._sites.setdefault((site.key, site.span), site)

    @property
    def sites(self) -> list[Site]:
        return list(self._sites.values())

    # -- what a site is ----------------------------------------------------------------------------

    def given(self, key: Key, entry: Entry) -> None:
        self.key(key, entry, gives=True)

    def key(self, key: Key, entry: Entry, *, gives: bool) -> None:
        """A key of a mapping, without its quotes."""
        span = entry.span
        if span.end_column - span.column != len(key.name) and span.line == span.end_line \
                and self.text.slice(span)[:1] in ("'", '"'):
            span = span._replace(column=span.column + 1, end_column=span.end_column - 1)
        self._found(Site(key, span, gives, join(entry.span, entry.value.span) if gives else None))

    def part(self, key: Key, part: Part) -> None:
        self._found(Site(key, self.text.span(part.at, part.end)))

    def offsets(self, value: Scalar) -> tuple[int, int]:
        span = value.span
        return self.text.offset(span.line, span.column), self.text.offset(span.end_line, span.end_column)

    def ours(self, value: Tree) -> bool:
        """Whether it stands in this file: what an alias means may not."""
        return value.span.source is self.text.source

    # -- names in values ---------------------------------------------------------------------------

    def named(self, kind: Kind, scope: str, value: Tree | None) -> None:
        """A value that names an entry, or a list of such; of a model's path its first part."""
        for item in each(value):
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or not self.ours(item):
                continue
            start, end = self.offsets(item)
            inserted = list(inserted_in(self.text.text, start, end))
            if inserted:
                if len(inserted) == 1 and item.value == f"${{{inserted[0].name}}}":
                    name = inserted[0].name
                    self.roles.setdefault(Key("param", self.names.param_scope(scope, name), name), kind)
                continue
            for path in paths(self.text.text, start, end):
                if kind in ("op", "pattern"):
                    self.path(scope, path)
                else:
                    self.part(Key(kind, "", path[0].name), path[0])
                break

    def expression(self, scope: str, value: Tree | None) -> None:
        if not isinstance(value, Scalar) or not isinstance(value.value, str) or not self.ours(value):
            return
        for path in paths(self.text.text, *self.offsets(value)):
            if path[0].name == "params":
                for part in path[1:2]:
                    self.part(Key("param", self.names.param_scope(scope, part.name), part.name), part)
            else:
                self.path(scope, path)

    def path(self, scope: str, path: list[Part]) -> None:
        """`critic_a.loss.item`: a pattern's name, an op's, a part of its value."""
        names, head = self.names, path[0].name
        scope = names.scope_of(scope, head)
        rest = path[1:]
        if head in names.patterns.get(scope, ()) and head not in names.ops.get(scope, ()):
            self.part(Key("pattern", scope, head), path[0])
            graph = names.patterns[scope][head]
            if rest and names.has(graph, rest[0].name):
                self.path(graph, rest)
            elif rest and rest[0].name in names.outputs.get(graph, ()):
                self.part(Key("output", graph, rest[0].name), rest[0])
            elif rest:
                self.part(Key("op", scope, f"{head}.{rest[0].name}"), rest[0])
                self.field(scope, f"{head}.{rest[0].name}", rest[1:])
        elif head in names.arguments.get(scope, ()) and head not in names.ops.get(scope, ()):
            self.part(Key("argument", scope, head), path[0])
        else:
            self.part(Key("op", scope, head), path[0])
            graph = names.loops.get((scope, head), "")
            if rest and rest[0].name in names.outputs.get(graph, ()):
                self.part(Key("output", graph, rest[0].name), rest[0])
            else:
                self.field(scope, head, rest)

    def field(self, scope: str, op: str, rest: list[Part]) -> None:
        if rest:
            self.part(Key("field", f"{scope}:{op}", rest[0].name), rest[0])

    def insertions(self, scope: str, tree: Tree, skip: Iterable[str] = ()) -> None:
        """Every `${name}`."""
        if isinstance(tree, Scalar):
            if isinstance(tree.value, str) and "${" in tree.value and self.ours(tree):
                for part in inserted_in(self.text.text, *self.offsets(tree)):
                    self.part(Key("param", self.names.param_scope(scope, part.name), part.name), part)
            return
        for value in tree.items if isinstance(tree, Sequence) else [
                entry.value for key, entry in tree.entries.items() if key not in skip]:
            self.insertions(scope, value)

    def value_of(self, key: Key, scope: str, value: Tree) -> None:
        self._later += [(key, scope, item, self.text) for item in each(value) if isinstance(item, Scalar)]

    def whole(self, key: Key, value: Tree | None) -> None:
        """A name that is the whole value."""
        if isinstance(value, Scalar) and value.span.line == value.span.end_line and self.ours(value) and key.name:
            start, end = self.offsets(value)
            quoted = self.text.text[start:start + 1] in ("'", '"')
            self._found(Site(key, self.text.span(start + quoted, end - quoted)))
