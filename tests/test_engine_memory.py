"""Values across steps, branches and gradients: hold, previous, either, detach."""

from __future__ import annotations

import math
from typing import Any

import pytest
from toy import TRAIN, both, errors, said

STEPS = {"num_steps": 8, "checkpoint": False}


def seen(expression: str, steps: int = 8, **ops: Any) -> list[str]:
    """What an expression is at each step on which it is available."""
    return both({"run": {"num_steps": steps, "checkpoint": False}, "params": {"p": 3},
                 "ops": {"n": {"op": "clocked"}, **ops, "say": {"op": "note", "inputs": expression}}}).inputs("say")


def floats(*values: float) -> list[str]:
    return [repr(float(value)) for value in values]


def test_hold_is_the_latest_value_of_this_step_or_an_earlier_one() -> None:
    assert seen("hold(a, -1.0)", a={"op": "clocked", "every": 3}) == floats(-1, -1, 3, 3, 3, 6, 6, 6)


def test_hold_in_an_expression_of_an_earlier_line() -> None:
    """The source stands later in the file: it comes first all the same."""
    ops = {"say": {"op": "note", "inputs": "hold(a, 0)"}, "a": {"op": "clocked", "every": 2}}
    assert both({"run": STEPS, "ops": ops}).inputs("say") == ["0", *floats(2, 2, 4, 4, 6, 6, 8)]


def test_previous_is_strictly_older() -> None:
    assert seen("previous(a, -1.0)", a={"op": "clocked", "every": 3}) == floats(-1, -1, -1, 3, 3, 3, 6, 6)


def test_a_cycle_through_previous_feeds_back() -> None:
    ops = {"k": "clip(previous(k, 0.0) + 0.25 * (n - 3.5), 0, 1)", "n": {"op": "clocked"},
           "say": {"op": "note", "inputs": "k"}}
    found, expected, k = both({"run": STEPS, "ops": ops}).inputs("say"), [], 0.0
    for step in range(1, 9):
        k = min(max(k + 0.25 * (step - 3.5), 0), 1)
        expected.append(k)
    assert [float(value) for value in found] == expected


def test_an_initial_value_may_be_an_expression_and_is_needed_only_at_the_beginning() -> None:
    assert seen("hold(a, n * 10 + params.p)", a={"op": "clocked", "every": 3}) == floats(13, 23, 3, 3, 3, 6, 6, 6)


def test_hold_of_an_expression_is_made_whenever_it_can_be() -> None:
    assert seen("hold(a * 2 + n, 0.0)", a={"op": "clocked", "every": 3}) == floats(0, 0, 9, 9, 9, 18, 18, 18)


def test_hold_of_a_part_of_a_value() -> None:
    ops = {"batch": {"op": "load_batch"}, "say": {"op": "note", "inputs": "previous(batch.index, 0)"}}
    ran = both({"run": {"num_steps": 3, "checkpoint": False}, "data": {"train": TRAIN}, "ops": ops})
    assert ran.inputs("say") == ["0", "[0, 1]", "[2, 3]"]


def test_hold_without_an_initial_value_of_what_provably_came_first() -> None:
    ops = {"a": {"op": "clocked", "every": [1]}, "b": {"op": "clocked", "every": 2}}
    say = {"op": "note", "inputs": ["hold(a)", "hold(b)"], "every": 4}
    assert both({"run": STEPS, "ops": {**ops, "say": say}}).inputs("say") == [("4.0", "4.0"), ("8.0", "8.0")]
    ops["say"] = {"op": "note", "inputs": "previous(b)", "every": {"steps": 1, "from": 3}}
    assert both({"run": STEPS, "ops": ops}).inputs("say") == floats(2, 2, 4, 4, 6, 6)


def test_what_is_held_may_have_fired_at_the_start() -> None:
    ops = {"a": {"op": "constant", "with": {"value": 5.0}, "at": "start"}, "say": {"op": "note", "inputs": "hold(a)"}}
    assert both({"run": {"num_steps": 2, "checkpoint": False}, "ops": ops}).inputs("say") == floats(5, 5)


@pytest.mark.parametrize("expression", ["hold(late)", "previous(late)", "hold(sometimes)", "previous(first)",
                                        "hold(sometimes * 2)"])
def test_no_initial_value(expression: str) -> None:
    ops = {"n": {"op": "clocked"}, "late": {"op": "clocked", "every": 3}, "first": {"op": "clocked", "every": 1},
           "sometimes": {"op": "double", "inputs": "n", "when": "n > 2"},
           "say": {"op": "note", "inputs": expression}}
    assert errors({"run": STEPS, "ops": ops}) == ["no-initial-value"]


def test_the_words_of_no_initial_value() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "say": {"op": "note", "inputs": "hold(a)", "every": 2}}
    assert said({"run": STEPS, "ops": ops}, "no-initial-value") == (
        "hold(a) has no initial value: 'say' may read it on step 2, and 'a' first runs on step 3 "
        '(give one: "hold(a, 0.0)")')


def test_either_is_the_first_that_is_available() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "b": {"op": "double", "inputs": "n", "every": 2}}
    assert seen("either(a, b, -n)", **ops) == floats(-1, 4, 3, 8, -5, 6, -7, 16)
    assert seen("either(a, b)", **ops) == floats(4, 3, 8, 6, 16)  # on the steps of one of them
    assert seen("either(a, 0)", **ops) == ["0", "0", "3.0", "0", "0", "6.0", "0", "0"]


def test_either_demands_only_what_it_takes() -> None:
    ops = {"n": {"op": "clocked"}, "a": {"op": "clocked", "every": 3}, "b": {"op": "double", "inputs": "n"},
           "say": {"op": "note", "inputs": "either(a, b)"}}
    ran = both({"run": STEPS, "ops": ops})
    assert ran.steps("a") == [3, 6] and ran.steps("b") == [1, 2, 4, 5, 7, 8]


def test_either_of_conditional_values() -> None:
    ops = {"a": {"op": "double", "inputs": "n", "when": "n % 3 == 0"},
           "b": {"op": "double", "inputs": "n * 10", "when": "n > 4"}}
    assert seen("either(a, b, 0.5)", **ops) == floats(.5, .5, 6, .5, 100, 12, 140, 160)
    assert seen("either(a, b)", **ops) == floats(6, 100, 12, 140, 160)
    assert seen("either(either(a, b), n)", **ops) == floats(1, 2, 6, 4, 100, 12, 140, 160)
    assert seen("2 * either(a * 2, b + n, 1.0) + n", **ops) == floats(3, 4, 27, 6, 215, 54, 301, 344)


def test_either_in_an_initial_value() -> None:
    ops = {"a": {"op": "clocked", "every": 4}, "b": {"op": "clocked", "every": {"steps": 2, "offset": 1}}}
    assert seen("hold(a, either(b, n * 100))", 5, **ops) == floats(1, 200, 3, 4, 4)


def test_all_functions_and_operators() -> None:
    ops = {"say": {"op": "note", "inputs": [
        "abs(-n)", "min(n, 2, 3)", "max(n, 2, 3)", "sqrt(n)", "exp(n - 1)", "log(n)", "cos(0)", "clip(n, 2, 3)",
        "round(n / 3, 2)", "isfinite(nan)", "mean(n)", "sum(n)", "detach(n)", "n // 2 + n % 2 - n ** 2", "-n + +n",
        "n <= 1 and n >= 1 or not n != 1", "n if n > 1 else pi", "1 / n if n < 0 else inf", "'text'", "true",
        "step", "epoch", "stage", "params.p"]}, "n": {"op": "clocked"}}
    [given] = both({"run": {"num_steps": 1, "checkpoint": False}, "params": {"p": 3},
                    "stages": {"only": {}}, "ops": ops}).inputs("say")
    assert given == ("1.0", "1.0", "3", "1.0", "1.0", "0.0", "1.0", "2", "0.33", "False", "1.0", "1.0", "1.0", "0.0",
                     "0.0", "True", repr(math.pi), "inf", "'text'", "True", "1", "1", "'only'", "3")


def test_a_choice_computes_only_the_branch_it_takes() -> None:
    assert seen("1 / (n - 2) if n != 2 else 0.0", 3) == floats(-1, 0, 1)
    assert seen("n == 2 or 1 / (n - 2) > 0", 3) == ["False", "True", "True"]
    assert seen("n != 2 and 1 / (n - 2) > 0", 3) == ["False", "False", "True"]


def test_but_every_reference_is_demanded() -> None:
    ops = {"a": {"op": "clocked", "every": 2}}
    assert seen("a if false else n", 4, **ops) == floats(2, 4)


def test_built_in_names() -> None:
    ops = {"say": {"op": "note", "inputs": ["step", "epoch", "stage"]}}
    ran = both({"run": {"num_steps": 6, "checkpoint": False}, "data": {"train": TRAIN},
                "stages": {"one": {"until": "2 steps"}, "two": {}}, "ops": ops})
    assert ran.inputs("say") == [("1", "1", "'one'"), ("2", "1", "'one'"), ("3", "1", "'two'"), ("4", "1", "'two'"),
                                 ("5", "2", "'two'"), ("6", "2", "'two'")]


def test_a_condition_is_asked_for_only_where_its_op_may_fire() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "b": "hold(a) * 2",
           "say": {"op": "note", "inputs": "b", "when": "hold(a) > 3", "every": {"steps": 2, "from": 3}}}
    assert both({"run": STEPS, "ops": ops}).inputs("say") == floats(12, 12)


def test_held_values_between_steps() -> None:
    ops = {"a": {"op": "clocked"}, "say": {"op": "note", "inputs": "hold(a)", "at": ["epoch_end", "end"]},
           "start": {"op": "constant", "at": "start"},
           "also": {"op": "note", "inputs": "hold(start)", "at": ["start", "epoch_start"]}}
    ran = both({"run": {"num_steps": 6, "checkpoint": False}, "data": {"train": TRAIN}, "ops": ops})
    assert ran.inputs("say") == floats(4, 6) and ran.inputs("also") == floats(1, 1, 1)
    for event in ("start", "epoch_start", "exception", "resume"):
        ops["say"] = {"op": "note", "inputs": "hold(a)", "at": event}
        assert errors({"run": STEPS, "data": {"train": TRAIN}, "ops": ops}) == ["no-initial-value"]
