"""From a `data` entry to a DataSource: constructs what it names and says at its place what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgraph.data.construct import Constructor, Failed, reason
from edgraph.data.entry import Entry, Used
from edgraph.data.lengths import batches, selected
from edgraph.data.opened import DataSource
from edgraph.data.samplers import SAMPLERS
from edgraph.data.seeding import Seeder
from edgraph.data.stream import Sampler, subset
from edgraph.ops.registry import Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Scalar, Sequence, Tree

__all__ = ["DataSource", "open_data"]


def open_data(entry: Entry, registry: Registry, seed: int, diagnostics: Diagnostics,
              folder: Path) -> DataSource | None:
    """Construct what an entry of `data` declares, or None with the reasons in `diagnostics`.

    Relative paths in it start at `folder`, where the pipeline is.
    """
    if entry.use is None:
        diagnostics.error("missing-key", f"data '{entry.name}' has no 'use'", entry.span,
                          help="name a data set, such as 'use: digits'")
        return None
    parts = _Parts(entry, entry.use, registry, diagnostics, folder)
    try:
        dataset = parts.dataset(seed)
        parts.check_selection(len(dataset))
        source = DataSource(entry, dataset, seed, transform=parts.transform(), collate=parts.collate(),
                            sampler=parts.sampler(dataset, seed))
        parts.try_out(source)
    except Failed:
        return None
    return source


class Chain:
    """Several transforms, one after the other."""

    def __init__(self, parts: list[Callable[[Any], Any]]) -> None:
        self.parts = parts

    def __call__(self, example: Any) -> Any:
        for part in self.parts:
            example = part(example)
        return example


class _Parts:
    """The parts of one entry; each method raises Failed when its diagnostic is written."""

    def __init__(self, entry: Entry, use: Used, registry: Registry, diagnostics: Diagnostics,
                 folder: Path) -> None:
        self.entry = entry
        self.use = use
        self.registry = registry
        self.make = Constructor(registry.data, folder, diagnostics, "data set")
        self._others = Constructor(SAMPLERS, folder, diagnostics, "sampler"), Constructor(
            {}, folder, diagnostics, "transform"), Constructor({}, folder, diagnostics, "collate")

    def dataset(self, seed: int) -> Any:
        name, span = self.use.use.text, self.use.use.span
        seeder = Seeder(seed, f"construct.{self.entry.name}")
        with seeder.kept():  # a data set that draws its split must draw the same one when the run is resumed
            seeder.seed(0, 0)
            dataset = self.make.make(name, span, self.use.settings)
        absent = [method for method in ("__len__", "__getitem__") if not hasattr(dataset, method)]
        if absent:
            lacks = f"{type(dataset).__name__} has no {' and no '.join(absent)}"
            raise self.make.fail("not-a-data-set", f"'{name}' is no data set: {lacks}", span,
                                 "a data set has __len__ and __getitem__(index), which returns a mapping")
        try:
            length = len(dataset)
        except Exception as error:  # whatever a user's __len__ raises, and what it gives that is no length
            raise self.make.fail("data-error", f"data set '{name}' does not say how many examples it has: "
                                 f"{reason(error)}", span, "__len__ gives a whole number") from error
        if length == 0:
            raise self.make.fail("empty-data", f"data set '{name}' has no examples", span,
                                 "check what it is given under `with`, and its files")
        return dataset

    def check_selection(self, length: int) -> None:
        """`folds`, `limit` and `batch_size` must leave at least one batch."""
        entry, fail = self.entry, self.make.fail
        if (entry.folds is None) != (entry.part is None):
            raise fail("bad-fold", f"'{entry.name}' has {'part' if entry.folds is None else 'folds'} without "
                       f"{'folds' if entry.folds is None else 'part'}", entry.span,
                       "write both, such as 'folds: 5, fold: 0, part: train'")
        if entry.folds is not None and not 2 <= entry.folds <= length:
            raise fail("bad-fold", f"'{entry.name}' with {length} examples cannot be cut into folds: "
                                   f"{entry.folds}",
                       entry.span, f"use 2 to {length} folds")
        if entry.folds is not None and not 0 <= entry.fold < entry.folds:
            raise fail("bad-fold", f"'{entry.name}' has no fold {entry.fold}", entry.span,
                       f"folds count from 0, so use 0 to {entry.folds - 1}")
        examples = selected(length, entry.limit, entry.folds, entry.fold, entry.part)
        if batches(examples, entry.batch_size, entry.drop_last) == 0:
            why = "drop_last leaves out the smaller last batch" if examples else "nothing is left of it"
            raise fail("no-steps", f"an epoch of '{entry.name}' has no step: it has {examples} examples, "
                       f"batch_size is {entry.batch_size}, and {why}", entry.span,
                       f"use a batch_size of at most {examples}, or drop_last: false" if examples else None)

    def transform(self) -> Callable[[Any], Any] | None:
        tree, make = self.entry.transform, self._others[1]
        if tree is None or _is_null(tree):
            return None
        if isinstance(tree, Sequence):
            return Chain([make.function(item) for item in tree.items])
        return make.function(tree)

    def collate(self) -> Callable[[list[Any]], Any] | None:
        name = self.entry.collate
        return None if name is None else self._others[2].function(Scalar(name.text, name.span))

    def sampler(self, dataset: Any, seed: int) -> Sampler | None:
        entry, make = self.entry, self._others[0]
        tree = entry.sampler
        if tree is None or _is_null(tree):
            return None
        sampler = make.function(tree)
        chosen = subset(len(dataset), entry.limit, entry.folds, entry.fold, entry.part, seed)
        try:
            if hasattr(sampler, "bind"):  # it wants to see the examples it draws from
                sampler = sampler.bind(dataset, np.arange(len(dataset)) if chosen is None else chosen)
            DataSource(entry, dataset, seed, sampler=sampler).stream()
        except Exception as error:  # whatever a user's sampler raises
            raise make.fail("data-error", f"sampler of '{entry.name}': {reason(error)}", tree.span,
                            "correct the sampler, or what it is given") from error
        return sampler

    def try_out(self, source: DataSource) -> None:
        """One example shows whether the data set, the transform and collate fit together."""
        try:
            found = source.fetch(np.zeros(1, np.int64))
        except Exception as error:  # user code
            raise self.make.fail("data-error", f"the first example of '{self.entry.name}' cannot be read: "
                                 f"{reason(error)}", self.use.use.span,
                                 "correct the data set, or the `transform` or `collate` of this entry") from error
        absent = [name for name in self.declared(source) if name not in found]
        if absent:
            raise self.make.fail("data-error", f"the first example of '{self.entry.name}' has no field "
                                 f"{' and no '.join(map(repr, absent))}, which data set '{self.use.use.text}' says "
                                 "that it has", self.use.use.span,
                                 "correct __getitem__, or the fields that it declares")

    def declared(self, source: DataSource) -> tuple[str, ...]:
        """The fields that the data set says it has, where nothing comes between."""
        if self.entry.transform is not None or self.entry.collate is not None:
            return ()
        known = self.registry.data.get(self.use.use.text)
        return tuple(source.fields or (known.fields if known is not None and known.fields else ()))


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.value is None
