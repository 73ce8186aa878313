"""Condition edges: what is looked at in which order, and what does not run when a condition fails."""

from __future__ import annotations

from typing import Any

from toy import TRAIN, both, errors, forward_in_order, said

STEPS = {"num_steps": 8, "checkpoint": False}


def go(**ops: Any) -> Any:
    ran = both({"run": STEPS, "data": {"train": TRAIN}, "ops": {"n": {"op": "clocked"}, **ops}})
    forward_in_order(ran.graph)
    return ran


def test_a_condition_decides_on_an_effect_and_on_what_only_it_needs() -> None:
    ran = go(check={"op": "double", "inputs": "n"}, costly={"op": "double", "inputs": "n"},
             say={"op": "note", "inputs": "costly", "when": "check % 6 == 0"})
    assert ran.steps("say") == [3, 6] and ran.steps("costly") == [3, 6]
    assert ran.steps("check") == list(range(1, 9))


def test_upstream_before_the_condition_runs_all_the_same() -> None:
    """The static order is that of the file: whether it is needed is known only later."""
    ran = go(costly={"op": "double", "inputs": "n"}, check={"op": "double", "inputs": "n"},
             say={"op": "note", "inputs": "costly", "when": "check % 6 == 0"})
    assert ran.steps("say") == [3, 6] and ran.steps("costly") == list(range(1, 9))


def test_the_clock_comes_first() -> None:
    ran = go(check={"op": "double", "inputs": "n"}, say={"op": "note", "when": "check > 0", "every": 3})
    assert ran.steps("check") == [3, 6] and ran.steps("say") == [3, 6]


def test_conditions_are_looked_at_from_left_to_right() -> None:
    """The second is not computed where the first one fails."""
    ran = go(b={"op": "double", "inputs": "n"}, a={"op": "double", "inputs": "n"},
             say={"op": "note", "when": "b % 4 == 0 and a > 8"})
    assert ran.steps("say") == [6, 8] and ran.steps("a") == [2, 4, 6, 8]
    ran = go(say={"op": "note", "when": "n != 3 and 1 / (n - 3) > 0"})
    assert ran.steps("say") == [4, 5, 6, 7, 8]


def test_what_declares_no_clock_follows_a_condition() -> None:
    ran = go(a={"op": "double", "inputs": "n", "when": "n % 4 == 0"}, b="a + 1", say={"op": "note", "inputs": "b"},
             also={"op": "note", "inputs": "b", "when": "n > 4"})
    assert ran.inputs("say") == ["9.0", "17.0"] and ran.inputs("also") == ["17.0"]


def test_a_condition_on_a_conditional_value() -> None:
    ran = go(a={"op": "double", "inputs": "n", "when": "n % 2 == 0"}, b={"op": "tally", "inputs": "a"},
             say={"op": "note", "inputs": "b", "when": "a > 8"}, stop_={"op": "note", "when": "b > 3"})
    assert ran.steps("b") == [2, 4, 6, 8] and ran.steps("say") == [6, 8] and ran.steps("stop_") == [6, 8]


def test_shared_conditions_are_decided_once_for_all() -> None:
    ran = go(one={"op": "tally", "inputs": "n", "when": "n > 3 and n < 7"},
             two={"op": "note", "inputs": "n", "when": "n < 7 and n > 3"},
             three={"op": "note", "when": "n > 3"})
    assert ran.steps("one") == ran.steps("two") == [4, 5, 6] and ran.steps("three") == [4, 5, 6, 7, 8]
    assert sum(node.kind == "condition" for node in ran.graph.nodes.values()) == 2


def test_a_consumer_with_the_same_condition_may_declare_a_clock() -> None:
    ops: dict[str, Any] = {"n": {"op": "clocked"}, "a": {"op": "double", "inputs": "n", "when": "n > 3 and n != 5"},
                           "say": {"op": "note", "inputs": "a", "every": 1, "when": "n != 5 and n > 3"}}
    assert both({"run": STEPS, "ops": ops}).steps("say") == [4, 6, 7, 8]
    ops["say"]["when"] = "n > 3"
    assert errors({"run": STEPS, "ops": ops}) == ["stale-input"]
    ops["say"] = {"op": "note", "inputs": "hold(a, nan)", "every": 4}
    assert both({"run": STEPS, "ops": ops}).inputs("say") == ["8.0", "16.0"]


def test_a_declared_clock_over_a_conditional_input() -> None:
    ops = {"n": {"op": "clocked"}, "a": {"op": "double", "inputs": "n", "when": "n > 3"},
           "say": {"op": "note", "inputs": "a", "every": 2}}
    assert said({"run": STEPS, "ops": ops}, "stale-input").startswith(
        "'say' fires on step 2, but 'a' is made only every step while 'n > 3' holds")


def test_the_sources_of_a_condition_are_inputs() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "say": {"op": "note", "when": "a > 3", "every": 2}}
    assert errors({"run": STEPS, "ops": ops}) == ["stale-input"]
    ops["say"] = {"op": "note", "when": "a > 3"}
    assert both({"run": STEPS, "ops": ops}).steps("say") == [6]
    ops["say"] = {"op": "note", "when": "hold(a, 0) > 3", "every": 2}
    assert both({"run": STEPS, "ops": ops}).steps("say") == [6, 8]


def test_demand_through_a_chain_of_conditions() -> None:
    ran = go(a={"op": "double", "inputs": "n", "when": "n > 2"}, b={"op": "double", "inputs": "a", "when": "a > 8"},
             c={"op": "double", "inputs": "b", "when": "b > 24"}, say={"op": "note", "inputs": "c", "every": [1],
                                                                       "when": "n > 2 and a > 8 and b > 24"})
    assert (ran.steps("a"), ran.steps("b"), ran.steps("c"), ran.steps("say")) == (
        [3, 4, 5, 6, 7, 8], [5, 6, 7, 8], [7, 8], [7, 8])


def test_an_op_demanded_with_and_without_a_condition() -> None:
    ran = go(a={"op": "double", "inputs": "n"}, sometimes={"op": "note", "inputs": "a", "when": "n > 6"},
             always={"op": "note", "inputs": "a", "every": 3})
    assert ran.steps("a") == [3, 6, 7, 8] and ran.steps("sometimes") == [7, 8]


def test_a_condition_stays_with_what_it_decided_although_its_source_is_held() -> None:
    ops = {"score": {"op": "clocked", "every": 4}, "best": {"op": "improved", "inputs": "score",
        "with": {"mode": "max"}},
           "keep": {"op": "note", "when": "best"}, "since": {"op": "note", "when": "best.since >= 0"},
           "enough": {"op": "stop", "when": "hold(best.best, 0) >= 8"}}
    ran = both({"run": {"num_steps": 20, "checkpoint": False}, "ops": ops})
    assert ran.steps("keep") == [4, 8] and ran.steps("since") == [4, 8] and ran.outcome.step == 8


def test_stop_completes_its_step() -> None:
    ran = go(enough={"op": "stop", "when": "n >= 4"}, say={"op": "note", "after": ["enough"]},
             end={"op": "note", "at": "end"})
    assert ran.steps("say") == [1, 2, 3, 4] and ran.outcome.reason == "stopped by 'enough'"
    assert len(ran.values("end")) == 1
