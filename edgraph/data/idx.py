"""Files of the MNIST family (`idx`), plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from edgraph.data.arrays import Array, ArrayData, describe

# Where packages of distributions put such files (Debian: dataset-fashion-mnist).
FOLDERS = (Path("/usr/share/datasets/fashion-mnist"), Path("/usr/share/datasets/mnist"))
PREFIX = {"train": "train", "validation": "t10k", "test": "t10k"}
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read(*, images: Path | None = None, labels: Path | None = None, folder: Path | None = None,
         split: Literal["train", "validation", "test"] = "train") -> ArrayData:
    """`image` (1, height, width) float32, bytes scaled to 0 to 1, and `label` int64.

    Either `images` (and maybe `labels`) name files, or they have their usual names in `folder`, such as
    `train-images-idx3-ubyte.gz`. Raises FileNotFoundError, ValueError.
    """
    if images is None:
        if labels is not None:
            raise ValueError("'labels' without 'images': name both files, or a folder")
        images, labels = _standard(folder, split)
    elif folder is not None:
        raise ValueError("'images' and 'folder' are two ways to say the same: give one of them")
    pixels = read_array(images)
    if pixels.ndim < 3:
        raise ValueError(f"{images} has {pixels.ndim} dimensions; images have 3, or 4 with channels")
    shape = (len(pixels), 1, *pixels.shape[1:]) if pixels.ndim == 3 else pixels.shape
    scaled = pixels.astype(np.float32).reshape(shape)
    if pixels.dtype == np.uint8:
        scaled /= 255  # in place: there may be 60,000 of them
    arrays: dict[str, Array] = {"image": scaled}
    if labels is not None:
        arrays["label"] = _classes(labels)
    fields = {name: describe(array) for name, array in arrays.items()}
    return ArrayData(arrays, fields)


def _classes(file: Path) -> Array:
    values = read_array(file)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{file} holds {values.dtype.newbyteorder('=')} of shape {values.shape}; labels are whole "
                         "numbers, one for each image")
    return values.astype(np.int64)


def read_array(file: Path) -> Array:
    """The array in an idx file: two zero bytes, type, number of dimensions, lengths, values, big endian."""
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    data = file.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{file} is a damaged gzip file: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or len(data) < 4 + 4 * data[3]:
        start = data[:4].hex(" ") or "nothing"
        raise ValueError(f"{file} is no idx file: it starts with {start}, expected 00 00, a type and a "
                         "number of dimensions")
    dtype = np.dtype(TYPES[data[2]])
    begin = 4 + 4 * data[3]
    shape = tuple(int(n) for n in np.frombuffer(data, ">i4", data[3], 4))
    if min(shape, default=0) < 0:
        raise ValueError(f"{file} is damaged: its header announces the shape {shape}")
    announced = dtype.itemsize * math.prod(shape)
    if len(data) != begin + announced:
        raise ValueError(f"{file} holds {len(data) - begin} bytes of values where its header announces "
                         f"{announced}, shape {shape}: it is cut short or damaged")
    return np.frombuffer(data, dtype, offset=begin).reshape(shape)


def _standard(folder: Path | None, split: str) -> tuple[Path, Path]:
    """The two files of a split under their usual names."""
    if folder is not None and not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    places = (folder,) if folder is not None else FOLDERS
    names = f"{PREFIX[split]}-images-idx3-ubyte", f"{PREFIX[split]}-labels-idx1-ubyte"
    for place in places:
        images, labels = _file(place, names[0]), _file(place, names[1])
        if images and labels:
            return images, labels
    raise FileNotFoundError(f"no {names[0]} and {names[1]} (or .gz) in {' or '.join(map(str, places))}: give "
                            "'folder', or 'images' and 'labels' (Debian's package dataset-fashion-mnist has "
                            "such files)")


def _file(folder: Path, name: str) -> Path | None:
    """The file, also gzipped or with a dot for the last dash of the stem, as some mirrors write it."""
    dotted = name.replace("-idx", ".idx")
    candidates = (folder / n for n in (name, f"{name}.gz", dotted, f"{dotted}.gz"))
    return next((file for file in candidates if file.is_file()), None)
