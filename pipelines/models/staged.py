"""Pictures of a plane of codes, for `staged-autoencoder.yaml`."""

from __future__ import annotations

import torch

COLORS = torch.tensor([[31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189], [140, 86, 75],
                       [227, 119, 194], [127, 127, 127], [188, 189, 34], [23, 190, 207]], dtype=torch.uint8)


def plane(codes: torch.Tensor, *, side: int = 16) -> torch.Tensor:
    """A grid of points (side * side, 2) over the middle nine tenths of codes (n, 2), row by row from the top."""
    low, high = codes.quantile(0.05, 0), codes.quantile(0.95, 0)
    share = torch.linspace(0, 1, side)
    x = low[0] + (high[0] - low[0]) * share
    y = high[1] - (high[1] - low[1]) * share
    return torch.stack([x.repeat(side), y.repeat_interleave(side)], 1)


def scatter(codes: torch.Tensor, labels: torch.Tensor, *, size: int = 320) -> torch.Tensor:
    """Codes (n, 2) as dots on white, a colour for each label: a picture (1, size, size, 3) of bytes."""
    low, high = codes.amin(0), codes.amax(0)
    places = ((codes - low) / (high - low).clamp(min=1e-9) * (size - 5)).long()
    picture = torch.full((1, size, size, 3), 255, dtype=torch.uint8)
    for row in range(4):
        for column in range(4):
            picture[0, size - 5 - places[:, 1] + row, places[:, 0] + column] = COLORS[labels]
    return picture
