"""Where logged values go: the run folder, always; other loggers beside it, none of which can end a run."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgraph.backends.base import StateTree
from edgraph.data.saved import FOLDER as EXAMPLES
from edgraph.data.saved import saved_sets
from edgraph.run.examples import ExampleSet
from edgraph.run.files import AppendFile, replace_file, replace_text, safe_name
from edgraph.run.images import Pixels, grid, save_png
from edgraph.run.metrics import RESERVED, MetricsFile, to_number
from edgraph.run.tensorboard import TensorBoard

__all__ = ["FileLogger", "Loggers", "TensorBoard"]


class Loggers:
    """All loggers of a run as one.

    A logger is an object with any of the methods `scalars(step, values)`, `image(step, name, pixels)`,
    `text(step, name, text)`, `histogram(step, name, values)`, `table(step, name, columns, rows)`, `flush()`,
    `close()`, and `position()` with `restore(position)` if it can take back what it wrote. One that raises is
    left out from then on, with a warning, unless it is `strict`. What an op gives wrongly (a text as
    a number) is the op's error and is raised.
    """

    def __init__(self, loggers: Mapping[str, Any], *, line: Callable[[str], None] = print,
                 warn: Callable[[str], None] | None = None, strict: frozenset[str] = frozenset()) -> None:
        self._loggers = dict(loggers)
        self._line = line
        self._warn = warn or line
        self._strict = strict
        self.latest: dict[str, float] = {}  # what was logged last under each name, for the progress line

    def scalars(self, step: int, values: Mapping[str, Any]) -> None:
        """Log numbers (Python's, or scalars of any array library)."""
        numbers = {name: to_number(name, value) for name, value in values.items()}
        for name in RESERVED:
            if name in numbers:
                raise ValueError(f"nothing can be logged as '{name}': every row of the metrics has one")
        self.latest = {**self.latest, **numbers}  # replaced, not changed: another thread reads it
        self._each("scalars", step, numbers)

    def image(self, step: int, name: str, pixels: Pixels) -> None:
        """Log a picture, (height, width, 3) of uint8."""
        self._each("image", step, name, pixels)

    def images(self, step: int, name: str, images: Any, captions: Any = None, columns: int | None = None,
               scale: int | None = None, range: tuple[float, float] | None = None) -> None:
        """Log a batch of images as one picture; see `edgraph.run.images.grid` for what it may be."""
        self.image(step, name, grid(images, captions, columns, scale, range))

    def text(self, step: int, name: str, text: str) -> None:
        self._each("text", step, name, text)

    def histogram(self, step: int, name: str, values: Any) -> None:
        """Log how numbers (an array of any shape) are distributed."""
        import numpy as np

        try:
            numbers = np.asarray(values, np.float64)
        except (ValueError, TypeError) as error:
            found = f"{type(values).__name__}, {values!r:.40}"
            raise TypeError(f"'{name}' is a {found}; a histogram is of numbers") from error
        self._each("histogram", step, name, numbers.reshape(-1))

    def table(self, step: int, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"table '{name}' has {len(columns)} columns, but a row of {len(row)} cells")
        self._each("table", step, name, list(columns), [list(row) for row in rows])

    def examples(self, step: int, name: str, images: Sequence[str] = (),
                 range: tuple[float, float] | None = None) -> Any:
        """A set of examples to write, see `edgraph.run.examples.ExampleSet`. It belongs to the run folder alone."""
        keeper = next(logger for logger in self._loggers.values() if hasattr(logger, "examples"))
        return keeper.examples(step, name, images, range)

    def line(self, text: str) -> None:
        """Show a line to whoever watches the run."""
        self._line(text)

    def flush(self) -> None:
        """Return when everything logged so far is safe. To be called before a checkpoint."""
        self._each("flush")

    def close(self) -> None:
        self._each("close")

    def position(self) -> StateTree:
        """How far each logger is: what a checkpoint carries. Flush first."""
        return {name: position for name, position in self._each("position").items() if position is not None}

    def restore(self, position: StateTree) -> None:
        """Take back what was logged after `position`; None: everything."""
        for name in list(self._loggers):
            self._call(name, "restore", (position or {}).get(name))

    def _each(self, method: str, *arguments: Any) -> dict[str, Any]:
        return {name: self._call(name, method, *arguments) for name in list(self._loggers)}

    def _call(self, name: str, method: str, *arguments: Any) -> Any:
        function = getattr(self._loggers[name], method, None)
        if function is None:
            return None
        try:
            return function(*arguments)
        except Exception as error:
            if name in self._strict:
                raise
            del self._loggers[name]
            self._warn(f"logger '{name}' failed and is left out from now on: {type(error).__name__}: {error}")
            return None


class FileLogger:
    """The run folder: metrics.jsonl, images/NAME/step-00000050.png, and so text/ and tables/ (.csv), and
    histograms/NAME.jsonl, and of saved examples examples/NAME/step-00000050/."""

    def __init__(self, folder: Path, epoch: Callable[[], int], now: Callable[[], float] = time.time) -> None:
        self._folder, self._epoch, self._now = folder, epoch, now
        self._metrics = MetricsFile(folder / "metrics.jsonl")
        self._histograms: dict[str, AppendFile] = {}
        self._last = 0  # the latest step of which anything was logged

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._last = max(self._last, step)
        self._metrics.append(step, self._epoch(), self._now(), values)

    def image(self, step: int, name: str, pixels: Pixels) -> None:
        save_png(self._path("images", name, step, "png"), pixels)

    def text(self, step: int, name: str, text: str) -> None:
        replace_text(self._path("text", name, step, "txt"), text if text.endswith("\n") else text + "\n")

    def table(self, step: int, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([columns, *rows])
        replace_file(self._path("tables", name, step, "csv"), [out.getvalue().encode("utf-8", "replace")],
                     durable=False)

    def histogram(self, step: int, name: str, values: Any) -> None:
        self._last = max(self._last, step)
        row = {"step": step, "epoch": self._epoch(), "time": round(self._now(), 3), **summary(values)}
        self._rows(safe_name(name)).append(json.dumps(row).encode() + b"\n")

    def examples(self, step: int, name: str, images: Sequence[str], range: tuple[float, float] | None) -> ExampleSet:
        return ExampleSet(self._folder / EXAMPLES / safe_name(name) / f"step-{step:08d}", images, range)

    def flush(self) -> None:
        self._metrics.sync()
        for file in self._histograms.values():
            file.sync()

    def close(self) -> None:
        self._metrics.close()
        for file in self._histograms.values():
            file.close()

    def position(self) -> StateTree:
        lengths = {name: file.length for name, file in self._histograms.items()}
        return {"metrics": self._metrics.length, "histograms": lengths, "step": self._last,
                "examples": [str(path.relative_to(self._folder)) for path in self._sets()]}

    def restore(self, position: StateTree) -> None:
        position = position or {"metrics": 0, "histograms": {}, "step": -1, "examples": []}
        self._metrics.truncate(position["metrics"])
        for path in self._folder.glob("histograms/*.jsonl"):
            self._rows(path.stem).truncate(position["histograms"].get(path.stem, 0))
        for kind in ("images", "text", "tables"):
            for path in self._folder.glob(f"{kind}/*/step-*.*"):
                if path.stem[5:].isdecimal() and int(path.stem[5:]) > position["step"]:
                    path.unlink()
        for path in self._sets():  # those that came after are saved again
            if str(path.relative_to(self._folder)) not in position["examples"]:
                shutil.rmtree(path)
        self._last = max(position["step"], 0)

    def _sets(self) -> list[Path]:
        return [path for paths in saved_sets(self._folder).values() for path in paths]

    def _path(self, kind: str, name: str, step: int, suffix: str) -> Path:
        self._last = max(self._last, step)
        return self._folder / kind / safe_name(name) / f"step-{step:08d}.{suffix}"

    def _rows(self, name: str) -> AppendFile:
        if name not in self._histograms:
            self._histograms[name] = AppendFile(self._folder / "histograms" / f"{name}.jsonl")
        return self._histograms[name]


def summary(values: Any, bins: int = 64) -> dict[str, Any]:
    """A histogram as JSON values: `edges` (one more than `counts`), moments, and how many were not finite."""
    import numpy as np

    finite = values[np.isfinite(values)]
    result: dict[str, Any] = {"count": int(values.size), "nonfinite": int(values.size - finite.size)}
    if finite.size:
        counts, edges = np.histogram(finite, bins)
        result |= {"min": float(finite.min()), "max": float(finite.max()), "mean": float(finite.mean()),
                   "std": float(finite.std()), "edges": edges.tolist(), "counts": counts.tolist()}
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in result.items()}
