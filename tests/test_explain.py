"""`edgraph explain`: when an op runs and why, what it waits for, what needs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from plan_tools import PIPELINES, golden, graph_of
from toy import TRAIN, accepted

from edgraph.graph.ir import Graph
from edgraph.plan.explain import UnknownOp, explain
from edgraph.plan.window import NoSuchSteps

RUN = {"over": "none", "num_steps": 100, "checkpoint": False}


def names(graph: Graph, prefix: str = "") -> list[str]:
    found = []
    for node in graph.nodes.values():
        if node.visible:
            found.append(prefix + node.name)
            found += names(node.body, f"{prefix}{node.name}.") if node.body is not None else []
    return found


def lines(ops: dict[str, Any], name: str, step: int | None = None, **more: Any) -> list[str]:
    return explain(accepted({"run": RUN, **more, "ops": ops}), name, step).splitlines()


# -- as they were read and found good ---------------------------------------------------------------

@pytest.mark.parametrize("name", PIPELINES)
def test_every_op(name: str, tmp_path: Path) -> None:
    graph = graph_of(name, tmp_path)
    golden(f"{name}.ops.txt", "\n".join(explain(graph, op) for op in names(graph)))


@pytest.mark.parametrize(("name", "steps"), [("digits", (1, 23, 24, 460)), ("adversaries", (6, 50, 102, 103))])
def test_every_op_at_some_steps(name: str, steps: tuple[int, ...], tmp_path: Path) -> None:
    graph = graph_of(name, tmp_path)
    ops = [op for op in names(graph) if op in graph.nodes]
    golden(f"{name}.steps.txt", "\n".join(explain(graph, op, step) for step in steps for op in ops))


def test_lines_fit(tmp_path: Path) -> None:
    for name in PIPELINES:
        graph = graph_of(name, tmp_path)
        for op in names(graph):
            for text in (explain(graph, op), explain(graph, op, 1)):
                assert all(len(line) <= 100 and line == line.rstrip() for line in text.splitlines()[1:]), text


# -- one thing at a time ----------------------------------------------------------------------------

def test_unknown_names(tmp_path: Path) -> None:
    graph = graph_of("digits", tmp_path)
    for name, suggestion in (("reprot", "did you mean 'report'?"), ("score.logit", "did you mean 'score.logits'?"),
                             ("update.gradients", "did you mean 'update'?")):
        with pytest.raises(UnknownOp) as caught:
            explain(graph, name)
        assert (caught.value.name, caught.value.suggestion) == (name, suggestion)
        assert str(caught.value) == f"there is no op '{name}'; {suggestion}"


def test_steps_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(NoSuchSteps, match="step 461: the run ends at step 460"):
        explain(graph_of("digits", tmp_path), "loss", 461)
    with pytest.raises(NoSuchSteps, match="iteration 6: the loop ends at iteration 5"):
        explain(graph_of("open", tmp_path), "inner.value", 6)


def test_the_default_checkpoint_can_be_asked_about(tmp_path: Path) -> None:
    assert "every 500 steps, as `every` says" in explain(graph_of("adversaries", tmp_path), "run.checkpoint")


def test_not_due_names_the_nearest_firings() -> None:
    assert lines({"say": {"op": "note", "inputs": 1.0, "every": 30}}, "say", 31) == [
        "say on step 31: does not run", "  'say' fires every 30 steps: the nearest are steps 30 and 60"]
    assert lines({"say": {"op": "note", "inputs": 1.0, "every": 30}}, "say", 95)[1].endswith("last on step 90")
    assert lines({"say": {"op": "note", "inputs": 1.0, "every": 30}}, "say", 3)[1].endswith("first on step 30")


def test_an_input_that_is_not_made_is_followed_to_its_clock() -> None:
    ops = {"a": {"op": "clocked", "every": 10}, "b": {"op": "double", "inputs": "a"},
           "c": {"op": "note", "inputs": "b + 1"}}
    assert lines(ops, "c", 14) == [
        "c on step 14: does not run", "  'c' needs 'b', which is not made on step 14",
        "  'b' needs 'a', which is not made on step 14", "  'a' fires every 10 steps: the nearest are steps 10 and 20",
        "  it runs on other steps: the nearest are steps 10 and 20"]


def test_nothing_that_is_due_needs_it() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a"}, "c": {"op": "note", "inputs": "b", "every": 5}}
    assert lines(ops, "a", 7) == [
        "a on step 7: does not run", "  it could run (every step), but nothing that is due on step 7 needs it",
        "  'c' (through b) would, every 5 steps", "  it runs on other steps: the nearest are steps 5 and 10"]
    assert lines(ops, "a", 5) == ["a on step 5: runs", "  'c' (through b) needs it"]


def test_nothing_ever_needs_it() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a", "ignore": ["unread-value"]}}
    assert lines(ops, "a", 7)[1:] == ["  nothing that is ever due needs it, so it never runs"]
    assert any(line.endswith("never") and "runs" in line for line in lines(ops, "b"))
    assert lines(ops, "b")[-1] == "  needed by  nothing, so it never runs"


def test_either_takes_another() -> None:
    ops = {"a": {"op": "clocked", "every": 2}, "b": {"op": "clocked"},
           "c": {"op": "note", "inputs": "either(a, b)", "every": [4, 5]}}
    assert "  'c' runs, but takes another alternative of an `either`" in lines(ops, "b", 4)
    assert lines(ops, "b", 5) == ["b on step 5: runs", "  'c' needs it"]


def test_a_condition_is_known_only_then() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "note", "inputs": "a", "when": "a > 3 and a < 9"}}
    assert lines(ops, "b", 7)[0] == "b on step 7: may run, if a > 3 and a < 9"
    assert "  whether a > 3 holds is known only at that step" in lines(ops, "b", 7)


def test_demand_that_is_known_only_later() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a"},
           "c": {"op": "note", "inputs": "a", "when": "b > 5"}}
    assert lines(ops, "a", 1)[0] == "a on step 1: runs"


def test_a_stage_that_is_over() -> None:
    ops = {"a": {"op": "note", "inputs": 1.0, "during": "one"}}
    assert lines(ops, "a", 30, stages={"one": {"until": "20 steps"}, "two": {}})[1] == (
        "  'a' runs during stage 'one' (every step until step 20) only")


def test_between_steps_only() -> None:
    assert lines({"a": {"op": "note", "inputs": 1.0, "at": ["start", "end"]}}, "a", 3) == [
        "a on step 3: does not run", "  'a' fires between steps only, at start, end"]


def test_slices_and_the_way_to_an_update(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    assert "training: it leads to the update 'generator_update' through fake_score, generator_loss" in flat(
        explain(graph, "noise")) or "training: it leads to the update 'critic_update'" in flat(explain(graph, "noise"))
    assert "observing: no update depends on it" in flat(explain(graph, "k"))
    assert "training: it is an update itself" in flat(explain(graph, "follow"))


def test_state_edges_give_their_reason(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    assert re.search(r"waits for +generator_loss +its value .*fake +it reads 'generator', which this writes",
                     flat(explain(graph, "generator_update")))
    assert "critic_update its firings are counted: every 100 of 'critic_update'" in flat(explain(graph, "slow"))
    assert "generator_update it fires when that applies" in flat(explain(graph, "follow"))


def test_order_says_after() -> None:
    ops = {"a": {"op": "note", "inputs": 1.0}, "b": {"op": "note", "inputs": 2.0, "after": ["a"]}}
    assert "  waits for  a  as `after` says" in lines(ops, "b")


def test_held_and_previous_values_say_so() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "b": {"op": "note", "inputs": "hold(a, 0.0) + previous(a, 0.0)"}}
    text = flat("\n".join(lines(ops, "b")))
    assert "a the latest value, at most 2 steps old; before step 3 the initial value" in text
    assert "a its value of an earlier step: nothing to wait for" in text
    assert "b keeps it for later steps (hold)" in flat("\n".join(lines(ops, "a")))


def test_counts_of_ops_in_a_run_without_an_end() -> None:
    graph = accepted({"run": {"checkpoint": False}, "data": {"train": TRAIN}, "ops": {
        "batch": {"op": "load_batch"}, "other": {"op": "note", "inputs": 1.0, "every": 5},
        "say": {"op": "note", "inputs": "batch.x", "every": {"cycle": 6, "positions": [1, 2]}},
        "once": {"op": "note", "inputs": 1.0, "every": "first"}}})
    assert "steps 1, 2, 7, 8, 13, …: 2 of every 6 steps" in explain(graph, "batch")
    assert "step 1: 1 step\n" in explain(graph, "once")


def flat(text: str) -> str:
    """Without the layout."""
    return re.sub(r"\s+", " ", text)
