"""Values as state trees: tensors to blobs of bytes and back, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.ops.library.control import Improved

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.int32: "I32", torch.uint32: "U32", torch.int64: "I64", torch.uint64: "U64", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2"}
DTYPES = {name: dtype for dtype, name in NAMES.items()}
MARK = "__edgraph__"  # of a mapping that stands for something a tree has no word for


def to_blob(tensor: torch.Tensor) -> ArrayBlob:
    """A tensor's bytes. On the CPU they are the tensor's own memory where it is contiguous: write them out,
    or copy them, before anything changes the tensor."""
    if tensor.layout is not torch.strided or tensor.dtype not in NAMES:
        raise TypeError(f"a tensor of {tensor.dtype}, {tensor.layout}, cannot be kept in a checkpoint")
    flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    data = flat.view(torch.uint8).numpy().data if flat.numel() else b""
    return ArrayBlob(NAMES[tensor.dtype], tuple(tensor.shape), data)


def from_blob(blob: ArrayBlob, device: torch.device | str = "cpu") -> torch.Tensor:
    """A tensor with memory of its own."""
    tensor = torch.empty(blob.shape, dtype=DTYPES[blob.dtype])
    if tensor.numel():
        tensor.reshape(-1).view(torch.uint8).numpy()[:] = np.frombuffer(blob.data, np.uint8)
    return tensor.to(device)


def like(blob: ArrayBlob, other: torch.Tensor) -> torch.Tensor:
    """A tensor on the device of another, laid out in memory like it where it has its shape."""
    tensor = from_blob(blob, other.device)
    if tensor.shape == other.shape and tensor.stride() != other.stride():
        return torch.empty_like(other, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
    return tensor


def pack(value: Any) -> StateTree:
    """A value as a tree. Raises TypeError for what cannot be restored exactly."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        return to_blob(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value
    if isinstance(value, np.generic):
        return {MARK: "numpy", "value": np.asarray(value)}
    if kind is list:
        return [pack(item) for item in value]
    if kind in (tuple, torch.Size):
        return {MARK: "tuple", "items": [pack(item) for item in value]}
    if isinstance(value, dict):
        if MARK not in value and all(type(key) is str for key in value):
            return {key: pack(item) for key, item in value.items()}
        return {MARK: "dict", "items": [[pack(key), pack(item)] for key, item in value.items()]}
    if kind is Improved:
        return {MARK: "improved", "items": [value.improved, value.best, value.since]}
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be kept in a checkpoint; "
                    "tensors, arrays, numbers, text, lists, tuples and dictionaries of them can")


def unpack(tree: StateTree, device: torch.device | str = "cpu") -> Any:
    """The value that `pack` was given; tensors are made on the device."""
    if isinstance(tree, ArrayBlob):
        return from_blob(tree, device)
    if isinstance(tree, list):
        return [unpack(item, device) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match tree.get(MARK):
        case "tuple":
            return tuple(unpack(item, device) for item in tree["items"])
        case "dict":
            return {unpack(key): unpack(item, device) for key, item in tree["items"]}
        case "improved":
            return Improved(*tree["items"])
        case "numpy":
            return np.asarray(tree["value"])[()]
    return {key: unpack(item, device) for key, item in tree.items()}
