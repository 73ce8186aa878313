"""From indices to a batch: read, transformed, collated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgraph.data.collate import collate as default_collate
from edgraph.data.order import Indices
from edgraph.data.seeding import Seeder


class Fetcher:
    """Makes the batch of given indices: a pure function of the indices and the epoch, in any process."""

    def __init__(self, dataset: Any, seeder: Seeder, transform: Callable[[Any], Any] | None = None,
                 collate: Callable[[list[Any]], Any] | None = None) -> None:
        self.dataset = dataset
        self.transform = transform
        self.collate = collate
        self._seeder = seeder
        self._whole = transform is None and collate is None and hasattr(dataset, "fetch")
        # Only code of the user's own draws random numbers from the global generators.
        own = transform is not None or collate is not None or not getattr(dataset, "threads", False)
        self.draws = own and not self._whole

    def __call__(self, indices: Indices, epoch: int) -> dict[str, Any]:
        if self.draws:
            with self._seeder.kept():
                batch = self._collated([self._example(index, epoch) for index in indices.tolist()])
        elif self._whole:
            batch = self.dataset.fetch(indices)
        else:
            batch = self._collated([self._example(index, epoch) for index in indices.tolist()])
        if not isinstance(batch, Mapping):
            what = "'collate'" if self.collate else f"fetch of {type(self.dataset).__name__}"
            raise TypeError(f"{what} must give a mapping from field to values, not {type(batch).__name__}")
        return dict(batch)

    def _collated(self, examples: list[Any]) -> Any:
        return self.collate(examples) if self.collate else default_collate(examples)

    def _example(self, index: int, epoch: int) -> Mapping[str, Any]:
        if self.draws:
            self._seeder.seed(epoch, index)
        example = self.dataset[index]
        check_example(example, f"data set {type(self.dataset).__name__}", index)
        if self.transform is None:
            return example  # type: ignore[no-any-return]
        changed = self.transform(example)
        check_example(changed, "the transform", index)
        return changed  # type: ignore[no-any-return]


def check_example(example: Any, who: str, index: int) -> None:
    """An example must be a mapping from field to value."""
    if not isinstance(example, Mapping):
        shape = f" of {len(example)}" if isinstance(example, (tuple, list)) else ""
        raise TypeError(f"{who} gave a {type(example).__name__}{shape} for example {index}; it must give a "
                        "mapping such as {'image': …, 'label': …}, so that ops can name its fields")
