"""scikit-learn's handwritten digits, read from its files: importing it would take a second."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from edgraph.data.arrays import ArrayData
from edgraph.data.lengths import DIGITS
from edgraph.data.order import Indices

FIELDS = {"image": "float32 (1, 8, 8), 0 to 1", "label": "int64, 0 to 9"}


def read(*, split: Literal["train", "validation", "all"] = "train") -> ArrayData:
    """The examples of `train`, `validation` or `all` (which keeps scikit-learn's order).

    The split is fixed: one permutation for everybody, of which the first four fifths are for training.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the data set 'digits' comes with scikit-learn, which is not installed: "
                                  'pip install "edgraph[datasets]"')
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.fromstring(gzip.decompress(file.read_bytes()).replace(b"\n", b","), np.float32, sep=",")
    rows = table.reshape(DIGITS["all"], 65)  # 64 pixels from 0 to 16, then the label
    if split != "all":
        rows = rows[_members(split)]
    images = rows[:, :64].reshape(-1, 1, 8, 8) / np.float32(16)
    return ArrayData({"image": images, "label": rows[:, 64].astype(np.int64)}, FIELDS)


def _members(split: str) -> Indices:
    order = np.random.Generator(np.random.Philox(key=0)).permutation(DIGITS["all"])
    return order[:DIGITS["train"]] if split == "train" else order[DIGITS["train"]:]
