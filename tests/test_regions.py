"""Regions: what is between the work of the host becomes one function, and does what its calls do one by one."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from random_pipelines import Drawn, pipelines
from toy import TRAIN, accepted, check, run
from toy_backend import ToyBackend
from toy_regions import ToyCompiler, agree, compiling

from edgraph.graph.ir import Graph
from edgraph.plan import show
from edgraph.plan.codegen import generate
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.regions import Region, cut, static_traces
from edgraph.plan.timetable import Timetable
from edgraph.run import failure

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


def test_what_comes_first_leaves_the_region_what_it_needs() -> None:
    """`late` reads the batch last in the plan, and runs before the region that reads it too."""
    pipeline = {"run": {"num_steps": 6}, "data": {"train": TRAIN}, "ops": {
        "batch": {"op": "load_batch"}, "some": {"op": "double", "inputs": "sum(batch.x)", "when": "step % 2 == 0"},
        "late": "batch.count + 1", "say": {"op": "note", "inputs": "some"}, "tell": {"op": "note", "inputs": "late"}}}
    ran, compiler = with_regions(pipeline)
    assert ran.steps("say") == [2, 4, 6] and len(compiler.calls) == 3


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
    loss = _add(_multiply(out, number), _multiply(_multiply(given, number_2), batch_count))  # loss  <mapping>:15:3
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


def test_plan_prints_the_source_of_regions() -> None:
    """`edgraph plan --code`, where the backend compiles."""
    graph = accepted(trains(say={"op": "note", "inputs": "loss", "every": 3}))
    plain, compiled = show.code(graph), show.code(graph, regions=True)
    assert "@_compiled" not in plain and "_steps" not in plain
    assert "@_compiled\ndef pattern_1_1(batch_x, step, epoch):\n" in compiled
    assert "@_together(pattern_1_1, rows={'batch_x': 'x'}, each=('step', 'epoch'))\ndef pattern_1_steps(step):\n" \
           "    return (step, ((step - 1) // 4 + 1), )\n" in compiled
    assert "for step in pattern_1_steps(steps):" in compiled and "for step in steps:" in compiled
    ast.parse(compiled)


def with_regions(pipeline: Any, *overrides: str, **settings: Any) -> tuple[Any, ToyCompiler]:
    """A run with regions, after a look that one without does the same."""
    made: list[ToyCompiler] = []

    def compiler(backend: ToyBackend) -> ToyCompiler:
        made.append(ToyCompiler(backend))
        return made[0]
    with compiling():
        checked = check(pipeline, *overrides)
        ran = run(checked, compiler=compiler, **settings)
        agree(ran, run(checked, **settings))
    return ran, made[0]


def test_the_same_with_and_without() -> None:
    ran, compiler = with_regions(trains(say={"op": "note", "inputs": "loss"}))
    assert ran.outcome.end == "finished" and len(compiler.calls) == 6 and not compiler.together


def test_steps_together() -> None:
    """Between two log lines the steps are one call, but for the last one."""
    ran, compiler = with_regions(trains(say={"op": "note", "inputs": "loss", "every": 10}), "run.num_steps=40")
    assert ran.outcome.end == "finished" and compiler.together == [8, 8, 8, 8]


def test_steps_together_as_long_as_batches_are_of_one_size() -> None:
    pipeline = trains() | {"data": {"train": {"use": "numbers", "with": {"length": 19}, "batch_size": 2}}}
    _, compiler = with_regions(pipeline, "run.num_steps=41")  # every tenth batch is of one
    assert compiler.together == [8, 8, 8, 6]  # after 32 steps the next ones are looked at


def test_numbers_of_the_step_in_steps_together() -> None:
    pipeline = trains(weight="0.5 if step % 3 else 1.0", loss="out * weight * (1 / step) * params.p",
                      say={"op": "note", "inputs": "loss", "every": 10}) | {"params": {"p": 2}}
    _, compiler = with_regions(pipeline, "run.num_steps=40")
    assert compiler.together


def test_what_the_next_step_reads_keeps_steps_apart() -> None:
    say = {"op": "note", "inputs": "hold(loss, 0.0)", "every": 10}
    _, compiler = with_regions(trains(say=say), "run.num_steps=40")
    assert compiler.together
    _, compiler = with_regions(trains(loss="out * 0.5 + previous(loss, 0.0)", say=say), "run.num_steps=40")
    assert not compiler.together


@pytest.mark.parametrize("loss", ["out * (1.0 if batch.count > 1 else 0.5)", "out * sum(hold(batch.x, 0.0))",
                                  "out + (not batch.count > 1)", "out + (batch.x)[batch.count - 1]"])
def test_a_host_that_looks_into_the_batch_keeps_steps_apart(loss: str) -> None:
    _, compiler = with_regions(trains(loss=loss, say={"op": "note", "inputs": "loss", "every": 10}), "run.num_steps=40")
    assert not compiler.together


def test_what_not_every_step_keeps_keeps_steps_apart() -> None:
    """Whether an update was applied is held from the last step that applied one, which may not be the last of all."""
    update = {"op": "optimize", "inputs": "loss", "with": {"optimizer": "one", "accumulate": 7}}
    ran, _ = with_regions(trains(update=update, say={"op": "note", "inputs": "hold(update.applied, 5.0)", "every": 11}),
                          "run.num_steps=34")
    assert ran.inputs("say") == ["True"] * 3
    _, compiler = with_regions(trains(update=update, say={"op": "note", "inputs": "loss", "every": 11}), "run.num_steps=34")
    assert compiler.together


def test_steps_together_do_not_depend_on_names() -> None:
    """The step that trains alone has the region of the steps that also look at `number`, whose arguments are named
    otherwise, since an op has the name that one of them would have."""
    pipeline = trains(loss="out * (1 / step)", number={"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
                      look={"op": "note", "inputs": "number", "every": {"cycle": 12, "positions": [1, 2, 3, 4, 5, 6, 7]}})
    _, compiler = with_regions(pipeline, "run.num_steps=180")
    assert compiler.together


def test_a_cycle_of_patterns() -> None:
    """Five steps of one kind and one of another: the five are together."""
    pipeline = trains(
        update={"op": "optimize", "inputs": "loss", "with": {"optimizer": "one"},
                "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
        other={"op": "forward", "inputs": "batch.x", "with": {"model": "aux"}},
        change={"op": "optimize", "inputs": "other", "with": {"optimizer": "two"}, "every": 6})
    pipeline["models"] = {**pipeline["models"], "aux": {"use": "toy", "with": {"w": 0.5}}}
    pipeline["optimizers"] = {**pipeline["optimizers"], "two": {"use": "sgd", "updates": ["aux"]}}
    _, compiler = with_regions(pipeline, "run.num_steps=60")
    assert set(compiler.together) == {4}


def test_a_bound_of_updates_ends_the_run() -> None:
    ran, _ = with_regions(trains() | {"run": {"num_updates": 3}})
    assert ran.outcome.step == 3


@pytest.mark.parametrize("policy", ["stop", "ignore", "skip"])
def test_a_loss_that_is_not_finite(policy: str) -> None:
    pipeline = trains(loss="out * (1.0 if step < 17 else nan)", say={"op": "note", "inputs": "loss", "every": 10})
    pipeline["run"] = {"num_steps": 40, "nonfinite": policy}
    ran, compiler = with_regions(pipeline)
    assert compiler.together
    if policy == "stop":
        found = ran.outcome.failure
        assert found is not None
        assert (ran.outcome.step, found.step, found.node) == (16, 17, "update")


@pytest.mark.parametrize("several", [False, True])
def test_an_error_in_a_compiled_region(several: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The op is found by making its calls one by one. What does not follow from it may have been done before."""
    monkeypatch.setattr(failure, "_has_buffers", lambda model, run: False)
    pipeline = trains(out={"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
                      wrong="out + (batch.x)[step - 1]", loss="wrong * 2")  # batches are of two
    if several:
        pipeline["models"] = {**pipeline["models"], "aux": {"use": "toy", "with": {"w": 0.5}}}
        pipeline["optimizers"] = {**pipeline["optimizers"], "two": {"use": "sgd", "updates": ["aux"]}}
        pipeline["ops"] |= {"other": {"op": "forward", "inputs": "batch.x", "with": {"model": "aux"}},
                            "change": {"op": "optimize", "inputs": "other", "with": {"optimizer": "two"}}}
    with compiling():
        outcome = run(pipeline, compiler=ToyCompiler).outcome
    found = outcome.failure
    assert found is not None and isinstance(found.error, IndexError)
    assert (outcome.step, found.step, found.node, found.written) == (2, 3, "wrong", several)
    assert "out: float" in found.inputs[0] and "batch.x: tuple" in found.inputs[1]


@settings(max_examples=70, **QUIET)
@given(pipelines())
def test_random_pipelines(drawn: Drawn) -> None:
    with compiling():
        assume(not check(drawn.pipeline).diagnostics.failed)
    with_regions(drawn.pipeline)


@pytest.mark.slow
@settings(max_examples=1000, **QUIET)
@given(pipelines())
def test_many_random_pipelines(drawn: Drawn) -> None:
    with compiling():
        assume(not check(drawn.pipeline).diagnostics.failed)
    with_regions(drawn.pipeline)
