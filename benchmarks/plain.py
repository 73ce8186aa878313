"""The least backend there can be: no framework, no models, ops that are Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import edgraph
from edgraph.run.clockwork import Alarms
from edgraph.run.context import Context
from edgraph.run.engine import Engine
from edgraph.run.graphrun import GraphRun
from edgraph.run.loggers import Loggers


class PlainBackend:
    """What the engine asks of a backend for a pipeline of plain functions."""

    name = "plain"
    records = False

    def record(self, on: bool) -> None:
        pass

    def implementation(self, op: str) -> None:
        return None

    def detach(self, value: Any) -> Any:
        return value

    def leaf(self, value: Any) -> Any:
        return value

    def to_numpy(self, value: Any) -> Any:
        return value

    def function(self, name: str) -> Callable[..., Any]:
        return {"abs": abs, "min": min, "max": max}[name]


def engine_of(pipeline: Mapping[str, Any]) -> Engine:
    """An engine for a pipeline, ready to go."""
    graph = edgraph.load(pipeline).check().require()
    context = Context(PlainBackend(), seed=0, params={}, loggers=Loggers({}), folder=None,  # type: ignore[arg-type]
                      save=lambda step, name, keep: None)
    run = GraphRun(graph, context)
    context.main = run
    return Engine(run, context, Alarms(run.timetable.ticks, None, lambda: None), last=graph.facts.last_step)


def go_on(engine: Engine, steps: int) -> None:
    """The next so many steps."""
    engine.last = engine.done + steps
    outcome = engine.go()
    if outcome.failure is not None:
        raise outcome.failure.error
    engine.resumed = True
