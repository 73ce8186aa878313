"""From examples to a batch: each field's values stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgraph.data.arrays import Array


def collate(examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch of examples that have the same fields.

    Numbers, lists of numbers, arrays and tensors (anything with `numpy()`) become an array whose first axis
    counts the examples; mappings are collated field by field; anything else, such as text, becomes a list.
    Python's numbers become bool, int64 and float32. Raises ValueError where fields or shapes differ.
    """
    first = examples[0]
    for number, example in enumerate(examples):
        if example.keys() != first.keys():
            odd = sorted(map(str, first.keys() ^ example.keys()))
            raise ValueError(f"examples of one batch have different fields: only some have {', '.join(odd)} "
                             f"(they differ first in example {number} of the batch, counted from 0)")
    return {name: _stack(str(name), [example[name] for example in examples]) for name in first}


def _stack(name: str, values: list[Any]) -> Any:
    if all(isinstance(value, Mapping) for value in values):
        return collate(values)
    if all(isinstance(value, (bool, int, float)) for value in values):  # one type, whichever comes first
        return np.array(values, dtype=_narrow(np.result_type(*{type(value) for value in values})))
    arrays = [_array(value) for value in values]
    known = [array for array in arrays if array is not None]
    if len(known) < len(arrays):
        if known:
            kinds = sorted({type(value).__name__ for value in values})
            raise ValueError(f"field '{name}' is now a number or array and now not: {', '.join(kinds)}")
        return values
    shapes = sorted({array.shape for array in known})
    if len(shapes) > 1:
        raise ValueError(f"field '{name}' has examples of different shapes: "
                         f"{', '.join(map(str, shapes[:4]))}; pad or "
                         "crop them in a 'transform', or name a 'collate' of your own")
    return np.stack(known)


def _array(value: Any) -> Array | None:
    """A number, list of numbers, array or tensor as an array; None for anything else."""
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    if isinstance(value, (bool, int, float)):
        return np.asarray(value, dtype=_narrow(np.dtype(type(value))))
    if isinstance(value, (list, tuple)) and value:
        return _of_list(value)
    if callable(getattr(value, "numpy", None)):
        return np.asarray(value.numpy())
    return None


def _of_list(value: Sequence[Any]) -> Array | None:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged: lists in it are of different lengths
        return None
    return array.astype(_narrow(array.dtype), copy=False) if array.dtype.kind in "biuf" else None


def _narrow(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Python's floats are float32, in which models compute."""
    return np.dtype(np.float32) if dtype == np.float64 else dtype
