"""What runs at a step: what is due, what that needs, and nothing else."""

from __future__ import annotations

import weakref
from typing import Any

from toy import TRAIN, both, forward_in_order, run

STEPS = {"num_steps": 12, "checkpoint": False}


def at(ran: Any, step: int) -> list[str]:
    """What ran at a step, in order."""
    return [firing.node for firing in ran.journal.firings if firing.moment[0] == step]


def test_transforms_run_only_when_something_due_needs_them() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a"}, "c": {"op": "double", "inputs": "a"},
           "say": {"op": "note", "inputs": "b", "every": 3}, "also": {"op": "note", "inputs": "c", "every": 4}}
    ran = both({"run": STEPS, "ops": ops})
    assert [at(ran, step) for step in (1, 3, 4, 12)] == [
        [], ["a", "b", "say"], ["a", "c", "also"], ["a", "b", "c", "say", "also"]]


def test_nobody_asks() -> None:
    ran = both({"run": STEPS, "ops": {"a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a"}}})
    assert ran.journal.firings == [] and ran.outcome.step == 12


def test_the_loops_data_advances_at_every_step_whoever_asks() -> None:
    ops = {"batch": {"op": "load_batch"}, "say": {"op": "note", "inputs": "batch.index", "every": 3}}
    ran = both({"run": STEPS, "data": {"train": TRAIN}, "ops": ops})
    assert ran.inputs("say") == ["[4, 5]", "[2, 3]", "[0, 1]", "[6, 7]"]  # of steps 3, 6, 9 and 12
    assert ran.steps("batch") == [3, 6, 9, 12]


def test_other_data_advances_when_it_is_demanded() -> None:
    data = {"train": TRAIN, "other": TRAIN}
    ops = {"batch": {"op": "load_batch", "with": {"data": "other"}},
           "say": {"op": "note", "inputs": "batch.index", "every": [3, 4]}}
    ran = both({"run": STEPS, "data": data, "ops": ops})
    # steps 3, 4, 6, 8, 9, 12; at its end it starts again
    assert ran.inputs("say") == ["[0, 1]", "[2, 3]", "[4, 5]", "[6, 7]", "[0, 1]", "[2, 3]"]


def test_load_batches_of_one_data_set_share_a_stream() -> None:
    ops = {"one": {"op": "load_batch", "with": {"data": "other"}},
           "two": {"op": "load_batch", "with": {"data": "other"}},
           "own": {"op": "load_batch", "with": {"data": "other", "stream": "mine"}},
           "say": {"op": "note", "inputs": ["one.index", "two.index"], "every": 2},
           "now": {"op": "note", "inputs": "two.index", "every": {"steps": 2, "offset": 1}},
           "apart": {"op": "note", "inputs": "own.index", "every": 5}}
    ran = both({"run": STEPS, "data": {"train": TRAIN, "other": TRAIN}, "ops": ops})
    assert all(a == b for a, b in ran.inputs("say"))
    assert ran.inputs("now")[:3] == ["[0, 1]", "[4, 5]", "[0, 1]"]  # of steps 1, 3 and 5; 2 and 4 took one each
    assert ran.inputs("apart") == ["[0, 1]", "[2, 3]"]


def test_streams_of_one_name_are_one_stream_also_where_the_data_set_is_only_implied() -> None:
    ops = {"one": {"op": "load_batch", "with": {"data": "train", "stream": "x"}},
           "two": {"op": "load_batch", "with": {"stream": "x"}},
           "say": {"op": "note", "inputs": ["one.index", "two.index"]}}
    ran = both({"run": {"num_steps": 3, "checkpoint": False}, "data": {"train": TRAIN}, "ops": ops})
    assert ran.inputs("say") == [("[0, 1]",) * 2, ("[2, 3]",) * 2, ("[4, 5]",) * 2]


def test_a_transform_with_a_clock_is_available_only_then() -> None:
    ops = {"a": {"op": "clocked", "every": 4}, "say": {"op": "note", "inputs": "a"}}
    ran = both({"run": STEPS, "ops": ops})
    assert ran.inputs("say") == ["4.0", "8.0", "12.0"]


def test_what_declares_no_clock_inherits_where_its_inputs_meet() -> None:
    ops = {"a": {"op": "clocked", "every": 2}, "b": {"op": "clocked", "every": {"steps": 3, "offset": 1}},
           "both": {"op": "note", "inputs": ["a", "b"]}}
    assert both({"run": STEPS, "ops": ops}).steps("both") == [4, 10]


def test_what_is_held_is_made_whenever_its_clock_allows() -> None:
    ops = {"a": {"op": "clocked", "every": 2}, "say": {"op": "note", "inputs": "hold(a, 0)", "every": 5}}
    ran = both({"run": STEPS, "ops": ops})
    assert ran.steps("a") == [2, 4, 6, 8, 10, 12]
    assert ran.inputs("say") == ["4.0", "10.0"]


def test_an_op_with_state_is_due_whoever_listens() -> None:
    ops = {"a": {"op": "clocked"}, "seen": {"op": "tally", "inputs": "a"},
           "say": {"op": "note", "inputs": "seen", "every": 6}}
    ran = both({"run": STEPS, "ops": ops})
    assert ran.inputs("say") == ["6.021", "12.078"]


def test_after_demands_nothing_and_restricts_nothing() -> None:
    ops = {"say": {"op": "note", "after": ["late"]}, "a": {"op": "clocked"},
           "late": {"op": "note", "inputs": "a", "every": 5}, "lazy": {"op": "double", "inputs": "a"},
           "then": {"op": "note", "after": ["lazy"], "every": 5}}
    ran = both({"run": STEPS, "ops": ops})
    assert at(ran, 4) == ["say"] and at(ran, 5) == ["a", "late", "say", "then"]
    forward_in_order(ran.graph)


def test_inputs_by_name_and_by_place() -> None:
    ops = {"a": {"op": "clocked"}, "one": {"op": "add", "inputs": ["a", 10]},
           "two": {"op": "add", "inputs": {"b": "a", "a": 10}}, "three": {"op": "add", "inputs": "a"},
           "say": {"op": "note", "inputs": {"one": "one", "two": "two", "three": "three"}, "every": 3}}
    ran = both({"run": {"num_steps": 3, "checkpoint": False}, "ops": ops})
    assert ran.inputs("say") == [("23.0", "16.0", "3.0")]


def test_names_that_look_like_those_of_the_generated_code() -> None:
    ops: dict[str, Any] = {name: {"op": "clocked"} for name in (
        "do_x", "h0", "steps", "key", "held", "which", "count", "runs", "outer", "when_x___1")}
    ops |= {"x": {"op": "double", "inputs": "do_x"}, "global_step": {"op": "double", "inputs": "hold(h0, 0)"},
            "say": {"op": "note", "inputs": [*ops, "x", "global_step", "previous(h0, 5)"], "when": "x > 1"}}
    ran = both({"run": {"num_steps": 3, "checkpoint": False}, "ops": ops})
    assert ran.inputs("say")[2] == ("3.0",) * 10 + ("6.0", "6.0", "2.0")


class Thing:
    """A value that can be watched."""


ALIVE: weakref.WeakSet[Thing] = weakref.WeakSet()
SEEN: list[int] = []


def make() -> Thing:
    thing = Thing()
    ALIVE.add(thing)
    return thing


def size(thing: Thing) -> float:
    return 1.0


def look(size: float) -> float:
    SEEN.append(len(ALIVE))
    return size


def test_values_are_let_go_after_their_last_use() -> None:
    """When `look` runs, the thing of this step is gone; there is the held one of the step before, and no other."""
    SEEN.clear()

    def call(name: str, *inputs: str) -> dict[str, Any]:
        return {"op": "call", "inputs": list(inputs), "with": {"function": f"test_engine_demand.{name}"}}
    ops = {"thing": call("make"), "eaten": call("size", "thing"), "after": call("look", "eaten"),
           "kept": call("make"), "say": {"op": "note", "inputs": ["after", "hold(kept, 0)"]}}
    assert run({"run": {"num_steps": 6, "checkpoint": False}, "ops": ops}).outcome.step == 6
    assert SEEN[:5] == [0, 1, 1, 1, 1]  # all values of the last step are kept
