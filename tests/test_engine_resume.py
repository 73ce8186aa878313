"""A run that is saved and goes on: what was between steps, what the clock on the wall says, what had not begun."""

from __future__ import annotations

from typing import Any

from in_memory import MemoryStore
from test_engine_clocks import SLOW
from toy import TRAIN, Ran, check, run


def only(store: MemoryStore, step: int) -> MemoryStore:
    """The store with the last checkpoint of a step alone."""
    found = MemoryStore(keep=None)
    found._files = dict([item for item in store._files.items() if item[1][0].step == step][-1:])
    return found


def whole_and_rest(pipeline: dict[str, Any], step: int, **settings: Any) -> tuple[Ran, Ran]:
    """The run without a break, and the part of it from the checkpoint of a step on."""
    checked = check(pipeline)
    store = MemoryStore(keep=None)
    whole = run(checked, store=store, **settings)
    return whole, run(checked, store=only(store, step), resume=True, **settings)


def test_an_event_after_the_step_of_the_checkpoint() -> None:
    """The checkpoint is taken in step 4, before the epoch ends."""
    ops = {"n": {"op": "clocked"}, "over": {"op": "tally", "inputs": "hold(n)", "at": "epoch_end"},
           "begin": {"op": "tally", "at": "epoch_start"}, "say": {"op": "note", "inputs": ["hold(over, 0)", "hold(begin)"]},
           "again": {"op": "note", "at": "resume"}, "start": {"op": "note", "at": "start"}}
    pipeline = {"run": {"num_steps": 9, "checkpoint": {"every": 4}}, "data": {"train": TRAIN}, "ops": ops}
    whole, rest = whole_and_rest(pipeline, 4)
    names = [firing.node for firing in rest.journal.firings]
    assert names[:3] == ["again", "over", "begin"] and "start" not in names
    assert rest.inputs("say") == whole.inputs("say")[4:]


def test_a_checkpoint_at_an_event() -> None:
    """What the event did is not done again."""
    ops = {"over": {"op": "tally", "at": "epoch_end"}, "begin": {"op": "tally", "at": "epoch_start"},
           "save": {"op": "checkpoint", "with": {"name": "mine", "keep": 9}, "at": ["epoch_end", "epoch_start"],
                    "after": ["over", "begin"]},
           "say": {"op": "note", "inputs": ["hold(over, 0)", "hold(begin)"]}}
    pipeline = {"run": {"num_steps": 9, "checkpoint": {"every": 100}}, "data": {"train": TRAIN}, "ops": ops}
    for at in ("epoch_end", "epoch_start"):
        ops["save"]["at"] = at
        whole, rest = whole_and_rest(pipeline, 4)
        assert rest.inputs("say") == whole.inputs("say")[4:], at
        assert len(rest.values("over")) == 1


def test_the_start_is_not_repeated_and_not_left_out() -> None:
    ops = {"first": {"op": "tally", "at": "start"}, "say": {"op": "note", "inputs": "hold(first)"},
           "save": {"op": "checkpoint", "with": {"name": "begin"}, "at": "epoch_start"}}
    pipeline = {"run": {"num_steps": 3, "checkpoint": {"every": 100}}, "data": {"train": TRAIN}, "ops": ops}
    whole, rest = whole_and_rest(pipeline, 0)
    assert whole.inputs("say") == rest.inputs("say") == ["1.001"] * 3 and rest.values("first") == []
    store = MemoryStore(keep=None)  # as with `--from`: saved before anything has begun

    def ready(runner: Any) -> None:
        runner.save(None, 0)
    run(pipeline, store=store, ready=ready)
    found = MemoryStore(keep=None)
    found._files = dict(list(store._files.items())[:1])
    assert run(pipeline, store=found, resume=True).inputs("say") == ["1.001"] * 3


def test_alarms_go_on_from_their_last_firing() -> None:
    """The checkpoint is taken at a step at which the alarm has rung: it does not ring again at once."""
    ops = {"time": {"op": "call", "with": {"function": "test_engine_clocks.tick"}}, "eat": {"op": "note", "inputs": "time"},
           "say": {"op": "note", "every": "10 s"}}
    pipeline = {"run": {"num_steps": 14, "checkpoint": {"every": 4}}, "ops": ops}

    def ready(runner: Any) -> None:
        SLOW.ring = runner.engine.ring
    SLOW.clock.time = 0.0
    whole, rest = whole_and_rest(pipeline, 4, clock=SLOW.clock, ready=ready)
    assert whole.steps("say") == [4, 7, 10, 13] and rest.steps("say") == [7, 10, 13]


def test_a_bound_on_updates_holds_after_a_resume_too() -> None:
    ops = {"batch": {"op": "load_batch"}, "out": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
           "update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}}}
    pipeline = {"run": {"num_updates": 5, "checkpoint": {"every": 2}}, "data": {"train": TRAIN},
                "models": {"net": {"use": "toy"}}, "optimizers": {"sgd": {"use": "sgd", "updates": ["net"]}}, "ops": ops}
    whole, rest = whole_and_rest(pipeline, 4)
    assert whole.outcome.step == rest.outcome.step == 5 and whole.weights == rest.weights
    store = MemoryStore(keep=None)
    run(pipeline, store=store)
    assert run(pipeline, store=only(store, 5), resume=True).outcome.step == 5


def test_a_loops_streams_and_counts_go_on() -> None:
    graphs = {"g": {"repeat": 3, "ops": {
        "own": {"op": "load_batch", "with": {"data": "train"}}, "x": {"op": "note", "inputs": "own.index"},
        "out": {"op": "forward", "inputs": "own.x", "with": {"model": "net"}},
        "update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}}}}}
    pipeline = {"run": {"num_steps": 7, "over": "none", "checkpoint": {"every": 3}}, "data": {"train": TRAIN},
                "models": {"net": {"use": "toy"}}, "optimizers": {"sgd": {"use": "sgd", "updates": ["net"]}},
                "graphs": graphs, "ops": {"l": {"op": "loop", "with": {"graph": "g"}},
                                          "say": {"op": "note", "every": ["4 updates", {"firings": 2, "of": "l"}]}}}
    whole, rest = whole_and_rest(pipeline, 3)
    assert rest.steps("say") == [step for step in whole.steps("say") if step > 3]
    assert rest.inputs("l.x") == whole.inputs("l.x")[9:] and rest.weights == whole.weights
