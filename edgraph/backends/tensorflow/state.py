"""Values as state trees: tensors to blobs of bytes and back, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgraph.backends import trees
from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.backends.tensorflow.framework import tf

NAMES = {
    tf.bool: "BOOL", tf.uint8: "U8", tf.int8: "I8", tf.int16: "I16", tf.uint16: "U16", tf.int32: "I32",
    tf.uint32: "U32", tf.int64: "I64", tf.uint64: "U64", tf.float16: "F16", tf.bfloat16: "BF16", tf.float32: "F32",
    tf.float64: "F64", tf.complex64: "C64"}
DTYPES = {name: dtype for dtype, name in NAMES.items()}


def to_blob(tensor: Any) -> ArrayBlob:
    """The bytes of a tensor or variable."""
    dtype = tf.as_dtype(tensor.dtype)
    if dtype not in NAMES:
        raise TypeError(f"a tensor of {dtype.name} cannot be kept in a checkpoint")
    array = np.ascontiguousarray(tensor.numpy())
    return ArrayBlob(NAMES[dtype], tuple(tensor.shape), array.reshape(-1).view(np.uint8).data if array.size else b"")


def to_array(blob: ArrayBlob) -> Any:
    """A NumPy array with memory of its own."""
    if blob.dtype not in DTYPES:
        raise TypeError(f"TensorFlow has no type for {blob.dtype}")
    flat = np.frombuffer(bytes(blob.data), DTYPES[blob.dtype].as_numpy_dtype)
    return flat.reshape(blob.shape)


def from_blob(blob: ArrayBlob) -> Any:
    return tf.constant(to_array(blob), DTYPES[blob.dtype])


def assign(variable: Any, blob: ArrayBlob, what: str) -> None:
    """Fill a variable. Raises ValueError where it has another shape."""
    if tuple(variable.shape) != blob.shape:
        raise ValueError(f"{what} has shape {tuple(variable.shape)}, and {blob.shape} in the checkpoint")
    variable.assign(tf.cast(from_blob(blob), variable.dtype))


def pack(value: Any) -> StateTree:
    """A value as a tree. Raises TypeError for what cannot be restored exactly."""
    return trees.pack(value, _blob)


def unpack(tree: StateTree) -> Any:
    """The value that `pack` was given."""
    return trees.unpack(tree, from_blob)


def _blob(value: Any) -> ArrayBlob | None:
    return to_blob(value) if isinstance(value, (tf.Tensor, tf.Variable)) else None
