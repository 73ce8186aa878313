"""Lints: what is legal and most likely not meant. Each is a warning with a code, and one function finds it.

A warning is silenced where it points: `ignore: [CODE]` in the entry of the op, model, optimizer or data set; in the
whole pipeline by `run.ignore`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edgraph.graph.ir import Graph
from edgraph.graph.lints import checkpoints, costs, firing, initial, training, unused
from edgraph.graph.lints.warner import Warner
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


class Lint(NamedTuple):
    """code: of the warning.  about: what it says, for the documentation.  place: the sections whose entries it points
    at.  whole: it looks at the whole pipeline, its loops included, and not at each graph by itself."""

    code: str
    about: str
    place: str
    find: Callable[[Graph, Warner], None]
    whole: bool = True


LINTS = (
    Lint("never-fires", "An op's clock has no step in this run.", "ops", firing.never_fires, whole=False),
    Lint("clocks-never-meet", "There is no step in this run on which all inputs of an op are made.", "ops",
         firing.never_meet, whole=False),
    Lint("unread-value", "Nothing reads the value of an op that does nothing else, so it never runs.", "ops",
         firing.unread, whole=False),
    Lint("initial-value", "The initial value of a `hold` makes a condition true before the real value is there, and "
         "with that ends the run or a stage, saves a checkpoint, changes a learning rate or lets an update run; or it "
         "is itself taken as a learning rate.", "ops, stages", initial.decides, whole=False),
    Lint("only-logged", "An op logs at every step, and a batch is fetched or a model runs for nothing but that.", "ops",
         costs.only_logged),
    Lint("held-every-step", "A value that `hold` or `previous` reads is made at every step, and with it a batch or a "
         "model's output that is needed ten times less often.", "ops", costs.held_every_step),
    Lint("misses-last-step", "`run.checkpoint` is off, and the checkpoints of ops leave out the end of the run.", "ops",
         checkpoints.misses_last_step),
    Lint("unreached-model", "No gradient of an optimizer's losses reaches one of the models that it updates.",
         "optimizers", training.unreached),
    Lint("unused-optimizer", "No op trains with an optimizer.", "optimizers", training.unused_optimizer),
    Lint("untrained-model", "A model runs, but nothing updates it: it is not frozen, is no average and is given no "
         "weights.", "models", training.untrained),
    Lint("unused-model", "No op runs a model, and none is a copy of it.", "models", unused.models),
    Lint("unused-data", "No op reads a data set, and none is made of it.", "data", unused.data),
    Lint("unknown-warning", "`ignore` names no warning.", "run", lambda graph, warner: _unknown_codes(graph, warner)),
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
    said = [(entry.span, entry.ignore) for section in (pipeline.data, pipeline.models, pipeline.optimizers)
            for entry in section.values()]
    said += [(node.span, node.entry.ignore) for inner in graph.graphs() for node in inner.nodes.values()
             if node.entry is not None and node.kind == "op"]
    said.append((pipeline.run.spans.get("ignore", pipeline.tree.span), pipeline.run.ignore))
    for span, codes in said:
        for code in codes:
            if code not in CODES:
                warner.at(span, "unknown-warning", f"'ignore' names '{code}', which is no warning",
                          did_you_mean(code, CODES) or f"there are: {', '.join(CODES)}")
