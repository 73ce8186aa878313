"""The tree of a pipeline whose patterns are worked in: what `edgraph expand` prints."""

from __future__ import annotations

from dataclasses import replace

from edgraph.graph.refs import show
from edgraph.language.pipeline import OpEntry, Pipeline
from edgraph.language.spelled import op_tree
from edgraph.text.source import Entry, Mapping


def with_tree(pipeline: Pipeline) -> Pipeline:
    """The same pipeline, with a tree that has every op of its patterns, and no patterns."""
    if "patterns" not in pipeline.tree.entries:
        return pipeline
    entries = dict(pipeline.tree.entries)
    section = entries.pop("patterns")
    written = entries.get("ops")
    own = written.value.entries if written is not None and isinstance(written.value, Mapping) else {}
    place = section.value.span if written is None else written.value.span
    ops = {name: own[name] if entry.origin is None and name in own
           else Entry(entry.name_span, op_tree(entry, _texts(entry))) for name, entry in pipeline.ops.items()}
    found = {**entries, "ops": Entry(section.span if written is None else written.span, Mapping(ops, place))}
    order = list(dict.fromkeys([*(key if key != "patterns" else "ops" for key in pipeline.tree.entries), "ops"]))
    return replace(pipeline, tree=Mapping({key: found[key] for key in order}, pipeline.tree.span))


def _texts(entry: OpEntry) -> dict[int, str]:
    """What the expressions of an op are under the names that the pattern gave: canonical text."""
    expressions = [item.value for item in entry.inputs] + ([entry.when] if entry.when is not None else [])
    return {id(value): show(value.root) for value in expressions}
