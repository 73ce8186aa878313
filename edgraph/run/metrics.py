"""Metrics as JSON lines: written at once, cut back to a known length when a run is resumed, read leniently.

A line is `{"step": 50, "epoch": 3, "time": 1767225600.5, "report.loss": 0.25, …}`; `time` is in seconds since
1970. JSON has no NaN and no infinity: such a value is null, and the line says which under the key
`nonfinite`: `{"report.loss": "nan"}` (or `inf`, `-inf`). `parse_metrics` puts them back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgraph.run.files import AppendFile

Row = dict[str, Any]
RESERVED = ("step", "epoch", "time", "nonfinite")


class MetricsFile:
    """metrics.jsonl: rows that can be cut back."""

    def __init__(self, path: Path) -> None:
        self._file = AppendFile(path)
        self.path = path

    @property
    def length(self) -> int:
        """In bytes: what a checkpoint carries."""
        return self._file.length

    def append(self, step: int, epoch: int, time: float, values: Mapping[str, Any]) -> None:
        """One row. values: numbers, or whatever `float` or `item()` makes one."""
        self._file.append(format_row(step, epoch, time, values))

    def truncate(self, length: int) -> None:
        """Forget what came after. Raises ValueError where there are fewer bytes than that."""
        self._file.truncate(length)

    def read(self) -> list[Row]:
        return read_metrics(self.path)

    def sync(self) -> None:
        """Return when a power failure can take nothing of it any more."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def format_row(step: int, epoch: int, time: float, values: Mapping[str, Any]) -> bytes:
    """One line. Raises ValueError for a name that the line needs itself, TypeError for what is no number."""
    row: Row = {"step": step, "epoch": epoch, "time": round(time, 3)}
    nonfinite: dict[str, str] = {}
    for name, value in values.items():
        if name in RESERVED:
            raise ValueError(f"nothing can be logged as '{name}': every row of the metrics has a '{name}'")
        number = to_number(name, value)
        if isinstance(number, float) and not math.isfinite(number):
            nonfinite[name] = str(number)
            row[name] = None
        else:
            row[name] = number
    if nonfinite:
        row["nonfinite"] = nonfinite
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": ")).encode("utf-8", "replace") + b"\n"


def read_metrics(path: Path) -> list[Row]:
    """The rows of a metrics.jsonl; none where there is no such file."""
    try:
        return parse_metrics(path.read_bytes())
    except FileNotFoundError:
        return []


def parse_metrics(data: bytes) -> list[Row]:
    """Rows from lines. What a killed process has half written at the end is left out.

    Raises ValueError, with the number of the line, where any other line is damaged.
    """
    lines = data.split(b"\n")
    rows = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line end is no whole line
        try:
            row = json.loads(line)
        except ValueError as error:
            if number == len(lines) - 1:
                break
            raise ValueError(f"line {number} of the metrics is damaged: {error}") from None
        for name, value in row.pop("nonfinite", {}).items():
            row[name] = float(value)
        rows.append(row)
    return rows


def to_number(name: str, value: Any) -> int | float:
    """A JSON number of a Python, NumPy or framework scalar. A truth value counts as 0 or 1."""
    if not isinstance(value, int | float) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"'{name}' is a {type(value).__name__}, {value!r:.40}; metrics are numbers")
