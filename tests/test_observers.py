"""Ops on which no update depends never change the trained weights, whatever they are and how often they run."""

from __future__ import annotations

import functools
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twins import differences, pipeline, run, saved_weights

from edgraph.text.diagnostics import PipelineError

STEPS = 30  # into the second epoch of 23 steps
# Dropout, batch norm in two forwards, a stream that training asks for at every third step, noise, a balance that
# feeds back, a moving average.
TRAINING = f"""
name: observed
imports: [observer_ops]
run: {{num_steps: {STEPS}, seed: 5}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 64, shuffle: true}}
  pool:  {{use: digits, with: {{split: train}}, batch_size: 16, shuffle: true}}
  validation: {{use: digits, with: {{split: validation}}, batch_size: 128, limit: 200}}
models:
  net: {{use: mlp, with: {{sizes: [64, 24, 10], dropout: 0.2, batch_norm: true}}}}
  ema: {{copy: net}}
optimizers:
  opt: {{use: Adam, updates: [net], with: {{lr: 0.003}}, clip_norm: 1.0}}
ops:
  batch:   {{op: load_batch}}
  noise:   {{op: normal, inputs: {{rows: batch.image}}, with: {{shape: [1, 8, 8], std: 0.1}}}}
  logits:  {{op: forward, inputs: batch.image + noise, with: {{model: net}}}}
  loss:    {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
  more:    {{op: load_batch, with: {{data: pool}}, every: 3}}
  guesses: {{op: forward, inputs: more.image, with: {{model: net}}}}
  extra:   {{op: cross_entropy, inputs: {{input: guesses, target: more.label}}}}
  jitter:  {{op: jitter, inputs: loss}}
  k:       clip(previous(k, 0.1) + 0.01 * (hold(extra, 2.0) - loss), 0, 1)
  total:   loss * jitter + either(k * extra, 0)
  update:  {{op: optimize, inputs: total, with: {{optimizer: opt}}}}
  follow:  {{op: update_ema, with: {{target: ema, source: net, decay: 0.9}}}}
graphs:
  evaluate:
    params: {{model: net, mode: auto}}
    over: validation
    ops:
      batch:    {{op: load_batch}}
      noise:    {{op: normal, inputs: {{rows: batch.image}}, with: {{shape: [1, 8, 8]}}}}
      logits:   {{op: forward, inputs: batch.image + noise, with: {{model: "${{model}}", mode: "${{mode}}"}}}}
      accuracy: {{op: accuracy, inputs: {{input: logits, target: batch.label}}}}
    outputs: {{accuracy: accuracy}}
  draws:
    repeat: 3
    ops:
      batch:  {{op: load_batch, with: {{data: pool}}}}
      logits: {{op: forward, inputs: batch.image, with: {{model: net, mode: train}}}}
      loss:   {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
    outputs: {{loss: loss}}
"""
OPS = '''
import random
import numpy as np
import torch
import edgraph

@edgraph.op(random=True)
def jitter(value):
    """Random numbers from all the generators there are."""
    return 1.0 + 0.1 * random.random() + 0.1 * np.random.rand() + 0.1 * torch.rand(())

@edgraph.op(effect=True)
class disturb:
    """Draws without saying so, changes its inputs' copies, and counts what it has seen."""
    def __init__(self):
        self.seen = 0
    def __call__(self, value):
        random.random(), np.random.rand(3), torch.rand(5)
        self.seen += 1
        return self.seen
    def state_dict(self):
        return {"seen": self.seen}
    def load_state_dict(self, state):
        self.seen = state["seen"]

def shuffled(value):
    return value[torch.randperm(len(value))]
'''
# Each is ops; EVERY stands for a clock. What is logged makes them run.
OBSERVERS: dict[str, dict[str, Any]] = {
    "scalars": {"report": {"op": "log_scalars", "inputs": ["loss", "update.lr", "update.grad_norm", "k"],
                           "every": "EVERY"}},
    "evaluation": {"score": {"op": "loop", "with": {"graph": "evaluate"}, "every": "EVERY"},
                   "of_score": {"op": "log_scalars", "inputs": "score.accuracy"}},
    "evaluation of the average": {
        "average": {"op": "loop", "with": {"graph": "evaluate", "params": {"model": "ema"}}, "every": "EVERY"},
        "of_average": {"op": "log_scalars", "inputs": "average.accuracy"}},
    "evaluation in train mode": {
        "odd": {"op": "loop", "with": {"graph": "evaluate", "params": {"mode": "train"}}, "every": "EVERY"},
        "of_odd": {"op": "log_scalars", "inputs": "odd.accuracy"}},
    "loop with a position": {"draws": {"op": "loop", "with": {"graph": "draws"}, "every": "EVERY"},
                             "of_draws": {"op": "log_scalars", "inputs": "draws.loss"}},
    "forward in train mode": {"probe": {"op": "forward", "inputs": "batch.image",
                                        "with": {"model": "net", "mode": "train"}},
                              "of_probe": {"op": "log_histogram", "inputs": "probe", "every": "EVERY"}},
    "forward in eval mode": {"calm": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}},
                             "right": {"op": "accuracy", "inputs": {"input": "calm", "target": "batch.label"}},
                             "of_right": {"op": "log_scalars", "inputs": "right", "every": "EVERY"}},
    "images": {"fixed": {"op": "fixed_examples", "with": {"data": "validation"}},
               "seen": {"op": "forward", "inputs": "fixed.image", "with": {"model": "net"}},
               "panel": {"op": "log_images", "inputs": {"image": "fixed.image", "label": "seen.argmax"},
                         "every": "EVERY"}},
    "histogram": {"spread": {"op": "log_histogram", "inputs": "logits", "every": "EVERY"}},
    "table": {"table": {"op": "log_table", "inputs": {"label": "batch.label", "guess": "logits.argmax"},
                        "every": "EVERY"}},
    "print": {"say": {"op": "print", "inputs": "loss", "with": {"format": "loss {loss:.3f}"}, "every": "EVERY"}},
    "noise": {"more_noise": {"op": "uniform", "with": {"shape": [4]}},
              "of_noise": {"op": "log_histogram", "inputs": "more_noise", "every": "EVERY"}},
    "another stream": {"other": {"op": "load_batch", "with": {"data": "train", "stream": "other"}},
                       "of_other": {"op": "log_scalars", "inputs": "mean(other.label)", "every": "EVERY"}},
    "the same stream": {"same": {"op": "load_batch"},
                        "of_same": {"op": "log_scalars", "inputs": "mean(same.label)", "every": "EVERY"}},
    "a stream of training": {"peek": {"op": "load_batch", "with": {"data": "pool"}},
                             "of_peek": {"op": "log_scalars", "inputs": "mean(peek.label)", "every": "EVERY"}},
    "validation": {"val": {"op": "load_batch", "with": {"data": "validation"}},
                   "val_logits": {"op": "forward", "inputs": "val.image", "with": {"model": "net"}},
                   "val_loss": {"op": "cross_entropy", "inputs": {"input": "val_logits", "target": "val.label"}},
                   "of_val": {"op": "log_scalars", "inputs": "val_loss", "every": "EVERY"}},
    "improved": {"record": {"op": "improved", "inputs": "loss", "every": "EVERY"},
                 "of_record": {"op": "log_scalars", "inputs": "record.since"},
                 "best": {"op": "checkpoint", "when": "record"}},
    "an op of the user's": {"disturb": {"op": "disturb", "inputs": "logits", "every": "EVERY"}},
    "a function of the user's": {
        "mixed": {"op": "call", "inputs": "batch.image", "with": {"function": "observer_ops.shuffled"}},
        "of_mixed": {"op": "log_histogram", "inputs": "mixed", "every": "EVERY"}},
    "memory": {"drift": {"op": "log_scalars", "inputs": {"value": "loss - previous(loss, 0.0) + hold(extra, 0.0)"},
                         "every": "EVERY"}},
    "events": {"done": {"op": "print", "inputs": "hold(loss, 0.0)",
                        "at": ["start", "epoch_start", "epoch_end", "end"]}},
}
CLOCKS = [1, 2, 7, "1 epoch", "0.5 epochs", ["first", "last"], {"steps": 1, "grow": 3},
          {"cycle": 5, "positions": [2, 3]}, {"steps": 4, "offset": 3, "from": 9, "until": 28}, "3 updates", "0.05 s"]


@functools.cache
def folder() -> Path:
    """Where the user's module is. Removed with the process."""
    global _kept
    _kept = tempfile.TemporaryDirectory()
    path = Path(_kept.name)
    (path / "observer_ops.py").write_text(OPS)
    sys.path.insert(0, str(path))
    importlib.invalidate_caches()
    return path


@functools.cache
def alone() -> dict[str, bytes]:
    return trained({})


def trained(ops: dict[str, Any], *, first: bool = False, interpret: bool = False) -> dict[str, bytes]:
    """The weights after a run with these ops too, before or after the others in the file."""
    folder()
    tree = pipeline(TRAINING, ops=ops)
    if first:
        tree["ops"] = {**ops, **tree["ops"]}
    with tempfile.TemporaryDirectory() as path:
        run(tree, Path(path) / "run", interpret=interpret)
        return saved_weights(Path(path) / "run")


def timed(ops: dict[str, Any], clock: Any) -> dict[str, Any]:
    return {name: {key: clock if value == "EVERY" else value for key, value in op.items()} for name, op in ops.items()}


@pytest.mark.parametrize("name", OBSERVERS)
def test_each_alone(name: str) -> None:
    """At every step, and before the training ops in the file."""
    assert differences(trained(timed(OBSERVERS[name], 1), first=True), alone()) == []


def test_the_interpreter_trains_the_same() -> None:
    assert differences(trained({}, interpret=True), alone()) == []


def check(names: list[str], clocks: dict[str, Any], first: bool) -> None:
    ops: dict[str, Any] = {}
    for name in names:
        ops |= timed(OBSERVERS[name], clocks[name])
    assert differences(trained(ops, first=first), alone()) == []


CASES = st.tuples(st.lists(st.sampled_from(sorted(OBSERVERS)), unique=True, min_size=2),
                  st.fixed_dictionaries({name: st.sampled_from(CLOCKS) for name in OBSERVERS}), st.booleans())
OPTIONS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@settings(max_examples=6, **OPTIONS)
@given(CASES)
def test_several_at_any_frequency(case: Any) -> None:
    check(*case)


@pytest.mark.slow
@settings(max_examples=300, **OPTIONS)
@given(CASES)
def test_many_at_any_frequency(case: Any) -> None:
    check(*case)


def test_a_gradient_that_is_only_looked_at() -> None:
    """It comes after the updates, so it needs a forward of its own."""
    slope = {"op": "gradient", "inputs": {"of": "loss"}, "with": {"wrt": "net.1.weight"}}
    look = {"op": "log_histogram", "inputs": "slope", "every": 2}
    with pytest.raises(PipelineError, match="'slope' differentiates through 'logits', but 'update' updates 'net'"):
        trained({"slope": slope, "look": look})
    own = {"calm": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}},
           "calm_loss": {"op": "cross_entropy", "inputs": {"input": "calm", "target": "batch.label"}},
           "slope": {**slope, "inputs": {"of": "calm_loss"}}, "look": look}
    assert differences(trained(own), alone()) == []
