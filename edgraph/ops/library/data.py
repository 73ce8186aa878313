"""Declarations of the built-in data sets. Paths are relative to the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from edgraph.ops.markers import Count, Range
from edgraph.ops.registry import dataset, load_target


def _digits_length(settings: dict[str, Any]) -> int | None:
    lengths: dict[str, int] = load_target("edgraph.data.lengths:DIGITS")
    return lengths.get(settings.get("split", "train"))


@dataset(at="edgraph.data.digits:read", length=_digits_length, fields=("image", "label"))
def digits(*, split: Literal["train", "validation", "all"] = "train") -> Any:
    """Handwritten digits, 1,797 of them, from scikit-learn: `image` (1, 8, 8) from 0 to 1, `label` 0 to 9.

    split: four fifths for training, one fifth for validation, always the same; or all of them.
    """


@dataset(at="edgraph.data.idx:read", fields=("image", "label"))
def idx(*, images: Path | None = None, labels: Path | None = None, folder: Path | None = None,
        split: Literal["train", "validation", "test"] = "train") -> Any:
    """Files of the MNIST family: `image` (1, height, width) from 0 to 1, `label`.

    images: a file of images, plain or .gz.
    labels: the file of their labels.
    folder: instead of both, where the files lie under their usual names (`train-images-idx3-ubyte.gz`, …); by
        default where Debian's package dataset-fashion-mnist installs them.
    split: which files of the folder; validation and test are the same ones (`t10k-…`).
    """


@dataset(at="edgraph.data.npz:read")
def arrays(*, file: Path, fields: list[str] | dict[str, str] | None = None) -> Any:
    """The arrays of an .npz file, as they are; the first axis of each counts the examples.

    file: written by numpy.savez, without Python objects.
    fields: which arrays, or a mapping from a field's name to the array's; by default all.
    """


@dataset(at="edgraph.data.tables:read")
def csv(*, file: Path, target: str | int | None = None, features: list[str] | None = None,
        delimiter: str = ",", header: bool = True) -> Any:
    """A table as text: `features` (columns,), `target`, and each numeric column under its own name.

    file: a text file with one line for each example.
    target: the column to predict, by name or by number from 0. Text becomes the number of its class, sorted.
    features: the columns of the matrix; by default all numeric ones but the target.
    delimiter: what separates cells.
    header: whether the first line names the columns; else they are called `c0`, `c1`, …
    """


@dataset(at="edgraph.data.images:ImageFolder", fields=("image", "label"))
def image_folder(*, folder: Path, size: Count | list[Count] | None = None, split: str | None = None,
                 grayscale: bool = False) -> Any:
    """Images in a folder for each class: `image` (3, height, width) from 0 to 1, `label`.

    folder: it holds one folder a class.
    size: the middle square of an image is scaled to it; [height, width] scales the whole image. Without it
        images keep their size and must agree in a batch.
    split: the sub-folder that holds the classes, such as `train`.
    grayscale: one channel instead of three.
    """


@dataset(at="edgraph.data.characters:Characters", fields=("input", "target"))
def text(*, file: Path, length: Count = 128, stride: Count | None = None,
         split: Literal["train", "validation", "all"] = "train") -> Any:
    """Sequences of characters: `input` (length,) and `target`, the same moved on by one character.

    file: a text file, a pattern such as `books/*.txt`, or a folder of `.txt` files.
    length: characters in an example.
    stride: from the begin of one example to that of the next; by default the length.
    split: the first nine tenths are for training, the rest for validation; or all.
    """


@dataset(at="edgraph.data.saved:SavedExamples")
def examples(*, folder: str, name: str | None = None, step: Annotated[int, Range(min=0)] | None = None,
             original: Any = None) -> Any:
    """What an op `save_examples` has saved: its values by name, and `origin`, where each example came from.

    folder: the run's folder, from where edgraph is started, or that of one set in it.
    name: the op that saved them, where several did.
    step: that at which they were saved, in a run over checkpoints the checkpoint's; by default the latest.
    original: the data set that they came from, `{use: …, with: …}`; its fields are then there too.
    """


@dataset(at="edgraph.data.concat:read")
def concat(*, sets: list[Any]) -> Any:
    """Several data sets with the same fields, one after the other.

    sets: a list of `{use: …, with: …}`.
    """
