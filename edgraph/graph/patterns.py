"""Patterns: reusable pieces of graph, expanded into ops named `PATTERN.OP` before the graph is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgraph.graph.refs import rewrite
from edgraph.language import instantiate, read_ops
from edgraph.language.expressions import Expr, Expression, Ref
from edgraph.language.pipeline import (
    Every,
    EveryFirings,
    EveryUnion,
    GraphUse,
    Input,
    Name,
    OpEntry,
    PatternUse,
    Pipeline,
)
from edgraph.ops.check import check_settings
from edgraph.ops.registry import Registered, Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Scalar, Sequence, Span, Tree
from edgraph.text.source import Mapping as MappingTree
from edgraph.text.suggest import did_you_mean

DEPTH = 8


def expand_patterns(pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics) -> dict[str, OpEntry]:
    """The ops of all patterns of a pipeline, by their full names."""
    return _expand(pipeline.patterns, "", pipeline, registry, diagnostics, 0)


def expand_use(use: GraphUse, pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics) -> dict[str, OpEntry]:
    """The ops of a graph, those of its own patterns included."""
    return {**use.ops, **_expand(use.patterns, "", pipeline, registry, diagnostics, 1)}


def _expand(patterns: Mapping[str, PatternUse], outer: str, pipeline: Pipeline, registry: Registry,
            diagnostics: Diagnostics, depth: int) -> dict[str, OpEntry]:
    found: dict[str, OpEntry] = {}
    for pattern in patterns.values():
        if depth > DEPTH:
            diagnostics.error("recursive-graph", f"'{pattern.use.text}' uses itself", pattern.use.span)
            continue
        prefix = f"{outer}{pattern.name}."
        ops = _ops(pattern, prefix, pipeline, registry, diagnostics, depth)
        found.update(_renamed(ops, pattern.name))
    return found


def _ops(pattern: PatternUse, prefix: str, pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics,
         depth: int) -> dict[str, OpEntry]:
    """The ops of one pattern, by their names within it."""
    name, span = pattern.use.text, pattern.use.span
    entry = pipeline.graphs.get(name)
    if entry is not None:
        use = instantiate(entry, pattern.settings, pipeline, diagnostics, span, prefix)
        if use is None:
            return {}
        ops = {**use.ops, **_expand(use.patterns, prefix, pipeline, registry, diagnostics, depth + 1)}
        return {**ops, **_outputs(use, ops, span)}
    registered = registry.patterns.get(name)
    if registered is not None:
        return _from_python(registered, pattern, prefix, pipeline, diagnostics)
    if name and f"patterns.{pattern.name}" not in pipeline.broken:
        known = [*pipeline.graphs, *registry.patterns]
        diagnostics.error("unknown-pattern", f"there is no pattern or graph '{name}'", span,
                          did_you_mean(name, known) or "declare it under `graphs`")
    return {}


def _outputs(use: GraphUse, ops: Mapping[str, OpEntry], span: Span) -> dict[str, OpEntry]:
    """Outputs of a graph used in place are values like any other: `critic_a.total`."""
    found = {}
    for name, value in use.outputs.items():
        if name not in ops and not (value.is_reference and value.text == name):
            found[name] = OpEntry(name, value.span, Name("expr", value.span), value.span, (Input(None, value),),
                                  value.span, origin=span)
    return found


def _from_python(registered: Registered, pattern: PatternUse, prefix: str, pipeline: Pipeline,
                 diagnostics: Diagnostics) -> dict[str, OpEntry]:
    span = pattern.use.span
    before = len(diagnostics)
    settings = check_settings(registered.params, pattern.settings, diagnostics, what=f"pattern '{registered.name}'",
                              span=span, is_open=registered.open_params)
    if len(diagnostics) > before:
        return {}
    try:
        made = registered.load()(**settings)
        tree = to_tree(made, span)
    except Exception as error:  # a user's function
        diagnostics.error("pattern-failed", f"pattern '{registered.name}' raised {type(error).__name__}: {error}", span)
        return {}
    if not isinstance(tree, MappingTree):
        diagnostics.error("pattern-failed", f"pattern '{registered.name}' returned {type(made).__name__}; expected a "
                          "mapping from names to ops", span)
        return {}
    return read_ops(tree, pipeline, diagnostics, span, prefix)[0]


def to_tree(value: Any, span: Span) -> Tree:
    """A plain value as a tree, every part of it at one place. Raises TypeError for what YAML cannot say."""
    if isinstance(value, Mapping):
        return MappingTree({str(key): Entry(span, to_tree(part, span)) for key, part in value.items()}, span)
    if isinstance(value, list | tuple):
        return Sequence([to_tree(part, span) for part in value], span)
    if value is None or isinstance(value, bool | int | float | str):
        return Scalar(value, span)
    raise TypeError(f"a pattern made a {type(value).__name__}, which a pipeline cannot hold")


def _renamed(ops: Mapping[str, OpEntry], prefix: str) -> dict[str, OpEntry]:
    """Ops under the pattern's name; what they say of each other follows."""
    heads = {name.split(".", 1)[0] for name in ops}

    def change(part: Expr) -> Expr:
        if isinstance(part, Ref) and part.path[0] in heads:
            return Ref((prefix, *part.path), part.span)
        return part

    def expression(value: Expression) -> Expression:
        return Expression(value.text, value.span, rewrite(value.root, change))

    def named(name: Name) -> Name:
        return Name(f"{prefix}.{name.text}", name.span) if name.text.split(".", 1)[0] in heads else name

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
