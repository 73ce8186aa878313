"""Every form of clock fires at the right steps of a run, in generated code and in the interpreter."""

from __future__ import annotations

from typing import Any

import pytest
from toy import TRAIN, Clock, both, errors, run

TRAINING: dict[str, Any] = {
    "data": {"train": TRAIN}, "models": {"net": {"use": "toy"}},
    "optimizers": {"sgd": {"use": "sgd", "updates": ["net"]}}}
UPDATE: dict[str, Any] = {
    "batch": {"op": "load_batch"}, "out": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
    "update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}}}


def fires(every: Any, steps: int = 24, **more: Any) -> list[int]:
    ops = {"say": {"op": "note", "every": every}}
    return both({"run": {"num_steps": steps, "checkpoint": False}, "data": {"train": TRAIN}, "ops": ops, **more}
                ).steps("say")


@pytest.mark.parametrize("every, expected", [
    (10, [10, 20]),
    ("10 steps", [10, 20]),
    (1, list(range(1, 25))),
    ("1 epoch", [4, 8, 12, 16, 20, 24]),
    ("3 epochs", [12, 24]),
    ("0.5 epochs", [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]),
    ("1.3 epochs", [6, 11, 16, 21]),  # ceil(5.2), ceil(10.4), …
    ("first", [1]),
    ("last", [24]),
    ({"steps": 10, "offset": 3}, [3, 13, 23]),
    ({"steps": 5, "from": 7, "until": 15}, [10, 15]),
    ({"steps": 1, "from": 22}, [22, 23, 24]),
    ({"steps": 1, "grow": 2}, [1, 2, 4, 8, 16]),
    ({"steps": 1, "grow": 2, "max": 6}, [1, 2, 4, 6, 12, 18, 24]),
    ({"steps": 2, "grow": 3, "from": 5}, [6, 18]),
    ({"cycle": 6, "positions": [1, 5]}, [1, 5, 7, 11, 13, 17, 19, 23]),
    (["first", "last", {"steps": 9, "offset": 2}], [1, 2, 11, 20, 24]),
])
def test_every(every: Any, expected: list[int]) -> None:
    assert fires(every) == expected


def test_epochs_round_up_where_the_length_is_odd() -> None:
    train = {"use": "numbers", "with": {"length": 5}, "batch_size": 1}
    assert fires("0.5 epochs", 15, data={"train": train}) == [3, 5, 8, 10, 13, 15]


def test_num_epochs_bounds_the_run_and_num_steps_wins() -> None:
    ops = {"say": {"op": "note", "every": "last"}}
    data = {"train": TRAIN}
    for bound, last in (({"num_epochs": 2}, 8), ({"num_epochs": 1.5}, 6), ({"num_epochs": 2, "num_steps": 10}, 10),
                        ({"num_epochs": 2, "num_steps": 3}, 3)):
        ran = both({"run": {**bound, "checkpoint": False}, "data": data, "ops": ops})
        assert ran.outcome.step == last and ran.steps("say") == [last]


def test_last_does_not_fire_in_a_run_that_ends_sooner() -> None:
    ops = {"n": {"op": "clocked"}, "say": {"op": "note", "every": "last"}, "end": {"op": "note", "at": "end"},
           "enough": {"op": "stop", "when": "n >= 5"}}
    ran = both({"run": {"num_steps": 9, "checkpoint": False}, "ops": ops})
    assert ran.outcome.step == 5 and ran.steps("say") == [] and len(ran.values("end")) == 1


def test_updates_count_those_that_were_applied() -> None:
    ops = {**UPDATE, "say": {"op": "note", "every": "3 updates"},
           "update": {**UPDATE["update"], "with": {"optimizer": "sgd", "accumulate": 2}}}
    ran = both({**TRAINING, "run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("say") == [6, 12, 18]


def test_updates_of_an_optimizer_with_a_clock_of_its_own() -> None:
    ops = {**UPDATE, "update": {**UPDATE["update"], "every": 3},
           "say": {"op": "note", "every": {"updates": 2, "of": "sgd"}},
           "also": {"op": "note", "inputs": "out", "every": ["first", {"updates": 1, "of": "sgd"}]}}
    ran = both({**TRAINING, "run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("say") == [6, 12, 18]
    assert ran.steps("also") == [1, 3, 6, 9, 12, 15, 18]


def test_updates_within_a_loop_count_too() -> None:
    graphs = {"steps": {"repeat": 3, "params": {}, "ops": {
        "out": {"op": "forward", "inputs": "1.0", "with": {"model": "net"}},
        "update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}}}}}
    ops = {"inner": {"op": "loop", "with": {"graph": "steps"}}, "say": {"op": "note", "every": "4 updates"}}
    ran = both({**TRAINING, "run": {"num_steps": 8, "checkpoint": False}, "graphs": graphs, "ops": ops})
    assert ran.steps("say") == [2, 3, 4, 6, 7, 8]  # updates 4, 8, 12, … fall into these steps


def test_firings_of_another_op() -> None:
    ops = {"say": {"op": "note", "every": {"firings": 2, "of": "source"}},
           "source": {"op": "note", "every": {"cycle": 5, "positions": [1, 2]}}}
    ran = both({"run": {"num_steps": 22, "checkpoint": False}, "ops": ops})
    assert ran.steps("source") == [1, 2, 6, 7, 11, 12, 16, 17, 21, 22]
    assert ran.steps("say") == [2, 7, 12, 17, 22]
    nodes = [firing.node for firing in ran.journal.firings if firing.moment[0] == 7]
    assert nodes == ["source", "say"]  # what is counted comes before whoever counts


def test_every_firing_counts_also_where_nobody_asks() -> None:
    """At step 4 the op is due anyway, by its other clock; the firing of that step counts all the same."""
    ops = {"source": {"op": "note", "every": 2},
           "say": {"op": "note", "every": [4, {"firings": 3, "of": "source"}]}}
    ran = both({"run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("say") == [4, 6, 8, 12, 16, 18, 20]


def test_firings_of_a_conditional_op() -> None:
    ops = {"n": {"op": "clocked"}, "source": {"op": "note", "when": "n % 3 == 0"},
           "say": {"op": "note", "every": {"firings": 2, "of": "source"}}}
    ran = both({"run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("say") == [6, 12, 18]


def test_firings_of_an_update_are_those_applied() -> None:
    ops = {**UPDATE, "update": {**UPDATE["update"], "with": {"optimizer": "sgd", "accumulate": 3}},
           "say": {"op": "note", "every": {"firings": 2, "of": "update"}}}
    ran = both({**TRAINING, "run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("say") == [6, 12, 18]


class Slow:
    """Steps of four seconds by a clock of our own; the alarm rings where it is due."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ring: Any = None

    def __call__(self) -> float:
        self.clock.time += 4.0
        self.ring()
        return self.clock.time


SLOW = Slow()


def tick() -> float:
    return SLOW()


@pytest.mark.parametrize("interpret", [False, True])
def test_minutes_are_counted_from_the_last_firing(interpret: bool) -> None:
    """The first step that begins at least that long after the last firing."""
    ops = {"time": {"op": "call", "with": {"function": "test_engine_clocks.tick"}},
           "eat": {"op": "note", "inputs": "time"}, "say": {"op": "note", "every": "10 s"},
           "rarely": {"op": "note", "every": ["17 s", 5]}}

    def ready(runner: Any) -> None:
        SLOW.ring = runner.engine.ring
    SLOW.clock.time = 0.0
    ran = run({"run": {"num_steps": 12, "checkpoint": False}, "ops": ops}, clock=SLOW.clock, interpret=interpret,
              ready=ready)
    assert ran.steps("say") == [4, 7, 10]  # step n begins after 4 (n - 1) seconds
    assert ran.steps("rarely") == [5, 6, 10, 11]


def test_max_time_ends_the_run() -> None:
    ops = {"time": {"op": "call", "with": {"function": "test_engine_clocks.tick"}},
           "eat": {"op": "note", "inputs": "time"}, "end": {"op": "note", "at": "end"}}

    def ready(runner: Any) -> None:
        SLOW.ring = runner.engine.ring
    SLOW.clock.time = 0.0
    ran = run({"run": {"max_time": "10 s", "checkpoint": False}, "ops": ops}, clock=SLOW.clock, ready=ready)
    assert (ran.outcome.step, ran.outcome.end, ran.outcome.reason) == (3, "finished", "max_time")
    assert len(ran.values("end")) == 1


def test_a_clock_in_epochs_without_a_data_set() -> None:
    pipeline = {"run": {"num_steps": 3}, "ops": {"say": {"op": "note", "every": "1 epoch"}}}
    assert errors(pipeline) == ["no-epochs"]
    assert errors({"run": {"num_epochs": 3}, "ops": {"say": {"op": "note", "every": 1}}}) == ["no-epochs"]


def test_which_optimizer() -> None:
    pipeline = {"ops": {"say": {"op": "note", "every": "3 updates"}}}
    assert errors(pipeline) == ["which-optimizer"]
    assert errors({**TRAINING, "ops": {**UPDATE, "say": {"op": "note", "every": {"updates": 3, "of": "sdg"}}}}) == [
        "unknown-optimizer"]


def test_firings_of_what_is_no_effect() -> None:
    ops = {"n": {"op": "clocked"}, "say": {"op": "note", "inputs": "n", "every": {"firings": 3, "of": "n"}}}
    assert errors({"ops": ops}) == ["not-an-effect"]
    ops["say"]["every"] = {"firings": 3, "of": "m"}  # type: ignore[index]
    assert errors({"ops": ops}) == ["unknown-name"]
