"""Values as state trees: tensors to blobs of bytes and back, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgraph.backends import trees
from edgraph.backends.base import ArrayBlob, StateTree

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.int32: "I32", torch.uint32: "U32", torch.int64: "I64", torch.uint64: "U64", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2"}
DTYPES = {name: dtype for dtype, name in NAMES.items()}


def unkept(tensor: torch.Tensor) -> str | None:
    """Why a checkpoint cannot hold a tensor; None where it can."""
    if tensor.is_meta:
        return "is on the device 'meta', where nothing has a value"
    if tensor.layout is not torch.strided or tensor.dtype not in NAMES:
        return f"is a tensor of {tensor.dtype}, {tensor.layout}, which cannot be kept in a checkpoint"
    return None


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
    return trees.pack(value, _blob, (tuple, torch.Size))


def unpack(tree: StateTree, device: torch.device | str = "cpu") -> Any:
    """The value that `pack` was given; tensors are made on the device."""
    return trees.unpack(tree, lambda blob: from_blob(blob, device))


def _blob(value: Any) -> ArrayBlob | None:
    return to_blob(value) if isinstance(value, torch.Tensor) else None
