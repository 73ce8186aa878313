"""Sections of a pipeline that were changed after it was read."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import replace
from typing import Any

from edgraph.language.pipeline import Pipeline
from edgraph.language.runs import read_run, read_stages
from edgraph.language.sections import Context
from edgraph.language.training import read_optimizers
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Mapping

READERS: dict[str, Callable[[Mapping, Context], Any]] = {
    "optimizers": read_optimizers, "stages": read_stages, "run": read_run}


def reread(pipeline: Pipeline, sections: Map[str, Mapping], diagnostics: Diagnostics) -> Pipeline:
    """The pipeline with other `optimizers`, `stages` or `run`."""
    entries = dict(pipeline.tree.entries)
    for name, tree in sections.items():
        known = entries.get(name)
        entries[name] = Entry(tree.span if known is None else known.span, tree)
    root = Mapping(entries, pipeline.tree.span)
    context = Context(diagnostics, pipeline.param_trees)
    found = {name: READERS[name](root, context) for name in sections}
    tree = Mapping({**entries, **context.resolved}, root.span)
    return replace(pipeline, tree=tree, broken=pipeline.broken | context.broken, **found)
