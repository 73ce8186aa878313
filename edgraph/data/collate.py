"""From examples to a batch: each field's values stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def collate(examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch of examples that have the same fields.

    Numbers, booleans, arrays and tensors (anything with `numpy()`) become an array with a first axis that
    counts the examples; mappings are collated field by field; anything else, such as text, a list. Raises
    ValueError where fields or shapes differ.
    """
    first = examples[0]
    for number, example in enumerate(examples):
        if example.keys() != first.keys():
            odd = sorted(map(str, first.keys() ^ example.keys()))
            raise ValueError(f"examples of one batch have different fields: only some have {', '.join(odd)} "
                             f"(they differ first in example {number} of the batch, counted from 0)")
    return {name: _stack(name, [example[name] for example in examples]) for name in first}


def _stack(name: str, values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return collate(values)
    if isinstance(first, (int, float, np.generic)):
        return np.array([_number(name, value) for value in values], dtype=_scalar_type(first))
    if not isinstance(first, np.ndarray) and not callable(getattr(first, "numpy", None)):
        return values
    arrays = [value if isinstance(value, np.ndarray) else value.numpy() for value in values]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        listed = ", ".join(map(str, sorted(shapes)[:4]))
        raise ValueError(f"field '{name}' has examples of different shapes: {listed}; pad or crop them in a "
                         "'transform', or name a 'collate' of your own")
    return np.stack(arrays)


def _scalar_type(value: Any) -> Any:
    """Python numbers are int64 and float32 (what models compute in); NumPy's keep their type."""
    if isinstance(value, np.generic):
        return value.dtype
    if isinstance(value, bool):
        return np.bool_
    return np.int64 if isinstance(value, int) else np.float32


def _number(name: str, value: Any) -> Any:
    if not isinstance(value, (int, float, np.generic)):
        raise ValueError(f"field '{name}' is a number in one example and {type(value).__name__} in another")
    return value
