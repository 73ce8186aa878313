"""Several data sets as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import numpy as np

from edgraph.data.arrays import ArrayData


def read(*, sets: list[Any]) -> Any:
    """The examples of all of `sets`, one set after the other. Raises ValueError where their fields differ, or what
    the numbers in them stand for."""
    if not sets:
        raise ValueError("'sets' is empty: name at least one data set")
    for number, part in enumerate(sets):
        if isinstance(part, str) or not hasattr(part, "__len__") or not hasattr(part, "__getitem__"):
            raise ValueError(f"'sets[{number}]' is {part!r}, not a data set: write {{use: …, with: …}}")
    for meaning in ("classes", "vocabulary"):  # a class (a character) is a place in it
        _same_meaning(meaning, [getattr(part, meaning, None) for part in sets])
    if all(hasattr(part, "arrays") for part in sets):
        _same_fields([part.arrays for part in sets])
        _same_shapes([part.arrays for part in sets])
        names = sets[0].arrays
        return ArrayData({name: np.concatenate([part.arrays[name] for part in sets]) for name in names},
                         sets[0].fields)
    return Concat(sets)


class Concat:
    """Examples are read from the sets they are in."""

    def __init__(self, sets: list[Any]) -> None:
        self.sets = sets
        self._ends = list(accumulate(len(part) for part in sets))
        self.threads = all(getattr(part, "threads", False) for part in sets)
        declared = [part.fields for part in sets if getattr(part, "fields", None)]
        if len(declared) == len(sets):
            _same_fields(declared)
            self.fields = dict(declared[0])

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        part = bisect_right(self._ends, index)
        if not 0 <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        return self.sets[part][index - (self._ends[part - 1] if part else 0)]


def _same_fields(each: list[Any]) -> None:
    for number, fields in enumerate(each):
        if fields.keys() != each[0].keys():
            raise ValueError(f"'sets[{number}]' has the fields {', '.join(fields)}, 'sets[0]' has "
                             f"{', '.join(each[0])}")


def _same_meaning(what: str, each: list[Any]) -> None:
    """Of those that say it."""
    said = {number: tuple(map(str, found)) for number, found in enumerate(each) if isinstance(found, Iterable)}
    for number, found in said.items():
        first = min(said)
        if found != said[first]:
            raise ValueError(f"'sets[{number}]' has the {what} {_listed(found)}, 'sets[{first}]' has "
                             f"{_listed(said[first])}: the same number would stand for different ones")


def _listed(found: tuple[str, ...]) -> str:
    text = ("" if all(len(part) == 1 for part in found) else ", ").join(found)
    return text if len(text) < 60 else text[:57] + "…"


def _same_shapes(each: list[Any]) -> None:
    for number, arrays in enumerate(each):
        for name, array in arrays.items():
            if array.shape[1:] != each[0][name].shape[1:]:
                raise ValueError(f"'{name}' has shape {array.shape[1:]} in 'sets[{number}]', and "
                                 f"{each[0][name].shape[1:]} in 'sets[0]'")
