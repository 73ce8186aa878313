"""A `data` entry opened: its data set, its streams and its batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from edgraph.data.entry import Entry
from edgraph.data.fetcher import Fetcher
from edgraph.data.order import Indices
from edgraph.data.reader import Reader
from edgraph.data.seeding import Seeder
from edgraph.data.stream import BatchStream, Sampler, subset
from edgraph.data.workers import Workers


class DataSource:
    """A data set with the streams that an entry declares.

    dataset: the constructed object.
    length: how many examples it has, before `folds` and `limit`.
    fields: what it says of its fields, by name (None: it does not say, or a transform may change them).
    arrays: its fields as arrays in memory whose rows make up batches (None: it has none, or a transform or
    collate comes between); where there are none, batches come from a reader.
    """

    def __init__(self, entry: Entry, dataset: Any, seed: int, *,
                 transform: Callable[[Any], Any] | None = None,
                 collate: Callable[[list[Any]], Any] | None = None, sampler: Sampler | None = None) -> None:
        self.entry = entry
        self.name = entry.name
        self.dataset = dataset
        self.length = len(dataset)
        self.seed = seed
        self._sampler = sampler
        self._fetch = Fetcher(dataset, Seeder(seed, f"transform.{entry.name}"), transform, collate)
        as_it_is = transform is None and collate is None
        self.arrays: Mapping[str, Any] | None = getattr(dataset, "arrays", None) if as_it_is else None
        self.fields: Mapping[str, str] | None = getattr(dataset, "fields", None) if as_it_is else None

    def stream(self, name: str | None = None) -> BatchStream:
        """The data set's stream, or another one of it in an order of its own."""
        entry = self.entry
        return BatchStream(self.length, entry.batch_size, shuffle=entry.shuffle, drop_last=entry.drop_last,
                           limit=entry.limit, folds=entry.folds, fold=entry.fold, part=entry.part,
                           seed=self.seed, name=entry.name if name is None else f"{entry.name}.{name}",
                           sampler=self._sampler)

    def subset(self) -> Indices | None:
        """The examples that `folds` and then `limit` leave; None where that is all."""
        entry = self.entry
        return subset(self.length, entry.limit, entry.folds, entry.fold, entry.part, self.seed)

    def fetch(self, indices: Indices, epoch: int = 0) -> dict[str, Any]:
        """The batch of these examples: from field to a NumPy array, or a list where values do not stack.

        epoch keys the random numbers of a transform; 0 is for examples outside a stream, such as fixed ones.
        """
        return self._fetch(indices, epoch)

    def reader(self, stream: BatchStream) -> Reader:
        """The stream's batches by number, prepared ahead where the entry has `workers`."""
        workers = self._workers if self.entry.workers else None
        return Reader(stream, self._fetch, workers, max(self.entry.prefetch, self.entry.workers))

    def close(self) -> None:
        """End the workers, if there are any."""
        if "_workers" in self.__dict__:
            self._workers.close()

    @cached_property
    def _workers(self) -> Workers:
        return Workers(self._fetch, self.entry.workers)
