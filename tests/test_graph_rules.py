"""What the passes say of a pipeline that cannot be meant, and that they say nothing of one that can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import TRAIN, accepted, check, errors, said

from edgraph.compile import check as check_file
from edgraph.text.render import render_text

NETS: dict[str, Any] = {
    "run": {"num_steps": 100}, "data": {"train": TRAIN},
    "models": {"g": {"use": "toy"}, "d": {"use": "toy", "with": {"head.w": 1.0, "body.w": 2.0}}, "ema": {"copy": "g"}},
    "optimizers": {"og": {"use": "sgd", "updates": ["g"]}, "od": {"use": "sgd", "updates": ["d"]}}}


def forward(model: str, inputs: str = "batch.x", **more: Any) -> dict[str, Any]:
    return {"op": "forward", "inputs": inputs, "with": {"model": model}, **more}


def optimize(loss: str, optimizer: str, **more: Any) -> dict[str, Any]:
    return {"op": "optimize", "inputs": loss, "with": {"optimizer": optimizer}, **more}


BATCH = {"batch": {"op": "load_batch"}}


# -- freshness -------------------------------------------------------------------------------------

def test_the_message_of_the_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """digits.yaml with a log that declares a clock of its own."""
    text = (Path(__file__).parents[1] / "pipelines" / "digits.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.strip().startswith("report:")]
    at = lines.index("ops:") + 1
    lines.insert(at, "  report: {op: log_scalars, inputs: score.accuracy, every: 50}")
    (tmp_path / "pipeline.yaml").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    [error] = [item for item in check_file("pipeline.yaml").diagnostics if item.severity == "error"]
    line = lines[at]
    assert render_text([error]) == (
        f"pipeline.yaml:{at + 1}:37: error[stale-input]: 'report' fires on step 50, but 'score.accuracy' is made only "
        f"on the last step of each epoch (first: step 23)\n"
        f"{at + 1:>5} | {line}\n"
        f"      | {' ' * 36}^^^^^^^^^^^^^^\n"
        "   help: drop 'every' to log whenever 'score' runs, or use \"hold(score.accuracy, nan)\"\n")


@pytest.mark.parametrize("every, source, expected", [
    (6, {"every": 3}, None),
    (6, {"every": 4}, "step 6, but 'a' is made only every 4 steps (first: step 4)"),
    ({"steps": 10, "from": 50}, {"every": {"steps": 5, "from": 30}}, None),
    ({"steps": 10, "from": 20}, {"every": {"steps": 5, "from": 30}},
     "step 20, but 'a' is made only every 5 steps, from "
     "step 30 (first: step 30)"),
    ("1 epoch", {"every": 2}, None),
    (2, {"every": "1 epoch"}, "step 2, but 'a' is made only on the last step of each epoch (first: step 4)"),
    ("first", {"every": [1]}, None),
    ("last", {"every": 7}, "step 100, but 'a' is made only every 7 steps (first: step 7)"),
    ({"cycle": 6, "positions": [1, 4]}, {"every": {"steps": 3, "offset": 1}}, None),
    ({"steps": 1, "grow": 2}, {"every": [1, 2, {"steps": 4}]}, None),
    ({"steps": 1, "grow": 2}, {"every": {"steps": 2}}, "step 1, but 'a' is made only every 2 steps (first: step 2)"),
    ([6, 10], {"every": 2}, None),
    ([6, 9], {"every": 2}, "step 9, but 'a' is made only every 2 steps (first: step 2)"),
    (101, {"every": 7}, None),  # after the end of the run nothing matters
])
def test_declared_clocks_are_promises(every: Any, source: Any, expected: str | None) -> None:
    ops = {"a": {"op": "clocked", **source}, "say": {"op": "note", "inputs": "a", "every": every}}
    pipeline = {"run": {"num_steps": 100}, "data": {"train": TRAIN}, "ops": ops}
    if expected is None:
        assert errors(pipeline) == []
    else:
        message = said(pipeline, "stale-input")
        assert message == f"'say' fires on {expected} (drop 'every' to run whenever 'a' runs, or use \"hold(a, nan)\")"


def test_it_is_the_input_that_is_blamed_also_deep_in_an_expression() -> None:
    ops = {"a": {"op": "clocked"}, "b": {"op": "clocked", "every": 3},
           "say": {"op": "note", "inputs": ["a", "a + 2 * hold(b, 0)", "1 + max(a, b)"], "every": 2}}
    [item] = check({"ops": ops}).diagnostics.sorted()
    assert item.code == "stale-input" and item.span is not None
    line = item.span.source.line(item.span.line)
    assert line[:item.span.end_column - 1].endswith("1 + max(a, b") and line[item.span.column - 1] == "b"
    assert "'b' is made only every 3 steps" in item.message


def test_every_stale_input_is_reported() -> None:
    ops = {"a": {"op": "clocked", "every": 3}, "b": {"op": "clocked", "every": 5},
           "say": {"op": "note", "inputs": ["a", "b"], "every": 2}, "also": {"op": "note", "inputs": "a", "every": 4}}
    assert errors({"ops": ops}) == ["stale-input"] * 3


def test_either_keeps_a_promise_together() -> None:
    ops: dict[str, Any] = {"a": {"op": "clocked", "every": 2}, "b": {"op": "clocked", "every": {"steps": 2,
        "offset": 1}},
                           "say": {"op": "note", "inputs": "either(a, b)", "every": 3}}
    assert errors({"ops": ops}) == []
    ops["b"]["every"] = 4
    assert errors({"ops": ops}) == ["stale-input"]


def test_a_clock_that_is_too_complex_is_said_to_be() -> None:
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]
    ops: dict[str, Any] = {"a": {"op": "clocked", "every": [{"steps": p, "offset": 1} for p in primes]}, "say": {
        "op": "note", "inputs": "a", "every": [{"steps": p * p, "offset": 1} for p in primes]}}
    ops |= {"b": {"op": "clocked", "every": [{"steps": p, "offset": p - 1} for p in primes]},
            "all": {"op": "note", "inputs": ["a", "b"]}, "more": {"op": "note", "inputs": ["a", "b"], "every": 2}}
    found = set(errors({"ops": ops}))
    assert found <= {"stale-input", "clock-too-complex"} and found


def test_the_stream_of_the_loop_takes_no_clock() -> None:
    ops = {"batch": {"op": "load_batch", "every": 2}, "say": {"op": "note", "inputs": "batch.x"}}
    assert errors({"data": {"train": TRAIN}, "ops": ops}) == ["stream-clock"]
    ops["batch"]["with"] = {"stream": "own"}
    assert errors({"data": {"train": TRAIN}, "ops": ops}) == []


# -- causality -------------------------------------------------------------------------------------

def test_a_cycle_is_named() -> None:
    ops = {"a": "c + 1", "b": "a * 2", "c": "b - 1", "say": {"op": "note", "inputs": "a"}}
    assert said({"ops": ops}, "cycle").startswith("'a' needs itself: a -> b -> c -> a (")
    ops["c"] = "previous(b, 0) - 1"
    assert errors({"ops": ops}) == []
    ops["c"] = "hold(b, 0) - 1"
    assert errors({"ops": ops}) == ["cycle"]


@pytest.mark.parametrize("ops", [
    {"a": "a + 1"}, {"a": {"op": "note", "after": ["a"]}},
    {"a": {"op": "note", "when": "b > 0"}, "b": {"op": "double", "inputs": "c"}, "c": {"op": "constant",
        "after": ["a"]}},
    {"a": {"op": "note", "every": {"firings": 2, "of": "b"}}, "b": {"op": "note", "after": ["a"]}},
])
def test_cycles_of_every_kind_of_edge(ops: Any) -> None:
    assert errors({"ops": ops}) == ["cycle"]


# -- names -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("ops, code, words", [
    ({"say": {"op": "note", "inputs": "bach.x"}}, "unknown-name", "there is no op 'bach' (did you mean 'batch'?)"),
    ({"say": {"op": "nota"}}, "unknown-op", "there is no op 'nota' (did you mean 'note'?)"),
    ({"say": {"op": "note", "after": ["bach"]}}, "unknown-name",
     "there is no op 'bach' to come after (did you mean 'batch'?)"),
    ({"say": {"op": "note", "inputs": "batch.y"}}, "unknown-field",
     "'batch' (load_batch) has no part 'y' (expected one of x, count, index)"),
    ({"say": {"op": "note", "inputs": "step.x"}}, "bad-expression", "'step' has no parts"),
    ({"out": forward("h"), "say": {"op": "note", "inputs": "out"}}, "unknown-model", "there is no model 'h'"),
    ({"own": {"op": "load_batch", "with": {"data": "trian"}}, "say": {"op": "note", "inputs": "own.x"}}, "unknown-data",
     "there is no data set 'trian' (did you mean 'train'?)"),
    ({"out": forward("g"), "up": optimize("out", "oh")}, "unknown-optimizer", "there is no optimizer 'oh'"),
    ({"l": {"op": "loop", "with": {"graph": "x"}}}, "unknown-graph", "there is no graph 'x'"),
    ({"x": {"op": "add", "inputs": {"c": 1, "a": 2}}, "say": {"op": "note", "inputs": "x"}}, "unknown-input",
     "op 'add' has no input 'c' (expected one of a, b)"),
    ({"x": {"op": "add"}, "say": {"op": "note", "inputs": "x"}}, "missing-input",
     "'x' lacks the input 'a' of op 'add' (its inputs are: a, b)"),
    ({"x": {"op": "add", "inputs": [1, 2, 3]}, "say": {"op": "note", "inputs": "x"}}, "unexpected-input",
     "op 'add' takes 2 inputs, but 'x' gives 3 (it takes: a, b)"),
    ({"say": {"op": "note", "during": "late"}}, "unknown-stage",
     "there is no stage 'late' (declare it under `stages`)"),
])
def test_names_that_are_not_there(ops: Any, code: str, words: str) -> None:
    assert said({**NETS, "ops": {**BATCH, **ops}}, code, data=False).startswith(words)
    assert errors({**NETS, "ops": {**BATCH, **ops}}, data=False) == [code]


def test_a_name_that_can_be_read_in_two_ways() -> None:
    graphs = {"g": {"ops": {"x": {"op": "constant"}}}}
    ops = {"a": {"op": "load_batch"}, "say": {"op": "note", "inputs": "a.x"}}
    assert errors({"data": {"train": TRAIN}, "graphs": graphs, "patterns": {"a": {"use": "g"}}, "ops": ops}) == [
        "ambiguous-name"]


# -- gradients -------------------------------------------------------------------------------------

@pytest.mark.parametrize("loss", ["batch.count", "detach(out)", "hold(out, 0)", "previous(out, 0)", "out.argmax",
                                  "other"])
def test_a_loss_without_a_gradient(loss: str) -> None:
    ops = {**BATCH, "out": forward("g"), "other": forward("d"), "mode": {"op": "note", "inputs": ["out", "other"]},
           "up": optimize(loss, "og")}
    expected = [] if loss == "out.argmax" else ["no-gradient"]
    assert errors({**NETS, "ops": ops}) == expected


def test_the_words_of_no_gradient() -> None:
    ops = {**BATCH, "out": forward("d"), "up": optimize("out * 2", "og")}
    assert said({**NETS, "ops": ops}, "no-gradient") == (
        "no gradient of 'out * 2' reaches what optimizer 'og' updates ('g') "
        "(the loss must depend on the model through a forward, not through hold, previous or detach)")


# -- state -----------------------------------------------------------------------------------------

def test_two_writers_without_an_order() -> None:
    ops = {**BATCH, "out": forward("g"), "one": optimize("out", "og", every=2), "two": optimize("out", "og", every=3)}
    assert said({**NETS, "ops": ops}, "unordered-writes") == (
        "'one' and 'two' both update 'g' on step 6, in no order (say which comes first: `after: [one]`)")
    ops["two"] = optimize("out", "og", every=3, after=["one"])
    assert errors({**NETS, "ops": ops}) == []  # both gradients come first, then one update and the other
    ops |= {"two": optimize("out", "og", every={"steps": 4, "offset": 1})}
    assert errors({**NETS, "ops": ops}) == []  # they never meet
    ops |= {"one": optimize("out", "og", every=300), "two": optimize("out", "og", every=400)}
    assert errors({**NETS, "ops": ops}) == []  # not within this run


def test_parts_of_a_model_are_written_apart() -> None:
    optimizers = {"head": {"use": "sgd", "updates": ["d.head"]}, "body": {"use": "sgd", "updates": ["d.body"]},
                  "whole": {"use": "sgd", "updates": ["d"]}}
    ops = {**BATCH, "out": forward("d"), "one": optimize("out", "head"), "two": optimize("out", "body")}
    assert errors({**NETS, "optimizers": optimizers, "ops": ops}) == []
    ops["two"] = optimize("out", "whole")
    assert errors({**NETS, "optimizers": optimizers, "ops": ops}) == ["unordered-writes"]


def test_an_average_that_is_updated_otherwise_too() -> None:
    optimizers = {**NETS["optimizers"], "oe": {"use": "sgd", "updates": ["ema"]}}
    ops = {**BATCH, "out": forward("g"), "one": optimize("out", "og"), "look": forward("ema"),
           "two": optimize("look", "oe"), "average": {"op": "update_ema", "with": {"target": "ema", "source": "g"}}}
    assert errors({**NETS, "optimizers": optimizers, "ops": ops}) == ["unordered-writes"]


def test_weights_that_change_under_a_gradient() -> None:
    ops = {**BATCH, "fake": forward("g"), "score": forward("d", "fake"), "critic": optimize("score", "od"),
           "penalty": {"op": "double", "inputs": "score", "after": ["critic"]}, "generator": optimize("penalty", "og")}
    message = said({**NETS, "ops": ops}, "stale-gradient")
    assert message.startswith("'generator' differentiates through 'score', but 'critic' updates 'd' between the two")


def test_weights_that_change_only_at_other_steps() -> None:
    ops = {**BATCH, "fake": forward("g"), "score": forward("d", "fake"), "critic": optimize("score", "od", every=2),
           "penalty": {"op": "double", "inputs": "score", "after": ["critic"]},
           "generator": optimize("penalty", "og", every={"steps": 2, "offset": 1})}
    assert errors({**NETS, "ops": ops}) == []


def test_state_edges_that_close_a_cycle() -> None:
    """Both see the weights of the begin of the step, and each is to come after the other's update."""
    ops = {**BATCH, "a": forward("g", after=["two"]), "b": forward("d", after=["one"]),
           "one": optimize("a", "og"), "two": optimize("b", "od")}
    assert errors({**NETS, "ops": ops}) == ["cycle"]
    ops = {**BATCH, "a": forward("g"), "b": forward("d", "a"), "c": forward("g", "b", after=["two"]),
           "one": optimize("a", "og"), "gate": {"op": "double", "inputs": "a", "after": ["one"]},
           "two": optimize("b + gate", "od"), "three": {"op": "note", "inputs": "c"}}
    assert set(errors({**NETS, "ops": ops})) <= {"stale-gradient", "order-cycle"}


def test_training_cannot_wait_for_what_observes() -> None:
    ops = {**BATCH, "log": {"op": "note", "inputs": "batch.x"}, "out": forward("g", after=["log"]),
           "up": optimize("out", "og")}
    assert said({**NETS, "ops": ops}, "order-cycle") == (
        "'out' trains and 'log' observes: what observes comes after every update of the step "
        "(drop this `after`, or let an update depend on the value)")


def test_train_forwards_run_in_file_order_and_eval_forwards_before_them() -> None:
    ops = {**BATCH, "b": forward("g"), "a": forward("g"), "e": {**forward("g"), "with": {"model": "g", "mode": "eval"}},
           "up": optimize("a + b + e", "og")}
    order = accepted({**NETS, "ops": ops}).order
    assert order.index("e") < order.index("b") < order.index("a") < order.index("up.gradients") < order.index("up")
    ops["b"] = forward("g", "batch.x + a")  # but not before what they need
    order = accepted({**NETS, "ops": ops}).order
    assert order.index("e") < order.index("a") < order.index("b")
    ops = {**BATCH, "late": forward("g", after=["up"]), "out": forward("g"), "up": optimize("out", "og"),
           "two": optimize("late", "og", after=["up"])}
    order = accepted({**NETS, "ops": ops}).order
    assert order.index("out") < order.index("up") < order.index("late") < order.index("two")


def test_frozen_models_are_not_updated() -> None:
    models = {**NETS["models"], "g": {"use": "toy", "frozen": True}}
    ops = {**BATCH, "out": forward("g"), "up": optimize("out", "og")}
    assert "frozen-model" in errors({**NETS, "models": models, "ops": ops})


# -- lints -----------------------------------------------------------------------------------------

def warnings(ops: Any, **more: Any) -> list[str]:
    return [item.code for item in check({"run": {"num_steps": 100}, **more, "ops": ops}).diagnostics
            if item.severity == "warning"]


def test_lints() -> None:
    assert warnings({"a": {"op": "constant"}}) == ["unread-value"]
    assert warnings({"a": {"op": "constant", "ignore": ["unread-value"]}}) == []
    assert warnings({"a": {"op": "clocked", "every": 2}, "b": {"op": "clocked", "every": {"steps": 2, "offset": 1}},
                     "say": {"op": "note", "inputs": ["a", "b"]}}) == ["clocks-never-meet"]
    assert warnings({"say": {"op": "note", "every": 101}}) == ["never-fires"]
    assert warnings({"say": {"op": "note", "every": 100}, "also": {"op": "note", "at": "end"}}) == []
