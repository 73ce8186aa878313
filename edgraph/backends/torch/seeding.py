"""The global generators of random numbers, which code of the author's draws from."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import torch


def torch_seeder(device: torch.device) -> Callable[[int], object]:
    """torch.manual_seed for the device at hand: a hundred times cheaper than for all there may be."""
    on_cpu = torch.default_generator.manual_seed
    if device.type != "cuda":
        return on_cpu
    torch.cuda.init()  # type: ignore[no-untyped-call]
    index = torch.cuda.current_device() if device.index is None else device.index
    on_device = torch.cuda.default_generators[index].manual_seed

    def both(number: int) -> None:
        on_cpu(number)
        on_device(number)
    return both


def seeder(device: torch.device) -> Callable[[int], None]:
    """Seeds torch's generators, Python's and NumPy's."""
    of_torch, of_python, of_numpy = torch_seeder(device), random.seed, np.random.seed

    def seed(number: int) -> None:
        of_torch(number)
        of_python(number)
        of_numpy(number & 0xFFFFFFFF)
    return seed
