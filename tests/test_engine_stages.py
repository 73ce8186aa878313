"""Stages: consecutive windows of a run, some of which end by a condition."""

from __future__ import annotations

from typing import Any

import pytest
from toy import TRAIN, both, errors, said


def go(stages: dict[str, Any], steps: int = 14, **ops: Any) -> Any:
    ops = {"n": {"op": "clocked"}, "name": {"op": "note", "inputs": "stage"}, **ops}
    return both({"run": {"num_steps": steps, "checkpoint": False}, "data": {"train": TRAIN}, "stages": stages,
                 "ops": ops})


def during(stages: dict[str, Any], steps: int = 14) -> dict[str, list[int]]:
    """The steps of each stage, its first and its last one."""
    ops: dict[str, Any] = {}
    for name, stage in stages.items():
        ops[f"in_{name}"] = {"op": "note", "during": name}
        ops[f"first_{name}"] = {"op": "note", "every": {"first": name}}
        if not isinstance((stage or {}).get("until"), dict):
            ops[f"last_{name}"] = {"op": "note", "every": {"last": name}}
    ran = go(stages, steps, **ops)
    for name in stages:
        inside = ran.steps(f"in_{name}")
        assert ran.steps(f"first_{name}") == inside[:1]
        assert ran.steps(f"last_{name}") == inside[-1:] or f"last_{name}" not in ops
        assert [step for step, given in enumerate(ran.inputs("name"), 1) if given == repr(name)] == inside
    return {name: ran.steps(f"in_{name}") for name in stages}


def test_until_and_for() -> None:
    assert during({"a": {"until": "3 steps"}, "b": {"for": "1.5 epochs"}, "c": {"until": 12}, "d": {}}) == {
        "a": [1, 2, 3], "b": [4, 5, 6, 7, 8, 9], "c": [10, 11, 12], "d": [13, 14]}


def test_after_a_last_stage_with_an_end_no_stage_lasts() -> None:
    assert during({"a": {"for": 3}, "b": {"for": 3}}) == {"a": [1, 2, 3], "b": [4, 5, 6]}
    assert during({"a": {"until": "1 epoch"}}) == {"a": [1, 2, 3, 4]}
    assert during({"a": {"until": {"when": "hold(n, 0) >= 3"}}, "b": {"for": 3}}) == {"a": [1, 2, 3], "b": [4, 5, 6]}
    assert during({"a": {"until": {"when": "hold(n, 0) >= 3"}}}) == {"a": [1, 2, 3]}
    ran = go({"a": {"for": 12}})
    assert ran.inputs("name")[-3:] == ["'a'", "''", "''"]


def test_the_run_may_end_within_a_stage() -> None:
    assert during({"a": {"for": "2 epochs"}, "b": {"for": 100}}) == {"a": list(range(1, 9)), "b": list(range(9, 15))}


def test_a_stage_ends_by_a_condition_that_is_looked_at_between_steps() -> None:
    assert during({"a": {"until": {"when": "hold(n, 0) >= 5"}}, "b": {"for": 3}, "c": {}}) == {
        "a": [1, 2, 3, 4, 5], "b": [6, 7, 8], "c": list(range(9, 15))}


def test_what_follows_a_stage_of_unknown_length() -> None:
    assert during({"a": {"until": {"when": "hold(n, 0) >= 3"}}, "b": {"until": 6},
                   "c": {"until": {"when": "hold(n, 0) >= 8"}}, "d": {"for": "1 epoch"}, "e": {}}) == {
        "a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8], "d": [9, 10, 11, 12], "e": [13, 14]}


def test_a_stage_that_would_end_before_it_begins_is_left_out() -> None:
    assert during({"a": {"until": {"when": "hold(n, 0) >= 8"}}, "b": {"until": 6}, "c": {}}) == {
        "a": list(range(1, 9)), "b": [], "c": list(range(9, 15))}


def test_conditions_that_always_hold_leave_a_step_to_each_stage() -> None:
    always = {"until": {"when": "true"}}
    assert during({"a": always, "b": always, "c": {}}, 5) == {"a": [1], "b": [2], "c": [3, 4, 5]}


def test_during_restricts_a_clock() -> None:
    stages = {"a": {"until": 5}, "b": {"until": {"when": "hold(n, 0) >= 9"}}, "c": {}}
    ran = go(stages, say={"op": "note", "every": 2, "during": ["a", "c"]}, also={"op": "note", "every": 2,
        "during": "b"},
             value={"op": "double", "inputs": "n", "during": "b"}, both_={"op": "note", "inputs": "value"})
    assert ran.steps("say") == [2, 4, 10, 12, 14] and ran.steps("also") == [6, 8]
    assert ran.steps("both_") == [6, 7, 8, 9]


def test_what_is_made_only_in_a_stage_is_stale_outside_of_it() -> None:
    ops = {"n": {"op": "clocked", "during": "a"}, "say": {"op": "note", "inputs": "n", "every": 2}}
    pipeline = {"run": {"num_steps": 9}, "stages": {"a": {"until": 5}, "b": {}}, "ops": ops}
    assert errors(pipeline) == ["stale-input"]
    ops["say"]["during"] = "a"
    assert both(pipeline | {"run": {"num_steps": 9, "checkpoint": False}}).steps("say") == [2, 4]


@pytest.mark.parametrize("stages, ops, code", [
    ({"a": {"until": 5}, "b": {}}, {"say": {"op": "note", "during": "c"}}, "unknown-stage"),
    ({"a": {"until": 5}, "b": {}}, {"say": {"op": "note", "every": {"first": "c"}}}, "unknown-stage"),
    ({"a": {"until": {"when": "hold(n, 0) > 3"}}, "b": {}}, {"say": {"op": "note", "every": {"last": "a"}}},
     "unknown-last"),
    ({"a": {"until": {"when": "n > 3"}}, "b": {}}, {}, "between-steps"),
    ({"a": {"until": {"when": "hold(n) > 3"}}, "b": {}}, {}, "no-initial-value"),
    ({"a": {"until": {"when": "m > 3"}}, "b": {}}, {}, "unknown-name"),
    ({"a": {"until": "2 epochs"}, "b": {"until": 5}, "c": {}}, {}, "empty-stage"),
    ({"a": {"until": 5}, "b": {"until": 4}}, {}, "empty-stage"),
])
def test_what_stages_cannot_do(stages: Any, ops: Any, code: str) -> None:
    ops = {"n": {"op": "clocked"}, **ops}
    assert errors({"run": {"num_steps": 9}, "data": {"train": TRAIN}, "stages": stages, "ops": ops}) == [code]


def test_epochs_without_a_data_set() -> None:
    assert errors({"stages": {"a": {"for": "2 epochs"}, "b": {}}, "ops": {"say": {"op": "note"}}}) == ["no-epochs"]


def test_the_words_of_between_steps() -> None:
    pipeline = {"stages": {"a": {"until": {"when": "n > 3"}}, "b": {}}, "ops": {"n": {"op": "clocked"}}}
    assert said(pipeline, "between-steps") == (
        "the end of stage 'a' is looked at between steps, where 'n' is not fresh "
        '(take the latest value: "hold(n, 0.0)")')


def test_events_are_during_a_stage_too() -> None:
    ran = go({"a": {"for": "1 epoch"}, "b": {"for": "1 epoch"}, "c": {}},
             each={"op": "note", "inputs": "step", "at": "epoch_end", "during": "a"},
             begins={"op": "note", "inputs": "step", "at": ["start", "epoch_start"], "during": ["a", "b"]},
             later={"op": "note", "inputs": "step", "at": ["start", "end"], "during": "b"},
             x={"op": "expr", "inputs": "step + 1", "during": "b"},
             follows={"op": "note", "inputs": "x", "at": "epoch_end"})
    assert ran.inputs("each") == ["4"]
    assert ran.inputs("begins") == ["0", "0", "4"]
    assert ran.inputs("later") == []
    assert ran.inputs("follows") == ["9"]
