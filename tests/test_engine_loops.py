"""Loops within a step: over data and values, repeated, while a condition holds; nested; what goes in and out."""

from __future__ import annotations

from typing import Any

import pytest
from toy import TRAIN, both, errors, forward_in_order, run, said

DATA = {"train": TRAIN, "five": {"use": "numbers", "with": {"length": 5}, "batch_size": 2}}
NET: dict[str, Any] = {"models": {"net": {"use": "toy", "with": {"w": 2.0}}, "ema": {"copy": "net"}},
                       "optimizers": {"sgd": {"use": "sgd", "updates": ["net"], "with": {"lr": 0.5}}}}


def go(graph: dict[str, Any], loop: dict[str, Any] | None = None, steps: int = 3, more: dict[str, Any] | None = None,
       **ops: Any) -> Any:
    """Runs a graph as the loop 'l' at every step; 'say' logs its outputs."""
    outputs = [f"l.{name}" for name in graph.get("outputs", {})]
    say = {"say": {"op": "note", "inputs": outputs}} if outputs else {}
    ran = both({**NET, "run": {"num_steps": steps, "checkpoint": False}, "data": DATA, "graphs": {"g": graph},
                "ops": {"n": {"op": "clocked"}, **ops, "l": {"op": "loop", "with": {"graph": "g"}, **(loop or {})},
                        **say},
                **(more or {})})
    for part in ran.graph.graphs():
        forward_in_order(part)
    return ran


def inner(ran: Any, name: str) -> list[str]:
    return [firing.node for firing in ran.journal.firings if firing.node.startswith("l.") and firing.node != name]


def test_over_a_data_set_from_its_first_batch_at_every_entry() -> None:
    ran = go({"over": "five", "ops": {"batch": {"op": "load_batch"}, "x": {"op": "note", "inputs": "batch.index"},
                                      "mean": {"op": "average", "inputs": "mean(batch.x)"}},
              "outputs": {"mean": "mean"}}, steps=2)
    assert ran.inputs("l.x") == ["[0, 1]", "[2, 3]", "[4]"] * 2
    assert ran.inputs("say") == ["2.0", "2.0"]  # the smaller last batch weighs less


def test_a_batch_that_is_not_fetched_weighs_what_it_has() -> None:
    ran = go({"over": "five", "ops": {"i": {"op": "clocked"}, "mean": {"op": "average", "inputs": "i"}},
              "outputs": {"mean": "mean"}}, steps=1)
    assert ran.inputs("say") == [repr((1 * 2 + 2 * 2 + 3 * 1) / 5)]


def test_repeat_and_steps_counted_from_1_at_each_entry() -> None:
    ran = go({"repeat": 3, "ops": {"i": {"op": "clocked"}, "x": {"op": "note", "inputs": ["i", "step"], "every": 2}},
              "outputs": {"last": "i"}}, steps=2)
    assert ran.inputs("l.x") == [("2.0", "2")] * 2 and ran.inputs("say") == ["3.0"] * 2


def test_the_loop_op_may_say_how_often_and_over_what() -> None:
    graph = {"repeat": 3, "ops": {"i": {"op": "clocked"}}, "outputs": {"last": "i"}}
    assert go(graph, {"with": {"graph": "g", "repeat": 5}}, 1).inputs("say") == ["5.0"]
    graph = {"over": "five", "ops": {"batch": {"op": "load_batch"}}, "outputs": {"last": "batch.index"}}
    assert go(graph, {"with": {"graph": "g", "over": "train"}}, 1).inputs("say") == ["[6, 7]"]
    assert go(graph, {"with": {"graph": "g", "repeat": 2}}, 1).inputs("say") == ["[2, 3]"]


def test_values_of_the_enclosing_step_come_in() -> None:
    ran = go({"repeat": 2, "ops": {"x": "a * 10 + b + step"}, "outputs": {"x": "x", "a": "a"}},
             {"inputs": {"a": "n", "b": "n / 2"}})
    assert ran.inputs("say") == [("12.5", "1.0"), ("23.0", "2.0"), ("33.5", "3.0")]
    ran = go({"repeat": 1, "ops": {"x": "n + batch.x[1]"}, "outputs": {"x": "x"}}, {"inputs": ["n", "batch.x"]},
             batch={"op": "load_batch"})
    assert ran.inputs("say") == ["2.0", "5.0", "8.0"]


def test_what_came_in_is_held_as_any_value() -> None:
    ran = go({"repeat": 2, "ops": {"x": "hold(given, -1.0) + 10 * previous(given, 0.0)",
                                   "say": {"op": "note", "inputs": "x"}}}, {"inputs": {"given": "n"}}, steps=2)
    assert ran.inputs("l.say") == ["1.0", "11.0", "2.0", "22.0"]


def test_an_output_of_what_was_never_made() -> None:
    """Of `either` the first that has a value."""
    ran = go({"repeat": 3, "ops": {"a": {"op": "clocked"}, "b": {"op": "clocked", "when": "given > 1"}},
              "outputs": {"x": "either(hold(b), a)", "y": "either(hold(b, 9.0), a)"}}, {"inputs": {"given": "n"}}, steps=2)
    assert ran.inputs("say") == [("3.0", "9.0"), ("3.0", "3.0")]


def test_while_and_max() -> None:
    graph = {"while": "hold(x, 0) < limit", "max": 4, "ops": {"x": "previous(x, 0) + 2"}, "outputs": {"x": "x"}}
    ran = go(graph, {"inputs": {"limit": "n * 3"}}, 4)
    assert ran.inputs("say") == ["4", "6", "8", "8"]


def test_without_an_iteration_there_are_no_outputs() -> None:
    graph = {"while": "step < limit", "max": 9, "ops": {"i": {"op": "clocked"}, "mean": {"op": "average",
        "inputs": "i"}},
             "outputs": {"i": "i", "mean": "mean"}}
    ran = go(graph, {"inputs": {"limit": "n"}}, 4, held={"op": "note", "inputs": "hold(l.i, -1.0)"},
             choice={"op": "note", "inputs": "either(l.i, -2.0)"}, after={"op": "double", "inputs": "l.mean"},
             then={"op": "note", "inputs": "after"})
    assert ran.inputs("say") == [("1.0", "1.0"), ("2.0", "1.5"), ("3.0", "2.0")] and ran.steps("say") == [2, 3, 4]
    assert ran.inputs("held") == ["-1.0", "1.0", "2.0", "3.0"] and ran.inputs("choice") == ["-2.0", "1.0", "2.0", "3.0"]
    assert ran.inputs("then") == ["2.0", "3.0", "4.0"]


def test_what_may_have_no_iteration_is_no_promise() -> None:
    graph = {"while": "step < 3", "max": 9, "ops": {"i": {"op": "clocked"}}, "outputs": {"i": "i"}}
    pipeline = {"graphs": {"g": graph}, "ops": {"l": {"op": "loop", "with": {"graph": "g"}},
                                                "say": {"op": "note", "inputs": "l.i", "every": 2}}}
    assert errors(pipeline) == ["stale-input"]
    pipeline["ops"]["say"]["inputs"] = "hold(l.i)"  # type: ignore[index]
    assert errors(pipeline) == ["no-initial-value"]
    pipeline["graphs"]["g"] = {"repeat": 2, "ops": graph["ops"], "outputs": graph["outputs"]}  # type: ignore[index]
    assert errors(pipeline) == []


def test_over_a_value() -> None:
    graph = {"ops": {"rows": {"op": "load_batch"}, "x": {"op": "note", "inputs": "rows"},
                     "mean": {"op": "average", "inputs": "mean(rows)"}}, "outputs": {"mean": "mean"}}
    ran = go(graph, {"inputs": {"over": "value"}, "with": {"graph": "g", "batch_size": 2}}, 1,
             value={"op": "grid", "with": {"rows": 5, "value": 10}})
    assert ran.inputs("l.x") == ["[10.0, 11.0]", "[12.0, 13.0]", "[14.0]"]
    assert ran.inputs("say") == ["12.0"]


def test_over_a_value_in_random_order_and_without_rows() -> None:
    graph = {"ops": {"rows": {"op": "load_batch"}, "x": {"op": "note", "inputs": ["rows.x", "rows.count"]}},
             "outputs": {"last": "rows.count"}}
    loop = {"inputs": {"over": "batch"}, "with": {"graph": "g", "batch_size": 3, "shuffle": True}}
    ran = go(graph, loop, 8, batch={"op": "load_batch", "with": {"data": "big"}},
             more={"data": {**DATA, "big": {"use": "numbers", "with": {"length": 16}, "batch_size": 8}}})
    orders = [ran.inputs("l.x")[i:i + 3] for i in range(0, 24, 3)]
    assert all([count for _, count in order] == ["3", "3", "2"] for order in orders)
    assert len({str(order) for order in orders}) > 2
    ran = go(graph, loop, 1, batch={"op": "call", "with": {"function": "test_engine_loops.nothing"}})
    assert ran.inputs("say") == [] and ran.outcome.end == "finished"


def nothing() -> dict[str, Any]:
    return {"x": ()}


def test_state_metrics_and_held_values_start_afresh_and_sources_do_not() -> None:
    ran = go({"repeat": 2, "ops": {"own": {"op": "load_batch", "with": {"data": "five"}}, "seen": {"op": "tally"},
                                   "x": {"op": "note", "inputs": ["own.index", "seen", "previous(seen, 0)"]}}}, steps=2)
    assert ran.inputs("l.x") == [("[0, 1]", "1.001", "0"), ("[2, 3]", "2.002", "1.001"),
                                 ("[4]", "1.001", "0"), ("[0, 1]", "2.002", "1.001")]


def test_counters_start_afresh() -> None:
    ran = go({"repeat": 3, "ops": {"e": {"op": "note"}, "x": {"op": "note", "every": {"firings": 2, "of": "e"}}}},
             steps=2)
    assert len(ran.values("l.x")) == 2


def test_training_in_a_loop_goes_on_from_entry_to_entry() -> None:
    graph = {"repeat": 2, "ops": {
        "out": {"op": "forward", "inputs": "x", "with": {"model": "net"}},
        "update": {"op": "optimize", "inputs": "out", "with": {"optimizer": "sgd"}},
        "seen": {"op": "note", "inputs": "update.updates", "every": "2 updates"}}, "outputs": {"lr": "update.lr"}}
    ran = go(graph, {"inputs": {"x": "n"}}, 3, look={"op": "forward", "inputs": "1.0", "with": {"model": "net"}},
             see={"op": "note", "inputs": "look"})
    weight = 2.0
    for x in (1, 1, 2, 2, 3, 3):
        weight -= 0.5 * 0.1 * x * weight
    assert ran.weights["net"]["w"] == pytest.approx(weight) and ran.inputs("l.seen") == ["2", "4", "6"]
    assert ran.inputs("see")[-1] == repr(ran.weights["net"]["w"])  # what observes comes after the loop that trains


def test_stop_ends_the_innermost_loop() -> None:
    graph = {"repeat": 9, "ops": {"i": {"op": "clocked"}, "enough": {"op": "stop", "when": "i >= limit"},
                                  "x": {"op": "note"}}, "outputs": {"i": "i"}}
    ran = go(graph, {"inputs": {"limit": "n"}})
    assert ran.inputs("say") == ["1.0", "2.0", "3.0"] and len(ran.values("l.x")) == 6
    graph["ops"]["enough"]["with"] = {"run": True}  # type: ignore[index]
    ran = go(graph, {"inputs": {"limit": "n"}})
    assert ran.outcome.step == 1 and ran.inputs("say") == ["1.0"] and ran.outcome.reason == "stopped by 'enough'"


def test_nested_loops() -> None:
    graphs = {"outer": {"repeat": 2, "ops": {
        "i": {"op": "clocked"}, "r": {"op": "draw"}, "l": {"op": "loop", "inputs": {"i": "i", "n": "n"},
                                                           "with": {"graph": "inner"}},
        "x": {"op": "note", "inputs": ["l.sum", "r"]}}, "outputs": {"sum": "l.sum"}},
        "inner": {"over": "five", "ops": {
            "j": {"op": "clocked"}, "r": {"op": "draw"}, "sum": "previous(sum, 0.0) + 100 * n + 10 * i + j",
            "batch": {"op": "load_batch"}, "x": {"op": "note", "inputs": ["sum", "r", "batch.index"]},
            "end": {"op": "stop", "when": "i == 1 and j == 2"}}, "outputs": {"sum": "sum"}}}
    ran = both({"run": {"num_steps": 2, "checkpoint": False}, "data": DATA, "graphs": graphs, "ops": {
        "n": {"op": "clocked"}, "l": {"op": "loop", "inputs": {"n": "n"}, "with": {"graph": "outer"}},
        "say": {"op": "note", "inputs": "l.sum"}}})
    assert [float(value) for value in ran.inputs("say")] == [3 * 120 + 6.0, 3 * 220 + 6.0]
    assert [float(value) for value, _ in ran.inputs("l.x")] == [223.0, 366.0, 423.0, 666.0]
    draws = [value for _, value in ran.inputs("l.x")] + [value for _, value, _ in ran.inputs("l.l.x")]
    assert len(draws) == 14 and len(set(draws)) == 14  # 4 outside, 2 + 3 inside at each step


def test_stop_in_a_nested_loop_ends_the_run() -> None:
    graphs = {"outer": {"repeat": 3, "ops": {"l": {"op": "loop", "with": {"graph": "inner"}}, "x": {"op": "note"}}},
              "inner": {"repeat": 3, "ops": {"e": {"op": "stop", "with": {"run": True}}, "y": {"op": "note"}}}}
    ran = both({"run": {"num_steps": 5, "checkpoint": False}, "graphs": graphs, "ops": {
        "l": {"op": "loop", "with": {"graph": "outer"}}, "say": {"op": "note", "inputs": "n"}, "n": {"op": "clocked"},
        "drive": {"op": "note", "inputs": "l"}}})
    assert (len(ran.values("l.x")), len(ran.values("l.l.y")), len(ran.values("say"))) == (1, 1, 1)


# -- when a loop ends ------------------------------------------------------------------------------

def test_what_is_computed_of_a_metric_is_made_when_the_loop_ends() -> None:
    graph = {"over": "five", "ops": {
        "batch": {"op": "load_batch"}, "mean": {"op": "average", "inputs": "mean(batch.x)"},
        "rarely": {"op": "average", "inputs": "mean(batch.x)", "every": 2}, "twice": "mean * 2 + rarely + offset",
        "log": {"op": "note", "inputs": ["twice", "hold(batch.index)"]}, "yes": {"op": "note", "when": "mean > 1"},
        "no": {"op": "note", "inputs": "mean", "when": "mean > 9"}}, "outputs": {"twice": "twice",
            "more": "twice + mean"}}
    ran = go(graph, {"inputs": {"offset": "n"}}, 2)
    assert ran.inputs("l.log") == [("7.5", "[4]"), ("8.5", "[4]")]
    assert ran.inputs("say") == [("7.5", "9.5"), ("8.5", "10.5")]
    assert len(ran.values("l.yes")) == 2 and ran.values("l.no") == []


def test_a_value_of_the_last_iteration_is_not_fresh_when_the_loop_has_ended() -> None:
    graph = {"over": "five", "ops": {"batch": {"op": "load_batch"}, "mean": {"op": "average",
        "inputs": "mean(batch.x)"},
                                     "mix": "mean + sum(batch.x)"}, "outputs": {"mix": "mix"}}
    pipeline = {"data": DATA, "graphs": {"g": graph}, "ops": {"l": {"op": "loop", "with": {"graph": "g"}}}}
    assert said(pipeline, "stale-input") == (
        "'mix' is computed when the loop ends, where 'batch.x' is not fresh "
        '(take the latest value: "hold(batch.x, 0.0)")')
    graph["ops"]["mix"] = "mean + sum(hold(batch.x))"  # type: ignore[index]
    assert errors(pipeline) == []
    graph["ops"]["mix"] = {"op": "note", "inputs": "mean", "every": 1}  # type: ignore[index]
    graph["outputs"] = {}
    assert errors(pipeline) == ["stale-input"]


def test_a_held_metric_is_there_when_the_loop_has_ended() -> None:
    graph = {"repeat": 3, "ops": {"i": {"op": "clocked"}, "mean": {"op": "average", "inputs": "i"},
                                  "early": {"op": "note", "inputs": ["hold(mean, -1.0)", "previous(mean, -2.0)"]},
                                  "late": {"op": "note", "inputs": ["mean", "hold(mean, -1.0)"]}},
             "outputs": {"x": "hold(mean, -1.0)"}}
    ran = go(graph, steps=1)
    assert ran.inputs("l.early") == [("-1.0", "-2.0")] * 3 and ran.inputs("l.late") == [("2.0", "2.0")]
    assert ran.inputs("say") == ["2.0"]


def test_outputs_are_the_latest_values() -> None:
    graph = {"repeat": 5, "ops": {"i": {"op": "clocked"}, "j": {"op": "clocked", "every": 2},
                                  "k": {"op": "double", "inputs": "i", "when": "i == limit"}},
             "outputs": {"sum": "i + j", "k": "hold(k, -1.0)", "e": "either(k, j)"}}
    ran = go(graph, {"inputs": {"limit": "n * 2"}})
    assert ran.inputs("say") == [("9.0", "4.0", "4.0"), ("9.0", "8.0", "8.0"), ("9.0", "-1.0", "4.0")]


def test_outputs_that_may_have_no_value() -> None:
    def wrong(graph: dict[str, Any]) -> list[str]:
        return errors({"data": DATA, "graphs": {"g": graph}, "ops": {
            "l": {"op": "loop", "with": {"graph": "g"}}, "say": {"op": "note", "inputs": "l.x"}}})
    ops = {"i": {"op": "clocked"}, "x": {"op": "clocked", "every": 3}, "y": {"op": "double", "inputs": "i",
        "when": "i > 1"}}
    assert wrong({"repeat": 3, "ops": ops, "outputs": {"x": "x"}}) == []
    assert wrong({"over": "five", "ops": ops, "outputs": {"x": "hold(x)"}}) == []
    assert wrong({"repeat": 2, "ops": ops, "outputs": {"x": "x"}}) == ["no-initial-value"]
    assert wrong({"over": "five", "ops": ops, "outputs": {"x": "y"}}) == ["no-initial-value"]
    assert wrong({"repeat": 3, "ops": {**ops, "end": {"op": "stop"}}, "outputs": {"x": "x"}}) == ["no-initial-value"]
    assert wrong({"while": "step < 5", "max": 9, "ops": ops, "outputs": {"x": "x"}}) == ["no-initial-value"]
    assert wrong({"repeat": 2, "ops": ops, "outputs": {"x": "hold(x, 0)"}}) == []
    assert wrong({"repeat": 2, "ops": ops, "outputs": {"x": "either(y, i)"}}) == []
    assert wrong({"repeat": 2, "ops": ops, "outputs": {"x": "either(y, x)"}}) == ["no-initial-value"]


def test_clocks_in_a_loop() -> None:
    ops = {f"c{i}": {"op": "note", "inputs": "step", "every": every} for i, every in enumerate(
        ("first", "last", "1 epoch", "0.5 epochs", {"cycle": 2, "positions": [1]}))}
    ran = go({"over": "five", "ops": ops}, steps=1)
    assert [ran.inputs(f"l.c{i}") for i in range(5)] == [["1"], ["3"], ["3"], ["2", "3"], ["1", "3"]]
    ran = go({"repeat": 4, "ops": {"x": {"op": "note", "inputs": "step", "every": "last"}}}, steps=1)
    assert ran.inputs("l.x") == ["4"]
    ran = go({"ops": {"x": {"op": "note", "inputs": "step", "every": "last"}}},
             {"inputs": {"over": "value"}, "with": {"graph": "g", "batch_size": 2}}, 1,
             value={"op": "grid", "with": {"rows": 5}})
    assert ran.inputs("l.x") == ["3"]


def test_built_in_names_in_a_loop() -> None:
    ran = go({"repeat": 2, "ops": {"x": {"op": "note", "inputs": ["step", "epoch", "stage", "params.p"]}}}, steps=5,
             more={"params": {"p": 7}, "stages": {"a": {"until": 4}, "b": {}}})
    assert ran.inputs("l.x")[0] == ("1", "1", "'a'", "7") and ran.inputs("l.x")[-1] == ("2", "2", "'b'", "7")


def test_loops_at_events_and_under_conditions() -> None:
    ran = go({"over": "five", "ops": {"batch": {"op": "load_batch"}, "x": {"op": "note", "inputs": "batch.index"}},
              "outputs": {"last": "batch.index"}}, {"at": "end"}, 2)
    assert len(ran.inputs("l.x")) == 3 and ran.inputs("say") == ["[4]"]
    ran = go({"repeat": 2, "ops": {"x": {"op": "note"}}, "outputs": {"one": "1"}}, {"when": "n > 2"}, 4)
    assert len(ran.values("l.x")) == 4 and ran.steps("say") == [3, 4]


def test_a_loop_runs_when_its_outputs_are_needed_or_something_in_it_is_an_effect() -> None:
    graph: dict[str, Any] = {"repeat": 2, "ops": {"x": {"op": "clocked"}}, "outputs": {"x": "x"}}
    pipeline = {"run": {"num_steps": 6, "checkpoint": False}, "graphs": {"g": graph}, "ops": {
        "l": {"op": "loop", "with": {"graph": "g"}}, "say": {"op": "note", "inputs": "l.x", "every": 3}}}
    assert both(pipeline).steps("l") == [3, 6]
    graph["ops"]["log"] = {"op": "note", "inputs": "x"}
    assert both(pipeline).steps("l") == [1, 2, 3, 4, 5, 6]


def test_gradients_pass_through_a_loop_that_updates_nothing() -> None:
    graphs = {"g": {"repeat": 3, "ops": {"out": {"op": "forward", "inputs": "x", "with": {"model": "net"}},
                                         "sum": "previous(sum, 0.0) + out"}, "outputs": {"sum": "sum"}}}
    ran = run({**NET, "run": {"num_steps": 1, "checkpoint": False}, "graphs": graphs, "ops": {
        "n": {"op": "clocked"}, "l": {"op": "loop", "inputs": {"x": "n"}, "with": {"graph": "g"}},
        "update": {"op": "optimize", "inputs": "l.sum", "with": {"optimizer": "sgd"}}}})
    assert [on for name, on in ran.journal.recorded if name == "l.out"] == [True] * 3
    assert ran.backend.buffers["net"] == 3
    assert {name: given["trains"] for name, given in ran.journal.bound} == {"l.out": {"sgd"}}


@pytest.mark.parametrize("graph, loop, code", [
    ({"ops": {"x": {"op": "note"}}}, {}, "endless-loop"),
    ({"repeat": 2, "ops": {"x": {"op": "checkpoint"}}}, {}, "checkpoint-in-loop"),
    ({"repeat": 2, "ops": {"x": {"op": "note", "every": "10 s"}}}, {}, "time-in-loop"),
    ({"repeat": 2, "ops": {"x": {"op": "note", "at": "end"}}}, {}, "event-in-loop"),
    ({"repeat": 2, "ops": {"x": {"op": "note", "during": "a"}}}, {}, "unknown-stage"),
    ({"repeat": 2, "ops": {"x": {"op": "note", "every": "1 epoch"}}}, {}, "no-epochs"),
    ({"repeat": 2, "ops": {"x": {"op": "note"}}, "outputs": {"y": "z"}}, {}, "unknown-name"),
    ({"repeat": 2, "ops": {"a": {"op": "note"}}}, {"inputs": {"a": "n"}}, "ambiguous-name"),
    ({"over": "nothing", "ops": {"x": {"op": "note"}}}, {}, "unknown-data"),
    ({"while": "x > 2", "max": 3, "ops": {"x": "step"}}, {}, "between-steps"),
    ({"repeat": 2, "ops": {"x": {"op": "load_batch"}}}, {}, "no-data"),
])
def test_what_loops_cannot_do(graph: Any, loop: Any, code: str) -> None:
    pipeline = {"run": {"num_steps": 3, "over": "none"}, "stages": {"a": {}}, "data": DATA, "graphs": {"g": graph},
                "ops": {
        "n": {"op": "clocked"}, "l": {"op": "loop", "with": {"graph": "g"}, **loop}}}
    assert errors(pipeline) == [code]


def test_a_graph_that_runs_itself() -> None:
    graph = {"repeat": 2, "ops": {"l": {"op": "loop", "with": {"graph": "g"}}}}
    assert "recursive-graph" in errors({"graphs": {"g": graph}, "ops": {"l": {"op": "loop", "with": {"graph": "g"}}}})


def test_a_field_that_a_loop_does_not_give() -> None:
    graph = {"repeat": 2, "ops": {"x": "step"}, "outputs": {"x": "x"}}
    assert said({"graphs": {"g": graph}, "ops": {"l": {"op": "loop", "with": {"graph": "g"}}, "say": {
        "op": "note", "inputs": "l.y"}}}, "unknown-field") == "'l' (loop) has no part 'y' (the only one is 'x')"
