"""Regions: what is between the work of the host becomes one function, and does what its calls do one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from random_pipelines import Drawn, pipelines
from toy import TRAIN, accepted, check, run
from toy_backend import ToyBackend
from toy_regions import ToyCompiler, agree, compiling

from edgraph.compile import Checked
from edgraph.graph.ir import Graph
from edgraph.plan.codegen import generate
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.regions import Region, cut, static_traces
from edgraph.plan.timetable import Timetable

QUIET: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck),
                         "phases": [Phase.explicit, Phase.reuse, Phase.generate]}
TRAINS: dict[str, Any] = {
    "run": {"num_steps": 6}, "data": {"train": TRAIN},
    "models": {"net": {"use": "toy", "with": {"w": 1.0}}},
    "optimizers": {"one": {"use": "sgd", "updates": ["net"], "with": {"lr": 0.01}}},
    "ops": {"batch": {"op": "load_batch"}, "out": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
            "loss": "out * 0.5", "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "one"}}}}


def trains(**ops: Any) -> dict[str, Any]:
    return {**TRAINS, "ops": {**TRAINS["ops"], **ops}}


def parts(graph: Graph, step: int = 1) -> list[str | list[str]]:
    """What a step runs: names of calls, and of those in a region a list."""
    table = Timetable(graph)
    items = cut(plan_pattern(graph, table, table.mask(step)), graph, table, static_traces)
    return [item.names if isinstance(item, Region) else item.node.name for item in items]


TRAINING = ["out", "loss", "update.gradients", "update"]


def test_what_trains_is_one_region() -> None:
    assert parts(accepted(trains())) == ["batch", TRAINING]


def test_effects_are_outside() -> None:
    graph = accepted(trains(say={"op": "note", "inputs": "loss"}))
    assert parts(graph) == ["batch", TRAINING, "say"]


def test_observing_is_apart() -> None:
    graph = accepted(trains(again={"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
                            say={"op": "note", "inputs": "again"}))
    assert parts(graph) == ["batch", TRAINING, ["again"], "say"]


def test_a_condition_splits() -> None:
    """What records gradients, and what takes them, stays together, in no region where it cannot."""
    graph = accepted({**trains(update={"op": "optimize", "inputs": "loss", "with": {"optimizer": "one"},
                                       "when": "loss > 1"}, say={"op": "note", "inputs": "loss"})})
    assert parts(graph) == ["batch", "out", "loss", "when loss > 1", "update.gradients", "update", "say"]


def test_under_one_condition() -> None:
    graph = accepted({**trains(update={"op": "optimize", "inputs": "loss", "with": {"optimizer": "one"},
                                       "when": "step % 2 == 0"})})
    assert parts(graph) == ["when (step % 2) == 0", "batch", TRAINING]


def test_sources_come_first() -> None:
    pipeline = trains(other={"op": "load_batch", "with": {"data": "more"}},
                      weight="0.5 if step < 3 else 1.0",
                      second={"op": "forward", "inputs": "other.x", "with": {"model": "net"}},
                      loss="out * weight + second")
    pipeline["data"] = {**pipeline["data"], "more": TRAIN}
    assert parts(accepted(pipeline)) == [
        "batch", "other", "weight", ["out", "second", "loss", "update.gradients", "update"]]


def test_what_asks_the_host_splits() -> None:
    graph = accepted(trains(loss="out if out > 1 else out * 2"))
    assert not any(isinstance(part, list) for part in parts(graph))


def test_arguments_are_values_and_numbers() -> None:
    """The source: every value from outside is an argument, and what only the host knows has become a number."""
    graph = accepted(trains(loss="out * (1 / step) + previous(loss, 0.0) * params.p * batch.count",
                            say={"op": "note", "inputs": "loss"}) | {"params": {"p": 2}})
    table = Timetable(graph)
    source = generate(graph, table, plan_pattern(graph, table, table.mask(1)), "f", traces=static_traces)
    assert source.text == EXPECTED
    assert [source.lines[line] for line in sorted(source.lines)] == ["out", "loss", "update.gradients", "update",
                                                                     "batch", "say"]
    assert source.before(8) == ["out", "loss", "update.gradients"] and source.before(16) == ["batch"]


EXPECTED = """\
@_compiled
def f_1(batch_x, number, given, number_2, batch_count, step, epoch):
    _record(True)
    out = do_out(batch_x)  # out  <mapping>:14:3
    loss = ((out * number) + ((given * number_2) * batch_count))  # loss  <mapping>:15:3
    _record(False)
    update_gradients = do_update_gradients(loss)  # update.gradients  <mapping>:16:3
    do_update(step, epoch, update_gradients)  # update  <mapping>:16:3
    return loss


def f(steps, step=None, _held=_held, _keep=_keep, _number=_number, _params=_params, _unset=_unset, do_batch=do_batch, \
do_say=do_say, f_1=f_1):
    for step in steps:
        batch = do_batch(step)  # batch  <mapping>:13:3
        loss = f_1(batch['x'], _number((1 / step)), _number((_h0 if (_h0 := _held[0]) is not _unset else 0.0)), \
_number(_params['p']), _number(batch['count']), step, ((step - 1) // 4 + 1))  # out, loss, update.gradients, update
        do_say(loss)  # say  <mapping>:17:3
        _held[0] = _keep(loss)
        loss = None
        batch = None
    return step
"""


def with_regions(pipeline: Any, *overrides: str, **settings: Any) -> tuple[Any, ToyCompiler]:
    """A run with regions, after a look that one without does the same."""
    checked = pipeline if isinstance(pipeline, Checked) else check(pipeline, *overrides)
    made: list[ToyCompiler] = []

    def compiler(backend: ToyBackend) -> ToyCompiler:
        made.append(ToyCompiler(backend))
        return made[0]
    with compiling():
        ran = run(checked, compiler=compiler, **settings)
    agree(ran, run(checked, **settings))
    return ran, made[0]


def test_the_same_with_and_without() -> None:
    ran, compiler = with_regions(trains(say={"op": "note", "inputs": "loss"}))
    assert ran.outcome.end == "finished" and len(compiler.calls) == 6


def test_a_bound_of_updates_ends_the_run() -> None:
    ran, _ = with_regions(trains() | {"run": {"num_updates": 3}})
    assert ran.outcome.step == 3


@pytest.mark.parametrize("policy", ["stop", "ignore", "skip"])
def test_a_loss_that_is_not_finite(policy: str) -> None:
    pipeline = trains(loss="out * exp(step * 400)")
    pipeline["run"] = {"num_steps": 6, "nonfinite": policy}
    with_regions(pipeline)


@settings(max_examples=150, **QUIET)
@given(pipelines())
def test_random_pipelines(drawn: Drawn) -> None:
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    with_regions(checked)


@pytest.mark.slow
@settings(max_examples=1500, **QUIET)
@given(pipelines())
def test_many_random_pipelines(drawn: Drawn) -> None:
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    with_regions(checked)
