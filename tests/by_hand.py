"""What loops written by hand need, that are compared with the pipelines of the folder `pipelines`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from twins import batches, digits, run, started

import edgraph

FOLDER = Path(__file__).parent.parent / "pipelines"
SEED = 0
MODULES = {"wgan-gp": "gan", "began": "gan", "vae-gan": "vaegan", "char-lm": "charlm", "meta-learning": "meta",
           "cyclegan-digits": "cycle", "staged-autoencoder": "staged"}


def finish(name: str, folder: Path, overrides: Sequence[str]) -> Any:
    """Run a pipeline, and give the module of its models."""
    run(FOLDER / f"{name}.yaml", folder, overrides)
    return importlib.import_module(f"models.{MODULES.get(name, name)}")


def seeded(node: str, step: int) -> None:
    torch.manual_seed(edgraph.stream_seed(SEED, node, step))


def made(name: str, build: Any) -> Any:
    seeded(f"models.{name}", 0)
    return started(build(), name, SEED).train()


def full_batches(steps: int, size: int = 64) -> Iterator[tuple[int, torch.Tensor]]:
    """Step and pictures, without the smaller batch at the end of an epoch."""
    images, _ = digits()
    for step, chosen in full(steps, len(images), size):
        yield step, images[chosen]


def full(steps: int, length: int, size: int, name: str = "train") -> Iterator[tuple[int, Any]]:
    """Step and indices of each batch of a data set with `drop_last`."""
    return ((step, chosen) for step, _, chosen in batches(SEED, length, size, steps, name, drop_last=True))


def update(optimizer: torch.optim.Optimizer, loss: torch.Tensor, **how: Any) -> None:
    params = [p for group in optimizer.param_groups for p in group["params"]]
    apply(optimizer, torch.autograd.grad(loss, params, **how))


def apply(optimizer: torch.optim.Optimizer, gradients: Sequence[torch.Tensor]) -> None:
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for p, g in zip(params, gradients, strict=True):
        p.grad = g.clone()
    optimizer.step()


@torch.no_grad()
def follow(target: nn.Module, source: nn.Module, decay: float) -> None:
    for old, new in zip(target.parameters(), source.parameters(), strict=True):
        old.lerp_(new, 1.0 - decay)
    for old, new in zip(target.buffers(), source.buffers(), strict=True):
        old.copy_(new)
