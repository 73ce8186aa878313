"""Batch streams: which examples batch number n holds, as a pure function of n."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from edgraph.data.lengths import batches, fold_bounds
from edgraph.data.order import Indices, permutation
from edgraph.ops.random import rng

Sampler: TypeAlias = Callable[[int, np.random.Generator], Indices]


class BatchStream:
    """A data set in some order, cut into batches, epoch after epoch.

    Batches are numbered from 0 through all epochs, so a stream's whole position is one number: how many
    batches were consumed. An epoch is one pass; with `shuffle` each has an order of its own
    (`edgraph.data.order.permutation`). A sampler is called once an epoch with the number of examples and a
    generator of random numbers and returns positions among them, always equally many.
    """

    def __init__(self, length: int, batch_size: int, *, shuffle: bool = False, drop_last: bool = False,
                 limit: int | None = None, folds: int | None = None, fold: int = 0,
                 part: Literal["train", "validation"] | None = None, seed: int = 0, name: str = "train",
                 sampler: Sampler | None = None) -> None:
        self.name = name
        self.seed = seed
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.sampler = sampler
        self.subset = subset(length, limit, folds, fold, part, seed)  # None: all
        self.length = length if self.subset is None else len(self.subset)
        self._orders: dict[int, Indices] = {}  # of the last two epochs: look-ahead crosses the boundary
        drawn = self.length if sampler is None else len(self._draw(1))
        self.steps_per_epoch = batches(drawn, batch_size, drop_last)
        if self.steps_per_epoch == 0:
            raise ValueError(f"stream '{name}' has no batch: {drawn} examples, batch_size {batch_size}"
                             + (", drop_last" if drop_last else ""))
        self.samples_per_epoch = min(drawn, self.steps_per_epoch * batch_size)
        self._drawn = drawn
        self._first = self._end = 0  # the batches of the epoch whose order is at hand
        self._order: Indices = np.empty(0, np.int64)

    def indices(self, number: int) -> Indices:
        """The examples of batch `number`, as indices into the data set (a view: do not write to it)."""
        if not self._first <= number < self._end:
            self._turn_to(number)
        start = (number - self._first) * self.batch_size
        return self._order[start:start + self.batch_size]

    def epoch_of(self, number: int) -> int:
        """The epoch, counted from 1, that batch `number` belongs to."""
        return number // self.steps_per_epoch + 1

    def order(self, epoch: int) -> Indices:
        """All indices of an epoch in their order, without those that `drop_last` leaves out."""
        if epoch not in self._orders:
            order = self._draw(epoch)
            if len(order) != self._drawn:
                raise ValueError(f"the sampler of stream '{self.name}' gave {len(order)} examples in epoch "
                                 f"{epoch} and {self._drawn} in epoch 1; it must give equally many in each")
            if len(self._orders) > 1:
                del self._orders[next(iter(self._orders))]
            self._orders[epoch] = order[:self.samples_per_epoch]
        return self._orders[epoch]

    def _turn_to(self, number: int) -> None:
        if number < 0:
            raise ValueError(f"batches are numbered from 0, not {number}")
        epoch = self.epoch_of(number)
        self._order = self.order(epoch)
        self._first = (epoch - 1) * self.steps_per_epoch
        self._end = self._first + self.steps_per_epoch

    def _draw(self, epoch: int) -> Indices:
        if self.sampler is not None:
            order = self._sampled(self.sampler, epoch)
        elif self.shuffle:
            order = permutation(self.seed, self.name, epoch, self.length)
        else:
            order = np.arange(self.length, dtype=np.int64)
        return order if self.subset is None else self.subset[order]

    def _sampled(self, sampler: Sampler, epoch: int) -> Indices:
        order = np.asarray(sampler(self.length, rng(self.seed, f"data.{self.name}", epoch)))
        if order.ndim != 1 or order.dtype.kind not in "iu":
            raise ValueError(f"the sampler of stream '{self.name}' must give a list of integers, not "
                             f"{order.dtype} with shape {order.shape}")
        if len(order) and not 0 <= order.min() <= order.max() < self.length:
            raise ValueError(f"the sampler of stream '{self.name}' gave positions from {order.min()} to "
                             f"{order.max()}; there are {self.length} examples, counted from 0")
        return order.astype(np.int64, copy=False)


def subset(length: int, limit: int | None, folds: int | None, fold: int,
           part: Literal["train", "validation"] | None, seed: int) -> Indices | None:
    """The examples that `folds` and then `limit` leave, in the order of the data set; None where that is all.

    Folds are cut from one permutation keyed by the seed (stream "folds", epoch 0), whatever the entry is
    called, so the train and validation parts of the same fold never overlap.
    """
    chosen: Indices | None = None
    if folds is not None and part is not None:
        order = permutation(seed, "folds", 0, length)
        start, end = fold_bounds(length, folds, fold)
        inside = order[start:end]
        chosen = np.sort(inside if part == "validation" else np.setdiff1d(order, inside, assume_unique=True))
    if limit is not None and limit < (length if chosen is None else len(chosen)):
        chosen = np.arange(limit, dtype=np.int64) if chosen is None else chosen[:limit]
    return chosen
