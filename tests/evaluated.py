"""A training run, and pipelines that evaluate its checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

import edgraph
from edgraph.api import Run

EVERY = 4  # steps between checkpoints

TRAIN = f"""
name: train
run: {{num_steps: 40, seed: 3, checkpoint: {{every: {EVERY}, keep: 1000}}}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 256, shuffle: true}}
  validation: {{use: digits, with: {{split: validation}}, batch_size: 100}}
models:
  net: {{use: mlp, with: {{sizes: [64, 16, 10], dropout: 0.2, batch_norm: true}}}}
  ema: {{copy: net}}
optimizers:
  opt: {{use: Adam, updates: [net], with: {{lr: 0.01}}, ema: {{model: ema, decay: 0.8}}}}
ops:
  batch:  {{op: load_batch}}
  logits: {{op: forward, inputs: batch.image, with: {{model: net}}}}
  loss:   {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
  update: {{op: optimize, inputs: loss, with: {{optimizer: opt}}}}
  score:  {{op: loop, with: {{graph: evaluate}}, every: {EVERY}}}
  report: {{op: log_scalars, inputs: [score.net, score.ema, score.loss]}}
  record: {{op: improved, inputs: score.ema, with: {{mode: max}}}}
  best:   {{op: checkpoint, when: record}}
graphs: &graphs
  evaluate:
    over: validation
    ops:
      batch:    {{op: load_batch}}
      logits:   {{op: forward, inputs: batch.image, with: {{model: net}}}}
      smooth:   {{op: forward, inputs: batch.image, with: {{model: ema}}}}
      each:     {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
      net:      {{op: accuracy, inputs: {{input: logits, target: batch.label}}}}
      ema:      {{op: accuracy, inputs: {{input: smooth, target: batch.label}}}}
      loss:     {{op: mean, inputs: each}}
    outputs: {{net: net, ema: ema, loss: loss}}
"""
EVALUATE = """
name: evaluate
include: [{file: train.yaml, only: [data, models, graphs]}]
run: {over: checkpoints, of: RUN, which: all}
ops:
  score:  {op: loop, with: {graph: evaluate}}
  report: {op: log_scalars, inputs: [score.net, score.ema, score.loss]}
"""


def write(folder: Path, train: dict[str, Any] | None = None, evaluate: dict[str, Any] | None = None) -> None:
    """train.yaml and evaluate.yaml, with keys of their sections added or replaced."""
    for name, text, more in (("train", TRAIN, train), ("evaluate", EVALUATE, evaluate)):
        tree = yaml.safe_load(text)
        for section, entries in (more or {}).items():
            tree[section] = {**tree.get(section, {}), **entries}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def rows(folder: Path) -> list[dict[str, Any]]:
    """What was logged, without the time."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "time"} for line in lines]


def run(source: Path, folder: Path, *overrides: str, **how: Any) -> Run:
    """A run that has to come to its end."""
    resumes = "resume" in how
    ended = edgraph.load(source, overrides).run(None if resumes else folder, **how)
    assert ended.failure is None, ended.failure.text() + ended.failure.traceback()
    assert ended.end == "finished"
    return ended
