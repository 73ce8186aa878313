"""Small networks for pictures of digits, 8 x 8."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Generator(nn.Module):
    """From noise (batch, code) to pictures (batch, 1, 8, 8) from 0 to 1."""

    def __init__(self, *, code: int = 16, width: int = 128) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                  nn.Linear(width, 64), nn.Sigmoid())

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.body(noise).view(-1, 1, 8, 8)


class Critic(nn.Module):
    """From pictures (batch, 1, 8, 8) to one score each (batch,). No batch norm: the gradient penalty is about single
    pictures."""

    def __init__(self, *, width: int = 128) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.LeakyReLU(0.2), nn.Linear(width, width),
                                  nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.body(picture).squeeze(1)


class Autoencoder(nn.Module):
    """From pictures (batch, 1, 8, 8) to their reconstruction: the discriminator of BEGAN."""

    def __init__(self, *, code: int = 16, width: int = 128) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ELU(), nn.Linear(width, code))
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.ELU(), nn.Linear(width, 64), nn.Sigmoid())

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(picture)).view(-1, 1, 8, 8)


def likeness(codes: torch.Tensor) -> torch.Tensor:
    """How much alike the codes of a batch are, from 0 to 1: the mean squared cosine of the angle between two of them
    (the pulling-away term of EBGAN, Zhao et al., 2017).

    codes: (batch, code) of at least two examples.
    """
    count = len(codes)
    cosines = F.normalize(codes) @ F.normalize(codes).T
    return ((cosines ** 2).sum() - count) / (count * (count - 1))
