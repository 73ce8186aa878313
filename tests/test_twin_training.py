"""Pipelines and the same loops written by hand, the ops in the plan's order: the same weights bit for bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F
from twins import batches, differences, digits, module_weights, pipeline, run, saved_weights, started

import edgraph

DIGITS = Path(__file__).parent.parent / "pipelines" / "digits.yaml"
SEED, STEPS = 3, 500
BASE = f"""
name: twin
run: {{num_steps: {STEPS}, seed: {SEED}}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 64, shuffle: true}}
models:
  net: {{use: mlp, with: {{sizes: [64, 32, 10]}}}}
optimizers:
  opt: {{use: Adam, updates: [net], with: {{lr: 0.001}}}}
ops:
  batch:  {{op: load_batch}}
  logits: {{op: forward, inputs: batch.image, with: {{model: net}}}}
  loss:   {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
  update: {{op: optimize, inputs: loss, with: {{optimizer: opt}}}}
"""


NOISY = {"use": "mlp", "with": {"sizes": [64, 32, 10], "dropout": 0.2, "batch_norm": True}}  # `noisy` below


def made(build: Callable[[], nn.Module], name: str = "net", seed: int = SEED) -> nn.Module:
    torch.manual_seed(edgraph.stream_seed(seed, f"models.{name}", 0))
    return started(build(), name, seed).train()


def plain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def noisy() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(32, 10))


def data(steps: int = STEPS, seed: int = SEED) -> Iterator[tuple[int, int, torch.Tensor, torch.Tensor]]:
    images, labels = digits()
    for step, epoch, chosen in batches(seed, len(images), 64, steps):
        yield step, epoch, images[chosen], labels[chosen]


def train(net: nn.Module, optimizer: torch.optim.Optimizer, *, before: Callable[[int], Any] = lambda step: None,
          after: Callable[[int], Any] = lambda step: None, steps: int = STEPS, node: str = "logits") -> None:
    """The loop: `before` an update (clipping, schedule), `after` it."""
    for step, _, images, labels in data(steps):
        torch.manual_seed(edgraph.stream_seed(SEED, node, step))
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        before(step)
        optimizer.step()
        after(step)


def check(tree: Any, folder: Path, **modules: nn.Module) -> None:
    run(tree, folder)
    assert differences(saved_weights(folder), module_weights(**modules)) == []


def test_the_digits_pipeline(tmp_path: Path) -> None:
    """The pipeline that users run first, with its reports, pictures, evaluations and stop."""
    run(DIGITS, tmp_path / "run", ["run.num_steps=500", "lr=0.001", "ops.enough=null"])
    net = made(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)), "classifier", 0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _, _, images, labels in data(500, 0):
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    assert differences(saved_weights(tmp_path / "run"), module_weights(classifier=net)) == []


def test_dropout_and_batch_norm(tmp_path: Path) -> None:
    net = made(noisy)
    train(net, torch.optim.Adam(net.parameters(), lr=1e-3))
    tree = pipeline(BASE, models={"net": NOISY})
    check(tree, tmp_path / "run", net=net)


def test_groups_of_weights(tmp_path: Path) -> None:
    net = made(noisy)
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    others = [p for name, p in net.named_parameters() if not name.endswith("bias")]
    train(net, torch.optim.AdamW([{"params": biases, "weight_decay": 0.0, "lr": 3e-3}, {"params": others}], lr=1e-3,
                                 weight_decay=0.1))
    tree = pipeline(BASE, models={"net": NOISY},
                    optimizers={"opt": {"use": "AdamW", "with": {"lr": 1e-3, "weight_decay": 0.1}, "updates": [
                        {"model": "net", "match": ["*.bias"], "weight_decay": 0.0, "lr": 3e-3}, "net"]}})
    check(tree, tmp_path / "run", net=net)


def test_momentum_clipping_and_a_cosine_with_warm_up(tmp_path: Path) -> None:
    net = made(plain)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def before(step: int) -> None:
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        position = step - 1
        factor = (position + 1) / 50 if position < 50 else 0.1 + 0.9 * 0.5 * (
            1.0 + math.cos(math.pi * min(1.0, (position - 50) / (STEPS - 50))))
        optimizer.param_groups[0]["lr"] = 0.1 * factor

    train(net, optimizer, before=before)
    tree = pipeline(BASE, optimizers={"opt": {
        "use": "SGD", "updates": ["net"], "with": {"lr": 0.1, "momentum": 0.9}, "clip_norm": 0.5,
        "schedule": {"use": "cosine", "steps": STEPS, "warmup": 50, "end": 0.1}}})
    check(tree, tmp_path / "run", net=net)


def test_a_scheduler_of_torch_and_clipped_values(tmp_path: Path) -> None:
    net = made(plain)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=STEPS)
    train(net, optimizer, before=lambda step: torch.nn.utils.clip_grad_value_(net.parameters(), 0.01),
          after=lambda step: scheduler.step() if step < STEPS else None)
    tree = pipeline(BASE, optimizers={"opt": {
        "use": "RMSprop", "updates": ["net"], "with": {"lr": 1e-3}, "clip_value": 0.01,
        "schedule": {"use": "OneCycleLR", "max_lr": 0.01, "total_steps": STEPS}}})
    check(tree, tmp_path / "run", net=net)


def test_accumulation(tmp_path: Path) -> None:
    """Three batches an update; the last two of 500 steps are left half-way."""
    net = made(noisy)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step, _, images, labels in data():
        torch.manual_seed(edgraph.stream_seed(SEED, "logits", step))
        F.cross_entropy(net(images), labels).backward()  # adds to what is there
        if step % 3 == 0:
            for p in net.parameters():
                p.grad.div_(3)
            optimizer.step()
            optimizer.zero_grad()
    tree = pipeline(BASE, models={"net": NOISY},
                    ops={"update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "opt", "accumulate": 3}}})
    check(tree, tmp_path / "run", net=net)


def test_accumulation_by_examples(tmp_path: Path) -> None:
    """Until 200 examples were seen: the last batch of an epoch is smaller, and weighs less."""
    net = made(plain)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    sums, seen = [torch.zeros_like(p) for p in net.parameters()], 0
    for _, _, images, labels in data():
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        for total, p in zip(sums, net.parameters(), strict=True):
            total.add_(p.grad, alpha=float(len(images)))
        seen += len(images)
        if seen >= 200:
            for total, p in zip(sums, net.parameters(), strict=True):
                p.grad.copy_(total.div_(float(seen)))
                total.zero_()
            optimizer.step()
            seen = 0
    tree = pipeline(BASE, optimizers={"opt": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}},
                    ops={"update": {"op": "optimize", "inputs": {"loss": "loss", "count": "batch.count"},
                                    "with": {"optimizer": "opt", "accumulate": {"until": 200}}}})
    check(tree, tmp_path / "run", net=net)


def test_a_moving_average(tmp_path: Path) -> None:
    net = made(noisy)
    ema = copy.deepcopy(net)

    @torch.no_grad()
    def after(step: int) -> None:
        for old, new in zip(ema.parameters(), net.parameters(), strict=True):
            old.lerp_(new, 1.0 - 0.99)
        for old, new in zip(ema.buffers(), net.buffers(), strict=True):
            old.copy_(new)

    train(net, torch.optim.Adam(net.parameters(), lr=1e-3), after=after)
    follow = {"op": "update_ema", "with": {"target": "ema", "source": "net", "decay": 0.99}}
    tree = pipeline(BASE, models={"net": NOISY, "ema": {"copy": "net"}}, ops={"follow": follow})
    check(tree, tmp_path / "run", net=net, ema=ema)


def test_a_convnet(tmp_path: Path) -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding="same"), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(8, 10))

    net = made(build)
    train(net, torch.optim.Adam(net.parameters(), lr=1e-3), steps=120)
    tree = pipeline(BASE, run={"num_steps": 120}, models={"net": {"use": "convnet", "with": {
        "channels": [6, 8], "classes": 10, "batch_norm": True, "dropout": 0.1}}})
    check(tree, tmp_path / "run", net=net)


def test_a_critic_and_a_generator_at_once(tmp_path: Path) -> None:
    """Both gradients are taken before either update, whichever comes first in the file."""
    text = f"""
name: gan
run: {{num_steps: 200, seed: {SEED}}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 64, shuffle: true}}
models:
  critic:    {{use: mlp, with: {{sizes: [64, 16, 1], dropout: 0.1}}}}
  generator: {{use: mlp, with: {{sizes: [8, 16, 64], batch_norm: true}}}}
optimizers:
  of_critic:    {{use: Adam, updates: [critic], with: {{lr: 0.001}}}}
  of_generator: {{use: Adam, updates: [generator], with: {{lr: 0.001}}}}
ops:
  batch: {{op: load_batch}}
  noise: {{op: normal, inputs: {{rows: batch.image}}, with: {{shape: [8]}}}}
  fake:  {{op: forward, inputs: noise, with: {{model: generator}}}}
  real_score: {{op: forward, inputs: batch.image, with: {{model: critic}}}}
  fake_score: {{op: forward, inputs: detach(fake), with: {{model: critic}}}}
  fool_score: {{op: forward, inputs: fake, with: {{model: critic}}}}
  real_loss: {{op: bce_with_logits, inputs: {{input: real_score, target: 1.0}}}}
  fake_loss: {{op: bce_with_logits, inputs: {{input: fake_score, target: 0.0}}}}
  fool_loss: {{op: bce_with_logits, inputs: {{input: fool_score, target: 1.0}}}}
  critic_loss: real_loss + fake_loss
  train_critic:    {{op: optimize, inputs: critic_loss, with: {{optimizer: of_critic}}}}
  train_generator: {{op: optimize, inputs: fool_loss, with: {{optimizer: of_generator}}}}
"""
    critic = made(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.1),
                                        nn.Linear(16, 1)), "critic")
    generator = made(lambda: nn.Sequential(nn.Flatten(), nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(),
                                           nn.Linear(16, 64)), "generator")
    one, two = (torch.optim.Adam(net.parameters(), lr=1e-3) for net in (critic, generator))

    def seeded(node: str, step: int) -> None:
        torch.manual_seed(edgraph.stream_seed(SEED, node, step))

    def bce(scores: torch.Tensor, target: float) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))

    for step, _, images, _ in data(200):
        seeded("noise", step)
        fake = generator(torch.randn(len(images), 8))
        seeded("real_score", step)
        real_score = critic(images)
        seeded("fake_score", step)
        fake_score = critic(fake.detach())
        seeded("fool_score", step)
        fool_score = critic(fake)
        grads = torch.autograd.grad(bce(real_score, 1.0) + bce(fake_score, 0.0), list(critic.parameters()))
        fools = torch.autograd.grad(bce(fool_score, 1.0), list(generator.parameters()))
        for net, found, optimizer in ((critic, grads, one), (generator, fools, two)):
            for p, g in zip(net.parameters(), found, strict=True):
                p.grad = g
            optimizer.step()
    check(yaml.safe_load(text), tmp_path / "run", critic=critic, generator=generator)


AUGMENT = '''
import random
import numpy as np
import torch

def augment(example):
    """Moves the picture and adds noise, with three generators of random numbers."""
    moved = np.roll(example["image"], (random.randint(-1, 1), np.random.randint(-1, 2)), (1, 2))
    return {**example, "image": moved + 0.1 * torch.rand(1, 8, 8).numpy()}
'''


@pytest.mark.parametrize("workers", [0, 2])
def test_random_augmentation(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin seeds all generators for every example, whoever reads it."""
    import importlib
    import random

    import numpy as np

    (tmp_path / "augments.py").write_text(AUGMENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    steps = 45  # into the second epoch
    tree = pipeline(BASE, run={"num_steps": steps}, data={"train": {
        "use": "digits", "with": {"split": "train"}, "batch_size": 64, "shuffle": True, "transform": "augments.augment",
        "workers": workers}})
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(tree))
    from edgraph.ops.random import mix, node_base
    augment = importlib.import_module("augments").augment
    images, labels = digits()
    net = made(plain)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _, epoch, chosen in batches(SEED, len(images), 64, steps):
        rows = []
        for index in chosen.tolist():
            seed = mix(mix(node_base(SEED, "transform.train"), epoch), index)
            random.seed(seed)
            np.random.seed(seed & 0xFFFFFFFF)
            torch.manual_seed(seed)
            rows.append(augment({"image": images[index].numpy(), "label": labels[index]})["image"])
        optimizer.zero_grad()
        F.cross_entropy(net(torch.from_numpy(np.stack(rows))), labels[chosen]).backward()
        optimizer.step()
    check(tmp_path / "pipeline.yaml", tmp_path / "run", net=net)
    assert sum(map(len, rows)) == len(rows)
