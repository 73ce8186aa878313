"""Tables as text: comma-separated values and their relatives."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgraph.data.arrays import Array, ArrayData
from edgraph.text.suggest import did_you_mean

MISSING = {"", "na", "n/a", "null", "none", "?", "-"}  # what tables write where they have no value


def read(*, file: Path, target: str | int | None = None, features: list[str] | None = None,
         delimiter: str = ",", header: bool = True) -> ArrayData:
    """`features` (columns,) float32, `target`, and every numeric column under its own name.

    target: the column to predict, by name or by number from 0. Whole numbers give int64, other numbers
    float32, text the place of its class among `classes`, sorted.
    features: the columns of the matrix; by default all numeric ones but the target.
    delimiter: what separates cells.
    header: whether the first line names the columns; else they are called `c0`, `c1`, …
    Raises FileNotFoundError, and ValueError with the file and line of a cell that does not fit.
    """
    table = _Table(file, delimiter, header)
    chosen = None if target is None else table.column(target)
    numeric = [name for name in table.names if name != chosen and table.is_numeric(name)]
    columns = [table.column(name) for name in features] if features is not None else numeric
    arrays: dict[str, Array] = {name: table.numbers(name) for name in dict.fromkeys([*numeric, *columns])}
    attributes = {}
    matrix = [arrays[name] for name in columns]
    if chosen is not None:
        arrays[chosen], attributes["classes"] = table.target(chosen)
        arrays["target"] = arrays[chosen]
    if matrix:
        arrays["features"] = np.stack(matrix, axis=1)
    if not arrays:
        only = f"; its only column is '{table.names[0]}': is 'delimiter' right?" if len(table.names) == 1 else ""
        raise ValueError(f"{file} has no column of numbers, and no 'target' is named{only}")
    return ArrayData(arrays, attributes=attributes)


class _Table:
    """Cells as text, by column, with the line each row begins on."""

    def __init__(self, file: Path, delimiter: str, header: bool) -> None:
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file}")
        if len(delimiter) != 1:
            raise ValueError(f"'delimiter' must be a single character, not {delimiter!r}")
        self.file = file
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows, self.lines = self._rows(lines, delimiter)
        if not rows:
            raise ValueError(f"{file} is empty")
        if header and rows:
            self.names = [cell.strip() for cell in rows.pop(0)]
            self.lines.pop(0)
        else:
            self.names = [f"c{number}" for number in range(len(rows[0]) if rows else 0)]
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice:
            raise ValueError(f"{file}:1: column '{min(twice)}' is named twice")
        for line, row in zip(self.lines, rows, strict=True):
            if len(row) != len(self.names):
                raise ValueError(f"{file}:{line}: {len(row)} cells, expected {len(self.names)}")
        self._cells = {name: [row[i].strip() for row in rows] for i, name in enumerate(self.names)}

    def column(self, name: str | int) -> str:
        """The name of a column given by name or number."""
        if isinstance(name, int) and -len(self.names) <= name < len(self.names):
            return self.names[name]
        if name in self._cells:
            return str(name)
        raise ValueError(f"{self.file} has no column '{name}': {did_you_mean(str(name), self.names)}")

    def is_numeric(self, name: str) -> bool:
        """Whether a column is meant to hold numbers: its first cell is one, of those that hold something."""
        first = next((cell for cell in self._cells[name] if cell.lower() not in MISSING), None)
        return first is not None and _is_number(first)

    def numbers(self, name: str) -> Array:
        """A column as float32."""
        try:
            return np.array(self._cells[name], dtype=np.str_).astype(np.float32)
        except ValueError:
            for line, cell in zip(self.lines, self._cells[name], strict=True):
                if not _is_number(cell):
                    found = f"'{cell}'" if cell else "an empty cell"
                    raise ValueError(f"{self.file}:{line}: column '{name}' holds {found}, expected a number"
                                     ) from None
            raise

    def target(self, name: str) -> tuple[Array, tuple[str, ...] | None]:
        """A column as what a model predicts, and the classes where it is text."""
        cells = np.array(self._cells[name], dtype=np.str_)
        if self.is_numeric(name):
            try:
                return cells.astype(np.int64), None
            except (ValueError, OverflowError):
                return self.numbers(name), None
        for line, cell in zip(self.lines, self._cells[name], strict=True):
            if not cell:
                raise ValueError(f"{self.file}:{line}: column '{name}' holds an empty cell, expected a class")
        classes, indices = np.unique(cells, return_inverse=True)
        return indices.astype(np.int64), tuple(classes.tolist())

    def _rows(self, lines: Iterable[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
        reader = csv.reader(lines, delimiter=delimiter)
        rows, numbers, begin = [], [], 1
        try:
            for row in reader:
                if row:  # empty lines separate nothing
                    rows.append(row)
                    numbers.append(begin)
                begin = reader.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{self.file}:{begin}: {error}") from error
        return rows, numbers


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
