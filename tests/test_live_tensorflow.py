"""Live parameters where steps are compiled: nothing that was compiled goes on with the value from before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from twins import rows, run

PIPELINE = """
name: live
params: {lr: 0.05, weight: 1.0}
run: {num_steps: 60, seed: 3, backend: tensorflow, checkpoint: {every: 50}}
data:
  train: {use: digits, with: {split: train}, batch_size: 32, shuffle: true}
models:
  net: {use: mlp, with: {sizes: [64, 16, 10]}}
optimizers:
  sgd: {use: SGD, updates: [net], schedule: params.lr}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  total:  loss * params.weight
  update: {op: optimize, inputs: total, with: {optimizer: sgd}}
  ratio:  {op: log_scalars, inputs: {lr: update.lr, weight: total / loss}, every: 10}
"""
CHANGES = [{"step": 25, "values": {"lr": 0.01}, "before": {"lr": 0.05}, "request": "a", "time": 0.0},
           {"step": 40, "values": {"weight": 2.5}, "before": {"weight": 1.0}, "request": "b", "time": 0.0}]


@pytest.mark.parametrize("interpret", [False, True])
def test_rates_and_values_follow(interpret: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("live.yaml").write_text(PIPELINE)
    Path("other").mkdir()
    Path("other/status.json").write_text('{"state": "finished", "step": 60}')
    Path("other/changes.jsonl").write_text("".join(json.dumps(change) + "\n" for change in CHANGES))
    run("live.yaml", Path("a"), replay="other", interpret=interpret)
    assert [row["ratio.lr"] for row in rows(Path("a"))] == pytest.approx([0.05] * 2 + [0.01] * 4)
    assert [row["ratio.weight"] for row in rows(Path("a"))] == pytest.approx([1.0] * 4 + [2.5] * 2)
