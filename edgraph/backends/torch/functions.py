"""Functions of expressions and derived ports, on tensors, arrays and plain numbers. Values keep their
kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch

from edgraph.backends import plain

Value = Any


def _either(of_tensor: Callable[[torch.Tensor], Value], name: str) -> Callable[[Value], Value]:
    """Of a tensor this; of an array or a number what the function is without a framework."""
    of_others = plain.FUNCTIONS[name]
    return lambda value: of_tensor(value) if isinstance(value, torch.Tensor) else of_others(value)


def _extreme(of_tensor: Callable[[torch.Tensor], Value], pairwise: Callable[[Any, Any], Value],
             of_others: Callable[..., Value]) -> Callable[..., Value]:
    """Of one tensor its smallest (largest) element, of several values element by element."""
    def function(*values: Value) -> Value:
        tensor = next((value for value in values if isinstance(value, torch.Tensor)), None)
        if tensor is None:
            return of_others(*values)
        if len(values) == 1:
            return of_tensor(tensor)
        return reduce(lambda a, b: pairwise(*_alike(a, b)), (_beside(value, tensor) for value in values))
    return function


def _beside(value: Value, tensor: torch.Tensor) -> Value:
    """What stands beside a tensor: an array is a tensor of its own type, a number of NumPy a plain number."""
    if isinstance(value, np.ndarray):
        copied = np.array(value, value.dtype.newbyteorder("="), order="C")  # torch takes these, and writable ones
        return torch.from_numpy(copied).to(tensor.device)
    return value.item() if isinstance(value, np.generic) else value


def _alike(a: Value, b: Value) -> tuple[Value, Value]:
    """Two tensors: a plain number takes the type and device of the tensor, where it fits that type."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a, b
    if isinstance(a, torch.Tensor):
        return a, _as(b, a)
    if isinstance(b, torch.Tensor):
        return _as(a, b), b
    return torch.as_tensor(a), torch.as_tensor(b)


def _as(number: float, tensor: torch.Tensor) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.result_type(tensor, number), device=tensor.device)


def clip(value: Value, low: Value = None, high: Value = None) -> Value:
    """Not below `low` and not above `high`; either may be None."""
    if isinstance(value, torch.Tensor):
        low, high = _beside(low, value), _beside(high, value)
        if isinstance(low, torch.Tensor) or isinstance(high, torch.Tensor):  # torch takes two tensors or two numbers
            low = None if low is None else _alike(value, low)[1]
            high = None if high is None else _alike(value, high)[1]
        return torch.clamp(value, low, high)
    value = value if low is None else maximum(value, low)
    return value if high is None else minimum(value, high)


def round_(value: Value, digits: int = 0) -> Value:
    """To the nearest number with so many decimal digits, halves to the even one."""
    if isinstance(value, torch.Tensor):
        return torch.round(value, decimals=digits) if value.is_floating_point() else value
    return plain.round_(value, digits)


def _float(value: torch.Tensor) -> torch.Tensor:
    """A mean of integers is a float."""
    return value if value.is_floating_point() or value.is_complex() else value.float()


minimum = _extreme(torch.min, torch.minimum, plain.minimum)
maximum = _extreme(torch.max, torch.maximum, plain.maximum)

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _either(torch.abs, "abs"), "min": minimum, "max": maximum, "sqrt": _either(torch.sqrt, "sqrt"),
    "exp": _either(torch.exp, "exp"), "log": _either(torch.log, "log"), "cos": _either(torch.cos, "cos"),
    "clip": clip, "round": round_, "isfinite": _either(torch.isfinite, "isfinite"),
    "mean": _either(lambda value: _float(value).mean(), "mean"), "sum": _either(torch.sum, "sum")}


# -- ports ---------------------------------------------------------------------------------------------

PORTS: dict[tuple[str, str], Callable[[Value], Value]] = {
    ("forward", "argmax"): lambda value: value.argmax(plain.class_axis(value.dim())),
    ("forward", "softmax"): lambda value: value.softmax(plain.class_axis(value.dim())),
    ("forward", "max"): lambda value: value.amax(plain.class_axis(value.dim()))}


def detach(value: Value) -> Value:
    """Without gradient; shares memory."""
    return plain.apart(value, torch.Tensor, lambda tensor: tensor.detach() if tensor.requires_grad else tensor)


def leaf(value: Value) -> Value:
    """A value that gradients can be taken with respect to."""
    return plain.apart(value, torch.Tensor, lambda tensor: tensor if tensor.requires_grad
                       or not tensor.is_floating_point() else tensor.detach().requires_grad_())


def to_numpy(value: Value) -> Any:
    """Tensors as arrays, those of one element without axes as Python numbers."""
    return plain.apart(value, torch.Tensor, _numpy)


def _numpy(tensor: torch.Tensor) -> Any:
    tensor = tensor.detach()
    if tensor.dim() == 0:
        return tensor.item()
    return (tensor.float() if tensor.dtype in _NARROW else tensor).cpu().numpy()


_NARROW = {torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2}  # NumPy has no such types
