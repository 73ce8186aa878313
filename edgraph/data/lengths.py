"""How long an epoch is, as far as that is known without reading data. Free of numpy: validation asks here."""

from __future__ import annotations

from edgraph.data.entry import Entry
from edgraph.ops.registry import registry
from edgraph.text.source import plain

DIGITS = {"train": 1437, "validation": 360, "all": 1797}


def static_length(entry: Entry) -> int | None:
    """The number of examples of the data set itself (before `folds` and `limit`), or None where only opening
    it would tell: because it has to be read, or because a sampler draws some number of its own."""
    if entry.use is None or entry.sampler is not None:
        return None
    known = registry.data.get(entry.use.use.text)
    if known is None or known.length is None:
        return None
    settings = plain(entry.use.settings) if entry.use.settings else {}
    try:
        return known.length(settings)
    except Exception:  # settings that do not fit are another's to report
        return None


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
    """How many steps an epoch of an entry without a sampler has. length: of the data set itself."""
    examples = selected(length, entry.limit, entry.folds, entry.fold, entry.part)
    return batches(examples, entry.batch_size, entry.drop_last)
