"""What the files of a pipeline declare, by name. Ops, patterns and parameters belong to the pipeline (scope "") or to
one of its graphs (scope: the graph's name)."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.lsp.sites import Kind
from edgraph.text.source import Mapping, Scalar, Sequence, Tree

SECTIONS: dict[str, Kind] = {  # sections whose entries have a kind of their own
    "data": "data", "models": "model", "optimizers": "optimizer", "stages": "stage", "graphs": "graph",
    "loggers": "logger"}


class Names:
    """The names that the trees of some files declare."""

    def __init__(self, trees: Iterable[Mapping]) -> None:
        self.ops: dict[str, dict[str, str]] = {"": {}}  # scope -> op -> its type
        self.patterns: dict[str, dict[str, str]] = {"": {}}  # scope -> entry -> the pattern or graph that it uses
        self.params: dict[str, set[str]] = {"": set()}
        self.outputs: dict[str, set[str]] = {}
        self.arguments: dict[str, dict[str, list[Tree]]] = {}  # graph -> input -> what loops give for it
        self.loops: dict[tuple[str, str], str] = {}  # (scope, op) -> the graph that it runs
        self.entries: dict[Kind, set[str]] = {kind: set() for kind in SECTIONS.values()}
        for tree in trees:
            self._file(tree)
        self.in_place = {use for uses in self.patterns.values() for use in uses.values()}

    def _file(self, tree: Mapping) -> None:
        for section, kind in SECTIONS.items():
            self.entries[kind].update(keys(tree.get(section)))
        self._scope("", tree)
        graphs = tree.get("graphs")
        for name, entry in (graphs.entries.items() if isinstance(graphs, Mapping) else ()):
            if isinstance(entry.value, Mapping):
                self._scope(name, entry.value)
                self.outputs.setdefault(name, set()).update(keys(entry.value.get("outputs")))

    def _scope(self, scope: str, tree: Mapping) -> None:
        self.params.setdefault(scope, set()).update(keys(tree.get("params")))
        patterns = self.patterns.setdefault(scope, {})
        for name, value in items(tree.get("patterns")):
            patterns[name] = text(value.get("use")) if isinstance(value, Mapping) else ""
        ops = self.ops.setdefault(scope, {})
        for name, value in items(tree.get("ops")):
            kind = text(value.get("op")) if isinstance(value, Mapping) else "expr"
            if kind or name not in ops:
                ops[name] = kind
            if kind == "loop" and isinstance(value, Mapping):
                self._loop(scope, name, value)

    def _loop(self, scope: str, name: str, tree: Mapping) -> None:
        settings = tree.get("with")
        graph = text(settings.get("graph")) if isinstance(settings, Mapping) else ""
        self.loops[scope, name] = graph
        for key, value in items(tree.get("inputs")):
            if key != "over":
                self.arguments.setdefault(graph, {}).setdefault(key, []).append(value)

    def scope_of(self, scope: str, name: str) -> str:
        """The scope that a reference to an op or pattern means: its own, or the pipeline's for a graph that is used in
        place."""
        if scope and not self.has(scope, name) and name not in self.arguments.get(scope, ()) \
                and scope in self.in_place and self.has("", name):
            return ""
        return scope

    def has(self, scope: str, name: str) -> bool:
        return name in self.ops.get(scope, ()) or name in self.patterns.get(scope, ())

    def param_scope(self, scope: str, name: str) -> str:
        return scope if name in self.params.get(scope, ()) else ""


def keys(tree: Tree | None) -> list[str]:
    return list(tree.entries) if isinstance(tree, Mapping) else []


def items(tree: Tree | None) -> list[tuple[str, Tree]]:
    return [(name, entry.value) for name, entry in tree.entries.items()] if isinstance(tree, Mapping) else []


def each(tree: Tree | None) -> list[Tree]:
    """One value, or those of a list."""
    return [] if tree is None else list(tree.items) if isinstance(tree, Sequence) else [tree]


def text(tree: Tree | None) -> str:
    return tree.value if isinstance(tree, Scalar) and isinstance(tree.value, str) else ""
