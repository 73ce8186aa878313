"""Batches of NumPy arrays from data sets, before a backend makes its own values of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def batches(dataset: Any, collate: Callable[..., Any] | None) -> Callable[[Any], Mapping[str, Any]]:
    """From int64 indices to a batch. A data set that can is asked for the whole batch, else for each example."""
    if collate is None and hasattr(dataset, "fetch"):
        return dataset.fetch  # type: ignore[no-any-return]
    if collate is None:
        from edgraph.data.collate import collate as by_field

        collate = by_field
    gather = collate
    return lambda indices: gather([dataset[int(index)] for index in indices])


def rows(value: Any, indices: Any) -> Any:
    """The rows of an array, a list, or of everything in a mapping."""
    if isinstance(value, Mapping):
        return {name: rows(item, indices) for name, item in value.items()}
    return value[indices] if isinstance(value, np.ndarray) else [value[int(index)] for index in indices]
