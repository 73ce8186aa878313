"""A pipeline with every kind of state there is, and what a run of it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twins import rows, saved_weights, state

STEPS = 130  # five epochs of 23 steps, and a part of the sixth

PIPELINE = f"""
name: everything
imports: [crash_ops]
run: {{num_steps: {STEPS}, seed: 11, checkpoint: {{every: 20}}}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 64, shuffle: true, transform: crash_ops.augment}}
  pool:  {{use: digits, with: {{split: train}}, batch_size: 16, shuffle: true}}
  validation: {{use: digits, with: {{split: validation}}, batch_size: 128, limit: 200}}
models:
  net:    {{use: mlp, with: {{sizes: [64, 24, 10], dropout: 0.2, batch_norm: true}}}}
  ema:    {{copy: net}}
  critic: {{use: crash_ops.Critic, with: {{width: 8}}}}
optimizers:
  opt:
    use: Adam
    updates: [{{model: net, match: ["*.bias"], weight_decay: 0.0}}, net]
    with: {{lr: 0.003, weight_decay: 0.01}}
    clip_norm: 1.0
    schedule: {{use: cosine, steps: 60, warmup: 5}}
  of_critic: {{use: SGD, updates: [critic], with: {{lr: 0.01, momentum: 0.9}}}}
stages:
  warm: {{until: 30}}
  main: {{until: {{when: "hold(quality.best, 9.0) < 2.1"}}}}
  slow: {{for: 1 epoch}}
  tail: {{}}
ops:
  batch:   {{op: load_batch}}
  noise:   {{op: normal, inputs: {{rows: batch.image}}, with: {{shape: [1, 8, 8], std: 0.1}}}}
  logits:  {{op: forward, inputs: batch.image + noise, with: {{model: net}}}}
  loss:    {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
  smooth:  {{op: smoothed, inputs: loss}}
  more:    {{op: load_batch, with: {{data: pool}}, every: 3}}
  guesses: {{op: forward, inputs: more.image, with: {{model: net}}}}
  extra:   {{op: cross_entropy, inputs: {{input: guesses, target: more.label}}}}
  jitter:  {{op: call, inputs: loss, with: {{function: crash_ops.jitter}}}}
  k:       clip(previous(k, 0.1) + 0.01 * (hold(extra, 2.0) / smooth - 0.9), 0, 1)
  total:   loss * jitter + either(k * extra, 0)
  update:  {{op: optimize, inputs: {{loss: total, count: batch.count}}, with: {{optimizer: opt, accumulate: 3}}}}
  follow:  {{op: update_ema, with: {{target: ema, source: net, decay: 0.9}}}}
  opinion: {{op: forward, inputs: detach(logits), with: {{model: critic}}}}
  aim:     {{op: mse, inputs: {{input: opinion, target: detach(opinion) * 0 + detach(loss)}}}}
  train_critic: {{op: optimize, inputs: aim, with: {{optimizer: of_critic}}, every: {{cycle: 4, positions: [1, 2]}}}}
  lower:
    op: set_learning_rate
    inputs: train_critic.lr * 0.99
    with: {{optimizer: of_critic}}
    every: {{firings: 5, of: train_critic}}
  quality: {{op: improved, inputs: smooth, with: {{min_delta: 0.01}}, every: 2}}
  best:    {{op: checkpoint, when: quality}}
  report:  {{op: log_scalars, inputs: [total, k, update.lr, smooth], every: 1}}
  growing: {{op: log_scalars, inputs: {{loss: loss, epoch: epoch}}, every: {{steps: 1, grow: 2, max: 30}}}}
  journal: {{op: log_table, inputs: {{index: batch.index}}, every: 1}}
  of_pool: {{op: log_table, inputs: {{index: more.index}}}}
  applied: {{op: log_scalars, inputs: {{step: step}}, every: {{updates: 7, of: opt}}}}
  late:    {{op: log_scalars, inputs: {{drift: "loss - previous(loss, 0)"}}, every: 5, during: [main, tail]}}
  turn:    {{op: log_scalars, inputs: {{step: step}}, every: [{{first: slow}}, {{last: slow}}]}}
  fixed:   {{op: fixed_examples, with: {{data: validation}}}}
  seen:    {{op: forward, inputs: fixed.image, with: {{model: ema}}}}
  panel:   {{op: log_images, inputs: {{image: fixed.image, label: seen.argmax}}, every: 0.5 epochs}}
  spread:  {{op: log_histogram, inputs: logits, every: 17}}
  said:    {{op: log_text, inputs: {{loss: loss}}, every: 25}}
  score:   {{op: loop, with: {{graph: evaluate, params: {{model: ema}}}}, every: 1 epoch}}
  of_score: {{op: log_scalars, inputs: score.accuracy}}
  rollout: {{op: loop, with: {{graph: rollout}}, every: 11}}
  of_rollout: {{op: log_scalars, inputs: [rollout.label, rollout.sum]}}
  counted: {{op: tally, inputs: loss, every: 3}}
  of_counted: {{op: log_scalars, inputs: counted}}
  begun:   {{op: log_scalars, inputs: "hold(loss, 0.0)", at: epoch_start}}
  over:    {{op: log_scalars, inputs: "hold(loss, 0.0)", at: epoch_end}}
  ended:   {{op: log_scalars, inputs: "hold(loss, 0.0)", at: end}}
graphs:
  evaluate:
    params: {{model: net}}
    over: validation
    ops:
      batch:    {{op: load_batch}}
      logits:   {{op: forward, inputs: batch.image, with: {{model: "${{model}}"}}}}
      accuracy: {{op: accuracy, inputs: {{input: logits, target: batch.label}}}}
    outputs: {{accuracy: accuracy}}
  rollout:
    repeat: 3
    ops:
      batch: {{op: load_batch, with: {{data: pool}}}}
      label: {{op: mean, inputs: batch.label * 1.0}}
      sum:   previous(sum, 0) + batch.count
    outputs: {{label: label, sum: sum}}
"""

OPS = '''
import random

import numpy as np
import torch

import edgraph


def augment(example):
    """Moves a picture and adds noise."""
    moved = np.roll(example["image"], (random.randint(-1, 1), np.random.randint(-1, 2)), (1, 2))
    return {**example, "image": (moved + 0.1 * np.random.rand(1, 8, 8)).astype(np.float32)}


def jitter(loss):
    """Random numbers from each of the global generators."""
    return 1.0 + 0.1 * random.random() + 0.1 * np.random.rand() + 0.1 * torch.rand(())


class Critic(torch.nn.Module):
    """Draws in its constructor and when it is called, counts its calls, and has extra state."""

    def __init__(self, *, width: int):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(10, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)
        self.scale = 1.0 + random.random()

    def forward(self, x):
        if self.training:
            self.calls += 1
        return self.scale * self.layers(x + 0.01 * torch.from_numpy(np.random.rand(*x.shape).astype(np.float32)))[:, 0]

    def get_extra_state(self):
        return {"scale": self.scale}

    def set_extra_state(self, state):
        self.scale = state["scale"]


@edgraph.op
class smoothed:
    """A moving average, kept as a tensor and a count."""

    def __init__(self, *, momentum: float = 0.9):
        self.momentum, self.mean, self.count = momentum, None, 0

    def __call__(self, value):
        value = value.detach()
        self.mean = value if self.mean is None else self.momentum * self.mean + (1 - self.momentum) * value
        self.count += 1
        return self.mean

    def state_dict(self):
        return {"mean": self.mean, "count": self.count}

    def load_state_dict(self, state):
        self.mean, self.count = state["mean"], state["count"]


@edgraph.op(effect=True, random=True)
class tally:
    """Keeps everything it has seen, in NumPy, with random weights."""

    def __init__(self):
        self.seen = []

    def __call__(self, value):
        self.seen.append((value.item(), np.random.rand()))
        return sum(weight * value for value, weight in self.seen)

    def state_dict(self):
        return {"seen": self.seen, "rounds": {1: np.float64(len(self.seen))}}

    def load_state_dict(self, state):
        self.seen = [tuple(pair) for pair in state["seen"]]
'''


def write(folder: Path) -> Path:
    """The pipeline and its module, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crash_ops.py").write_text(OPS)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    return folder / "pipeline.yaml"


def traces(folder: Path) -> dict[str, Any]:
    """Everything a run leaves that a resumed run has to leave too: weights, all other state, metrics, files."""
    tree = state(folder)
    for key in ("alarms", "loggers"):  # times of the day, and lengths of files that hold them
        tree.pop(key)
    found: dict[str, Any] = {"weights": saved_weights(folder), "state": repr(plain(tree)), "metrics": rows(folder)}
    for path in sorted(folder.rglob("*")):
        kind = path.relative_to(folder).parts[0]
        if path.is_file() and kind in ("images", "tables", "text"):
            found[str(path.relative_to(folder))] = path.read_bytes()
        elif path.is_file() and kind == "histograms":
            found[str(path.relative_to(folder))] = [{k: v for k, v in json.loads(line).items() if k != "time"}
                                                    for line in path.read_text().splitlines()]
    return found


def plain(tree: Any) -> Any:
    """A state tree with its arrays as bytes."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if hasattr(tree, "_fields"):
        return tree.dtype, tree.shape, bytes(tree.data)
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return (str(tree.dtype), tree.shape, tree.tobytes()) if hasattr(tree, "tobytes") else tree


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What of two runs' traces is not the same."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
