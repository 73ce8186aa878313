"""What `byol.yaml` adds: random views of pictures, and an encoder."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def view(image: torch.Tensor, *, angle: float = 0.25, zoom: float = 0.2, move: float = 0.2,
         noise: float = 0.1) -> torch.Tensor:
    """Each picture turned, scaled and moved a little at random, with noise.

    image: (batch, channels, height, width).
    angle: at most so far either way, in radians.
    zoom: a factor from 1 - zoom to 1 + zoom.
    move: at most so far, as a share of half the picture.
    noise: standard deviation of what is added to each pixel.
    """
    count = len(image)
    turn = (2 * torch.rand(count) - 1) * angle
    scale = 1 + (2 * torch.rand(count) - 1) * zoom
    cos, sin = torch.cos(turn) * scale, torch.sin(turn) * scale
    shift = (2 * torch.rand(count, 2) - 1) * move
    rows = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(rows, list(image.shape), align_corners=False)
    seen = F.grid_sample(image, grid, align_corners=False)
    return seen + noise * torch.randn_like(seen)


class Encoder(nn.Module):
    """From pictures (batch, 1, 8, 8) to `features` (batch, width) and their projection (batch, size)."""

    def __init__(self, *, width: int = 64, size: int = 32) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1, stride=2), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * 16, width))
        self.projector = nn.Sequential(nn.Linear(width, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, size))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.projector(self.features(image))
