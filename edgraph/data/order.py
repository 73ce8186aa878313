"""The order of an epoch: a permutation that depends on the seed, the stream's name and the epoch only."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edgraph.ops.random import rng

Indices: TypeAlias = npt.NDArray[np.int64]


def permutation(seed: int, name: str, epoch: int, length: int) -> Indices:
    """The order of `length` examples in epoch `epoch` (counted from 1) of stream `name`.

    It is `edgraph.rng(seed, "data." + name, epoch).permutation(length)`: NumPy's Philox generator, which
    counts instead of carrying a state, so any epoch's order is drawn without drawing those before it, and a
    loop written by hand can draw the same.
    """
    return rng(seed, f"data.{name}", epoch).permutation(length).astype(np.int64, copy=False)
