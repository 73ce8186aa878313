"""Functions and operators of expressions, and derived ports, on tensors, arrays and plain numbers. Values keep their
kind: a tensor of float32 stays one beside a number, a tensor without axes or one of integers, as on the other
backends (TensorFlow itself refuses most of these)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from edgraph.backends import plain
from edgraph.backends.tensorflow.framework import tf

Value = Any
TENSORS = (tf.Tensor, tf.Variable)


def is_tensor(value: Value) -> bool:
    return isinstance(value, TENSORS)


# -- kinds ---------------------------------------------------------------------------------------------

def alike(*values: Value) -> list[Any]:
    """The values as tensors of one type. The kind that needs most decides (float before integer before truth value),
    and among values of that kind those with axes before those without, and those before Python's numbers."""
    tensors = [v if is_tensor(v) else tf.convert_to_tensor(v) for v in values]
    ranks = [(2 if t.shape.rank else 1) if is_tensor(v) else 0 for v, t in zip(values, tensors, strict=True)]
    weights = [(_kind(t), rank) for t, rank in zip(tensors, ranks, strict=True)]
    decisive = [t.dtype for t, weight in zip(tensors, weights, strict=True) if weight == max(weights)]
    dtype = reduce(_promoted, decisive)
    if max(weights)[1] == 0 and dtype == tf.int32:
        dtype = tf.int64  # what a Python number is beside truth values
    return [tf.convert_to_tensor(v, dtype) if rank == 0 else tf.cast(t, dtype)
            for v, t, rank in zip(values, tensors, ranks, strict=True)]


def _promoted(a: Any, b: Any) -> Any:
    return a if a == b else tf.as_dtype(np.promote_types(a.as_numpy_dtype, b.as_numpy_dtype))


def _kind(tensor: Any) -> int:
    dtype = tensor.dtype
    return 3 if dtype.is_complex else 2 if dtype.is_floating else 0 if dtype == tf.bool else 1


def _float(value: Any) -> Any:
    """What has no result among integers is computed as float32."""
    return value if value.dtype.is_floating or value.dtype.is_complex else tf.cast(value, tf.float32)


def _operator(of_any: Callable[[Any, Any], Any], *, real: bool = False) -> Callable[[Value, Value], Value]:
    def apply(a: Value, b: Value) -> Value:
        if not (is_tensor(a) or is_tensor(b)):
            return of_any(a, b)
        left, right = alike(a, b)
        return of_any(_float(left), _float(right)) if real else of_any(left, right)
    return apply


def _power(a: Value, b: Value) -> Value:
    if isinstance(b, int) and is_tensor(a):  # exactly, as `x * x` and not by a logarithm
        return a ** tf.constant(b, a.dtype)
    return _operator(operator.pow)(a, b)


def choose(test: Value, then: Value, otherwise: Value) -> Value:
    """`then if test else otherwise`, where the test may be a tensor."""
    if not is_tensor(test):
        return then if test else otherwise
    return tf.where(tf.cast(test, tf.bool), *alike(then, otherwise))


def both(*values: Value) -> Value:
    """`and`, as a truth value."""
    return _logic(tf.logical_and, all, values)


def one(*values: Value) -> Value:
    """`or`, as a truth value."""
    return _logic(tf.logical_or, any, values)


def negated(value: Value) -> Value:
    return tf.logical_not(tf.cast(value, tf.bool)) if is_tensor(value) else not value


def _logic(pairwise: Callable[[Any, Any], Any], of_numbers: Callable[[Any], bool], values: tuple[Value, ...]) -> Value:
    if not any(map(is_tensor, values)):
        return of_numbers(values)
    return reduce(pairwise, [tf.cast(value, tf.bool) for value in values])


# What the signs of expressions mean: on symbolic tensors too, and where a step number is one.
OPERATORS: Mapping[str, Callable[..., Value]] = {
    "+": _operator(operator.add), "-": _operator(operator.sub), "*": _operator(operator.mul),
    "/": _operator(operator.truediv, real=True), "//": _operator(operator.floordiv), "%": _operator(operator.mod),
    "**": _power, "<": _operator(operator.lt), "<=": _operator(operator.le), ">": _operator(operator.gt),
    ">=": _operator(operator.ge), "==": _operator(operator.eq), "!=": _operator(operator.ne),
    "if": choose, "and": both, "or": one, "not": negated}


# -- functions -----------------------------------------------------------------------------------------

def _either(of_tensor: Callable[[Any], Value], name: str) -> Callable[[Value], Value]:
    """Of a tensor this; of an array or a number what the function is without a framework."""
    of_others = plain.FUNCTIONS[name]
    return lambda value: of_tensor(value) if is_tensor(value) else of_others(value)


def _real(of_tensor: Callable[[Any], Value], name: str) -> Callable[[Value], Value]:
    """A function whose result is no integer."""
    return _either(lambda value: of_tensor(_float(value)), name)


def _extreme(of_tensor: Callable[[Any], Value], pairwise: Callable[[Any, Any], Value],
             of_others: Callable[..., Value]) -> Callable[..., Value]:
    """Of one tensor its smallest (largest) element, of several values element by element."""
    def function(*values: Value) -> Value:
        if not any(map(is_tensor, values)):
            return of_others(*values)
        return of_tensor(values[0]) if len(values) == 1 else reduce(pairwise, alike(*values))
    return function


def clip(value: Value, low: Value = None, high: Value = None) -> Value:
    """Not below `low` and not above `high`; either may be None."""
    value = value if low is None else maximum(value, low)
    return value if high is None else minimum(value, high)


def round_(value: Value, digits: int = 0) -> Value:
    """To the nearest number with so many decimal digits, halves to the even one."""
    if is_tensor(value):
        if not value.dtype.is_floating:
            return value
        scale = 10.0 ** digits
        return tf.round(value * scale) / scale if digits else tf.round(value)
    return plain.round_(value, digits)


minimum = _extreme(tf.reduce_min, tf.minimum, plain.minimum)
maximum = _extreme(tf.reduce_max, tf.maximum, plain.maximum)

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _either(tf.abs, "abs"), "min": minimum, "max": maximum, "sqrt": _real(tf.sqrt, "sqrt"),
    "exp": _real(tf.exp, "exp"), "log": _real(tf.math.log, "log"), "cos": _real(tf.cos, "cos"), "clip": clip,
    "round": round_, "isfinite": _either(lambda value: tf.math.is_finite(_float(value)), "isfinite"),
    "mean": _either(lambda value: tf.reduce_mean(_float(value)), "mean"), "sum": _either(tf.reduce_sum, "sum")}


# -- ports ---------------------------------------------------------------------------------------------

def _axis(value: Any) -> int:
    return plain.class_axis(len(value.shape))


PORTS: dict[tuple[str, str], Callable[[Value], Value]] = {
    ("forward", "argmax"): lambda value: tf.argmax(value, _axis(value)),
    ("forward", "softmax"): lambda value: tf.nn.softmax(value, _axis(value)),
    ("forward", "max"): lambda value: tf.reduce_max(value, _axis(value))}


def detach(value: Value) -> Value:
    """Without gradient."""
    return plain.apart(value, TENSORS, lambda tensor: tf.stop_gradient(tensor) if tensor.dtype.is_floating else tensor)


def to_numpy(value: Value) -> Any:
    """Tensors as arrays, those of one element without axes as Python numbers."""
    return plain.apart(value, TENSORS, _numpy)


def _numpy(tensor: Any) -> Any:
    if tensor.dtype == tf.bfloat16:  # NumPy has no such type
        tensor = tf.cast(tensor, tf.float32)
    array = tensor.numpy()
    return array if tensor.shape.rank else array.item()
