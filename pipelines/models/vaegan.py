"""The networks of `vae-gan.yaml`, for pictures of 8 x 8 pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn


class Code(NamedTuple):
    """What the encoder says of a picture: mean and logarithm of the variance, each (batch, code)."""

    mean: torch.Tensor
    logvar: torch.Tensor


class Encoder(nn.Module):
    """From pictures (batch, 1, 8, 8) to a `Code`."""

    def __init__(self, *, code: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.SiLU(), nn.Conv2d(32, 64, 3, padding=1, stride=2),
                                  nn.SiLU(), nn.Flatten(), nn.Linear(64 * 16, 2 * code))

    def forward(self, picture: torch.Tensor) -> Code:
        mean, logvar = self.body(picture).chunk(2, 1)
        return Code(mean, logvar.clamp(-8, 8))


class Decoder(nn.Module):
    """From codes (batch, code) to pictures (batch, 1, 8, 8). `last` is the layer that weights are balanced at."""

    def __init__(self, *, code: int = 8) -> None:
        super().__init__()
        self.start = nn.Linear(code, 64 * 16)
        self.body = nn.Sequential(nn.SiLU(), nn.Upsample(scale_factor=2), nn.Conv2d(64, 32, 3, padding=1), nn.SiLU())
        self.last = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(self.start(code).view(-1, 64, 4, 4)))


class Discriminator(nn.Module):
    """From pictures (batch, 1, 8, 8) to scores of their parts, (batch, 1, 4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.LeakyReLU(0.2),
                                  nn.Conv2d(32, 64, 4, padding=1, stride=2), nn.LeakyReLU(0.2),
                                  nn.Conv2d(64, 1, 3, padding=1))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.body(picture)
