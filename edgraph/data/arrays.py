"""Data sets that lie in memory as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class ArrayData:
    """Examples in memory: `arrays` maps each field to an array whose first axis counts the examples.

    It is asked for whole batches (`fetch`), and a backend may keep the arrays on its device.
    """

    threads = True  # reading it from several threads at once is fine

    def __init__(self, arrays: Mapping[str, Array], fields: Mapping[str, str] | None = None,
                 attributes: Mapping[str, Any] | None = None) -> None:
        self.arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
            raise ValueError(f"the fields do not have equally many examples: {listed}")
        self.fields = dict(fields) if fields else {name: describe(a) for name, a in self.arrays.items()}
        self._length = next(iter(lengths.values()), 0)
        for name, value in (attributes or {}).items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: array[index] for name, array in self.arrays.items()}

    def fetch(self, indices: npt.NDArray[np.int64]) -> dict[str, Array]:
        """A batch: each field's rows at `indices`, copied."""
        return {name: array[indices] for name, array in self.arrays.items()}


def describe(array: Array) -> str:
    """`float32 (1, 8, 8)`: what one example of a field is."""
    return f"{array.dtype} {tuple(array.shape[1:])}" if array.ndim > 1 else str(array.dtype)
