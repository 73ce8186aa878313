"""Batches as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgraph.backends import batches
from edgraph.backends.base import Batch
from edgraph.backends.tensorflow.framework import tf


class Gather:
    """Rows of a data set whose arrays lie in memory: `gather(indices)`, of a NumPy array or a tensor of int64.

    tensors: the fields that are tensors, made once.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        fields = convert(arrays)
        self.tensors = {name: value for name, value in fields.items() if isinstance(value, tf.Tensor)}
        self.others = {name: value for name, value in fields.items() if name not in self.tensors}

    def __call__(self, indices: Any) -> Batch:
        found: Batch = {name: tf.gather(tensor, indices) for name, tensor in self.tensors.items()}
        found.update({name: rows(value, indices) for name, value in self.others.items()})
        return found


def loader(dataset: Any, collate: Callable[..., Any] | None) -> Callable[[Any], Batch]:
    """From int64 indices to a batch. A data set whose arrays lie in memory becomes tensors once."""
    arrays = getattr(dataset, "arrays", None)
    if arrays is not None and collate is None:
        return Gather(arrays)
    batch = batches.batches(dataset, collate)
    return lambda indices: convert(batch(indices))


def convert(batch: Mapping[str, Any]) -> Batch:
    """Arrays become tensors of the same type and layout; what TensorFlow has no type for stays as it is."""
    return {name: _value(value) for name, value in batch.items()}


def rows(value: Any, indices: Any) -> Any:
    """The rows of a tensor, an array, a list, or of everything in a mapping."""
    if isinstance(value, tf.Tensor):
        return tf.gather(value, indices)
    if isinstance(value, dict):
        return {name: rows(item, indices) for name, item in value.items()}
    return batches.rows(value, indices)


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return convert(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc" or value.dtype.itemsize > 16:
        return value
    return tf.constant(np.ascontiguousarray(value, value.dtype.newbyteorder("=")).reshape(value.shape))
