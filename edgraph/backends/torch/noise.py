"""Random tensors, each a function of its seed alone."""

from __future__ import annotations

import torch


class Noise:
    """Draws on a device. On the CPU the numbers are those that `torch.manual_seed(seed)` leads to."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._generator = torch.Generator(device)

    def __call__(self, kind: str, seed: int, shape: tuple[int, ...], *, mean: float = 0.0, std: float = 1.0,
                 low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """kind: `normal` (of mean and std) or `uniform` (from low to high); float32."""
        generator = self._generator.manual_seed(seed)
        if kind == "normal":
            drawn = torch.randn(shape, generator=generator, device=self._device)
            return drawn if std == 1.0 and mean == 0.0 else drawn.mul_(std).add_(mean)
        drawn = torch.rand(shape, generator=generator, device=self._device)
        return drawn if low == 0.0 and high == 1.0 else drawn.mul_(high - low).add_(low)
