"""One pipeline on torch and on TensorFlow: `run.backend=tensorflow`, and nothing else, gives the same training."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow", reason="the TensorFlow backend needs tensorflow-cpu, which is not installed")

from twins import pipeline, rows, run, state

import edgraph

DIGITS = Path(__file__).parent.parent / "pipelines" / "digits.yaml"
STEPS = 100

# A critic that tells pictures from their copies, and who makes the copies: nothing is drawn by the backend.
GAME = """
run: {num_steps: 120, seed: 3, checkpoint: {every: 50}}
data:
  train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
models:
  copyist: {use: mlp, with: {sizes: [64, 16, 64], activation: tanh}}
  critic:  {use: mlp, with: {sizes: [64, 16, 1], activation: leaky_relu}}
  average: {copy: copyist}
optimizers:
  adam_c: {use: Adam, updates: [critic], with: {lr: 2.0e-3, betas: [0.5, 0.9]}, clip_norm: 1.0}
  sgd_c:  {use: SGD, updates: [critic], with: {lr: 1.0e-2}}
  adam_g: {use: AdamW, updates: [copyist], with: {lr: 2.0e-3}}
  sgd_g:  {use: SGD, updates: [copyist], with: {lr: 1.0e-2, momentum: 0.9}}
ops:
  batch:   {op: load_batch}
  flat:    {op: forward, inputs: batch.image, with: {model: copyist}}
  far:     {op: mse, inputs: {input: flat, target: held}}
  held:    {op: forward, inputs: batch.image, with: {model: average}}
  real:    {op: forward, inputs: batch.image, with: {model: critic}}
  fake:    {op: forward, inputs: flat, with: {model: critic}}
  is_real: {op: bce_with_logits, inputs: {input: real, target: 1.0}}
  is_fake: {op: bce_with_logits, inputs: {input: fake, target: 0.0}}
  fooled:  {op: bce_with_logits, inputs: {input: fake, target: 1.0}}
  c_loss:  is_real + is_fake
  g_loss:  fooled + 0.1 * far
  follow:  {op: update_ema, with: {target: average, source: copyist, decay: 0.9}}
  report:  {op: log_scalars, inputs: [c_loss, g_loss, far]}
"""
FREQUENCY = """{use: frequency_trainer, with: {losses: {critic: c_loss, copyist: g_loss},
  optimizers: {critic: adam_c, copyist: adam_g}, frequency: {critic: 3, copyist: 1}}}"""
LIST = """{use: list_trainer, with: {sets: [
  {losses: {critic: c_loss}, optimizers: {critic: adam_c}, repeat: 2},
  {losses: {critic: c_loss, copyist: g_loss}, optimizers: {critic: sgd_c, copyist: adam_g}, lr_multiplier: 0.5},
  {losses: {again: far}, optimizers: {again: sgd_g}}]}}"""


def both(source: Any, folder: Path, *overrides: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is logged on each backend."""
    for backend in ("torch", "tensorflow"):
        run(source, folder / backend, [*overrides, f"run.backend={backend}"])
    return rows(folder / "torch"), rows(folder / "tensorflow")


def agree(one: list[dict[str, Any]], other: list[dict[str, Any]], steps: int, tolerance: float = 1e-4) -> None:
    assert [set(row) for row in one] == [set(row) for row in other]
    for mine, theirs in zip(one, other, strict=True):
        for name in mine.keys() - {"time"}:
            if mine["step"] <= steps:
                assert mine[name] == pytest.approx(theirs[name], abs=tolerance), (mine["step"], name)


def test_digits(tmp_path: Path) -> None:
    """The first hundred steps: same batches, same initial weights, same losses."""
    one, other = both(DIGITS, tmp_path, f"run.num_steps={STEPS}", "ops.report.every=1")
    assert len([row for row in one if "report.loss" in row]) == STEPS
    agree(one, other, STEPS)


@pytest.mark.parametrize("trainer", [FREQUENCY, LIST], ids=["frequency", "list"])
def test_trainers(trainer: str, tmp_path: Path) -> None:
    tree = pipeline(GAME + f"patterns:\n  train: {trainer}\n")
    agree(*both(tree, tmp_path), STEPS)


@pytest.mark.slow
def test_digits_to_the_end(tmp_path: Path) -> None:
    one, other = both(DIGITS, tmp_path)
    best = [max(row["result.score.accuracy"] for row in found if "result.score.accuracy" in row)
            for found in (one, other)]
    assert abs(best[0] - best[1]) <= 0.01 and min(best) > 0.96


EVERYTHING = pipeline(DIGITS.read_text(encoding="utf-8"), run={"checkpoint": {"every": 30, "keep": 9}}, models={
    "classifier": {"use": "mlp", "with": {"sizes": [64, 32, 10], "dropout": 0.1, "batch_norm": True}}}, optimizers={
    "adam": {"use": "NAdam", "updates": ["classifier"], "schedule": {"use": "cosine", "steps": 40}, "clip_norm": 1.0}},
    ops={"update": {"op": "optimize", "inputs": {"loss": "loss", "count": "batch.count"},
                    "with": {"optimizer": "adam", "accumulate": {"until": 150}}},
         "noise": {"op": "normal", "inputs": {"rows": "batch.image"}, "with": {"shape": [1, 8, 8], "std": 0.1}},
         "logits": {"op": "forward", "inputs": "batch.image + noise", "with": {"model": "classifier"}},
         "smooth": "0.9 * previous(smooth, 1.0) + 0.1 * loss",
         "report": {"op": "log_scalars", "inputs": ["loss", "smooth"], "every": 10}})
TENSORFLOW = ["run.backend=tensorflow", "run.num_steps=70"]


def same_end(one: Path, other: Path) -> None:
    """The same state to the last bit, and the same lines."""
    ends = [state(folder) for folder in (one, other)]
    for tree in ends:
        for key in ("alarms", "loggers"):  # of times
            tree.pop(key)
        assert tree["models"]["optimizers"]["adam"]["partial"] is not None
    assert ends[0] == ends[1]
    logged = [[{k: v for k, v in row.items() if k != "time"} for row in rows(folder)] for folder in (one, other)]
    assert logged[0] == logged[1]


def test_resuming_is_exact(tmp_path: Path) -> None:
    """From a checkpoint within an epoch and between two updates; compiled before, interpreted after."""
    run(EVERYTHING, tmp_path / "whole", TENSORFLOW)
    run(EVERYTHING, tmp_path / "parts", [*TENSORFLOW[:1], "run.num_steps=25"])
    edgraph.load(EVERYTHING, TENSORFLOW).run(resume=tmp_path / "parts")
    same_end(tmp_path / "whole", tmp_path / "parts")


def _train(folder: Path) -> None:
    begun = (folder / "status.json").exists()
    ended = edgraph.load(EVERYTHING, TENSORFLOW).run(None if begun else folder, resume=folder if begun else None)
    os._exit(0 if ended.end == "finished" else 1)


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path) -> None:
    run(EVERYTHING, tmp_path / "whole", TENSORFLOW)
    context = multiprocessing.get_context("spawn")
    for kill in (True, True, False):
        before = len(list((tmp_path / "run").glob("checkpoints/step-*")))
        process = context.Process(target=_train, args=(tmp_path / "run",))
        process.start()
        while kill and len(list((tmp_path / "run").glob("checkpoints/step-*.safetensors"))) <= before:
            assert process.exitcode is None
            time.sleep(0.005)
        if kill:
            process.kill()
        process.join()
        assert process.exitcode == (-9 if kill else 0)
    same_end(tmp_path / "whole", tmp_path / "run")
