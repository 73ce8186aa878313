"""Derived ports, on arrays. Functions of expressions are those of edgraph.backends.plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Value = Any


def _axis(value: Any) -> int:
    """The axis of the classes: 1 for maps, (batch, classes, height, width); else the last one."""
    return 1 if np.ndim(value) >= 4 else -1


def softmax(value: Any) -> Any:
    """Probabilities of the classes."""
    shifted = np.exp(value - np.max(value, _axis(value), keepdims=True))
    return shifted / shifted.sum(_axis(value), keepdims=True)


PORTS: dict[tuple[str, str], Callable[[Value], Value]] = {
    ("forward", "argmax"): lambda value: np.argmax(value, _axis(value)), ("forward", "softmax"): softmax,
    ("forward", "max"): lambda value: np.max(value, _axis(value))}


def to_numpy(value: Value) -> Any:
    """Numbers of NumPy and arrays without axes as Python numbers; containers are kept."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.item() if value.ndim == 0 else value
    if isinstance(value, dict):
        return {key: to_numpy(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(to_numpy, value))
    return type(value)(map(to_numpy, value)) if isinstance(value, (list, tuple)) else value
