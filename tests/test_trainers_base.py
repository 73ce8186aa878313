"""`base_trainer` and `template`, and the same loops written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from trainers import STEPS, Gan, adam, apply, check, data, made, tree
from twins import differences, run, saved_weights

import edgraph
from edgraph.run.folder import RunFolder

CLASSIFIER = """
name: classifier
run: {num_steps: 300, seed: 5}
data:
  train:      {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
  validation: {use: digits, with: {split: validation}, batch_size: 64}
models:
  net: {use: mlp, with: {sizes: [64, 32, 10]}}
optimizers:
  adam: {use: Adam, updates: [net], with: {lr: 0.001}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  seen:   {op: load_batch, with: {data: validation}}
  guess:  {op: forward, inputs: seen.image, with: {model: net}}
  seen_loss: {op: cross_entropy, inputs: {input: guess, target: seen.label}}
graphs:
  evaluate:
    params: {model: null}
    over: validation
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: "${model}"}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""
TEMPLATE = """{losses: {net: loss}, optimizers: {net: adam}, log_validation: {loss: seen_loss}, evaluate: evaluate,
               evaluate_with: {model: net}}"""
GROWING = [1, 2, 4, 8, 16, 32, 64, 128, 256]


def logged(folder: Path, key: str) -> dict[int, float]:
    """Values of a metric by step."""
    return {row["step"]: row[key] for row in RunFolder.open(folder).metrics() if key in row}


def test_both_at_every_step(tmp_path: Path) -> None:
    """Gradients before updates; a decaying learning rate; a start that moves the critic half-way to another one."""
    gan = Gan()
    other = made("other", nn.Flatten(), (64, 16), nn.ReLU(), nn.Dropout(0.1), (16, 1))
    with torch.no_grad():
        for parameter, towards in zip(gan.critic.parameters(), other.parameters(), strict=True):
            parameter.lerp_(towards, 0.5)
    critic, generator = adam(gan.critic), adam(gan.generator)
    for step, images, _ in data():
        of_critic, of_generator = gan.both_gradients(images, step)
        done = min(max((step - 100) / 150, 0.0), 1.0)
        for optimizer in (critic, generator):
            optimizer.param_groups[0]["lr"] = 0.002 + (0.0001 - 0.002) * done
        apply(gan.critic, of_critic, critic)
        apply(gan.generator, of_generator, generator)
    pipeline = tree("base_trainer", """
        losses: {critic: d_loss, generator: g_loss}
        optimizers: {critic: adam_d, generator: adam_g}
        lr: 0.002
        lr_end: 0.0001
        decay: {from: 100, to: 250}
        run_once: {op: update_ema, with: {target: critic, source: other, decay: 0.5}}
        checkpoint_every: 100
        keep: 2
        """, models={"other": {"use": "mlp", "with": {"sizes": [64, 16, 1], "dropout": 0.1}}})
    for entry in pipeline["optimizers"].values():
        del entry["with"]  # the trainer says the learning rate
    check(pipeline, tmp_path / "run", critic=gan.critic, generator=gan.generator, other=other)
    rates = logged(tmp_path / "run", "train.log.critic_lr")
    assert list(rates) == GROWING
    assert rates[64] == 0.002 and rates[128] == 0.002 + (0.0001 - 0.002) * (28 / 150)
    assert rates[256] == pytest.approx(0.0001)
    assert sorted(path.stem for path in (tmp_path / "run" / "checkpoints").glob("*.safetensors")) == [
        "step-00000200", "step-00000300"]


def test_run_once_is_not_repeated_on_resume(tmp_path: Path) -> None:
    settings = "{losses: {net: loss}, optimizers: {net: adam}, run_once: {op: print, inputs: {hello: 1}}}"
    pipeline = tree("base_trainer", settings, CLASSIFIER)
    run(pipeline, tmp_path / "run", ["run.num_steps=5"])
    edgraph.load(pipeline, ["run.num_steps=9"]).run(resume=tmp_path / "run")
    assert (tmp_path / "run" / "log.txt").read_text(encoding="utf-8").count("hello") == 1


def test_a_whole_training(tmp_path: Path) -> None:
    net = made("net", nn.Flatten(), (64, 32), nn.ReLU(), (32, 10))
    optimizer = adam(net)
    losses: dict[int, float] = {}
    for step, images, labels in data():
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[step] = loss.item()
    folder = tmp_path / "run"
    check(tree("template", TEMPLATE, CLASSIFIER), folder, net=net)
    assert logged(folder, "train.log.net") == {step: losses[step] for step in GROWING}
    assert list(logged(folder, "train.log_validation.loss")) == GROWING
    epochs = [23 * epoch for epoch in range(1, 14)]
    assert list(logged(folder, "train.result.score.accuracy")) == epochs
    assert sorted(path.stem for path in (folder / "checkpoints").glob("*.safetensors")) == [
        f"step-{epochs[-1]:08}", f"step-{STEPS:08}"]


def test_the_validation_batch_is_only_fetched_to_be_logged() -> None:
    plan = edgraph.load(tree("template", TEMPLATE, CLASSIFIER)).plan(1, 40)
    steps = {found["step"]: [op["name"] for op in plan["patterns"][found["pattern"] - 1]["ops"]] if "pattern" in found
             else found["ops"] for found in plan["steps"]}
    assert [step for step, ops in steps.items() if "seen" in ops] == [1, 2, 4, 8, 16, 32]
    assert [step for step, ops in steps.items() if "train.evaluation" in ops] == [23]


INTERRUPT = """
import os, signal
import edgraph

@edgraph.op(effect=True)
def interrupt_myself(value):
    os.kill(os.getpid(), signal.SIGINT)
"""


def test_an_interrupted_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is saved where it was interrupted, in the middle of an epoch; resumed it ends as if nothing had been."""
    (tmp_path / "interrupting.py").write_text(INTERRUPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    pipeline = tree("template", TEMPLATE, CLASSIFIER)
    run(pipeline, tmp_path / "whole")
    stopped = {**pipeline, "imports": ["interrupting"], "ops": {
        **pipeline["ops"], "now": {"op": "interrupt_myself", "inputs": "loss", "every": {"steps": 130, "until": 130}}}}
    (tmp_path / "stopped.yaml").write_text(json.dumps(stopped), encoding="utf-8")
    ended = edgraph.load(tmp_path / "stopped.yaml").run(tmp_path / "cut")
    assert (ended.end, ended.step, ended.exit_code) == ("interrupted", 130, 130)
    resumed = edgraph.load(tmp_path / "stopped.yaml").run(resume=tmp_path / "cut")
    assert (resumed.end, resumed.step) == ("finished", STEPS)
    assert differences(saved_weights(tmp_path / "cut"), saved_weights(tmp_path / "whole")) == []
