"""Starting from weights of another run: all of them or those of some models, from step 0; and checkpoints of step 0."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from twins import differences, rows, run, saved_weights

import edgraph
from edgraph.cli.main import main
from edgraph.text.diagnostics import PipelineError

PIPELINE = """
name: warm
params: {lr: 0.1}
run: {num_steps: 30, seed: 3, checkpoint: {every: 10, keep: 9}}
data:
  train: {use: digits, with: {split: train}, batch_size: 32, shuffle: true}
models:
  encoder: {use: mlp, with: {sizes: [64, 16], batch_norm: true}}
  head:    {use: mlp, with: {sizes: [16, 10]}}
  ema:     {copy: encoder}
optimizers:
  sgd: {use: SGD, updates: [encoder, head], with: {lr: "${lr}"}}
ops:
  batch:  {op: load_batch}
  code:   {op: forward, inputs: batch.image, with: {model: encoder}}
  logits: {op: forward, inputs: code, with: {model: head}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: sgd}}
  follow: {op: update_ema, with: {target: ema, source: encoder, decay: 0.9}}
  report: {op: log_scalars, inputs: loss, every: 1}
  begin:  {op: checkpoint, at: start}
  best:   {op: checkpoint, every: 25}
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("warm.yaml").write_text(PIPELINE)


@pytest.fixture
def first(_elsewhere: None) -> Path:
    run("warm.yaml", Path("runs/a"))
    return Path("runs/a")


def begun_with(folder: Path) -> dict[str, bytes]:
    """The weights of the checkpoint before the first step."""
    return saved_weights(folder, "step-00000000")


def recorded(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "environment.json").read_text())["weights"]
    return found


def of(weights: dict[str, bytes], *models: str) -> dict[str, bytes]:
    return {name: value for name, value in weights.items() if name.split("/")[0] in models}


def renamed(weights: dict[str, bytes], source: str, target: str) -> dict[str, bytes]:
    return {name.replace(source, target, 1): value for name, value in of(weights, source).items()}


@pytest.mark.parametrize(("text", "file", "step"), [
    ("a", "step-00000030", 30), ("runs/a", "step-00000030", 30), ("a@best", "best", 25), ("runs/a@20", "step-00000020", 20),
    ("runs/a/checkpoints/step-00000010.safetensors", "step-00000010", 10), ("a@begin", "begin", 0), ("a@0", "begin", 0)])
def test_every_form_of_a_checkpoint(text: str, file: str, step: int, first: Path, capsys: Captured) -> None:
    assert main(["run", "warm.yaml", "--from", text, "--folder", "b", "run.seed=4", "run.num_steps=3"]) == 0
    assert differences(begun_with(Path("b")), saved_weights(first, file)) == []
    assert [row["step"] for row in rows(Path("b"))] == [1, 2, 3]
    path = f"runs/a/checkpoints/{file}.safetensors"
    assert recorded(Path("b")) == [{"models": [], "checkpoint": text, "file": path, "step": step}]
    line = f"weights of all models from {path} (step {step})"
    assert line in capsys.readouterr().out and line in (Path("b") / "log.txt").read_text()


@pytest.mark.parametrize("where", ["command line", "file"])
def test_some_models(where: str, first: Path) -> None:
    override = ["models.encoder.from=a@20"] if where == "command line" else []
    if where == "file":
        Path("warm.yaml").write_text(PIPELINE.replace("batch_norm: true}}", "batch_norm: true}, from: a@20}"))
    run("warm.yaml", Path("b"), [*override, "run.seed=4", "run.num_steps=3"])
    run("warm.yaml", Path("c"), ["models.encoder.from=null", "run.seed=4", "run.num_steps=3", "run.checkpoint.every=1"])
    begun = begun_with(Path("b"))
    assert differences(of(begun, "encoder"), of(saved_weights(first, "step-00000020"), "encoder")) == []
    assert differences(of(begun, "ema"), renamed(begun, "encoder", "ema")) == []  # a copy starts as its model does
    assert differences(of(begun, "head"), of(saved_weights(Path("c"), "begin"), "head")) == []
    assert recorded(Path("b")) == [{"models": ["encoder"], "checkpoint": "a@20", "step": 20,
                                    "file": "runs/a/checkpoints/step-00000020.safetensors"}]


def test_another_model_of_the_checkpoint(first: Path) -> None:
    run("warm.yaml", Path("b"), ["models.encoder.from={run: a@best, model: ema}", "models.head.from=a@best", "run.num_steps=1"])
    begun, best = begun_with(Path("b")), saved_weights(first, "best")
    assert differences(of(begun, "encoder"), renamed(best, "ema", "encoder")) == []
    assert differences(of(begun, "head"), of(best, "head")) == []


def test_what_a_model_says_itself_comes_before_the_checkpoint_of_all(first: Path) -> None:
    run("warm.yaml", Path("b"), ["models.head.from=a@10", "run.num_steps=1"], start_from="a@best")
    begun = begun_with(Path("b"))
    assert differences(of(begun, "head"), of(saved_weights(first, "step-00000010"), "head")) == []
    assert differences(of(begun, "encoder", "ema"), of(saved_weights(first, "best"), "encoder", "ema")) == []
    assert [(each["models"], each["step"]) for each in recorded(Path("b"))] == [([], 25), (["head"], 10)]


def test_weights_and_from_are_one(first: Path) -> None:
    """The last word is that of the command line, whichever of the two it says."""
    run("warm.yaml", Path("b"), ["models.head.weights=a@10", "models.head.from=a@20", "run.num_steps=1"])
    run("warm.yaml", Path("c"), ["models.head.from=a@10", "models.head.weights=a@20", "run.num_steps=1"])
    for folder in (Path("b"), Path("c")):
        assert differences(of(begun_with(folder), "head"), of(saved_weights(first, "step-00000020"), "head")) == []


def test_a_run_that_is_killed_at_once_needs_the_other_no_more(first: Path) -> None:
    """Its own checkpoint of step 0 has the weights, whatever becomes of the run that they are from."""
    run("warm.yaml", Path("b"), ["models.encoder.from=a@best", "run.num_steps=20"])
    for path in Path("b/checkpoints").glob("*.safetensors"):
        if path.stem != "step-00000000":
            path.unlink()
    Path("b/status.json").write_text('{"state": "running", "step": 0}')
    shutil.rmtree(first)
    before = saved_weights(Path("b"))
    run("warm.yaml", None, ["models.encoder.from=a@best", "run.num_steps=20"], resume="b")  # type: ignore[arg-type]
    assert differences(before, saved_weights(Path("b"))) != [] and rows(Path("b"))[-1]["step"] == 20


def test_a_run_goes_on_from_its_checkpoint_of_step_0(first: Path) -> None:
    whole, logged = saved_weights(first), [row["report.loss"] for row in rows(first)]
    for path in Path("runs/a/checkpoints").glob("*.safetensors"):
        if path.stem != "begin":
            path.unlink()
    (first / "status.json").write_text('{"state": "running", "step": 0}')
    assert main(["run", "--resume", "a", "--quiet"]) == 0
    assert differences(whole, saved_weights(first)) == []
    assert [row["report.loss"] for row in rows(first)] == logged


@pytest.mark.parametrize(("value", "message"), [
    ("b@best", "no run 'b'"), ("a@bset", "did you mean 'best'?"), ("{run: a@best, model: hed}", "did you mean 'head'?"),
    ("a@best", "has shape (10,)"), ("warm.yaml", "cannot be read")])
def test_what_does_not_fit(value: str, message: str, first: Path, capsys: Captured) -> None:
    """With a caret under what was given, and no folder left behind."""
    sizes = ["models.head.with.sizes=[16, 11]"] if "shape" in message else []
    assert main(["run", "warm.yaml", f"models.head.from={value}", *sizes, "--folder", "b"]) == 2
    error = capsys.readouterr().err
    assert "command line:1:18: error[bad-weights]: weights of model 'head' from " in error and message in error
    assert not Path("b").exists()


def test_a_checkpoint_without_one_of_the_models(first: Path, capsys: Captured) -> None:
    more = ["models.more={use: mlp, with: {sizes: [64, 2]}}", "ops.probe={op: forward, inputs: batch.image, with: {model: more}}",
            "ops.seen={op: log_histogram, inputs: probe, every: 1}", "run.ignore=[untrained-model, only-logged]"]
    assert main(["run", "warm.yaml", *more, "--from", "a", "--folder", "b"]) == 2
    assert "'more'" in capsys.readouterr().err and not Path("b").exists()
    assert main(["run", "warm.yaml", *more, "models.encoder.from=a", "--folder", "b", "run.num_steps=2", "--quiet"]) == 0


def test_mistakes_in_from() -> None:
    with pytest.raises(PipelineError) as error:
        edgraph.load("warm.yaml", ["models.head.from={model: head, file: x}"]).check().require()
    assert [(d.code, d.help) for d in error.value.diagnostics] == [
        ("missing-key", "write RUN@best or {run: RUN, model: NAME}"), ("unknown-key", "write weights: {file: …}")]
