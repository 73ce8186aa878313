"""Examples that an op `save_examples` has saved, read as a data set. The format, too: `edgraph.run.examples` writes it.

A set is a folder with `examples.json` (what it holds), `origin.npy` (the index of each example in the data set that it
came from), and for each field `NAME.npy` (a row for each example) or, of images, `NAME/00000000.png` and so on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from edgraph.data.arrays import Array
from edgraph.data.collate import collate
from edgraph.data.order import Indices
from edgraph.text.suggest import did_you_mean

FORMAT = 1
ABOUT, ORIGIN, FOLDER = "examples.json", "origin", "examples"


def image_file(field: str, row: int) -> str:
    """Where an image lies in its set."""
    return f"{field}/{row:08d}.png"


class SavedExamples:
    """The fields that were saved, and `origin`; with `original` also those of the data set that they came from.

    folder: a run folder, or the folder of one set.
    name: the op that saved them, where there are several.
    step: that of the checkpoint (or of the run) when they were saved; by default the latest.
    original: the data set that they came from.
    Arrays stay in their files until they are asked for. Raises ValueError.
    """

    threads = True  # reading it from several threads at once is fine

    def __init__(self, *, folder: str, name: str | None = None, step: int | None = None,
                 original: Any = None) -> None:
        self.path = find_set(Path(folder).expanduser(), name, step)
        about = _about(self.path)
        self._length = int(about["count"])
        self._images: dict[str, dict[str, int]] = about["images"]
        self._arrays = {field: self._array(field) for field in (ORIGIN, *about["arrays"])}
        self.original = original
        if original is not None:
            _check_original(original, self._arrays[ORIGIN])
        self.fields = self._fields()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        batch = self.fetch(np.asarray([index], np.int64))
        return {name: values[0] for name, values in batch.items()}

    def fetch(self, indices: Indices) -> dict[str, Any]:
        """A batch: each field's rows at `indices`."""
        found: dict[str, Any] = {name: np.array(array[indices]) for name, array in self._arrays.items()}
        for name in self._images:
            found[name] = np.stack([self._image(name, row) for row in indices.tolist()])
        if self.original is None:
            return found
        return {**_examples(self.original, found[ORIGIN]), **found}

    def _array(self, field: str) -> Array:
        file = self.path / f"{field}.npy"
        try:
            array: Array = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ValueError(f"{file} is damaged: {error}") from error
        if len(array) != self._length:
            raise ValueError(f"{file} has {len(array)} rows, but {ABOUT} beside it says {self._length}")
        return array

    def _image(self, field: str, row: int) -> Array:
        from PIL import Image

        with Image.open(self.path / image_file(field, row)) as opened:
            pixels = np.asarray(opened, dtype=np.float32) / np.float32(255)
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _fields(self) -> dict[str, str] | None:
        """What is said of each field; None where the original data set says nothing of its own."""
        said = {name: f"{array.dtype} {tuple(array.shape[1:])}" if array.ndim > 1 else str(array.dtype)
                for name, array in self._arrays.items()}
        said |= {name: f"float32 ({image['channels']}, {image['height']}, {image['width']}), 0 to 1"
                 for name, image in self._images.items()}
        if self.original is None:
            return said
        others = getattr(self.original, "fields", None)
        return None if not others else {**others, **said}


# -- where they are ------------------------------------------------------------------------------------

def find_set(folder: Path, name: str | None, step: int | None) -> Path:
    """The folder of one set."""
    if (folder / ABOUT).is_file():
        return folder
    sets = saved_sets(folder)
    if not sets:
        lacks = "are no saved examples in" if folder.is_dir() else "is no folder"
        raise ValueError(f"there {lacks} {folder.absolute()}")
    chosen = _named(sets, name, folder)
    steps = {int(path.name[5:]): path for path in sets[chosen]}
    if step is None:
        return steps[max(steps)]
    if step not in steps:
        known = ", ".join(map(str, sorted(steps)[-12:]))
        raise ValueError(f"{folder} has no examples of '{chosen}' at step {step}; there are those of {known}")
    return steps[step]


def saved_sets(run: Path) -> dict[str, list[Path]]:
    """The sets of a run folder, by the op that saved them."""
    found: dict[str, list[Path]] = {}
    for about in sorted((run / FOLDER).glob(f"*/step-*/{ABOUT}")):
        if about.parent.name[5:].isdecimal():
            found.setdefault(about.parent.parent.name, []).append(about.parent)
    return found


def _named(sets: dict[str, list[Path]], name: str | None, folder: Path) -> str:
    if name is None and len(sets) == 1:
        return next(iter(sets))
    if name is None:
        raise ValueError(f"{folder} has examples saved by several ops: say `name`, one of {', '.join(sets)}")
    # `score.outputs` is the op `outputs` in the loop `score`
    fits = [known for known in sets if name in (known, known.rsplit(".", 1)[-1])]
    if len(fits) != 1:
        raise ValueError(f"no op '{name}' has saved examples in {folder}: {did_you_mean(name, sets)}" if not fits else
                         f"'{name}' could be {' or '.join(fits)}")
    return fits[0]


def _about(path: Path) -> dict[str, Any]:
    file = path / ABOUT
    try:
        about = json.loads(file.read_bytes())
        newer = int(about["format"]) > FORMAT
        whole = isinstance(about["images"], dict) and isinstance(about["arrays"], list) and int(about["count"]) > 0
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if newer or not whole:
        raise ValueError(f"{file} was written by a newer edgraph" if newer else f"{file} is damaged")
    return about  # type: ignore[no-any-return]


# -- where they came from ------------------------------------------------------------------------------

def _check_original(original: Any, origin: Array) -> None:
    if isinstance(original, str) or not hasattr(original, "__len__") or not hasattr(original, "__getitem__"):
        raise ValueError(f"'original' is {original!r}, not a data set: write {{use: …, with: …}}")
    if int(origin.max()) >= len(original):
        raise ValueError(f"'original' has {len(original)} examples, but the saved ones came from a data set with at "
                         f"least {int(origin.max()) + 1}")


def _examples(dataset: Any, indices: Indices) -> dict[str, Any]:
    if hasattr(dataset, "fetch"):
        return dict(dataset.fetch(indices))
    return collate([dataset[index] for index in indices.tolist()])
