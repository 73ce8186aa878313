"""Samplers: which examples an epoch draws, where that is not each once."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgraph.data.collate import collate
from edgraph.data.order import Indices
from edgraph.ops.registry import Registered


class weighted:
    """Draws each class of a field equally often.

    field: an integer or text field, such as `label`, read once for all examples. examples: how many an epoch
    draws; by default as many as there are. With replacement, so rare classes repeat.
    """

    def __init__(self, *, field: str = "label", examples: int | None = None) -> None:
        self.field = field
        self.examples = examples

    def bind(self, dataset: Any, indices: Indices) -> weighted:
        """Look at the classes of the examples at `indices`, among which it will draw."""
        values = np.asarray(self._values(dataset, indices))
        if values.ndim != 1 or values.dtype.kind not in "iubU":
            raise ValueError(f"field '{self.field}' is {values.dtype} {values.shape[1:]}, not a class")
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        self._cumulative = np.cumsum(1.0 / (counts[inverse] * len(counts)))
        return self

    def __call__(self, length: int, rng: np.random.Generator) -> Indices:
        draws = rng.random(self.examples or length) * self._cumulative[-1]
        drawn: Indices = np.searchsorted(self._cumulative, draws, side="right")
        return np.minimum(drawn, length - 1)

    def _values(self, dataset: Any, indices: Indices) -> Any:
        arrays = getattr(dataset, "arrays", None)
        known = arrays if arrays is not None else dataset[int(indices[0])]
        if self.field not in known:
            raise ValueError(f"there is no field '{self.field}'; there are {', '.join(map(repr, known))}")
        if arrays is not None:
            return arrays[self.field][indices]
        return collate([{self.field: dataset[index][self.field]} for index in indices.tolist()])[self.field]


SAMPLERS = {"weighted": Registered("weighted", None, weighted)}
