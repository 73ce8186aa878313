"""Through the trees of a pipeline's files, section by section, to every name in them."""

from __future__ import annotations

from edgraph.language.declare import bare
from edgraph.lsp.collect import Collector
from edgraph.lsp.names import SECTIONS, each, text
from edgraph.lsp.positions import Text
from edgraph.lsp.scan import paths
from edgraph.lsp.sites import Key, Kind
from edgraph.ops.registry import KINDS, registry
from edgraph.ops.spec import ParamSpec
from edgraph.text.source import Entry, Mapping, Tree

# Of parameters of patterns: their texts are expressions, or the names of optimizers.
EXPRESSIONS, OPTIMIZERS = ("losses", "log", "log_validation", "inputs", "when"), ("optimizers", "optimizer")
ROLES: dict[str, Kind] = {"model": "model", "models": "model", "optimizer": "optimizer", "data": "data",
                          "graph": "graph", "op": "op"}


class Walker(Collector):
    """Goes through whole files."""

    def file(self, text_: Text, tree: Mapping) -> None:
        self.text = text_
        for section, entry in tree.entries.items():
            self.key(Key("section", "", section), entry, gives=False)
            kind = SECTIONS.get(section)
            if kind is not None and isinstance(entry.value, Mapping):
                for name, inner in entry.value.entries.items():
                    self.given(Key(kind, "", name), inner)
                    read = getattr(self, f"_{kind}", None)
                    if read is not None and isinstance(inner.value, Mapping):
                        read(name, inner.value)
        self._scope("", tree)
        self._run(tree.get("run"))
        for name, inner in entries(tree.get("fixed_examples")):
            self.key(Key("data", "", name), inner, gives=False)
        self.insertions("", tree, skip=("graphs",))

    # -- ops and graphs ----------------------------------------------------------------------------

    def _scope(self, scope: str, tree: Mapping) -> None:
        """Parameters, ops and patterns of the pipeline or of a graph."""
        for name, entry in entries(tree.get("params")):
            self.given(Key("param", scope, name), entry)
            self.value_of(Key("param", scope, name), scope, bare(entry.value))
        for name, entry in entries(tree.get("ops")):
            if "." in name:  # of a pattern
                start = self.text.offset(entry.span.line, entry.span.column)
                for path in paths(self.text.text, start, start + len(self.text.slice(entry.span))):
                    self.path(scope, path)
            else:
                self.given(Key("op", scope, name), entry)
            if isinstance(entry.value, Mapping):
                self._op(scope, entry.value)
            else:
                self.expression(scope, entry.value)
        for name, entry in entries(tree.get("patterns")):
            self.given(Key("pattern", scope, name), entry)
            if isinstance(entry.value, Mapping):
                self._pattern(scope, entry.value)

    def _op(self, scope: str, tree: Mapping) -> None:
        kind = text(tree.get("op"))
        for key, entry in tree.entries.items():
            value = entry.value
            self.key(Key("section", "ops.*", key), entry, gives=False)
            if key == "op":
                self.whole(Key("kind", "", kind), value)
            elif key == "inputs":
                self._inputs(scope, kind, tree)
            elif key == "when":
                self.expression(scope, value)
            elif key == "every":
                self._every(scope, value)
            elif key == "during":
                self.named("stage", scope, value)
            elif key == "after":
                self.named("op", scope, value)
            elif key == "with" and isinstance(value, Mapping):
                spec = registry.ops.get(kind)
                self._settings(f"op:{kind}", spec.params if spec is not None else (), scope, value)
                if kind == "loop":
                    self._arguments(text(value.get("graph")), scope, value.get("params"))

    def _inputs(self, scope: str, kind: str, tree: Mapping) -> None:
        value = tree.get("inputs")
        graph = text(settings.get("graph")) if isinstance(settings := tree.get("with"), Mapping) else ""
        for key, entry in entries(value):
            if kind == "loop" and key != "over":
                self.given(Key("argument", graph, key), entry)
            else:
                self.key(Key("port", kind, key), entry, gives=False)
            self.expression(scope, entry.value)
        if not isinstance(value, Mapping):
            for item in each(value):
                self.expression(scope, item)

    def _settings(self, owner: str, params: tuple[ParamSpec, ...], scope: str, tree: Mapping) -> None:
        """The keys of a `with`, and what they name."""
        known = {param.name: param for param in params}
        for key, entry in tree.entries.items():
            self.key(Key("setting", owner, key), entry, gives=False)
            role = ROLES.get(known[key].role) if key in known else None
            if role is not None:
                self.named(role, scope, entry.value)

    def _arguments(self, graph: str, scope: str, tree: Tree | None) -> None:
        """Values for the parameters of a graph."""
        for key, entry in entries(tree):
            self.key(Key("param", graph, key), entry, gives=False)
            self.value_of(Key("param", graph, key), scope, entry.value)

    def _every(self, scope: str, tree: Tree) -> None:
        for item in each(tree):
            if isinstance(item, Mapping):
                self.named("optimizer" if "updates" in item.entries else "op", scope, item.get("of"))
                self.named("stage", scope, item.get("first"))
                self.named("stage", scope, item.get("last"))

    def _pattern(self, scope: str, tree: Mapping) -> None:
        used, settings = text(tree.get("use")), tree.get("with")
        if used in self.names.entries["graph"]:
            self.whole(Key("graph", "", used), tree.get("use"))
            self._arguments(used, scope, settings)
        else:
            self.whole(Key("use", "pattern", used), tree.get("use"))
            found = registry.patterns.get(used)
            if isinstance(settings, Mapping):
                self._settings(f"pattern:{used}", (found.params or ()) if found is not None else (), scope, settings)
                self._made(scope, settings)

    def _made(self, scope: str, tree: Tree) -> None:
        """Parameters of a pattern that are expressions, or name optimizers."""
        for key, entry in entries(tree):
            if key in EXPRESSIONS or key in OPTIMIZERS:
                inner = [e.value for _, e in entries(entry.value)] or each(entry.value)
                for value in inner:
                    if key in EXPRESSIONS:
                        self.expression(scope, value)
                    else:
                        self.named("optimizer", scope, value)
            elif isinstance(entry.value, Mapping) and "op" in entry.value.entries:
                self._op(scope, entry.value)
            else:
                for item in each(entry.value):
                    self._made(scope, item)

    def _graph(self, name: str, tree: Mapping) -> None:
        self._scope(name, tree)
        for key, entry in tree.entries.items():
            self.key(Key("section", "graphs.*", key), entry, gives=False)
        for key, entry in entries(tree.get("outputs")):
            self.given(Key("output", name, key), entry)
            self.expression(name, entry.value)
        self.named("data", name, tree.get("over"))
        self.expression(name, tree.get("while"))
        self.insertions(name, tree)

    # -- the other sections ------------------------------------------------------------------------

    def _use(self, kind: str, tree: Mapping) -> None:
        used = text(tree.get("use"))
        self.whole(Key("use", kind, used), tree.get("use"))
        found = next((registry.resolve(known, used) for known in KINDS if known == kind), None)
        if isinstance(settings := tree.get("with"), Mapping):
            self._settings(f"{kind}:{used}", (found.params or ()) if found is not None else (), "", settings)
        for key, entry in tree.entries.items():
            self.key(Key("section", f"{kind}.*", key), entry, gives=False)

    def _data(self, name: str, tree: Mapping) -> None:
        self._use("data", tree)
        self.named("data", "", tree.get("like"))
        self.named("data", "", tree.get("from"))

    def _model(self, name: str, tree: Mapping) -> None:
        self._use("model", tree)
        self.named("model", "", tree.get("copy"))

    def _logger(self, name: str, tree: Mapping) -> None:
        self._use("logger", tree)

    def _optimizer(self, name: str, tree: Mapping) -> None:
        self._use("optimizer", tree)
        for item in each(tree.get("updates")):
            self.named("model", "", item.get("model") if isinstance(item, Mapping) else item)
        average = tree.get("ema")
        self.named("model", "", average.get("model") if isinstance(average, Mapping) else average)
        schedule = tree.get("schedule")
        if isinstance(schedule, Mapping):
            used = text(schedule.get("use"))
            self.whole(Key("use", "schedule", used), schedule.get("use"))
            for key, entry in schedule.entries.items():
                if key != "use":
                    self.key(Key("setting", f"schedule:{used}", key), entry, gives=False)
        else:
            self.expression("", schedule)

    def _stage(self, name: str, tree: Mapping) -> None:
        until = tree.get("until")
        if isinstance(until, Mapping):
            self.expression("", until.get("when"))

    def _run(self, tree: Tree | None) -> None:
        for key, entry in entries(tree):
            self.key(Key("section", "run", key), entry, gives=False)
            if key == "over" and text(entry.value) not in ("none", "checkpoints"):
                self.named("data", "", entry.value)
            elif key == "checkpoint" and isinstance(entry.value, Mapping):
                self._every("", entry.value.get("every") or entry.value)


def entries(tree: Tree | None) -> list[tuple[str, Entry]]:
    return list(tree.entries.items()) if isinstance(tree, Mapping) else []
