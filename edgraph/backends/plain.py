"""Functions of expressions and derived ports on what is of no framework: NumPy's arrays and plain numbers. Values keep
their kind."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

Value = Any
ARRAYS = (np.ndarray, np.generic)


def _either(of_array: Callable[[Any], Value], of_number: Callable[[Any], Value]) -> Callable[[Value], Value]:
    return lambda value: of_array(value) if isinstance(value, ARRAYS) else of_number(value)


def _real(of_array: Callable[[Any], Value], of_number: Callable[[Any], Value]) -> Callable[[Value], Value]:
    """A function whose result is no integer. Outside its domain an array has nan or inf, silently, as a tensor has."""
    def quiet(value: Any) -> Value:
        with np.errstate(all="ignore"):  # of integers of 8 bits NumPy would make floats of 16
            return of_array(value.astype(np.float64) if value.dtype.kind in "biu" else value)
    return _either(quiet, of_number)


def _extreme(of_array: Callable[[Any], Value], pairwise: Callable[[Any, Any], Value],
             of_numbers: Callable[..., Value]) -> Callable[..., Value]:
    """Of one array its smallest (largest) element, of several values element by element."""
    def function(*values: Value) -> Value:
        if len(values) > 1:
            return reduce(pairwise, values) if any(isinstance(v, ARRAYS) for v in values) else of_numbers(*values)
        [value] = values
        if isinstance(value, ARRAYS):
            return of_array(value)
        return of_numbers(value) if isinstance(value, (list, tuple)) else value
    return function


minimum = _extreme(np.min, np.minimum, min)
maximum = _extreme(np.max, np.maximum, max)


def clip(value: Value, low: Value = None, high: Value = None) -> Value:
    """Not below `low` and not above `high`; either may be None."""
    value = value if low is None else maximum(value, low)
    return value if high is None else minimum(value, high)


def round_(value: Value, digits: int = 0) -> Value:
    """To the nearest number with so many decimal digits, halves to the even one."""
    if isinstance(value, ARRAYS):
        return np.round(value, digits) if value.dtype.kind in "fc" else value
    return round(value, digits) if digits else round(value)


def _mean_of(value: Any) -> Any:
    return builtins.sum(value) / len(value) if isinstance(value, (list, tuple)) else value


def _sum_of(value: Any) -> Any:
    return builtins.sum(value) if isinstance(value, (list, tuple)) else value


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _either(np.abs, abs), "min": minimum, "max": maximum, "sqrt": _real(np.sqrt, math.sqrt),
    "exp": _real(np.exp, math.exp), "log": _real(np.log, math.log), "cos": _real(np.cos, math.cos), "clip": clip,
    "round": round_, "isfinite": _either(np.isfinite, math.isfinite), "mean": _either(np.mean, _mean_of),
    "sum": _either(np.sum, _sum_of)}


def class_axis(rank: int) -> int:
    """The axis of the classes: 1, as losses and metrics have it; of scores without a batch the only one."""
    return 1 if rank > 1 else -1


def apart(value: Value, kinds: type | tuple[type, ...], change: Callable[[Any], Value]) -> Value:
    """The value with everything in it that is of one of these kinds changed; containers are kept."""
    if isinstance(value, kinds):
        return change(value)
    if isinstance(value, dict):
        return {key: apart(item, kinds, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(apart(item, kinds, change) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(apart(item, kinds, change) for item in value)
    return value
