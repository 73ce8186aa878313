"""The data, networks and pools of `cyclegan-digits.yaml`."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import nn

from edgraph.data.arrays import ArrayData
from edgraph.data.digits import read


class Half(ArrayData):
    """Half of the handwritten digits: `image` (1, 8, 8) from 0 to 1, white on black, or black on white.

    half: which one; no digit is in both. black: black on white, on grey paper.
    """

    def __init__(self, *, half: Literal["first", "second"], black: bool = False,
                 split: Literal["train", "validation"] = "train") -> None:
        arrays = read(split=split).arrays
        image = arrays["image"][0 if half == "first" else 1::2]
        super().__init__({"image": negative(image) if black else image})


def negative(image: np.ndarray) -> np.ndarray:
    """What the one kind of picture is of the other: black on light grey."""
    return (0.8 * (1 - image)).astype(np.float32)


def truth(image: torch.Tensor) -> torch.Tensor:
    """The same for tensors, to see how close the generator comes."""
    return 0.8 * (1 - image)


class Generator(nn.Module):
    """From pictures (batch, 1, 8, 8) of one kind to those of the other."""

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
                                  nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1), nn.Sigmoid())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(image)


class Judge(nn.Module):
    """From pictures (batch, 1, 8, 8) to scores of their parts, (batch, 1, 4, 4)."""

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.LeakyReLU(0.2),
                                  nn.Conv2d(width, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
                                  nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(image)


def refresh(pool: torch.Tensor, new: torch.Tensor) -> dict[str, torch.Tensor]:
    """A pool of earlier pictures (size, 1, 8, 8): for about half of the new ones one of the pool is `given`, and the
    new one `kept` in its place."""
    swap = torch.rand(len(new)) < 0.5
    place = torch.randperm(len(pool))[:len(new)]
    given = torch.where(swap[:, None, None, None], pool[place], new)
    kept = pool.clone()
    kept[place[swap]] = new[swap]
    return {"given": given, "kept": kept}
