"""Sine waves, and the small network that learns to learn them: `meta-learning.yaml`."""

from __future__ import annotations

import math

import torch
from torch import nn


def task(dice: torch.Tensor) -> dict[str, torch.Tensor]:
    """A sine wave from two random numbers (1, 2) from 0 to 1: `amplitude` from 0.1 to 5 and `phase` from 0 to pi."""
    return {"amplitude": 0.1 + 4.9 * dice[0, 0], "phase": math.pi * dice[0, 1]}


def wave(x: torch.Tensor, amplitude: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
    """Its values at x (points, 1)."""
    return amplitude * torch.sin(x + phase)


class Curve(nn.Sequential):
    """From x (points, 1) to y (points, 1)."""

    def __init__(self, *, width: int = 64) -> None:
        super().__init__(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))


def draw(truth: torch.Tensor, seen: torch.Tensor, before: torch.Tensor, after: torch.Tensor,
         size: int = 240) -> torch.Tensor:
    """Curves at 200 points from -5 to 5 as a picture (1, size, size, 3) of bytes: the truth in black, what was guessed
    before in grey and after in red, and the points seen (points, 1) as blue squares on the truth."""
    picture = torch.full((1, size, size, 3), 255, dtype=torch.uint8)
    columns = torch.linspace(2, size - 5, len(truth)).long()

    def put(places: torch.Tensor, values: torch.Tensor, color: tuple[int, int, int], side: int) -> None:
        rows = ((1 - (values.flatten() / 12 + 0.5)) * size).long().clamp(2, size - 6)
        for i in range(side):
            for j in range(side):
                picture[0, rows + i, places + j] = torch.tensor(color, dtype=torch.uint8)

    put(columns, before, (190, 190, 190), 2)
    put(columns, truth, (0, 0, 0), 2)
    put(columns, after, (214, 39, 40), 2)
    nearest = ((seen.flatten() + 5) / 10 * (len(truth) - 1)).long().clamp(0, len(truth) - 1)
    put(columns[nearest], truth.flatten()[nearest], (31, 119, 180), 5)
    return picture


def line(points: int = 200) -> torch.Tensor:
    """Points (points, 1) from -5 to 5."""
    return torch.linspace(-5, 5, points).unsqueeze(1)
