"""Gradients, updates and the order of what reads and writes weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
from toy import TRAIN, both, errors, forward_in_order, run

ONE: dict[str, Any] = {
    "data": {"train": TRAIN, "other": TRAIN}, "models": {"net": {"use": "toy", "with": {"w": 2.0}}},
    "optimizers": {"sgd": {"use": "sgd", "updates": ["net"], "with": {"lr": 0.5}}}}
TWO: dict[str, Any] = {
    "data": {"train": TRAIN}, "models": {"g": {"use": "toy", "with": {"w": 1.0}}, "d": {"use": "toy",
        "with": {"w": 2.0}}},
    "optimizers": {"og": {"use": "sgd", "updates": ["g"]}, "od": {"use": "sgd", "updates": ["d"]}}}
BATCH: dict[str, Any] = {"batch": {"op": "load_batch"}}
FORWARD: dict[str, Any] = {"out": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}}}
UPDATE: dict[str, Any] = {"update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}}}


def go(pipeline: dict[str, Any], steps: int = 6, nonfinite: str = "stop", **ops: Any) -> Any:
    ran = both({"run": {"num_steps": steps, "checkpoint": False, "nonfinite": nonfinite}, **pipeline, "ops": ops})
    for graph in ran.graph.graphs():
        forward_in_order(graph)
    return ran


def first_step(ran: Any) -> list[str]:
    return [firing.node for firing in ran.journal.firings if firing.moment[0] == 1]


def by_hand(steps: int, weight: float = 2.0, lr: float = 0.5) -> float:
    for step in range(steps):
        x = 2 * (2 * step % 8) + 1  # the sum of a batch
        weight -= lr * 0.1 * x * weight
    return weight


def test_an_update_is_gradients_and_apply() -> None:
    ran = go(ONE, **BATCH, **FORWARD, **UPDATE)
    assert first_step(ran) == ["batch", "out", "update.gradients", "update"]
    assert ran.weights["net"]["w"] == pytest.approx(by_hand(6))


def test_ports() -> None:
    ran = go(ONE, 2, **BATCH, **FORWARD, **UPDATE, say={"op": "note", "inputs": [
        "update.lr", "update.grad_norm", "update.applied", "update.updates"]})
    out = 5 * by_hand(1)
    assert ran.inputs("say") == [("0.5", repr(0.1 * 2.0), "True", "1"), ("0.5", repr(out * 0.1), "True", "2")]


def test_simultaneous_updates_take_both_gradients_first() -> None:
    ran = go(TWO, 1, **BATCH,
             fake={"op": "forward", "inputs": "batch.x", "with": {"model": "g"}},
             score={"op": "forward", "inputs": "fake", "with": {"model": "d"}},
             critic={"op": "optimize", "inputs": "score", "with": {"optimizer": "od"}},
             generator={"op": "optimize", "inputs": "-score", "with": {"optimizer": "og"}})
    assert first_step(ran) == ["batch", "fake", "score", "critic.gradients", "generator.gradients", "critic",
                               "generator"]
    assert ran.weights == {"g": {"w": 1.0 + 0.1 * 0.1 * 2.0}, "d": {"w": 2.0 - 0.1 * 0.1 * 2.0}}


def test_after_an_update_sees_fresh_weights() -> None:
    ran = go(TWO, 1, **BATCH,
             fake={"op": "forward", "inputs": "batch.x", "with": {"model": "g"}},
             score={"op": "forward", "inputs": "detach(fake)", "with": {"model": "d"}},
             critic={"op": "optimize", "inputs": "score", "with": {"optimizer": "od"}},
             again={"op": "forward", "inputs": "fake", "with": {"model": "d"}, "after": ["critic"]},
             generator={"op": "optimize", "inputs": "-again", "with": {"optimizer": "og"}})
    assert first_step(ran) == ["batch", "fake", "score", "critic.gradients", "critic", "again", "generator.gradients",
                               "generator"]
    assert float(ran.values("again")[0]) == pytest.approx(2.0 - 0.1 * 0.1 * 2.0)


def test_observers_come_last_and_see_the_update() -> None:
    ran = go(ONE, 1, look={"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
             say={"op": "note", "inputs": "look"}, **BATCH, **FORWARD, **UPDATE)
    assert first_step(ran) == ["batch", "out", "update.gradients", "update", "look", "say"]
    assert ran.inputs("say") == [repr(by_hand(1))]


def test_what_decides_on_an_update_trains() -> None:
    """Conditioned on hold(score), the evaluation comes before the update; on previous(score), after it."""
    score = {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}, "every": 1}
    for when, before in (("hold(score, 0) >= 0", True), ("previous(score, 0) >= 0", False)):
        ran = go(ONE, 1, **BATCH, **FORWARD, update={**UPDATE["update"], "when": when}, score=score,
                 say={"op": "note", "inputs": "score"})
        order = first_step(ran)
        assert (order.index("score") < order.index("update")) == before
        assert ran.inputs("say") == [repr(2.0 if before else by_hand(1))]


def test_an_average_follows_every_update_that_is_applied() -> None:
    pipeline = {**ONE, "models": {**ONE["models"], "ema": {"copy": "net"}}}
    ran = go(pipeline, 6, average={"op": "update_ema", "with": {"target": "ema", "source": "net", "decay": 0.5}},
             **BATCH, **FORWARD, update={**UPDATE["update"], "with": {"optimizer": "sgd", "accumulate": 2}},
             look={"op": "forward", "inputs": "1.0", "with": {"model": "ema"}}, say={"op": "note", "inputs": "look"})
    assert ran.steps("average") == [2, 4, 6]
    order = [firing.node for firing in ran.journal.firings if firing.moment[0] == 2]
    assert order.index("update") < order.index("average") < order.index("look")
    # the mean of the gradients of steps 1 and 2, taken at the same weights
    weight = 2.0 - 0.5 * 0.1 * 2.0 * (1 + 5) / 2
    assert float(ran.inputs("say")[1]) == pytest.approx((2.0 + weight) / 2)


def test_an_average_at_a_clock_of_its_own() -> None:
    pipeline = {**ONE, "models": {**ONE["models"], "ema": {"copy": "net"}}}
    ran = go(pipeline, 6, average={"op": "update_ema", "with": {"target": "ema", "source": "net"}, "every": 3},
             **BATCH, **FORWARD, update={**UPDATE["update"], "every": 2})
    assert ran.steps("average") == [3, 6]


def test_accumulation_weighs_by_count() -> None:
    train = {"use": "numbers", "with": {"length": 5}, "batch_size": 2}  # the last batch has one example
    ran = go({**ONE, "data": {"train": train}}, 3, **BATCH, **FORWARD, update={
        "op": "optimize", "inputs": {"loss": "out", "count": "batch.count"},
        "with": {"optimizer": "sgd", "accumulate": {"until": 5}}}, say={"op": "note", "inputs": "update.applied"})
    assert ran.steps("say") == [3]  # fresh only where an update was applied
    gradient = 0.1 * 2.0 * (1 * 2 + 5 * 2 + 4 * 1) / 5
    assert ran.weights["net"]["w"] == pytest.approx(2.0 - 0.5 * gradient)


def test_applied_is_a_clock_known_only_at_run_time() -> None:
    ops = {**BATCH, **FORWARD, "update": {**UPDATE["update"], "with": {"optimizer": "sgd", "accumulate": 2}},
           "say": {"op": "note", "inputs": "update.applied", "every": 2}}
    assert errors({**ONE, "run": {"num_steps": 4}, "ops": ops}) == ["stale-input"]
    ops["say"] = {"op": "note", "inputs": ["update.lr", "update.updates"], "every": 2}
    assert both({**ONE, "run": {"num_steps": 4, "checkpoint": False}, "ops": ops}).inputs("say") == [
        ("0.5", "1"), ("0.5", "2")]
    ops["say"] = {"op": "note", "when": "update.applied"}
    assert both({**ONE, "run": {"num_steps": 5, "checkpoint": False}, "ops": ops}).steps("say") == [2, 4]
    ops["update"] = UPDATE["update"]
    ops["say"] = {"op": "note", "inputs": "update.applied", "every": 2}
    assert errors({**ONE, "run": {"num_steps": 4}, "ops": ops}) == []  # every update is applied


@pytest.mark.parametrize("policy, end, step, weight", [
    ("stop", "failed", 2, by_hand(2)), ("skip", "finished", 4, None), ("ignore", "finished", 4, math.nan)])
def test_losses_that_are_not_finite(policy: str, end: str, step: int, weight: float | None) -> None:
    ops = {"n": {"op": "clocked"}, **BATCH, **FORWARD, "loss": "out if n != 3 else nan",
           "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}},
           "say": {"op": "note", "inputs": "update.applied"}}
    ran = go(ONE, 4, policy, **ops)
    assert (ran.outcome.end, ran.outcome.step) == (end, step)
    if policy == "skip":
        assert ran.steps("say") == [1, 2, 4]
        weight = by_hand(2)
        weight -= 0.5 * 0.1 * 13 * weight
    assert weight is not None
    assert ran.weights["net"]["w"] == pytest.approx(weight, nan_ok=True)


def test_num_updates_bounds_the_run() -> None:
    pipeline = {**ONE, "run": {"num_updates": 3, "checkpoint": False}}
    ops = {**BATCH, **FORWARD, "update": {**UPDATE["update"], "every": 2}, "say": {"op": "note"}}
    ran = both({**pipeline, "ops": ops})
    assert ran.outcome.step == 6 and ran.outcome.reason == "3 updates" and ran.steps("say")[-1] == 6


def test_a_learning_rate_is_set_when_the_step_ends() -> None:
    ran = go(ONE, 3, set={"op": "set_learning_rate", "inputs": "n / 10", "with": {"optimizer": "sgd"}},
             n={"op": "clocked"}, **BATCH, **FORWARD, **UPDATE, say={"op": "note", "inputs": "update.lr"})
    assert ran.inputs("say") == ["0.5", "0.1", "0.2"]


def test_schedules_count_updates_or_steps() -> None:
    for per, expected in (("update", ["1.0", "0.5", repr(1 / 3)]), ("step", ["0.5", "0.25", repr(1 / 6)])):
        optimizers = {"sgd": {"use": "sgd", "updates": ["net"], "per": per, "schedule": "params.p / (updates + 1)"}}
        ran = go({**ONE, "params": {"p": 1.0}, "optimizers": optimizers}, 6, **BATCH, **FORWARD,
                 update={**UPDATE["update"], "every": 2}, say={"op": "note", "inputs": "update.lr"})
        assert ran.inputs("say") == expected


def test_two_nodes_of_one_optimizer_that_never_meet() -> None:
    ops = {**BATCH, **FORWARD, "odd": {**UPDATE["update"], "every": {"steps": 2, "offset": 1}},
           "even": {**UPDATE["update"], "every": 2}, "say": {"op": "note", "every": "2 updates"}}
    ran = go(ONE, 6, **ops)
    assert ran.weights["net"]["w"] == pytest.approx(by_hand(6)) and ran.steps("say") == [2, 4, 6]


# -- what is recorded, and when --------------------------------------------------------------------

def recorded(ran: Any, node: str) -> list[bool]:
    return [on for name, on in ran.journal.recorded if name == node]


def test_only_what_a_due_update_differentiates_records_gradients() -> None:
    ran = run({**ONE, "run": {"num_steps": 4, "checkpoint": False}, "ops": {
        **BATCH, **FORWARD, "loss": {"op": "double", "inputs": "out"}, "aside": {"op": "double", "inputs": "out"},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}, "every": 2},
        "look": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
        "say": {"op": "note", "inputs": ["out", "look", "aside"]}}})
    assert recorded(ran, "out") == [False, True, False, True] and recorded(ran, "loss") == [True, True]
    for node in ("batch", "look", "aside", "say", "update", "update.gradients"):
        assert not any(recorded(ran, node)), node


def test_what_does_not_reach_the_optimizers_models_is_not_recorded() -> None:
    ran = run({**TWO, "run": {"num_steps": 1, "checkpoint": False}, "ops": {
        **BATCH, "fake": {"op": "forward", "inputs": "batch.x", "with": {"model": "g"}},
        "score": {"op": "forward", "inputs": "fake", "with": {"model": "d"}},
        "critic": {"op": "optimize", "inputs": "score", "with": {"optimizer": "od"}}}})
    assert recorded(ran, "fake") == [False] and recorded(ran, "score") == [True]
    assert dict(ran.journal.bound)["score"]["trains"] == {"od"}
    assert dict(ran.journal.bound)["fake"] == {"train": False, "trains": frozenset(), "buffers": False}


def test_ops_that_differentiate() -> None:
    """What they differentiate records, and so does what their result depends on where it is differentiated again."""
    ops = {**BATCH, "x": {"op": "double", "inputs": "batch.x"}, "out": {"op": "forward", "inputs": "x",
        "with": {"model": "net"}},
           "aside": {"op": "forward", "inputs": "x", "with": {"model": "net"}}}
    ops["slope"] = {"op": "gradient", "inputs": {"of": "out", "wrt": "x"}}
    ops["say"] = {"op": "note", "inputs": ["slope", "aside"], "every": 2}
    for kind in ("gradient", "slope"):
        if kind == "slope":
            ops["slope"] = {"op": "slope", "inputs": ["out", "x"]}
        ran = go(ONE, 2, **ops)
        assert recorded(ran, "out") == [True] and recorded(ran, "aside") == [False], kind
        assert recorded(ran, "slope") == [kind == "slope"]  # `gradient` records only what is differentiated again
        assert recorded(ran, "batch") == [False]
        assert dict(ran.journal.bound)["out"] == {"train": False, "trains": frozenset(), "buffers": False}


def test_modes() -> None:
    ran = run({**ONE, "run": {"num_steps": 1, "checkpoint": False}, "ops": {
        **BATCH, **FORWARD, **UPDATE, "eval": {"op": "forward", "inputs": "batch.x", "with": {"model": "net",
            "mode": "eval"}},
        "train": {"op": "forward", "inputs": "batch.x", "with": {"model": "net", "mode": "train"}},
        "auto": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
        "say": {"op": "note", "inputs": ["eval", "train", "auto"]}}})
    assert {name: (given["train"], given["buffers"]) for name, given in ran.journal.bound} == {
        "out": (True, True), "eval": (False, False), "train": (True, False), "auto": (False, False)}


def test_buffers_change_only_where_a_due_update_needs_it() -> None:
    """The log asks for the forward at every step; statistics move with the updates."""
    ops = {"n": {"op": "clocked"}, **BATCH, **FORWARD, "say": {"op": "note", "inputs": "out"}}
    assert go(ONE, 6, **ops, update={**UPDATE["update"], "every": 3}).backend.buffers["net"] == 2
    ran = go(ONE, 6, **ops, update={**UPDATE["update"], "when": "n > 4"})
    assert ran.backend.buffers["net"] == 2 and len(ran.values("out")) == 6


def test_a_stream_in_the_training_slice_advances_only_when_training_demands_it() -> None:
    """What only observes looks at the batch without taking it."""
    own = {"op": "load_batch", "with": {"data": "other"}}
    ops = {"n": {"op": "clocked"}, "own": own, "out": {"op": "forward", "inputs": "own.x", "with": {"model": "net"}},
           "update": {**UPDATE["update"], "every": 2}}
    plain = go(ONE, 8, **ops)
    watched = go(ONE, 8, **ops, say={"op": "note", "inputs": "own.index"}, again={**own}, also={
        "op": "note", "inputs": "again.index", "every": 3})
    assert watched.weights == plain.weights
    assert watched.inputs("say") == ["[0, 1]", "[0, 1]", "[2, 3]", "[2, 3]", "[4, 5]", "[4, 5]", "[6, 7]", "[6, 7]"]
    assert watched.inputs("also") == ["[2, 3]", "[4, 5]"]
    ops["update"] = {**UPDATE["update"], "when": "n % 2 == 0"}
    plain = go(ONE, 8, **ops)
    watched = go(ONE, 8, **ops, say={"op": "note", "inputs": "own.index"})
    assert watched.weights == plain.weights
    assert watched.inputs("say")[2] == "[2, 3]"


def test_what_an_observer_holds_does_not_move_a_training_stream() -> None:
    ops = {"own": {"op": "load_batch", "with": {"data": "other"}},
           "mean": {"op": "double", "inputs": "own.x"},
           "out": {"op": "forward", "inputs": "mean", "with": {"model": "net"}},
           "update": {**UPDATE["update"], "every": 2}}
    plain = go(ONE, 8, **ops)
    watched = go(ONE, 8, **ops, say={"op": "note", "inputs": "hold(mean, 0)", "every": 5})
    assert watched.weights == plain.weights and len(watched.values("mean")) == 8


def test_a_loop_that_training_and_observers_share() -> None:
    """A loop's own sources move only when training runs it."""
    graphs = {"look": {"repeat": 2, "ops": {"own": {"op": "load_batch", "with": {"data": "other"}},
                                            "x": {"op": "average", "inputs": "own.x"}}, "outputs": {"x": "x"}}}
    ops = {"look": {"op": "loop", "with": {"graph": "look"}},
           "out": {"op": "forward", "inputs": "look.x", "with": {"model": "net"}},
           "update": {**UPDATE["update"], "every": 2}}
    plain = go({**ONE, "graphs": graphs}, 8, **ops)
    watched = go({**ONE, "graphs": graphs}, 8, **ops, say={"op": "note", "inputs": "look.x"})
    assert watched.weights == plain.weights and len(watched.values("look")) == 8
