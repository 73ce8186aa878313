"""A critic and a generator by hand, in plain torch: what the trainers are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn
from torch.nn import functional as F
from twins import batches, differences, digits, module_weights, run, saved_weights, started

import edgraph

SEED, STEPS = 5, 300
GAN = """
name: gan
run: {num_steps: 300, seed: 5}
data:
  train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
models:
  critic:    {use: mlp, with: {sizes: [64, 16, 1], dropout: 0.1}}
  generator: {use: mlp, with: {sizes: [8, 16, 64]}}
optimizers:
  adam_d: {use: Adam, updates: [critic], with: {lr: 0.001}}
  adam_g: {use: Adam, updates: [generator], with: {lr: 0.001}}
ops:
  batch:      {op: load_batch}
  noise:      {op: normal, inputs: {rows: batch.image}, with: {shape: [8]}}
  fake:       {op: forward, inputs: noise, with: {model: generator}}
  real_score: {op: forward, inputs: batch.image, with: {model: critic}}
  fake_score: {op: forward, inputs: fake, with: {model: critic}}
  real_loss:  {op: bce_with_logits, inputs: {input: real_score, target: 1.0}}
  found_loss: {op: bce_with_logits, inputs: {input: fake_score, target: 0.0}}
  g_loss:     {op: bce_with_logits, inputs: {input: fake_score, target: 1.0}}
  d_loss:     real_loss + found_loss
"""


def seeded(node: str, step: int) -> None:
    torch.manual_seed(edgraph.stream_seed(SEED, node, step))


def made(name: str, *layers: Any) -> nn.Module:
    """A model with the weights that the pipeline's has at the start: layers are made from their arguments."""
    net = nn.Sequential(*(layer if isinstance(layer, nn.Module) else nn.Linear(*layer) for layer in layers))
    return started(net, name, SEED).train()


def data(steps: int = STEPS) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    images, labels = digits()
    for step, _, chosen in batches(SEED, len(images), 64, steps):
        yield step, images[chosen], labels[chosen]


def bce(scores: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))


class Gan:
    """The two networks and their losses."""

    def __init__(self) -> None:
        self.critic = made("critic", nn.Flatten(), (64, 16), nn.ReLU(), nn.Dropout(0.1), (16, 1))
        self.generator = made("generator", nn.Flatten(), (8, 16), nn.ReLU(), (16, 64))

    def made_from(self, noise_of: torch.Tensor, step: int) -> torch.Tensor:
        seeded("noise", step)
        fake: torch.Tensor = self.generator(torch.randn(len(noise_of), 8))
        return fake

    def score(self, node: str, images: torch.Tensor, step: int) -> torch.Tensor:
        seeded(node, step)
        scores: torch.Tensor = self.critic(images)
        return scores

    def critic_loss(self, images: torch.Tensor, step: int) -> torch.Tensor:
        with torch.no_grad():
            fake = self.made_from(images, step)
        return bce(self.score("real_score", images, step), 1.0) + bce(self.score("fake_score", fake, step), 0.0)

    def generator_loss(self, images: torch.Tensor, step: int) -> torch.Tensor:
        return bce(self.score("fake_score", self.made_from(images, step), step), 1.0)

    def both_gradients(self, images: torch.Tensor, step: int) -> tuple[Any, Any]:
        """Those of the critic and those of the generator, from one and the same forward pass."""
        fake_score = self.score("fake_score", self.made_from(images, step), step)
        d_loss = bce(self.score("real_score", images, step), 1.0) + bce(fake_score, 0.0)
        of_critic = torch.autograd.grad(d_loss, list(self.critic.parameters()), retain_graph=True)
        return of_critic, torch.autograd.grad(bce(fake_score, 1.0), list(self.generator.parameters()))


def adam(net: nn.Module, lr: float = 0.001) -> torch.optim.Adam:
    return torch.optim.Adam(net.parameters(), lr=lr)


def apply(net: nn.Module, gradients: Any, optimizer: torch.optim.Optimizer) -> None:
    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def descend(net: nn.Module, loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    apply(net, torch.autograd.grad(loss, list(net.parameters())), optimizer)


def tree(trainer: str, settings: str, text: str = GAN, **sections: Any) -> Any:
    """A pipeline with one pattern, `train`."""
    found = yaml.safe_load(text)
    found["patterns"] = {"train": {"use": trainer, "with": yaml.safe_load(settings)}}
    for name, entries in sections.items():
        found[name] = {**found.get(name, {}), **entries}
    return found


def check(pipeline: Any, folder: Path, **modules: nn.Module) -> None:
    """A run gives these weights, bit for bit."""
    run(pipeline, folder)
    assert differences(saved_weights(folder), module_weights(**modules)) == []
