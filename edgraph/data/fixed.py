"""Fixed examples: the same few examples at every step, given or drawn once from the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgraph.data.order import Indices
from edgraph.ops.random import rng
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span


def fixed_indices(given: Sequence[int] | None, length: int, batch_size: int, seed: int, split: str,
                  among: Indices | None = None) -> Indices:
    """The indices of the fixed examples of data set `split`.

    Given ones are taken in the order given. Otherwise as many as a batch, at most `length`, are drawn without
    repetition by `edgraph.rng(seed, "fixed_examples." + split, 0)` and sorted, so that a picture of them
    reads in the order of the data set. among: the examples that `limit` and `folds` leave (None: all).
    """
    if given is not None:
        return np.asarray(given, dtype=np.int64)
    drawn = rng(seed, f"fixed_examples.{split}", 0).permutation(length if among is None else len(among))[:batch_size]
    drawn = drawn if among is None else among[drawn]
    return np.sort(drawn).astype(np.int64, copy=False)


def check_fixed(given: Sequence[int], length: int, split: str, span: Span | None,
                diagnostics: Diagnostics) -> None:
    """Every given index must lie in the data set; indices count from 0."""
    wrong = [index for index in given if not 0 <= index < length]
    if wrong:
        listed = ", ".join(map(str, wrong[:5])) + (", …" if len(wrong) > 5 else "")
        subject = f"fixed examples {listed} are" if len(wrong) > 1 else f"fixed example {listed} is"
        diagnostics.error("index-out-of-range", f"{subject} not in '{split}', which has {length} examples",
                          span, help=f"use indices from 0 to {length - 1}")
