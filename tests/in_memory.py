"""What a run writes into its folder, in memory: for the many short runs of tests."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgraph.backends.base import StateTree
from edgraph.data.saved import ORIGIN
from edgraph.run.checkpoints import SUFFIX, Checkpoint, Checkpoints, Store
from edgraph.run.examples import checked
from edgraph.run.images import Pixels
from edgraph.run.loggers import summary
from edgraph.run.metrics import Row, format_row, parse_metrics
from edgraph.run.statefile import StateFile, decode_state, encode_state


class MemoryStore(Store):
    """Checkpoints as bytes."""

    def __init__(self, keep: int | None = 2, *, warn: Callable[[str], None] = warnings.warn) -> None:
        super().__init__(keep, warn)
        self._files: dict[str, tuple[Checkpoint, bytes]] = {}

    def __str__(self) -> str:
        return "the run's memory"

    def list(self) -> Checkpoints:
        return sorted((each for each, _ in self._files.values()), key=lambda each: each.serial)

    def _write(self, stem: str, tree: StateTree, about: dict[str, Any]) -> Path:
        path = Path(stem + SUFFIX)
        self._files[stem] = Checkpoint(path=path, **about), b"".join(encode_state(tree, about)[0])
        return path

    def _read(self, which: Checkpoint) -> StateFile:
        return decode_state(self._files[which.path.stem][1], which.path)

    def _remove(self, which: Checkpoint) -> None:
        del self._files[which.path.stem]

    _set_aside = _remove


class MemoryMetrics:
    """The bytes of metrics.jsonl."""

    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def length(self) -> int:
        return len(self._data)

    def append(self, step: int, epoch: int, time: float, values: Mapping[str, Any]) -> None:
        self._data += format_row(step, epoch, time, values)

    def truncate(self, length: int) -> None:
        if length > len(self._data):
            raise ValueError(f"the metrics have {self.length} bytes, fewer than the {length} to cut them to")
        del self._data[length:]

    def read(self) -> list[Row]:
        return parse_metrics(bytes(self._data))

    def sync(self) -> None:
        pass

    def close(self) -> None:
        pass


class MemoryLogger:
    """All metrics, and of everything else the latest under each name."""

    def __init__(self, epoch: Callable[[], int], now: Callable[[], float] = time.time) -> None:
        self._epoch, self._now = epoch, now
        self.metrics = MemoryMetrics()
        self.latest: dict[tuple[str, str], tuple[int, Any]] = {}  # (kind, name) → step and value
        self.sets: dict[tuple[str, int], dict[str, Any]] = {}  # of examples: (name, step) → fields

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.metrics.append(step, self._epoch(), self._now(), values)

    def image(self, step: int, name: str, pixels: Pixels) -> None:
        self.latest["image", name] = step, pixels

    def text(self, step: int, name: str, text: str) -> None:
        self.latest["text", name] = step, text

    def table(self, step: int, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.latest["table", name] = step, (columns, rows)

    def histogram(self, step: int, name: str, values: Any) -> None:
        self.latest["histogram", name] = step, summary(values)

    def examples(self, step: int, name: str, images: Sequence[str],
                 range: tuple[float, float] | None) -> MemoryExamples:
        return MemoryExamples(self.sets, name, step)

    def position(self) -> StateTree:
        return {"metrics": self.metrics.length}

    def restore(self, position: StateTree) -> None:
        self.metrics.truncate((position or {"metrics": 0})["metrics"])


class MemoryExamples:
    """A set of examples in the making; `sets` gets it when it is whole."""

    def __init__(self, sets: dict[tuple[str, int], dict[str, Any]], name: str, step: int) -> None:
        self._sets, self._key = sets, (name, step)
        self._batches: list[dict[str, Any]] = []

    def add(self, index: Any, values: Mapping[str, Any]) -> None:
        rows = np.asarray(index)
        found = {name: checked(name, value, len(rows)) for name, value in values.items()}
        self._batches.append({ORIGIN: rows, **found})

    def finish(self) -> int:
        whole = {name: np.concatenate([batch[name] for batch in self._batches]) for name in self._batches[0]}
        self._sets[self._key] = whole
        return len(whole[ORIGIN])

    def drop(self) -> None:
        self._batches.clear()


