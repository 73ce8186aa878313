"""Values as state trees (see edgraph.backends.base.StateTree), and back. What is a tensor a backend says itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.ops.library.control import Improved

MARK = "__edgraph__"  # of a mapping that stands for something a tree has no word for


def pack(value: Any, blob: Callable[[Any], ArrayBlob | None], tuples: tuple[type, ...] = (tuple,)) -> StateTree:
    """A value as a tree. blob: of a tensor its bytes, of anything else None. tuples: classes that are kept as tuples.
    Raises TypeError for what cannot be restored exactly."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value
    if isinstance(value, np.generic):
        return {MARK: "numpy", "value": np.asarray(value)}
    if (found := blob(value)) is not None:
        return found
    if kind is list:
        return [pack(item, blob, tuples) for item in value]
    if kind in tuples:
        return {MARK: "tuple", "items": [pack(item, blob, tuples) for item in value]}
    if isinstance(value, dict):
        if MARK not in value and all(type(key) is str for key in value):
            return {key: pack(item, blob, tuples) for key, item in value.items()}
        return {MARK: "dict", "items": [[pack(key, blob, tuples), pack(item, blob, tuples)]
                                        for key, item in value.items()]}
    if kind is Improved:
        return {MARK: "improved", "items": [value.improved, value.best, value.since]}
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be kept in a checkpoint; "
                    "tensors, arrays, numbers, text, lists, tuples and dictionaries of them can")


def unpack(tree: StateTree, tensor: Callable[[ArrayBlob], Any]) -> Any:
    """The value that `pack` was given. tensor: makes one of its bytes."""
    if isinstance(tree, ArrayBlob):
        return tensor(tree)
    if isinstance(tree, list):
        return [unpack(item, tensor) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match tree.get(MARK):
        case "tuple":
            return tuple(unpack(item, tensor) for item in tree["items"])
        case "dict":
            return {unpack(key, tensor): unpack(item, tensor) for key, item in tree["items"]}
        case "improved":
            return Improved(*tree["items"])
        case "numpy":
            return np.asarray(tree["value"])[()]
    return {key: unpack(item, tensor) for key, item in tree.items()}
