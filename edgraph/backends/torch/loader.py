"""Batches as tensors on the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from edgraph.backends import batches
from edgraph.backends.base import Batch

_SHARE = 0.25  # of the device's free memory that a data set may take


def loader(dataset: Any, collate: Callable[..., Any] | None, device: torch.device) -> Callable[[Any], Batch]:
    """From int64 indices to a batch. A data set whose arrays lie in memory is moved to the device once."""
    arrays = getattr(dataset, "arrays", None)
    if arrays is not None and collate is None:
        return _rows(arrays, device)
    batch = batches.batches(dataset, collate)
    return lambda indices: convert(batch(indices), device)


def convert(batch: Mapping[str, Any], device: torch.device) -> Batch:
    """Arrays become tensors of the same type and layout; what torch has no type for stays as it is."""
    return {name: _value(value, device) for name, value in batch.items()}


def rows(value: Any, indices: Any) -> Any:
    """The rows of a tensor, an array, a list, or of everything in a mapping."""
    if isinstance(value, torch.Tensor):
        return value.index_select(0, torch.from_numpy(np.ascontiguousarray(indices)).to(value.device))
    if isinstance(value, dict):
        return {name: rows(item, indices) for name, item in value.items()}
    return batches.rows(value, indices)


def _rows(arrays: Mapping[str, Any], device: torch.device) -> Callable[[Any], Batch]:
    if not _fits(sum(array.nbytes for array in arrays.values()), device):
        return lambda indices: convert({name: array[indices] for name, array in arrays.items()}, device)
    tensors = {name: _value(array, device) for name, array in arrays.items()}
    if not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        return lambda indices: {name: rows(value, indices) for name, value in tensors.items()}
    fields = list(tensors.items())
    select, from_numpy = torch.index_select, torch.from_numpy
    if device.type == "cpu":
        def batch(indices: Any) -> Batch:
            chosen = from_numpy(indices)
            return {name: select(tensor, 0, chosen) for name, tensor in fields}
        return batch

    def on_device(indices: Any) -> Batch:
        chosen = from_numpy(indices).to(device, non_blocking=True)
        return {name: select(tensor, 0, chosen) for name, tensor in fields}
    return on_device


def _value(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return convert(value, device)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc" or value.dtype.char in "gG":
        return value
    array = np.ascontiguousarray(value, value.dtype.newbyteorder("="))
    with warnings.catch_warnings():  # of arrays that may not be written to: batches are copies
        warnings.filterwarnings("ignore", "The given NumPy array is not writ", UserWarning)
        return torch.from_numpy(array.reshape(value.shape)).to(device)


def _fits(size: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True  # tensors on the CPU share the arrays' memory
    return size <= _SHARE * torch.cuda.mem_get_info(device)[0]
