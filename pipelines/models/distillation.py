"""The data of `distillation.yaml`: digits without one of them."""

from __future__ import annotations

from typing import Literal

from edgraph.data.arrays import ArrayData
from edgraph.data.digits import read


class DigitsWithout(ArrayData):
    """Handwritten digits but for one: `image` (1, 8, 8) from 0 to 1, `label` 0 to 9.

    label: the digit that is left out.
    split: as of the data set `digits`.
    """

    def __init__(self, *, label: int, split: Literal["train", "validation", "all"] = "train") -> None:
        arrays = read(split=split).arrays
        kept = arrays["label"] != label
        super().__init__({name: array[kept] for name, array in arrays.items()})
