"""Patterns: reusable pieces of graph, expanded into ops named `PATTERN.OP` before the graph is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgraph.graph.pattern_sections import Said, say
from edgraph.graph.refs import rewrite
from edgraph.language import instantiate, read_ops
from edgraph.language.expressions import Expr, Expression, Ref
from edgraph.language.pipeline import (
    Every,
    EveryFirings,
    EveryUnion,
    GraphUse,
    Input,
    OpEntry,
    PatternUse,
    Pipeline,
)
from edgraph.language.silence import NAMES
from edgraph.ops.check import check_settings
from edgraph.ops.pattern import Expansion, PatternError, placed, to_tree
from edgraph.ops.registry import Registered, Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping as MappingTree
from edgraph.text.source import Name, Span, join
from edgraph.text.suggest import did_you_mean

DEPTH = 8


def work_in(pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics, *, lenient: bool = False) -> Pipeline:
    """The pipeline with its patterns worked in: their ops after its own, and what they say of other sections.

    lenient: the pipeline's own modules were not imported, so a pattern that is not known may be theirs.
    """
    if not pipeline.patterns:
        return pipeline
    expander = Expander(pipeline, registry, diagnostics, lenient)
    ops = expander.expand(pipeline.patterns, "", 0)
    pipeline = say(pipeline, expander.said, registry, diagnostics)
    return replace(pipeline, ops={**pipeline.ops, **ops}, patterns={},
                   broken=pipeline.broken | {f"ops.{name}" for name in expander.broken})


def expand_use(use: GraphUse, pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics) -> dict[str, OpEntry]:
    """The ops of a graph, those of its own patterns included."""
    expander = Expander(pipeline, registry, diagnostics, inside=True)
    return {**use.ops, **expander.expand(use.patterns, "", 1)}


@dataclass(slots=True)
class Expander:
    """Expands patterns, and collects what they say besides ops."""

    pipeline: Pipeline
    registry: Registry
    diagnostics: Diagnostics
    lenient: bool = False
    inside: bool = False  # of a graph that is run as a loop
    said: list[Said] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)  # full names of which nothing more should be said

    def expand(self, patterns: Mapping[str, PatternUse], outer: str, depth: int) -> dict[str, OpEntry]:
        """The ops of some patterns, by their names where the patterns are used."""
        found: dict[str, OpEntry] = {}
        for pattern in patterns.values():
            if depth > DEPTH:
                self.diagnostics.error("recursive-graph", f"'{pattern.use.text}' uses itself", pattern.use.span,
                                       "let one of the graphs do without this pattern")
                continue
            before = len(self.diagnostics)
            found.update(self._expand(pattern, f"{outer}{pattern.name}.", depth))
            if len(self.diagnostics) > before:
                self.broken.add(f"{outer}{pattern.name}")
                if pattern.settings is not None:
                    self.diagnostics.quiet(join(pattern.use.span, pattern.settings.span), NAMES)
        return found

    def _expand(self, pattern: PatternUse, prefix: str, depth: int) -> dict[str, OpEntry]:
        name, span = pattern.use.text, pattern.use.span
        entry = self.pipeline.graphs.get(name)
        if entry is not None:
            use = instantiate(entry, pattern.settings, self.pipeline, self.diagnostics, span, prefix)
            if use is None:
                return {}
            ops = {**use.ops, **self.expand(use.patterns, prefix, depth + 1)}
            return renamed({**ops, **_outputs(use, ops, span)}, pattern.name)
        registered = self.registry.patterns.get(name)
        if registered is not None:
            return renamed(self._from_python(registered, pattern, prefix), pattern.name, span)
        if self.lenient:
            self.broken.add(prefix[:-1])
        elif name and f"patterns.{pattern.name}" not in self.pipeline.broken:
            known = [*self.pipeline.graphs, *self.registry.patterns]
            self.diagnostics.error("unknown-pattern", f"there is no pattern or graph '{name}'", span,
                                   did_you_mean(name, known) or "declare it under `graphs`")
        return {}

    def _from_python(self, registered: Registered, pattern: PatternUse, prefix: str) -> dict[str, OpEntry]:
        """The ops that a function makes, by their names within the pattern."""
        span, what, diagnostics = pattern.use.span, f"pattern '{registered.name}'", self.diagnostics
        before = len(diagnostics)
        given = None if pattern.settings is None else placed(pattern.settings)
        assert given is None or isinstance(given, MappingTree)
        settings = check_settings(registered.params, given, diagnostics, what=what, span=span,
                                  is_open=registered.open_params)
        lacks = any(param.required and param.name not in settings for param in registered.params or ())
        if lacks or any(found.code != "unknown-parameter" for found in diagnostics.since(before)):
            return {}
        try:
            made = registered.load()(**settings)
            expansion = made if isinstance(made, Expansion) else Expansion(made)
            tree = to_tree(expansion.ops, span)
            said = Said.of(expansion, pattern)
        except PatternError as error:
            for message, at, help in error.mistakes:
                diagnostics.error("bad-pattern", f"{what}: {message}", at or span, help)
            return {}
        except Exception as error:  # a user's function
            diagnostics.error("pattern-failed", f"{what} raised {type(error).__name__}: {error}", span,
                              "correct what it is given under `with`, or the function of the pattern")
            return {}
        if not isinstance(tree, MappingTree):
            diagnostics.error("pattern-failed", f"{what} returned {type(made).__name__}; expected a mapping from names "
                              "to ops", span)
            return {}
        if self.inside and said:
            diagnostics.error("bad-pattern", f"{what} says something about {said.sections()}, which a graph that is "
                              "run as a loop cannot", span, "use it outside of the graph")
        elif said:
            self.said.append(said)
        ops, broken = read_ops(tree, self.pipeline, diagnostics, span, prefix)
        self.broken |= {prefix + name for name in broken}
        return ops


def _outputs(use: GraphUse, ops: Mapping[str, OpEntry], span: Span) -> dict[str, OpEntry]:
    """Outputs of a graph used in place are values like any other: `critic_a.total`."""
    found = {}
    for name, value in use.outputs.items():
        if name not in ops and not (value.is_reference and value.text == name):
            found[name] = OpEntry(name, value.span, Name("expr", value.span), value.span, (Input(None, value),),
                                  value.span, origin=span)
    return found


def renamed(ops: Mapping[str, OpEntry], prefix: str, made: Span | None = None) -> dict[str, OpEntry]:
    """Ops under the pattern's name; what they say of each other follows.

    made: of a pattern in Python the place of what the author did not write. Only in that are names the pattern's.
    """
    heads = {name.split(".", 1)[0] for name in ops}

    def change(part: Expr) -> Expr:
        if isinstance(part, Ref) and part.path[0] in heads:
            return Ref((prefix, *part.path), part.span)
        return part

    def expression(value: Expression) -> Expression:
        if made is not None and value.span != made:
            return value
        return Expression(value.text, value.span, rewrite(value.root, change))

    def named(name: Name) -> Name:
        inner = name.text.split(".", 1)[0] in heads and made in (None, name.span)
        return Name(f"{prefix}.{name.text}", name.span) if inner else name

    def clock(every: Every) -> Every:
        if isinstance(every, EveryUnion):
            return EveryUnion(tuple(map(clock, every.parts)), every.span)
        return replace(every, of=named(every.of)) if isinstance(every, EveryFirings) else every

    return {f"{prefix}.{entry.name}": replace(
        entry, name=f"{prefix}.{entry.name}",
        inputs=tuple(Input(item.name, expression(item.value)) for item in entry.inputs),
        every=None if entry.every is None else clock(entry.every),
        when=None if entry.when is None else expression(entry.when),
        after=tuple(map(named, entry.after))) for entry in ops.values()}
