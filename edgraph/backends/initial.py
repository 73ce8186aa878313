"""Initial weights of the library's models: the same numbers for a seed, whatever backend the model is for.

They are drawn with NumPy's Philox from the random stream of the model, `edgraph.rng(seed, "models.NAME", 0)`, in the
order of the parameters. The distributions are torch's: uniform within 1/sqrt(inputs), weights and biases alike.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from edgraph.ops.random import rng

_stream: ContextVar[np.random.Generator | None] = ContextVar("weights", default=None)


@contextmanager
def weights_of(seed: int, model: str) -> Iterator[None]:
    """Models that are made inside draw from the stream of this entry of `models`, one after the other."""
    token = _stream.set(rng(seed, f"models.{model}", 0))
    try:
        yield
    finally:
        _stream.reset(token)


def generator() -> np.random.Generator:
    """The stream of the model that is being made; outside of a run one that Python's generator seeds."""
    return _stream.get() or np.random.Generator(np.random.Philox(key=random.getrandbits(63)))


def draw(generator: np.random.Generator, shape: Sequence[int], inputs: int) -> Any:
    """(shape) float32 values of a layer with so many inputs to each output."""
    bound = 1.0 / math.sqrt(inputs) if inputs else 0.0
    return generator.random(tuple(shape), np.float32) * np.float32(2.0 * bound) - np.float32(bound)
