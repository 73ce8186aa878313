"""Random tensors, each a function of its seed alone."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.backends.tensorflow.keys import pair


def noise(kind: str, seed: Any, shape: tuple[Any, ...], *, mean: float = 0.0, std: float = 1.0, low: float = 0.0,
          high: float = 1.0) -> Any:
    """kind: `normal` (of mean and std) or `uniform` (from low to high); float32. seed: a number or a tensor."""
    if kind == "normal":
        return tf.random.stateless_normal(shape, pair(seed), mean, std)
    return tf.random.stateless_uniform(shape, pair(seed), low, high)


def seed_all(number: int) -> None:
    """Seeds the global generators of TensorFlow, Keras, NumPy and Python."""
    keras.utils.set_random_seed(number & 0xFFFFFFFF)
    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)
    tf.random.set_seed(number)
