"""Conditions, branches and loops that decide on training, and the loops that one would write by hand: the same weights
bit for bit, in torch."""

from __future__ import annotations

import copy
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F
from twins import batches, differences, digits, module_weights, run, saved_weights, started

import edgraph
from edgraph.data.digits import read

SEED = 3
MODULE = Path(__file__).stem
CALLS: list[int] = []  # the rows that `costly` was given
BASE = """
run: {seed: 3, num_steps: 120}
data:
  train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
  validation: {use: digits, with: {split: validation}, batch_size: 360}
models:
  net: {use: mlp, with: {sizes: [64, 16, 10]}}
optimizers:
  adam: {use: Adam, updates: [net], with: {lr: 0.01}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
graphs:
  evaluate:
    over: validation
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: net}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""


def tree(text: str) -> Any:
    found = yaml.safe_load(BASE)
    for section, entries in yaml.safe_load(text).items():
        found[section] = {**found.get(section, {}), **entries}
    found["imports"] = [MODULE]
    return found


def made(name: str, *sizes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (one, two) in enumerate(pairwise(sizes)):
        layers += [nn.ReLU()] * (i > 0) + [nn.Linear(one, two)]
    return started(nn.Sequential(*layers), name, SEED)


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Digits:
    """The pipeline above by hand."""

    def __init__(self) -> None:
        self.net = made("net", 64, 16, 10)
        self.adam = torch.optim.Adam(self.net.parameters(), lr=0.01)
        self.images, self.labels = digits()
        seen = read(split="validation").arrays
        self.seen, self.said = torch.from_numpy(seen["image"]), torch.from_numpy(seen["label"].copy())

    def steps(self, number: int = 120) -> Any:
        for step, _, chosen in batches(SEED, len(self.images), 64, number):
            yield step, self.images[chosen], self.labels[chosen]

    @torch.no_grad()
    def accuracy(self) -> float:
        return float((self.net(self.seen).argmax(1) == self.said).float().mean())


def check(pipeline: Any, folder: Path, **modules: nn.Module) -> None:
    run(pipeline, folder)
    assert differences(saved_weights(folder), module_weights(**modules)) == []


def test_a_learning_rate_that_drops_when_evaluations_stall(tmp_path: Path) -> None:
    by_hand = Digits()
    best, since, drops = -1.0, 0, 0
    for step, image, label in by_hand.steps():
        descend(by_hand.adam, F.cross_entropy(by_hand.net(image), label))
        if step % 8 == 0:
            accuracy = by_hand.accuracy()
            best, since = (accuracy, 0) if accuracy > best + 0.02 else (best, since + 1)
            if since >= 2:  # from the next step on
                by_hand.adam.param_groups[0]["lr"] *= 0.5
                drops += 1
    assert 2 <= drops <= 12
    check(tree("""
    ops:
      update: {op: optimize, inputs: loss, with: {optimizer: adam}}
      score:  {op: loop, with: {graph: evaluate}, every: 8}
      record: {op: improved, inputs: score.accuracy, with: {mode: max, min_delta: 0.02}}
      slower: {op: set_learning_rate, inputs: update.lr * 0.5, with: {optimizer: adam}, when: record.since >= 2}
    """), tmp_path / "run", net=by_hand.net)


@pytest.mark.parametrize("memory", ["hold", "previous"])
def test_updates_that_an_evaluation_lets_run(memory: str, tmp_path: Path) -> None:
    """`hold` brings the evaluation before the update of the same step, `previous` leaves it after."""
    by_hand = Digits()
    accuracy, rested = 0.0, 0
    for step, image, label in by_hand.steps():
        loss = F.cross_entropy(by_hand.net(image), label)
        if memory == "hold" and step % 8 == 0:
            accuracy = by_hand.accuracy()
        if accuracy < 0.7 or step > 100:
            descend(by_hand.adam, loss)
        else:
            rested += 1
        if memory == "previous" and step % 8 == 0:
            accuracy = by_hand.accuracy()
    assert 20 < rested < 90
    check(tree(f"""
    ops:
      update: {{op: optimize, inputs: loss, with: {{optimizer: adam}},
                when: "{memory}(score.accuracy, 0.0) < 0.7 or step > 100"}}
      score:  {{op: loop, with: {{graph: evaluate}}, every: 8}}
    """), tmp_path / "run", net=by_hand.net)


def costly(rows: torch.Tensor) -> torch.Tensor:
    """A transform that says how often it ran."""
    CALLS.append(len(rows))
    return rows.flatten(1) * 2.0


def test_nested_conditions_and_either(tmp_path: Path) -> None:
    """A term of the loss that is there on some steps by its clock, on some by a condition on a value, and by one on a
    value that is itself conditional; an average that follows the firings of what is conditional; gradients through
    whichever branch was taken; and nothing upstream of a condition that fails runs."""
    by_hand = Digits()
    side, average = made("side", 64, 10), copy.deepcopy(by_hand.net)
    of_side = torch.optim.SGD(side.parameters(), lr=0.05)
    taken = {"harder": 0, "hard": 0, "clocked": 0, "none": 0}
    extra = costly_calls = 0
    previous = 0.0
    for step, image, label in by_hand.steps():
        loss = F.cross_entropy(by_hand.net(image), label)
        aux, which = torch.tensor(0.0), "none"
        if step % 5 == 0:
            aux, which = 0.25 * by_hand.net(image).square().mean(), "clocked"
        if bool(loss > 0.8) and step > 4:
            costly_calls += 1
            hard = F.cross_entropy(side(image.flatten(1) * 2.0), label)
            aux, which = hard * loss, "hard"
            if bool(hard > 1.8):
                aux, which = hard * hard * loss, "harder"
            if previous > 0.9:  # the loss of the step before
                extra += 1
        taken[which] += 1
        total = loss + 0.5 * aux
        found = torch.autograd.grad(total, list(by_hand.net.parameters()), retain_graph=True)
        if which in ("hard", "harder"):
            descend(of_side, hard)
        for parameter, gradient in zip(by_hand.net.parameters(), found, strict=True):
            parameter.grad = gradient
        by_hand.adam.step()
        if which in ("hard", "harder") and previous > 0.9 and extra % 3 == 0:
            with torch.no_grad():
                for old, new in zip(average.parameters(), by_hand.net.parameters(), strict=True):
                    old.lerp_(new, 1.0 - 0.5)
        previous = float(loss.detach())
    assert all(number >= 3 for number in taken.values()) and extra >= 6, (taken, extra)
    CALLS.clear()
    check(tree(f"""
    models: {{side: {{use: mlp, with: {{sizes: [64, 10]}}}}, average: {{copy: net}}}}
    optimizers: {{of_side: {{use: SGD, updates: [side], with: {{lr: 0.05}}}}}}
    ops:
      doubled:   {{op: call, inputs: batch.image, with: {{function: {MODULE}.costly}}}}
      answer:    {{op: forward, inputs: doubled, with: {{model: side}}}}
      hard:      {{op: cross_entropy, inputs: {{input: answer, target: batch.label}}, when: loss > 0.8 and step > 4}}
      as_hard:   hard * loss
      harder:    {{op: expr, inputs: hard * hard * loss, when: hard > 1.8}}
      again:     {{op: forward, inputs: batch.image, with: {{model: net}}}}
      clocked:   {{op: expr, inputs: 0.25 * mean(again ** 2), every: 5}}
      total:     loss + 0.5 * either(harder, as_hard, clocked, 0.0)
      update:    {{op: optimize, inputs: total, with: {{optimizer: adam}}}}
      aside:     {{op: optimize, inputs: hard, with: {{optimizer: of_side}}}}
      extra:     {{op: print, inputs: hard, when: "previous(loss, 0.0) > 0.9"}}
      follow:    {{op: update_ema, with: {{target: average, source: net, decay: 0.5}}, every: {{firings: 3, of: extra}},
                  after: [update]}}
    """), tmp_path / "run", net=by_hand.net, side=side, average=average)
    assert len(CALLS) == costly_calls


def act(observation: torch.Tensor, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """Actions drawn from a policy, what they gained, and how likely they were."""
    scores = torch.log_softmax(logits, 1)
    action = torch.multinomial(scores.exp(), 1)
    gain = (observation.argmax(1, keepdim=True) == action).float().squeeze(1)
    return {"observation": observation, "action": action, "advantage": gain - gain.mean(),
            "likely": scores.gather(1, action).squeeze(1)}


def clipped(logits: torch.Tensor, action: torch.Tensor, advantage: torch.Tensor, likely: torch.Tensor,
            weight: Any) -> dict[str, torch.Tensor]:
    """The loss of PPO with a penalty, and how far the policy has moved."""
    now = torch.log_softmax(logits, 1).gather(1, action).squeeze(1)
    ratio = (now - likely).exp()
    kl = (ratio - 1 - (now - likely)).mean()
    gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
    return {"loss": weight * kl - gain, "kl": kl}


PPO = f"""
run: {{seed: 3, num_steps: 30, over: none}}
imports: [{MODULE}]
models: {{policy: {{use: mlp, with: {{sizes: [6, 16, 6]}}}}}}
optimizers: {{adam: {{use: Adam, updates: [policy], with: {{lr: 0.02}}}}}}
ops:
  observation: {{op: normal, with: {{shape: [44, 6]}}, every: 2}}
  before:      {{op: forward, inputs: observation, with: {{model: policy}}}}
  rollout:     {{op: call, inputs: [observation, before], with: {{function: {MODULE}.act}}}}
  train:       {{op: loop, inputs: {{rollout: rollout, weight: "previous(weight, 1.0)"}}, with: {{graph: epochs}}}}
  weight:      {{op: expr, inputs: "clip(previous(weight, 1.0) * (2 if train.kl > 0.02 else 0.5), 0.01, 100)"}}
graphs:
  epochs:    # over the same rollout, until the policy has moved too far
    repeat: 4
    ops:
      epoch_of: {{op: loop, inputs: {{over: rollout, weight: weight}},
                  with: {{graph: minibatches, batch_size: 16, shuffle: true}}}}
      far:      {{op: stop, when: epoch_of.kl > 0.02}}
    outputs: {{kl: "hold(epoch_of.kl, 0.0)"}}
  minibatches:
    ops:
      batch:  {{op: load_batch}}
      logits: {{op: forward, inputs: batch.observation, with: {{model: policy}}}}
      ppo:    {{op: call, inputs: [logits, batch.action, batch.advantage, batch.likely, weight],
               with: {{function: {MODULE}.clipped}}}}
      update: {{op: optimize, inputs: ppo.loss, with: {{optimizer: adam}}}}
      kl:     {{op: mean, inputs: ppo.kl}}
    outputs: {{kl: kl}}
"""


def test_epochs_over_a_rollout(tmp_path: Path) -> None:
    """PPO: every second step a rollout, up to four epochs over it in minibatches of 16, 16 and 12, ended early by the
    mean of what was measured in them; what came out of the loop weighs the penalty of the next."""
    policy = made("policy", 6, 16, 6)
    adam = torch.optim.Adam(policy.parameters(), lr=0.02)
    weight: Any = 1.0
    epochs = []
    for step in range(2, 31, 2):
        torch.manual_seed(edgraph.stream_seed(SEED, "observation", step))
        observation = torch.randn(44, 6)
        with torch.no_grad():
            before = policy(observation)
        torch.manual_seed(edgraph.stream_seed(SEED, "rollout", step))
        rollout = act(observation, before)
        for epoch in range(1, 5):
            order = edgraph.rng(SEED, "train.epoch_of.over", step, epoch).permutation(44)
            total = 0.0
            for start in range(0, 44, 16):
                rows = order[start:start + 16]
                found = clipped(policy(observation[rows]), *(rollout[name][rows] for name in (
                    "action", "advantage", "likely")), weight)
                descend(adam, found["loss"])
                total += float(found["kl"].detach()) * len(rows)
            kl = total / 44
            if kl > 0.02:
                break
        epochs.append(epoch)
        weight = min(max(weight * (2 if kl > 0.02 else 0.5), 0.01), 100)
    assert len(set(epochs)) > 2, epochs
    check(yaml.safe_load(PPO), tmp_path / "run", policy=policy)
    assert sys.modules[MODULE].CALLS is CALLS


@pytest.mark.parametrize("interpret", [False, True], ids=["generated", "interpreted"])
def test_hold_passes_no_gradient_of_a_value_of_this_step(tmp_path: Path, interpret: bool,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def trained(loss: str) -> float:
        pipeline = yaml.safe_load(BASE)
        pipeline["run"]["num_steps"] = 5
        pipeline["models"] = {"net": {"use": "mlp", "with": {"sizes": [64, 16, 10]}}}
        pipeline["optimizers"] = {"sgd": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}}
        pipeline["ops"] = {
            "batch": {"op": "load_batch"},
            "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}},
            "nll": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
            "update": {"op": "optimize", "inputs": loss, "with": {"optimizer": "sgd"}}}
        return float(edgraph.load(pipeline).run(folder=f"run{loss[:9]}", interpret=interpret).values["nll"])

    plain = trained("nll")
    assert trained("nll + 3 * hold(nll, 0.0)") == plain
    assert trained("4 * nll") != plain
