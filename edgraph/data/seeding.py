"""Random augmentation that depends on the example and the epoch only, whoever draws before or beside it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgraph.ops.random import mix, node_base


class Seeder:
    """Seeds Python's, NumPy's and, where torch is loaded, torch's global generators per example.

    The seed of an example is `mix(mix(node_base(seed, node), epoch), index)` of edgraph.ops.random, where
    node is `transform.<data entry>`, the epoch counts from 1 and the index is that in the data set.
    """

    def __init__(self, seed: int, node: str) -> None:
        self._base = node_base(seed, node)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The global generators are afterwards as they were before."""
        generator = _torch_generator()
        before = random.getstate(), np.random.get_state()
        torch_before = generator.get_state() if generator is not None else None
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            if generator is not None:
                generator.set_state(torch_before)

    def seed(self, epoch: int, index: int) -> None:
        """Seed them for one example. Use within `kept`."""
        seed = mix(mix(self._base, epoch), index)
        random.seed(seed)
        np.random.seed(seed & 0xFFFFFFFF)
        generator = _torch_generator()
        if generator is not None:
            generator.manual_seed(seed)


def _torch_generator() -> Any:
    torch = sys.modules.get("torch")
    return getattr(torch, "default_generator", None)  # absent while torch is being imported
