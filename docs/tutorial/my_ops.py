"""Ops, a model and a data set of one's own, for docs/tutorial/pipeline.yaml."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from torch import nn

from edgraph import dataset, model, op
from edgraph.ops.markers import Range


@op
def huber(input, target, *, delta: Annotated[float, Range(above=0)] = 1.0):
    """Squared near the target and absolute far from it, so that outliers weigh less.

    input: (batch, 1) predictions.
    target: (batch,) values.
    delta: where the one turns into the other.
    """
    return nn.functional.huber_loss(input.squeeze(1), target, delta=delta)


@op(differentiable=False)
class running_mean:
    """A mean over the last steps, which counts older values less and less.

    value: one number.
    momentum: how much of the mean stays at each step.
    """

    def __init__(self, *, momentum: Annotated[float, Range(min=0, below=1)] = 0.9) -> None:
        self.momentum = momentum
        self.mean: float | None = None

    def __call__(self, value):
        value = float(value)
        self.mean = value if self.mean is None else self.momentum * self.mean + (1 - self.momentum) * value
        return self.mean

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean = state["mean"]


@model
class Wave(nn.Module):
    """A sum of sine waves.

    waves: how many.
    """

    def __init__(self, *, waves: int = 8) -> None:
        super().__init__()
        self.inner = nn.Linear(1, waves)
        self.outer = nn.Linear(waves, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.sin(self.inner(x.unsqueeze(1))))


@dataset(fields=("x", "y"), length=lambda settings: settings.get("points", 1000))
class Noisy:
    """Points of a curve with noise, some of it large: `x` and `y`, one number each.

    points: how many.
    noise: the standard deviation of the noise.
    """

    def __init__(self, *, points: int = 1000, noise: float = 0.1) -> None:
        draw = np.random.default_rng(0)
        self.x = draw.uniform(-3, 3, points).astype(np.float32)
        outliers = draw.random(points) < 0.05
        error = np.where(outliers, 10 * noise, noise) * draw.standard_normal(points)
        self.y = (np.sin(2 * self.x) + 0.3 * self.x + error).astype(np.float32)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"x": self.x[index], "y": self.y[index]}
