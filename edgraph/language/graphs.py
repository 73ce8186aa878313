"""The section `graphs`, and each use of a graph with its parameters inserted."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Map

from edgraph.language.expressions import Expression
from edgraph.language.fields import Fields, check_name, describe, first_line
from edgraph.language.interpolate import Interpolator, resolve_params
from edgraph.language.merge import lay_over, written_out
from edgraph.language.ops import OpReader
from edgraph.language.parse import Scope
from edgraph.language.pipeline import GraphEntry, GraphUse, OpEntry, PatternUse, Pipeline
from edgraph.language.runs import read_pattern
from edgraph.language.sections import Context
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken
from edgraph.text.source import Entry, Mapping, Scalar, Span, Tree, plain
from edgraph.text.suggest import did_you_mean, nearest

KEYS = ("params", "over", "repeat", "while", "max", "ops", "outputs", "patterns", "doc")
_HELP = "write NAME: {ops: {…}, outputs: {…}} for each graph"
_HINTS = {"inputs": "values of the enclosing step come in through 'inputs' of the loop op",
          "with": "did you mean 'params'?", "stages": "stages divide a run, not a graph",
          "every": "how often it runs is said at the loop op", "data": "write over: DATA SET"}


def read_graphs(root: Mapping, context: Context) -> dict[str, GraphEntry]:
    """Graphs stay trees until they are used; what can be told without their parameters is checked here."""
    section = context.mapping(root, "graphs", _HELP)
    if section is None:
        return {}
    found: dict[str, GraphEntry] = {}
    for name, entry in section.entries.items():
        before = len(context.diagnostics)
        check_name(name, entry.span, "a graph", context.diagnostics)
        tree = entry.value
        if isinstance(tree, Mapping):
            found[name] = _graph(name, entry.span, tree, context)
        else:
            context.entry_is_no_mapping(f"graph {name!r}", entry.span, tree, _HELP)
        if len(context.diagnostics) > before:
            context.broken.add(f"graphs.{name}")
    context.resolved["graphs"] = root.entries["graphs"]
    return found


def _graph(name: str, span: Span, tree: Mapping, context: Context) -> GraphEntry:
    where = f"graph {name!r}"
    fields = Fields(tree, where, KEYS, context.diagnostics, _HINTS)
    params = _defaults(name, tree, context.params, context.diagnostics)
    known = Interpolator({**context.params, **params}, context.diagnostics, f" in {where}")
    reader = OpReader(context.diagnostics, None, Scope((*context.params, *params)))
    ops = fields.require("ops", "write ops: {NAME: {op: TYPE, …}}")
    if isinstance(ops, Mapping):
        for op_name, entry in ops.entries.items():
            _names_only(entry.value, known, ("inputs", "when"))
            if isinstance(entry.value, Mapping) and not _inserts(entry.value):
                reader.section(Mapping({op_name: entry}, ops.span))
    elif ops is not None:
        fields.wrong("ops", ops, "a mapping of ops")
    for key in ("over", "repeat", "max", "patterns"):
        if (value := tree.get(key)) is not None:
            _names_only(value, known)
    return GraphEntry(name, span, tree, {key: plain(value) for key, value in params.items()})


def _defaults(name: str, tree: Mapping, outer: Map[str, Tree], diagnostics: Diagnostics,
              given: Map[str, Entry] | None = None) -> dict[str, Tree]:
    """The parameters of a graph and their defaults, which may name each other; null is required. given: what a use
    of the graph says instead."""
    section = tree.get("params")
    if section is None or (isinstance(section, Scalar) and section.value is None):
        return {}
    if not isinstance(section, Mapping):
        diagnostics.error("wrong-type", f"'params' of graph {name!r} is {describe(section)}; expected a mapping",
                          first_line(section.span), "write params: {NAME: DEFAULT}, with null where there is none")
        return {}
    said = {key: (given or {}).get(key, entry) for key, entry in section.entries.items()}
    return resolve_params(said, outer, diagnostics, f" in graph {name!r}")


def _inserts(tree: Tree) -> bool:
    """Whether a `${` stands in it: then its types are known only in use."""
    if isinstance(tree, Scalar):
        return isinstance(tree.value, str) and "${" in tree.value
    if isinstance(tree, Mapping):
        return any(_inserts(entry.value) for entry in tree.entries.values())
    return any(map(_inserts, tree.items))


def _names_only(tree: Tree, known: Interpolator, skip: tuple[str, ...] = ()) -> None:
    """Report `${…}` that name nothing; values that are not given yet are null, which a text may not hold."""
    if _inserts(tree):
        known.tree(tree, skip)


def instantiate(entry: GraphEntry, arguments: Mapping | None, pipeline: Pipeline, diagnostics: Diagnostics,
                span: Span, prefix: str = "") -> GraphUse | None:
    """A graph with its parameters inserted; None where it cannot be used at all.

    arguments: what the use gives (`params` of a loop, `with` of a pattern), already interpolated.
    span: the use. prefix: for a use in place, its name with a dot (`critic_a.`): what the pipeline says about
    its ops by their full names is laid over them, and they point at the use as their origin.
    """
    scope = _parameters(entry, arguments, pipeline, diagnostics, span, bool(prefix))
    if scope is None:
        return None
    before = len(diagnostics)
    values = {**pipeline.param_trees, **scope}
    interpolator = Interpolator(values, diagnostics, f" in graph {entry.name!r}")
    context = Context(diagnostics, values)
    context.interpolator = interpolator
    where = f"graph {entry.name!r}"
    fixed = {name: plain(tree) for name, tree in scope.items()}
    reader = OpReader(diagnostics, interpolator, Scope(values, fixed=fixed), span if prefix else None)
    fields = Fields(_insert_head(entry.tree, interpolator), where, KEYS, diagnostics, _HINTS)
    ops, broken = _ops(fields, reader, pipeline, prefix)
    fields.exclusive("over", "repeat", "while")
    condition = _expression(fields, "while", reader)
    maximum = fields.integer("max", 1, 2**62)
    if fields.has("while") and not fields.has("max"):
        diagnostics.error("missing-key", f"{where} has 'while' but not 'max'", fields.key_span("while"),
                          "write max: N, the most rounds it may take")
    if fields.has("max") and not fields.has("while"):
        diagnostics.error("missing-key", f"{where} has 'max' but not 'while'", fields.key_span("max"),
                          "a fixed number of rounds is 'repeat: N'")
    use = GraphUse(
        entry.name, span, ops, _outputs(fields, reader), fields.name("over"),
        fields.integer("repeat", 1, 2**62),
        condition, maximum, fixed, _patterns(fields, context),
        broken)
    return None if len(diagnostics) > before and not ops else use


def _insert_head(tree: Mapping, interpolator: Interpolator) -> Mapping:
    """Parameters inserted everywhere but in ops and expressions, which are read one by one."""
    inserted = interpolator.tree(tree, ("params", "ops", "outputs", "while"))
    assert isinstance(inserted, Mapping)
    return inserted


def _parameters(entry: GraphEntry, arguments: Mapping | None, pipeline: Pipeline, diagnostics: Diagnostics,
                span: Span, in_place: bool) -> dict[str, Tree] | None:
    given = arguments.entries if arguments is not None else {}
    # what is wrong with defaults was reported when they were read
    values = _defaults(entry.name, entry.tree, pipeline.param_trees, Diagnostics(), given)
    fine = not any(isinstance(argument.value, Broken) for argument in given.values())
    meant: set[str | None] = set()  # parameters that misspelt ones stand for
    for name, argument in given.items():
        if name not in values:
            diagnostics.error("unknown-parameter", f"graph {entry.name!r} has no parameter {name!r}",
                              argument.span,
                              (did_you_mean(name, values) or None) if values else "it has no parameters")
            meant.add(nearest(name, values))
            fine = False
    for name, value in values.items():
        if isinstance(value, Broken):
            fine = False
        elif isinstance(value, Scalar) and value.value is None and name not in given and name not in meant:
            diagnostics.error("missing-parameter", f"graph {entry.name!r} needs the parameter {name!r}",
                              first_line(span),
                              f"write with: {{{name}: …}}" if in_place
                              else f"write params: {{{name}: …}} in the 'with' of the loop",
                              (("it is declared here", value.span),))
            fine = False
    return values if fine else None


def _ops(fields: Fields, reader: OpReader, pipeline: Pipeline,
         prefix: str) -> tuple[dict[str, OpEntry], frozenset[str]]:
    tree = fields.mapping.get("ops")
    if not isinstance(tree, Mapping):
        return {}, frozenset()
    if prefix:
        inner = fields.mapping.get("patterns")
        names = inner.entries if isinstance(inner, Mapping) else ()
        tree = _adjust(tree, prefix, names, pipeline, reader.diagnostics)
    read = reader.section(tree)
    return read.ops, frozenset(read.broken)


def _adjust(ops: Mapping, prefix: str, patterns: Iterable[str], pipeline: Pipeline,
            diagnostics: Diagnostics) -> Mapping:
    """Ops of a pattern with what the pipeline says about them laid over (`ops.train.critic.every=5`).

    patterns: those inside the pattern, whose ops are adjusted in their turn.
    """
    entries = dict(ops.entries)
    for name, entry in pipeline.adjustments.items():
        inner = name.removeprefix(prefix)
        if not name.startswith(prefix) or inner.split(".")[0] in patterns:
            continue
        if inner not in ops.entries:
            diagnostics.error("unknown-op", f"pattern {prefix[:-1]!r} has no op {inner!r}", entry.span,
                              did_you_mean(inner, ops.entries) or None)
        elif isinstance(entry.value, Scalar) and entry.value.value is None:
            del entries[inner]
        else:
            entries[inner] = Entry(entries[inner].span, lay_over(entry.value, written_out(entries[inner].value)))
    return Mapping(entries, ops.span)


def read_ops(ops: Mapping, pipeline: Pipeline, diagnostics: Diagnostics, origin: Span | None = None,
             prefix: str = "") -> tuple[dict[str, OpEntry], frozenset[str]]:
    """Ops that a pattern in Python made, by their names within it; and which of them had something wrong.

    origin: the pattern's use. prefix: its name with a dot, for what the pipeline says about its ops.
    """
    interpolator = Interpolator(pipeline.param_trees, diagnostics)
    reader = OpReader(diagnostics, interpolator, Scope(pipeline.param_trees), origin)
    read = reader.section(_adjust(ops, prefix, (), pipeline, diagnostics) if prefix else ops)
    return read.ops, frozenset(read.broken)


def _expression(fields: Fields, key: str, reader: OpReader) -> Expression | None:
    tree = fields.get(key)
    return None if tree is None else reader.expression(f"{key!r} of {fields.where}", tree)


def _outputs(fields: Fields, reader: OpReader) -> dict[str, Expression]:
    tree = fields.part("outputs", "write outputs: {NAME: EXPRESSION}")
    found: dict[str, Expression] = {}
    for name, entry in ({} if tree is None else tree.entries).items():
        check_name(name, entry.span, "an output", fields.diagnostics)
        value = reader.expression(f"output {name!r} of {fields.where}", entry.value)
        if value is not None:
            found[name] = value
    return found


def _patterns(fields: Fields, context: Context) -> dict[str, PatternUse]:
    tree = fields.part("patterns")
    found: dict[str, PatternUse] = {}
    for name, entry in ({} if tree is None else tree.entries).items():
        check_name(name, entry.span, "a pattern", context.diagnostics)
        if isinstance(entry.value, Mapping):
            found[name] = read_pattern(name, entry.span, entry.value, context)
        else:
            context.entry_is_no_mapping(f"pattern {name!r}", entry.span, entry.value,
                                        "write {use: GRAPH, with: {…}}")
    return found
