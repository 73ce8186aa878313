"""How long an epoch is, as far as that is known without reading data. Free of numpy: validation asks here."""

from __future__ import annotations

from edgraph.data.entry import Entry
from edgraph.text.source import Scalar

DIGITS = {"train": 1437, "validation": 360, "all": 1797}


def static_length(entry: Entry) -> int | None:
    """The number of examples of the data set itself (before `folds` and `limit`), or None where only
    reading it would tell."""
    if entry.use is None or entry.use.use.text != "digits":
        return None
    split = entry.use.settings.get("split") if entry.use.settings else None
    if split is None:
        return DIGITS["train"]
    if not isinstance(split, Scalar) or not isinstance(split.value, str):
        return None
    return DIGITS.get(split.value)


def fold_bounds(length: int, folds: int, fold: int) -> tuple[int, int]:
    """Where fold number `fold` (from 0) begins and ends among `length` examples in the folds' order."""
    return fold * length // folds, (fold + 1) * length // folds


def selected(length: int, limit: int | None = None, folds: int | None = None, fold: int = 0,
             part: str | None = None) -> int:
    """How many of `length` examples `folds` and then `limit` leave."""
    if folds is not None and part is not None:
        start, end = fold_bounds(length, folds, fold)
        length = end - start if part == "validation" else length - (end - start)
    return length if limit is None else min(length, limit)


def batches(examples: int, batch_size: int, drop_last: bool) -> int:
    """How many batches `examples` make."""
    return examples // batch_size if drop_last else -(-examples // batch_size)


def steps_per_epoch(entry: Entry, length: int) -> int:
    """How many steps an epoch has. length: of the data set itself. A sampler may draw another number of
    examples; then only the opened stream knows."""
    examples = selected(length, entry.limit, entry.folds, entry.fold, entry.part)
    return batches(examples, entry.batch_size, entry.drop_last)
