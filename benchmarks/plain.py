"""An engine without its run folder, on the Python backend: what a step costs, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edgraph
from edgraph.backends.python.backend import PythonBackend
from edgraph.run.clockwork import Alarms
from edgraph.run.context import Context
from edgraph.run.engine import Engine
from edgraph.run.folder import RunFolder
from edgraph.run.graphrun import GraphRun
from edgraph.run.live import LiveParams
from edgraph.run.loggers import Loggers


def engine_of(pipeline: Mapping[str, Any]) -> Engine:
    """An engine for a pipeline without models and parameters, ready to go."""
    graph = edgraph.load(pipeline).check().require()
    context = Context(PythonBackend(), seed=0, params={}, loggers=Loggers({}),
                      save=lambda step, name, keep: None)
    run = GraphRun(graph, context)
    context.main = run
    with tempfile.TemporaryDirectory() as name:
        live = LiveParams(RunFolder(Path(name)), {}, {}, print, lambda: None, lambda: None)
    return Engine(run, context, Alarms(run.timetable.ticks, None, lambda: None), live, last=graph.facts.last_step)


def go_on(engine: Engine, steps: int) -> None:
    """The next so many steps."""
    engine.last = engine.done + steps
    outcome = engine.go()
    if outcome.failure is not None:
        raise outcome.failure.error
    engine.resumed = True
