"""Pipelines of any size, made of units of twenty ops such as people write: models and optimizers, losses, expressions
with feedback, clocks of several forms, conditions, held values, and a loop for evaluation."""

from __future__ import annotations

UNIT = 20  # ops

HEAD = """\
name: large
params: {lr: 1.0e-3, weight: 0.1}
run: {num_steps: 10000, seed: 0}
data:
  train:      {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
  validation: {use: digits, with: {split: validation}, batch_size: 256}
stages: {warm_up: {until: 100 steps}, main: {}}
"""

MODELS = """\
  net_{i}: {{use: mlp, with: {{sizes: [64, 128, 10]}}}}
  ema_{i}: {{copy: net_{i}}}
"""

OPTIMIZERS = """\
  adam_{i}: {{use: Adam, updates: [net_{i}], with: {{lr: "${{lr}}"}}, clip_norm: 1.0}}
"""

OPS = """\
  batch_{i}:   {{op: load_batch}}
  noise_{i}:   {{op: normal, inputs: {{rows: batch_{i}.image}}, with: {{shape: [64]}}}}
  logits_{i}:  {{op: forward, inputs: batch_{i}.image, with: {{model: net_{i}}}}}
  random_{i}:  {{op: forward, inputs: noise_{i}, with: {{model: net_{i}}}}}
  nll_{i}:     {{op: cross_entropy, inputs: {{input: logits_{i}, target: batch_{i}.label}}}}
  penalty_{i}: {{op: mse, inputs: [logits_{i}, random_{i}], every: {{steps: 16, from: 100}}}}
  k_{i}:       clip(previous(k_{i}, 0.0) + 0.001 * (0.5 * nll_{i} - 1), 0, 1)
  loss_{i}:    nll_{i} + params.weight * either(penalty_{i}, 0) + 0.0 * k_{i}
  update_{i}:  {{op: optimize, inputs: loss_{i}, with: {{optimizer: adam_{i}}}}}
  average_{i}: {{op: update_ema, with: {{target: ema_{i}, source: net_{i}, decay: 0.999}}}}
  smooth_{i}:  0.99 * previous(smooth_{i}, 2.0) + 0.01 * loss_{i}
  report_{i}:  {{op: log_scalars, inputs: [loss_{i}, k_{i}, update_{i}.lr], every: [first, 50 steps]}}
  trend_{i}:
    op: log_scalars
    inputs: {{smooth: smooth_{i}, best: "hold(score_{i}.accuracy, 0.0)"}}
    every: {{steps: 20, offset: 7}}
  alarm_{i}:   {{op: print, inputs: loss_{i}, when: loss_{i} > 2 * smooth_{i} and step > 10, during: main}}
  score_{i}:   {{op: loop, with: {{graph: evaluate, params: {{model: ema_{i}}}}}, every: 1 epoch}}
  record_{i}:  {{op: improved, inputs: score_{i}.accuracy, with: {{mode: max}}}}
  best_{i}:    {{op: checkpoint, with: {{name: best_{i}}}, when: record_{i}}}
  fixed_{i}:   {{op: fixed_examples, with: {{data: validation}}}}
  guess_{i}:   {{op: forward, inputs: fixed_{i}.image, with: {{model: net_{i}}}}}
  panel_{i}:   {{op: log_images, inputs: {{image: fixed_{i}.image, label: guess_{i}.argmax}}, every: 1 epoch}}
"""

GRAPHS = """\
graphs:
  evaluate:
    params: {model: null, data: validation}
    over: ${data}
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: "${model}"}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""


def pipeline(ops: int) -> str:
    """A pipeline of so many ops (a multiple of 20), and the three of the graph of its loops."""
    units = range(ops // UNIT)

    def section(name: str, entry: str) -> str:
        return f"{name}:\n" + "".join(entry.format(i=i) for i in units)
    return HEAD + section("models", MODELS) + section("optimizers", OPTIMIZERS) + section("ops", OPS) + GRAPHS
