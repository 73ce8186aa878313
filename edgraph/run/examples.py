"""Sets of examples in the making: written beside, row by row, and named when they are whole (edgraph.data.saved)."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgraph.data.saved import ABOUT, FORMAT, ORIGIN, image_file
from edgraph.run.files import PARTIAL, flush_folder
from edgraph.run.images import channels_last, png_bytes, to_pixels

HEADER = 256  # bytes before the rows of an .npy file: its length is known only at the end


class ExampleSet:
    """The set `path`, which is there as a whole once `finish` has returned. Memory holds one batch of it.

    images: the fields to be written as PNG.  range: the numbers that are black and white in them.
    """

    def __init__(self, path: Path, images: Sequence[str] = (), range: tuple[float, float] | None = None) -> None:
        self.path = path
        self._images = frozenset(images)
        self._range = range
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        self._partial.mkdir(parents=True)
        self._columns: dict[str, Column] = {}
        self._sizes: dict[str, tuple[int, int, int]] = {}  # of images: channels, height, width
        self._count = 0

    def add(self, index: Any, values: Mapping[str, Any]) -> None:
        """The rows of one batch. Raises ValueError or TypeError for what is not one row an example."""
        import numpy as np

        rows = np.asarray(index)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ValueError(f"'index' is an array of {rows.dtype} with shape {rows.shape}; expected (batch,) whole "
                             "numbers, such as batch.index")
        found = {name: checked(name, value, len(rows)) for name, value in values.items()}
        self._column(ORIGIN, rows.astype(np.int64))
        for name, value in found.items():
            if name in self._images:
                self._pictures(name, value)
            else:
                self._column(name, value)
        self._count += len(rows)

    def finish(self) -> int:
        """Name it, in place of one that was there. The number of examples."""
        for column in self._columns.values():
            column.close()
        about = {"format": FORMAT, "count": self._count, "arrays": [n for n in self._columns if n != ORIGIN],
                 "images": {name: dict(zip(("channels", "height", "width"), size, strict=True))
                            for name, size in self._sizes.items()}}
        with open(self._partial / ABOUT, "xb") as file:
            file.write(json.dumps(about, indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        flush_folder(self._partial)
        old = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.old{PARTIAL}")
        if self.path.exists():
            os.replace(self.path, old)
        os.replace(self._partial, self.path)
        flush_folder(self.path.parent)
        shutil.rmtree(old, ignore_errors=True)
        return self._count

    def drop(self) -> None:
        """Leave nothing of it."""
        for column in self._columns.values():
            column.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _column(self, name: str, rows: Any) -> None:
        if name not in self._columns:
            self._columns[name] = Column(self._partial / f"{name}.npy", name)
        self._columns[name].add(rows)

    def _pictures(self, name: str, values: Any) -> None:
        size, pictures = pixels(values, self._range)
        if self._sizes.setdefault(name, size) != size:
            raise ValueError(f"'{name}' has pictures of different sizes: {self._sizes[name]} and {size}")
        (self._partial / name).mkdir(exist_ok=True)
        for row, picture in enumerate(pictures, self._count):
            (self._partial / image_file(name, row)).write_bytes(png_bytes(picture))


class Column:
    """An .npy file that grows by rows."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._file = open(path, "xb")  # noqa: SIM115
        self._kind: tuple[Any, tuple[int, ...]] | None = None  # type and shape of a row
        self._count = 0

    def add(self, rows: Any) -> None:
        kind = rows.dtype, rows.shape[1:]
        if self._kind is None:
            self._kind = kind
            self._file.write(b" " * HEADER)
        elif kind != self._kind:
            raise ValueError(f"'{self._name}' was {self._kind[0]} {self._kind[1]} for each example before, and is "
                             f"{kind[0]} {kind[1]} now")
        self._file.write(rows.tobytes())
        self._count += len(rows)

    def close(self) -> None:
        if self._file.closed:
            return
        if self._kind is not None:
            dtype, shape = self._kind
            self._file.seek(0)
            self._file.write(npy_header(dtype, (self._count, *shape)))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def checked(name: str, value: Any, count: int) -> Any:
    """A value as an array with a row for each of `count` examples."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"'{name}' is a {type(value).__name__}, {value!r:.40}; arrays of numbers can be saved")
    if array.ndim == 0 or len(array) != count:
        found = "one number" if array.ndim == 0 else f"an array of shape {array.shape}"
        raise ValueError(f"'{name}' is {found} for {count} examples; expected a row for each")
    return np.ascontiguousarray(array)


def pixels(values: Any, range: tuple[float, float] | None) -> tuple[tuple[int, int, int], Iterable[Any]]:
    """Channels, height and width, and each picture as uint8."""
    shape = channels_last(values, None).shape
    given = range or ((0.0, 255.0) if values.dtype.kind in "iu" else (0.0, 1.0))
    found = to_pixels(values, given)
    if shape[3] == 1:
        return (1, shape[1], shape[2]), found[..., 0]
    return (3, shape[1], shape[2]), found


def npy_header(dtype: Any, shape: tuple[int, ...]) -> bytes:
    """The beginning of an .npy file (version 1.0), always equally long."""
    import numpy as np

    text = repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    body = text.encode("latin1").ljust(HEADER - 11) + b"\n"
    if len(body) != HEADER - 10:
        raise ValueError(f"arrays of {dtype} with shape {shape} cannot be saved")
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body
