"""Ops that show what happens: metrics, pictures, texts, tables, lines on the terminal.

They are given the global step and write to all loggers of the run. Numbers are logged as `<node>.<input>`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from edgraph.ops.library.attached import Attached
from edgraph.ops.markers import Count
from edgraph.ops.registry import op


def number(value: Any, name: str) -> Any:
    """One number, as Python's. Raises ValueError for anything with more or fewer."""
    size = getattr(value, "size", 1)
    if isinstance(value, str) or size != 1:
        raise ValueError(f"'{name}' is {_found(value)}: expected one number; take a mean, or use log_histogram")
    return value.item() if hasattr(value, "item") else value


def _found(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{value!r:.60}" if shape is None else f"an array of shape {tuple(shape)}"


@op(effect=True, state=None, passes=("global_step",), differentiable=False, open_ports=False)
class log_scalars(Attached):
    """Log numbers. Each is named after the node and the input: `report.loss`, `report.update.lr`.

    values: numbers, or mappings of numbers, which are logged one by one.
    """

    def __call__(self, global_step: int, *values: Any) -> None:
        prefix = self.services.name + "."
        self.services.loggers.scalars(
            global_step, {name: number(value, name) for name, value in self.named(values, prefix)})


@op(effect=True, state=None, passes=("global_step",), differentiable=False, open_ports=False)
class log_images(Attached):
    """Log a batch of pictures as one grid, with captions where there are labels.

    image: (batch, height, width), (batch, channels, height, width) or (batch, height, width, channels), with
    1, 3 or 4 channels; bytes from 0 to 255, or numbers in `range`.
    label: (batch,) what to write under each picture: class indices, numbers or texts.
    target: (batch,) what the label should be; where it differs the caption shows both.
    columns: pictures in a row; by default as many as make the grid about square.
    range: the numbers that are shown black and white; by default 0 to 1 or -1 to 1 where that fits, else the
    least and the greatest.
    scale: by how much each pixel is enlarged; by default so much that small pictures can be recognised.
    classes: the names of the classes, for captions.
    """

    def __init__(self, *, columns: Count | None = None, range: tuple[float, float] | None = None,
                 scale: Count | None = None, classes: list[str] | None = None) -> None:
        self._columns = columns
        self._range = range
        self._scale = scale
        self._classes = classes

    def __call__(self, global_step: int, image: Any, label: Any = None, target: Any = None) -> None:
        to_numpy = self.services.to_numpy
        pictures = to_numpy(image)
        captions = None if label is None else self._captions(to_numpy(label), to_numpy(target), len(pictures))
        self.services.loggers.images(global_step, self.services.name, pictures, captions, self._columns,
                                     self._scale, self._range)

    def _captions(self, labels: Any, targets: Any, count: int) -> list[str]:
        said = [self._caption(label) for label in _one_each("label", labels, count)]
        if targets is None:
            return said
        meant = [self._caption(target) for target in _one_each("target", targets, count)]
        return [s if s == m else f"{s} ({m})" for s, m in zip(said, meant, strict=True)]

    def _caption(self, label: Any) -> str:
        value = label.item() if hasattr(label, "item") else label
        if self._classes is not None and isinstance(value, int) and 0 <= value < len(self._classes):
            return self._classes[value]
        return f"{value:.3g}" if isinstance(value, float) else str(value)


def _one_each(port: str, values: Any, count: int) -> list[Any]:
    """A number or text for each picture."""
    items = _column(values)
    if any(isinstance(item, list | tuple) for item in items):
        raise ValueError(f"'{port}' is one number or text for each picture, and has values of several numbers; of "
                         "scores the class is `.argmax`")
    if len(items) != count:
        raise ValueError(f"{count} pictures, but {len(items)} {port}s")
    return items


@op(effect=True, state=None, passes=("global_step",), differentiable=False, open_ports=False)
class log_text(Attached):
    """Log texts, named as log_scalars names numbers.

    values: texts, or anything else as Python prints it.
    """

    def __call__(self, global_step: int, *values: Any) -> None:
        for name, value in self.named(values, self.services.name + "."):
            self.services.loggers.text(global_step, name, str(value))


@op(effect=True, state=None, passes=("global_step",), differentiable=False, open_ports=False)
class log_histogram(Attached):
    """Log how values are distributed, named as log_scalars names numbers.

    values: values of any shape.
    """

    def __call__(self, global_step: int, *values: Any) -> None:
        for name, value in self.named(values, self.services.name + "."):
            self.services.loggers.histogram(global_step, name, value)


@op(effect=True, state=None, passes=("global_step",), differentiable=False, open_ports=False)
class log_table(Attached):
    """Log a table with a column for each input and a row for each example.

    values: (rows, ...) columns, equally long; a single number is a column of one row. One matrix alone, such
    as a confusion matrix, is logged as it is.
    columns: the headings; by default the names of the inputs, or numbers for a matrix.
    """

    def __init__(self, *, columns: list[str] | None = None) -> None:
        self._columns = columns

    def __call__(self, global_step: int, *values: Any) -> None:
        named = dict(self.named(values))
        lists = {name: _column(value) for name, value in named.items()}
        if len({len(column) for column in lists.values()}) > 1:
            lengths = ", ".join(f"'{name}' has {len(column)}" for name, column in lists.items())
            raise ValueError(f"the columns of a table are equally long, and of these {lengths} rows")
        headings, rows = list(lists), [list(row) for row in zip(*lists.values(), strict=True)]
        if len(named) == 1 and getattr(next(iter(named.values())), "ndim", 0) == 2:
            rows = next(iter(lists.values()))
            headings = [str(i) for i in range(len(rows[0]) if rows else 0)]
        self.services.loggers.table(global_step, self.services.name, self._columns or headings, rows)


def _column(value: Any) -> list[Any]:
    items = value.tolist() if hasattr(value, "tolist") else value
    return list(items) if isinstance(items, list | tuple) else [items]


def _known_fields(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    """Whether a format names inputs only: a field is the whole name, never a look into an object."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(settings["format"] or "")]
    except ValueError as error:
        return "format", f"{error}; a brace itself is written twice: {{{{"
    for field in fields:
        if field is not None and field != "step" and field not in inputs:
            known = ", ".join(f"{{{name}}}" for name in dict.fromkeys(("step", *inputs)))
            return "format", f"it names {{{field}}}, but there are {known}"
    return None


@op(effect=True, state=None, passes=("global_step",), name="print", differentiable=False, open_ports=False,
    rule=_known_fields)
class Print(Attached):
    """Print a line on the terminal (and in the run's log).

    values: what to print.
    format: the line, with `{name}` or `{name:.3f}` for an input and `{step}` for the global step; by default
    every input with its name.
    """

    def __init__(self, *, format: str | None = None) -> None:
        self._format = format

    def __call__(self, global_step: int, *values: Any) -> None:
        self.services.loggers.line(self._line(global_step, values))

    def _line(self, step: int, values: Sequence[Any]) -> str:
        if self._format is None:
            parts = [f"{name} {show(value)}" for name, value in self.named(values)]
            return "  ".join([f"step {step}", *parts])
        given = {name: plain(self.services.to_numpy(value))
                 for name, value in zip(self.services.input_names, values, strict=True)}
        parts = []
        # Not str.format, which would take `update.lr` for an attribute: a field is the whole name of an input.
        for literal, field, spec, _ in string.Formatter().parse(self._format):
            parts.append(literal)
            if field is not None:
                parts.append(_formatted(field, step if field == "step" else given[field], spec or ""))
        return "".join(parts)


def _formatted(name: str, value: Any, spec: str) -> str:
    try:
        return format(value, spec)
    except (ValueError, TypeError) as error:
        raise ValueError(f"'{name}' is {_found(value)}, which '{{{name}:{spec}}}' cannot write: {error}") from error


def plain(value: Any) -> Any:
    """A Python value where an array has only one element."""
    return value.item() if getattr(value, "size", 0) == 1 and hasattr(value, "item") else value


def show(value: Any) -> str:
    """A value as short text: numbers with five digits."""
    value = plain(value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)
