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
        self.draws = not self._whole and (transform is not None or not getattr(dataset, "threads", False))

    def __call__(self, indices: Indices, epoch: int) -> dict[str, Any]:
        if self._whole:
            batch = self.dataset.fetch(indices)
        else:
            examples = self._examples(indices, epoch)
            batch = self.collate(examples) if self.collate else default_collate(examples)
        if not isinstance(batch, Mapping):
            what = "'collate'" if self.collate else f"fetch of {type(self.dataset).__name__}"
            raise TypeError(f"{what} must give a mapping from field to values, not {type(batch).__name__}")
        return dict(batch)

    def _examples(self, indices: Indices, epoch: int) -> list[Any]:
        if not self.draws:
            return [self._example(index) for index in indices.tolist()]
        examples = []
        with self._seeder.kept():
            for index in indices.tolist():
                self._seeder.seed(epoch, index)
                examples.append(self._example(index))
        return examples

    def _example(self, index: int) -> Mapping[str, Any]:
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
