"""Text as sequences of characters."""

from __future__ import annotations

from collections.abc import Iterable
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgraph.data.arrays import Array
from edgraph.data.order import Indices


class Characters:
    """`input` (length,) int64 and `target` (length,) int64, the same moved on by one character.

    file: a text file, a pattern such as `books/*.txt`, or a folder, whose `.txt` files are read, sorted.
    length: characters in an example.
    stride: from the begin of one example to that of the next; by default the length.
    split: the first nine tenths are for training, the rest for validation; or all.

    vocabulary: all characters of the whole text, sorted; an index is a place in it.
    """

    threads = True  # reading it from several threads at once is fine

    def __init__(self, *, file: Path, length: int = 128, stride: int | None = None,
                 split: Literal["train", "validation", "all"] = "train") -> None:
        if length < 1 or (stride is not None and stride < 1):
            raise ValueError("'length' and 'stride' count characters, at least 1")
        text = "".join(_read(path) for path in _files(file))
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        known, codes = np.unique(points, return_inverse=True)
        self.vocabulary = "".join(map(chr, known.tolist()))
        border = len(codes) * 9 // 10
        parts = {"train": slice(0, border), "validation": slice(border, None), "all": slice(None)}
        self._codes: Indices = codes[parts[split]].astype(np.int64)
        self.length = length
        self.stride = stride or length
        if len(self._codes) <= length:
            raise ValueError(f"the text of '{split}' in {file} has {len(self._codes)} characters, too "
                             f"few for an example of length {length}, which needs {length + 1}")
        self._span = np.arange(length, dtype=np.int64)
        described = f"int64 ({length},), 0 to {len(self.vocabulary) - 1}"
        self.fields = {"input": described, "target": described}

    def __len__(self) -> int:
        return (len(self._codes) - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        return {name: rows[0] for name, rows in self.fetch(np.array([index])).items()}

    def fetch(self, indices: Indices) -> dict[str, Array]:
        """A batch: `input` and `target`, each (batch, length) int64."""
        places = indices[:, None] * self.stride + self._span
        return {"input": self._codes[places], "target": self._codes[places + 1]}

    def decode(self, codes: Iterable[int]) -> str:
        """The text of a sequence of indices."""
        return "".join(self.vocabulary[int(code)] for code in codes)


def _files(file: Path) -> list[Path]:
    if file.is_dir():
        found = sorted(file.glob("*.txt"))
        if not found:
            raise FileNotFoundError(f"there is no .txt file in {file}")
        return found
    if file.is_file():
        return [file]
    found = sorted(path for path in map(Path, glob(str(file), recursive=True)) if path.is_file())
    if not found:
        what = "no file matches" if has_magic(str(file)) else "there is no file"
        raise FileNotFoundError(f"{what} {file}")
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: {error}") from error
