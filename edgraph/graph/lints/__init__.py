"""Lints: what is legal and most likely not meant. Each is a warning with a code, and one function finds it.

A warning is silenced where it points: `ignore: [CODE]` in the entry of the op, model, optimizer or data set, or a
comment `# edgraph: ignore[CODE]` at the line; in the whole pipeline by `run.ignore`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edgraph.graph.ir import Graph
from edgraph.graph.lints import checkpoints, costs, firing, initial, training, unused
from edgraph.graph.lints.warner import Warner
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.remarks import not_a_warning


class Lint(NamedTuple):
    """code: of the warning; edgraph/text/codes.py has what it says.  place: the sections whose entries it points at.
    whole: it looks at the whole pipeline, its loops included, and not at each graph by itself."""

    code: str
    place: str
    find: Callable[[Graph, Warner], None]
    whole: bool = True


LINTS = (
    Lint("never-fires", "ops", firing.never_fires, whole=False),
    Lint("clocks-never-meet", "ops", firing.never_meet, whole=False),
    Lint("unread-value", "ops", firing.unread, whole=False),
    Lint("initial-value", "ops, stages", initial.decides, whole=False),
    Lint("only-logged", "ops", costs.only_logged),
    Lint("held-every-step", "ops", costs.held_every_step),
    Lint("misses-last-step", "ops", checkpoints.misses_last_step),
    Lint("unreached-model", "optimizers", training.unreached),
    Lint("unused-optimizer", "optimizers", training.unused_optimizer),
    Lint("untrained-model", "models", training.untrained),
    Lint("unused-model", "models", unused.models),
    Lint("unused-data", "data", unused.data),
    Lint("unknown-warning", "run", lambda graph, warner: _unknown_codes(graph, warner)),
)
CODES = tuple(lint.code for lint in LINTS)


def run(graph: Graph, diagnostics: Diagnostics) -> None:
    """All warnings about a graph that has no errors; about the whole pipeline when it is the outermost one."""
    warner = Warner(graph, diagnostics)
    outermost = graph.use is None
    known = warner.knows_all_ops()
    for lint in LINTS:
        if not lint.whole or (outermost and known):
            lint.find(graph, warner)


def _unknown_codes(graph: Graph, warner: Warner) -> None:
    pipeline = graph.pipeline
    sections = (pipeline.data, pipeline.models, pipeline.optimizers, pipeline.stages)
    said = [(entry.span, entry.ignore) for section in sections for entry in section.values()]
    said += [(node.span, node.entry.ignore) for inner in graph.graphs() for node in inner.nodes.values()
             if node.entry is not None and node.kind == "op"]
    said.append((pipeline.run.spans.get("ignore", pipeline.tree.span), pipeline.run.ignore))
    for span, codes in said:
        for code in codes:
            if code not in CODES:
                what, help = not_a_warning(code)
                warner.at(span, "unknown-warning", f"'ignore' names '{code}', which {what}", help)
