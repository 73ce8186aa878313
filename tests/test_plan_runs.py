"""What a plan shows before the run is what the run does: op by op, in order, at every step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from toy import TRAIN, Ran, accepted, both, check

from edgraph.graph.ir import Graph
from edgraph.plan import show
from edgraph.plan.explain import explain

MODELS: dict[str, Any] = {"net": {"use": "toy", "with": {"w": 0.9}}, "other": {"use": "toy", "with": {"w": 1.1}},
                          "ema": {"copy": "net"}}
OPTIMIZERS: dict[str, Any] = {"sgd": {"use": "sgd", "updates": ["net"]}, "sgd2": {"use": "sgd", "updates": ["other"]}}
RUN = {"num_steps": 60, "checkpoint": False}
BATCH: dict[str, Any] = {"batch": {"op": "load_batch"}, "x": {"op": "total", "inputs": "batch.x"},
                         "y": {"op": "forward", "inputs": "x", "with": {"model": "net"}}}
UPDATE: dict[str, Any] = {"loss": {"op": "double", "inputs": "y"},
                          "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}}}

PIPELINES: dict[str, dict[str, Any]] = {
    "demand": {"ops": {
        "a": {"op": "clocked"}, "b": {"op": "double", "inputs": "a"}, "c": {"op": "double", "inputs": "a"},
        "say": {"op": "note", "inputs": "b", "every": 3}, "also": {"op": "note", "inputs": "c", "every": [4, "last"]},
        "kept": {"op": "note", "inputs": "hold(c, 0.0)", "every": 7}, "seen": {"op": "tally", "inputs": "b"}}},
    "conditions": {"ops": {
        "a": {"op": "clocked"}, "left": {"op": "double", "inputs": "a"}, "right": {"op": "double", "inputs": "a"},
        "first": {"op": "note", "inputs": "left", "when": "a > 20 and a < 40"},
        "second": {"op": "note", "inputs": ["left", "right"], "when": "a > 30", "every": 2},
        "late": {"op": "note", "inputs": "right", "when": "left > 50"},
        "follows": {"op": "tally", "inputs": "score"}, "score": {"op": "double", "inputs": "right", "every": 5},
        "best": {"op": "note", "inputs": 1.0, "when": "score > 60"}}},
    "updates": {"models": MODELS, "optimizers": OPTIMIZERS, "ops": {
        **BATCH, "z": {"op": "forward", "inputs": "y", "with": {"model": "other"}},
        "loss": {"op": "double", "inputs": "y"}, "loss2": {"op": "add", "inputs": ["z", 1.0]},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"},
                   "every": {"cycle": 3, "positions": [1, 2]}},
        "update2": {"op": "optimize", "inputs": "loss2", "with": {"optimizer": "sgd2", "accumulate": 2}, "every": 3},
        "follow": {"op": "update_ema", "with": {"target": "ema", "source": "net"}},
        "any": {"op": "note", "inputs": "either(update.lr, update2.lr)"},
        "applied": {"op": "note", "inputs": "update2.lr", "when": "update2.applied"},
        "fifth": {"op": "note", "inputs": "loss", "every": {"firings": 5, "of": "update"}},
        "every4": {"op": "note", "inputs": 1.0, "every": [{"updates": 4, "of": "sgd2"}, "first"]}}},
    "stages": {"models": MODELS, "optimizers": OPTIMIZERS,
               "stages": {"one": {"until": "20 steps"}, "two": {"until": {"when": "hold(x, 0.0) > 9"}},
                          "three": {"for": "7 steps"}, "four": {}},
               "ops": {**BATCH, **UPDATE, "update": {**UPDATE["update"], "during": ["one", "three"]},
                       "say": {"op": "note", "inputs": "y", "every": 4, "during": "two"},
                       "enters": {"op": "note", "inputs": "x", "every": {"first": "three"}},
                       "leaves": {"op": "note", "inputs": "x", "every": [{"last": "three"}, {"last": "one"}]},
                       "end": {"op": "note", "inputs": 1.0, "during": "four"}}},
    "loops": {"models": MODELS, "optimizers": OPTIMIZERS, "ops": {
        **BATCH, **UPDATE, "score": {"op": "loop", "with": {"graph": "evaluate"}, "every": "1 epoch"},
        "best": {"op": "note", "inputs": "score.mean", "when": "score.mean > 3"},
        "play": {"op": "loop", "inputs": {"start": "x"}, "with": {"graph": "repeat"}, "every": 10},
        "say": {"op": "note", "inputs": "play.value"}},
        "graphs": {
            "evaluate": {"over": "train", "outputs": {"mean": "mean"}, "ops": {
                **BATCH, "mean": {"op": "average", "inputs": "y"},
                "third": {"op": "note", "inputs": "x", "every": 3}}},
            "repeat": {"repeat": 5, "outputs": {"value": "value"}, "ops": {
                "value": {"op": "add", "inputs": ["previous(value, 0.0)", "start"]},
                "tell": {"op": "note", "inputs": "value", "when": "value > 40"}}}}},
}


def pipeline(name: str) -> dict[str, Any]:
    return {"run": RUN, "data": {"train": TRAIN}, **PIPELINES[name]}


def ran_at(ran: Ran, step: int, graph: Graph) -> list[str]:
    """The ops of the main graph that ran at a step, as an author knows them. Expressions leave no trace."""
    return [firing.node for firing in ran.journal.firings
            if firing.moment[0] == step and firing.node in graph.nodes and graph.nodes[firing.node].visible]


def compare(graph: Graph, ran: Ran) -> dict[str, list[bool]]:
    """Looks that a run did at each step what its plan shows. Returns for each conditional op whether it ran."""
    maybe: dict[str, list[bool]] = {}
    for step in show.json(graph, 1, 60)["steps"]:
        did = ran_at(ran, step["step"], graph)
        shown = [name for name in step["ops"] if graph.nodes[name].op != "expr"]
        certain = [name for name in shown if name not in step["conditional"]]
        assert [name for name in did if name in certain] == certain, step
        assert [name for name in shown if name in did] == did, step
        for name in step["conditional"]:
            maybe.setdefault(name, []).append(name in did)
    return maybe


@pytest.mark.parametrize("name", PIPELINES)
def test_a_run_does_what_its_plan_shows(name: str) -> None:
    graph = accepted(pipeline(name))
    ran = both(pipeline(name))
    assert ran.outcome.step == 60
    maybe = compare(graph, ran)
    never = [name for name, found in maybe.items() if not any(found) and graph.nodes[name].op != "expr"]
    assert not never, f"shown as conditional and never run: {never}"


FORMS = ("{0}", "{0} + {1}", "hold({0}, 1.0)", "previous({0}, 2.0) + {1}", "either({0}, {1})", "either({0}, 0.5)",
         "either({0}, {1}, 3.0)", "detach({0})")
CLOCKS = (1, 2, 3, 7, "first", {"cycle": 4, "positions": [1, 3]}, {"steps": 5, "offset": 2}, ["first", 6],
          {"firings": 2, "of": "count"}, {"steps": 1, "from": 20, "until": 40})


@st.composite
def random_ops(draw: st.DrawFn) -> dict[str, Any]:
    """Ops that read each other in every way there is. Many of these pipelines are wrong."""
    ops: dict[str, Any] = {"a0": {"op": "clocked"}, "count": {"op": "report", "inputs": "a0", "every": 3}}
    for i in range(1, draw(st.integers(2, 9))):
        sources = [name for name, entry in ops.items() if entry["op"] not in ("note", "report")]
        form = draw(st.sampled_from(FORMS)).format(draw(st.sampled_from(sources)), draw(st.sampled_from(sources)))
        op = draw(st.sampled_from(["double", "tally", "note", "report", "expr"]))
        entry: dict[str, Any] = {"op": op, "inputs": form}
        if draw(st.integers(0, 2)) == 0:
            entry["every"] = draw(st.sampled_from(CLOCKS))
        if draw(st.integers(0, 3)) == 0:
            entry["when"] = f"{draw(st.sampled_from(sources))} > {draw(st.integers(0, 30))}"
        ops[f"a{i}"] = entry
    return ops


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(random_ops())
def test_random_pipelines_do_what_their_plans_show(ops: dict[str, Any]) -> None:
    pipeline = {"run": {**RUN, "over": "none"}, "ops": ops}
    checked = check(pipeline)
    assume(not checked.diagnostics.failed)
    graph = checked.require()
    compare(graph, both(checked))
    for name, node in graph.nodes.items():
        if node.visible:
            explain(graph, name), explain(graph, name, 13)
    show.text(graph)
    compile(show.code(graph), "<code>", "exec")


@pytest.mark.parametrize("name", PIPELINES)
def test_gradients_are_recorded_where_the_plan_says(name: str) -> None:
    graph = accepted(pipeline(name))
    ran = both(pipeline(name))
    may = {op["name"] for pattern in show.json(graph)["patterns"] for op in pattern["ops"] if op["gradients"]}
    recorded = {node for node, on in ran.journal.recorded if on and graph.nodes.get(node) is not None}
    assert {node for node in recorded if graph.nodes[node].kind == "op"} == {
        node for node in may if graph.nodes[node].op != "expr"}


@pytest.mark.parametrize("name", PIPELINES)
def test_an_explanation_agrees_with_the_plan_at_every_step(name: str) -> None:
    graph = accepted(pipeline(name))
    steps = show.json(graph, 1, 60)["steps"]
    for node in graph.nodes.values():
        if not node.visible:
            continue
        on = [step["step"] for step in steps if node.name in step["ops"]]
        for step in steps[::7] + steps[-2:]:
            at, text = step["step"], explain(graph, node.name, step["step"])
            head = text.splitlines()[0].removeprefix(f"{node.name} on step {at}: ")
            if node.name in step["conditional"]:
                assert head.startswith("may run, ")
            elif node.name in step["ops"]:
                assert head == "runs"
            else:
                assert head == "does not run" and len(text.splitlines()) > 1
                before, after = [s for s in on if s < at][-1:], [s for s in on if s > at][:1]
                assert not (before and after) or f"the nearest are steps {before[0]} and {after[0]}" in text
            assert len(text.splitlines()) > 1, text


def test_events_do_what_the_plan_shows() -> None:
    ops = {"n": {"op": "clocked"}, "one": {"op": "constant"}, "say": {"op": "note", "inputs": "n"},
           "once": {"op": "constant", "at": "start"}, "follows": {"op": "note", "inputs": "once"},
           "never": {"op": "double", "inputs": "one", "at": "start", "when": "one > 5"},
           "narrow": {"op": "note", "inputs": "never"},
           "some": {"op": "note", "inputs": "either(once, one)", "at": ["start", "end"]},
           "late": {"op": "note", "inputs": "hold(n, 0.0)", "at": ["epoch_end", "end"], "when": "hold(n, 0.0) > 20"}}
    pipeline = {"run": RUN, "data": {"train": TRAIN}, "ops": ops}
    found = {event["event"]: event for event in show.json(accepted(pipeline))["events"]}
    assert found == {
        "start": {"event": "start", "ops": ["one", "once", "follows", "never", "narrow", "some"],
                  "conditional": ["never", "narrow"]},
        "epoch_end": {"event": "epoch_end", "ops": ["late"], "conditional": ["late"]},
        "end": {"event": "end", "ops": ["one", "some", "late"], "conditional": ["late"]}}
    ran = both(pipeline)
    steps = [name for name in ran.journal.nodes() if name not in ("n", "say")]
    assert steps == ["one", "once", "follows", "some", *["late"] * 10, "one", "some", "late"]
