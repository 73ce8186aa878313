"""Derived ports, on arrays. Functions of expressions are those of edgraph.backends.plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgraph.backends.plain import ARRAYS, apart, class_axis

Value = Any


def _axis(value: Any) -> int:
    return class_axis(np.ndim(value))


def softmax(value: Any) -> Any:
    """Probabilities of the classes."""
    shifted = np.exp(value - np.max(value, _axis(value), keepdims=True))
    return shifted / shifted.sum(_axis(value), keepdims=True)


PORTS: dict[tuple[str, str], Callable[[Value], Value]] = {
    ("forward", "argmax"): lambda value: np.argmax(value, _axis(value)), ("forward", "softmax"): softmax,
    ("forward", "max"): lambda value: np.max(value, _axis(value))}


def to_numpy(value: Value) -> Any:
    """Numbers of NumPy and arrays without axes as Python numbers; containers are kept."""
    return apart(value, ARRAYS, lambda array: array if array.ndim else array.item())
