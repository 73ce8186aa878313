"""Every built-in data set on small real files, and what it says when they are wrong."""

from __future__ import annotations

import gzip
import inspect
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from data_tools import at, opened, refused
from PIL import Image

from edgraph.data import idx
from edgraph.ops.registry import registry

NONE = np.zeros(0, np.int64)


def batch(source: Any, *indices: int) -> dict[str, Any]:
    return source.fetch(np.array(indices, np.int64))  # type: ignore[no-any-return]


def test_what_is_declared_is_what_is_called() -> None:
    for name, item in registry.data.items():
        signature = inspect.signature(item.load())
        declared = {p.name: p.default for p in item.params or ()}
        real = {p.name: (... if p.default is p.empty else p.default) for p in signature.parameters.values()}
        assert declared == real, name


# -- digits --------------------------------------------------------------------------------------------

def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits
    known = load_digits()
    source = opened("digits", {"split": "all"})
    everything = batch(source, *range(1797))
    assert everything["image"].dtype == np.float32
    assert everything["image"].shape == (1797, 1, 8, 8)
    assert np.array_equal(everything["image"][:, 0] * 16, known.images)
    assert everything["label"].dtype == np.int64
    assert np.array_equal(everything["label"], known.target)


def test_the_split_of_digits_is_fixed() -> None:
    parts = [opened("digits", {"split": split}).arrays for split in ("train", "validation")]
    assert [len(part["label"]) for part in parts if part] == [1437, 360]
    rows = [tuple(image.ravel()) for part in parts if part for image in part["image"]]
    assert len(set(rows)) > 1780  # a few digits are in the data set twice
    assert parts[0] is not None
    assert parts[0]["label"][:8].tolist() == [0, 5, 1, 6, 2, 2, 9, 9]


def test_scikit_learn_is_not_imported_for_digits() -> None:
    code = "import sys; from edgraph.data.digits import read; read(); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgraph.data.digits.find_spec", lambda name: None)
    found = refused("digits")
    assert (found.code, at(found)) == ("cannot-construct", "digits")
    assert found.message.endswith('scikit-learn, which is not installed: pip install "edgraph[datasets]"')


# -- idx -----------------------------------------------------------------------------------------------

def idx_bytes(array: np.ndarray[Any, Any], kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


IMAGES = np.arange(5 * 3 * 2, dtype=np.uint8).reshape(5, 3, 2) * 8
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx_bytes(IMAGES[:2]))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx_bytes(LABELS[:2]))
    return tmp_path


def test_idx_by_folder(mnist: Path) -> None:
    train = opened("idx", {"folder": mnist.name}, folder=mnist.parent)
    assert train.length == 5
    assert train.fields == {"image": "float32 (1, 3, 2)", "label": "int64"}
    two = batch(train, 4, 0)
    assert two["image"].dtype == np.float32
    assert np.array_equal(two["image"][:, 0], IMAGES[[4, 0]] / np.float32(255))
    assert two["label"].tolist() == [5, 3]
    assert opened("idx", {"folder": mnist, "split": "validation"}).length == 2
    assert opened("idx", {"folder": mnist, "split": "test"}).length == 2


def test_idx_by_files(mnist: Path) -> None:
    alone = opened("idx", {"images": "train-images-idx3-ubyte.gz"}, folder=mnist)
    assert alone.arrays is not None
    assert list(alone.arrays) == ["image"]
    both = opened("idx", {"images": "train-images-idx3-ubyte.gz",
                          "labels": mnist / "train-labels-idx1-ubyte"}, folder=mnist)
    assert batch(both, 2)["label"].tolist() == [4]


def test_idx_of_other_types(tmp_path: Path) -> None:
    values = np.arange(12, dtype=">f4").reshape(2, 3, 2)
    (tmp_path / "x").write_bytes(idx_bytes(values, 0x0D))
    assert np.array_equal(batch(opened("idx", {"images": tmp_path / "x"}), 1)["image"][0, 0], values[1])


def test_idx_that_is_not_there(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "FOLDERS", (mnist / "a", mnist / "b"))
    found = refused("idx")
    assert (found.code, at(found)) == ("missing-file", "idx")
    assert found.message == (
        f"data set 'idx' could not be made: no train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz) "
        f"in {mnist}/a "
        f"or {mnist}/b: give 'folder', or 'images' and 'labels' (Debian's package dataset-fashion-mnist has "
        f"such files)")
    found = refused("idx", {"folder": "nowhere"}, folder=mnist)
    assert (found.code, at(found)) == ("missing-file", "nowhere")
    assert found.message.endswith(f"there is no folder {mnist}/nowhere")
    assert found.help == f"relative paths start at the pipeline's folder, {mnist}"
    found = refused("idx", {"images": "train", "labels": "x"}, folder=mnist)
    assert found.message.endswith(f"there is no file {mnist}/train")


def torn(data: bytes) -> bytes:
    return data[:20] + bytes(255 - value for value in data[20:22]) + data[22:]


@pytest.mark.parametrize(("settings", "message"), [
    ({"labels": "x"}, "'labels' without 'images': name both files, or a folder"),
    ({"images": "x", "folder": "y"}, "'images' and 'folder' are two ways to say the same: give one of them"),
    ({"images": "html"}, "is no idx file: it starts with 3c 68 74 6d, expected 00 00, a type and a number "
                         "of dimensions"),
    ({"images": "empty"}, "is no idx file: it starts with nothing, expected 00 00, a type and a number of "
                          "dimensions"),
    ({"images": "short"}, "holds 29 bytes of values where its header announces 30, shape (5, 3, 2): it is "
                          "cut short or "
                          "damaged"),
    ({"images": "labels"}, "has 1 dimensions; images have 3, or 4 with channels"),
    ({"images": "gz"}, "is a damaged gzip file: Compressed file ended before the end-of-stream marker was "
                       "reached"),
    ({"images": "torn"}, "is a damaged gzip file: Error -3 while decompressing data: invalid distance too far back"),
    ({"images": "negative"}, "is damaged: its header announces the shape (-5, -3, 2)"),
    ({"images": "good", "labels": "good"}, "holds uint8 of shape (5, 3, 2); labels are whole numbers, one for each image"),
    ({"images": "good", "labels": "floats"}, "holds float32 of shape (5,); labels are whole numbers, one for each image"),
    ({"images": "good", "labels": "labels"}, "the fields do not have equally many examples: 'image' 5, "
                                             "'label' 3")])
def test_idx_that_is_wrong(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    contents = {"html": b"<html>", "empty": b"", "short": idx_bytes(IMAGES)[:-1],
                "labels": idx_bytes(LABELS[:3]),
                "gz": gzip.compress(idx_bytes(IMAGES))[:-20], "good": idx_bytes(IMAGES),
                "torn": torn(gzip.compress(idx_bytes(IMAGES))), "floats": idx_bytes(LABELS.astype(">f4"), 0x0D),
                "negative": idx_bytes(IMAGES)[:4] + struct.pack(">iii", -5, -3, 2) + IMAGES.tobytes()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = refused("idx", settings, folder=tmp_path)
    assert found.code == "cannot-construct"
    assert found.message.endswith(message)


# -- arrays --------------------------------------------------------------------------------------------

@pytest.fixture
def npz(tmp_path: Path) -> Path:
    np.savez(tmp_path / "x.npz", x=np.arange(6.0).reshape(3, 2), y=np.array([7, 8, 9], np.int32),
             short=np.zeros(2), number=np.float32(1))
    np.savez(tmp_path / "objects.npz", x=np.array([{}, {}], dtype=object))
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    return tmp_path


def test_arrays_keep_their_types(npz: Path) -> None:
    two = batch(opened("arrays", {"file": "x.npz", "fields": ["x", "y"]}, folder=npz), 2, 0)
    assert two["x"].dtype == np.float64
    assert two["x"].tolist() == [[4, 5], [0, 1]]
    assert two["y"].dtype == np.int32
    renamed = opened("arrays", {"file": "x.npz", "fields": {"input": "x"}}, folder=npz)
    assert renamed.fields == {"input": "float64 (2,)"}


@pytest.mark.parametrize(("settings", "code", "message"), [
    ({"file": "y.npz"}, "missing-file", "there is no file {folder}/y.npz"),
    ({"file": "x.npz"}, "cannot-construct", "'number' in {folder}/x.npz is a single number, not one value "
                                            "an example"),
    ({"file": "x.npz", "fields": ["x", "short"]}, "cannot-construct",
     "the fields do not have equally many examples: 'x' 3, 'short' 2"),
    ({"file": "x.npz", "fields": ["x", "shrot"]}, "cannot-construct",
     "{folder}/x.npz has no array 'shrot': did you mean 'short'?"),
    ({"file": "objects.npz"}, "cannot-construct", "{folder}/objects.npz holds Python objects, or is no .npz "
                                                  "file; nothing "
     "is unpickled: save plain arrays with numpy.savez"),
    ({"file": "text.npz"}, "cannot-construct", "{folder}/text.npz holds Python objects, or is no .npz file; "
                                               "nothing "
     "is unpickled: save plain arrays with numpy.savez"),
    ({"file": "single.npy"}, "cannot-construct", "{folder}/single.npy holds a single array, expected the "
                                                 ".npz of "
     "numpy.savez")])
def test_arrays_that_are_wrong(npz: Path, settings: dict[str, Any], code: str, message: str) -> None:
    found = refused("arrays", settings, folder=npz)
    assert (found.code, found.message) == (
        code, f"data set 'arrays' could not be made: {message.format(folder=npz)}")


# -- csv -----------------------------------------------------------------------------------------------

def write(folder: Path, text: str) -> Path:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return folder


def test_csv_with_classes(tmp_path: Path) -> None:
    write(tmp_path, "height, width,kind\n1,2,cat\n\n3.5,-1e3,\"a, dog\"\n0,0,cat\n")
    source = opened("csv", {"file": "table.csv", "target": "kind"}, folder=tmp_path)
    assert source.dataset.classes == ("a, dog", "cat")
    rows = batch(source, 0, 1, 2)
    assert rows["features"].dtype == np.float32
    assert rows["features"].tolist() == [[1, 2], [3.5, -1000], [0, 0]]
    assert rows["target"].dtype == np.int64
    assert rows["target"].tolist() == rows["kind"].tolist() == [1, 0, 1]
    assert rows["width"].tolist() == [2, -1000, 0]


def test_csv_with_numbers(tmp_path: Path) -> None:
    write(tmp_path, "1;2;3\n4;5;6.5\n")
    settings = {"file": "table.csv", "delimiter": ";", "header": False}
    last = batch(opened("csv", {**settings, "target": -1}, folder=tmp_path), 0, 1)
    assert last["target"].dtype == np.float32
    assert last["target"].tolist() == [3, 6.5]
    first = batch(opened("csv", {**settings, "target": "c0", "features": ["c2", "c1"]}, folder=tmp_path), 1)
    assert first["target"].dtype == np.int64
    assert first["features"].tolist() == [[6.5, 5]]
    alone = opened("csv", settings, folder=tmp_path)
    assert alone.arrays is not None
    assert list(alone.arrays) == ["c0", "c1", "c2", "features"]


@pytest.mark.parametrize(("text", "settings", "message"), [
    ("a,b\n1,2\n3,x\n", {}, "{file}:3: column 'b' holds 'x', expected a number"),
    ("a,b\n1,2\n\n3,\n", {}, "{file}:4: column 'b' holds an empty cell, expected a number"),
    ("a,b\n1,2\n3\n", {}, "{file}:3: 1 cells, expected 2"),
    ("a,b\n,2\n3,4\n", {}, "{file}:2: column 'a' holds an empty cell, expected a number"),
    ("a,b\nNA,2\n3,4\n", {}, "{file}:2: column 'a' holds 'NA', expected a number"),
    ("a,b\n1,x\n2,\n", {"target": "b"}, "{file}:3: column 'b' holds an empty cell, expected a class"),
    ("a;b\n1;2\n", {}, "{file} has no column of numbers, and no 'target' is named; its only column is 'a;b': is "
                       "'delimiter' right?"),
    ("a,a\n1,2\n", {}, "{file}:1: column 'a' is named twice"),
    ("a,b\n1,2\n", {"target": "c"}, "{file} has no column 'c': expected one of a, b"),
    ("a,b\n1,2\n", {"target": 2}, "{file} has no column '2': expected one of a, b"),
    ("height,b\n1,2\n", {"features": ["hieght"]}, "{file} has no column 'hieght': did you mean 'height'?"),
    ("a,b\nx,y\n", {}, "{file} has no column of numbers, and no 'target' is named"),
    ("a,b\nx,y\n", {"features": ["a"]}, "{file}:2: column 'a' holds 'x', expected a number"),
    ("a,b\n1,2\n", {"delimiter": "::"}, "'delimiter' must be a single character, not '::'"),
    ("", {}, "{file} is empty"),
    ("", {"target": "c"}, "{file} is empty")])
def test_csv_that_is_wrong(tmp_path: Path, text: str, settings: dict[str, Any], message: str) -> None:
    write(tmp_path, text)
    found = refused("csv", {"file": "table.csv", **settings}, folder=tmp_path)
    assert found.code == "cannot-construct"
    assert found.message == f"data set 'csv' could not be made: {message.format(file=tmp_path / 'table.csv')}"


def test_csv_whose_target_is_called_features(tmp_path: Path) -> None:
    write(tmp_path, "features,a,note\n1,2,\n99999999999999999999,3,\n")
    rows = batch(opened("csv", {"file": "table.csv", "target": "features"}, folder=tmp_path), 0, 1)
    assert rows["features"].tolist() == [[2], [3]]
    assert rows["target"].tolist() == [1, np.float32(1e20)]


def test_csv_without_rows(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n")
    found = refused("csv", {"file": "table.csv", "target": "a"}, folder=tmp_path)
    assert (found.code, found.message) == ("empty-data", "data set 'csv' has no examples")


# -- image_folder --------------------------------------------------------------------------------------

@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for kind, shade in (("dark", 51), ("bright", 204)):
        folder = tmp_path / "train" / kind / "more"
        folder.mkdir(parents=True)
        Image.new("RGB", (6, 4), (shade, 0, 255)).save(folder / "b.png")
        Image.new("L", (8, 8), shade).save(folder.parent / "a.png")
        (folder / "notes.txt").write_text("not an image")
    return tmp_path


def test_image_folder(pictures: Path) -> None:
    source = opened("image_folder", {"folder": ".", "split": "train", "size": 4}, folder=pictures)
    assert source.length == 4
    assert source.dataset.classes == ("bright", "dark")
    assert source.arrays is None
    four = batch(source, 0, 1, 2, 3)
    assert four["image"].shape == (4, 3, 4, 4)
    assert four["image"].dtype == np.float32
    expected = np.array([[.8, .8, .8], [.8, 0, 1], [.2, .2, .2], [.2, 0, 1]], np.float32)
    assert np.array_equal(four["image"][:, :, 0, 0], expected)
    assert four["label"].dtype == np.int64
    assert four["label"].tolist() == [0, 0, 1, 1]


def test_image_folder_in_sizes(pictures: Path) -> None:
    wide = opened("image_folder", {"folder": pictures / "train", "size": [2, 5], "grayscale": True})
    assert batch(wide, 0)["image"].shape == (1, 1, 2, 5)
    as_they_are = opened("image_folder", {"folder": pictures / "train"})
    assert batch(as_they_are, 1)["image"].shape == (1, 3, 4, 6)
    with pytest.raises(ValueError, match=r"field 'image' has examples of different shapes: \(3, 4, 6\), "
                                         r"\(3, 8, 8\)"):
        batch(as_they_are, 0, 1)


def test_images_of_sixteen_bits(tmp_path: Path) -> None:
    """From 0 to 1 as all others; Pillow itself would cut them off at 255."""
    (tmp_path / "a").mkdir()
    values = np.array([[0, 257 * 51], [257 * 204, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a" / "deep.png")
    for gray in (True, False):
        image = batch(opened("image_folder", {"folder": tmp_path, "grayscale": gray}), 0)["image"][0, 0]
        assert np.array_equal(image, np.array([[0, .2], [.8, 1]], np.float32))
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a" / "a.tif")
    found = refused("image_folder", {"folder": tmp_path})
    assert "a.tif has pixels of 32 bits, and nobody knows which number is white" in found.message


def test_hidden_files_are_no_images(pictures: Path) -> None:
    for name in ("._a.png", ".ipynb_checkpoints/a.png"):
        file = pictures / "train" / "dark" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"no image")
    assert opened("image_folder", {"folder": pictures / "train", "size": 4}).length == 4


@pytest.mark.parametrize("size", [[4], [4, 4, 4]])
def test_a_size_that_is_none(pictures: Path, size: list[int]) -> None:
    found = refused("image_folder", {"folder": pictures / "train", "size": size})
    assert found.message.endswith(f"'size' is one number, or two: [height, width]; found {size}")


def test_image_folder_that_is_wrong(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = refused("image_folder", {"folder": "x"}, folder=pictures)
    assert (found.code, at(found)) == ("missing-file", "x")
    (pictures / "flat").mkdir()
    found = refused("image_folder", {"folder": "flat"}, folder=pictures)
    assert found.message.endswith("flat has no sub-folders; expected one for each class, its images inside")
    (pictures / "flat" / "cats").mkdir()
    found = refused("image_folder", {"folder": "flat"}, folder=pictures)
    assert "flat hold no images (.bmp, .gif," in found.message
    (pictures / "flat" / "cats" / "a.png").write_bytes(b"damaged")
    found = refused("image_folder", {"folder": "flat"}, folder=pictures)
    assert found.code == "data-error"
    assert found.message.startswith("the first example of 'train' cannot be read: "
                                    f"{pictures}/flat/cats/a.png cannot be read as an image")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    found = refused("image_folder", {"folder": "flat"}, folder=pictures)
    assert found.message.endswith('Pillow, which is not installed: pip install "edgraph[images]"')


# -- text ----------------------------------------------------------------------------------------------

def test_text(tmp_path: Path) -> None:
    text = "the quick brown fox jumps over the lazy dog. äß€😀\n" * 4
    (tmp_path / "a.txt").write_text(text[:100], encoding="utf-8")
    (tmp_path / "b.txt").write_text(text[100:], encoding="utf-8")
    train = opened("text", {"file": ".", "length": 10}, folder=tmp_path)
    assert train.dataset.vocabulary == "".join(sorted(set(text)))
    border = len(text) * 9 // 10
    assert train.length == (border - 1) // 10
    rows = batch(train, *range(train.length))
    assert rows["input"].dtype == rows["target"].dtype == np.int64
    decoded = [train.dataset.decode(row) for row in rows["input"]]
    assert decoded == [text[i:i + 10] for i in range(0, border - 10, 10)]
    assert train.dataset.decode(rows["target"][0]) == text[1:11]
    assert np.array_equal(train.dataset[3]["target"], rows["target"][3])
    rest = opened("text", {"file": "*.txt", "length": 10, "stride": 1, "split": "validation"},
                  folder=tmp_path)
    assert rest.length == len(text) - border - 10
    assert rest.dataset.decode(batch(rest, rest.length - 1)["target"][0]) == text[-10:]
    with pytest.raises(IndexError):
        rest.dataset[rest.length]


def test_text_of_files_beside_folders_and_with_a_mark_of_their_order(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part.txt").write_bytes(b"\xef\xbb\xbfabc")
    source = opened("text", {"file": "part*", "length": 2, "split": "all"}, folder=tmp_path)
    assert source.dataset.vocabulary == "abc"


def test_text_that_is_wrong(tmp_path: Path) -> None:
    def message(**settings: Any) -> str:
        return refused("text", settings, folder=tmp_path).message.partition("could not be made: ")[2]
    assert message(file="x.txt") == f"there is no file {tmp_path}/x.txt"
    assert message(file="*.txt") == f"no file matches {tmp_path}/*.txt"
    assert message(file=".") == f"there is no .txt file in {tmp_path}"
    (tmp_path / "x.txt").write_text("too short")
    assert message(file="x.txt", length=10) == (f"the text of 'train' in {tmp_path}/x.txt has 8 characters, "
                                                f"too few for an "
                                                "example of length 10, which needs 11")
    (tmp_path / "x.txt").write_bytes(b"\xff\xff")
    assert message(file="x.txt").startswith(f"{tmp_path}/x.txt is not UTF-8")
    assert refused("text", {"file": "x.txt", "length": 0}, folder=tmp_path).code == "out-of-range"


# -- concat and the user's own -------------------------------------------------------------------------

class Squares:
    """A user's data set."""

    fields: ClassVar = {"x": "int64", "square": "int64"}

    def __init__(self, *, count: int = 5, folder: Path | None = None) -> None:
        self.count = count
        self.folder = folder

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"x": index, "square": index * index}


class Pairs(Squares):
    def __getitem__(self, index: int) -> Any:
        return index, index * index


class Broken(Squares):
    def __getitem__(self, index: int) -> Any:
        raise KeyError("nothing")


class Lacking(Squares):
    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"square": 1}


class Endless(Squares):
    def __len__(self) -> int:
        raise TypeError("it has no end")


def read_squares(start: int) -> Squares:
    return Squares(count=start)


NAME = "test_data_sets.Squares"


def test_a_class_of_the_users(tmp_path: Path) -> None:
    source = opened(NAME, {"count": 9, "folder": "here"}, folder=tmp_path)
    assert source.dataset.folder == tmp_path / "here"
    assert source.fields == Squares.fields
    three = batch(source, 2, 3, 8)
    assert three["square"].tolist() == [4, 9, 64]
    assert three["square"].dtype == np.int64
    assert opened("test_data_sets:read_squares", {"start": 4}).length == 4


def test_concat(npz: Path) -> None:
    mixed = opened("concat", {"sets": [{"use": NAME}, {"use": NAME, "with": {"count": 3}}]})
    assert mixed.length == 8
    assert batch(mixed, 4, 5, 7)["x"].tolist() == [4, 0, 2]
    assert mixed.fields == Squares.fields
    one = {"use": "arrays", "with": {"file": "x.npz", "fields": ["y"]}}
    in_memory = opened("concat", {"sets": [one, one]}, folder=npz)
    assert in_memory.arrays is not None
    assert in_memory.arrays["y"].tolist() == [7, 8, 9, 7, 8, 9]
    other = {"use": "arrays", "with": {"file": "x.npz", "fields": ["x"]}}
    assert refused("concat", {"sets": [one, other]}, folder=npz).message.endswith(
        "'sets[1]' has the fields x, 'sets[0]' has y")
    assert refused("concat", {"sets": []}).message.endswith("'sets' is empty: name at least one data set")
    assert refused("concat", {"sets": ["digits"]}).message.endswith(
        "'sets[0]' is 'digits', not a data set: write {use: …, with: …}")


def test_sets_whose_numbers_stand_for_different_things(tmp_path: Path) -> None:
    for name, text in (("a", "x,k\n1,cat\n2,dog\n"), ("b", "x,k\n1,dog\n2,fish\n"), ("c", "x,k\n1,dog\n2,cat\n")):
        (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / f"{name}.txt").write_text(f"{name}xyz" * 9)
    np.savez(tmp_path / "two.npz", x=np.zeros((3, 2)))
    np.savez(tmp_path / "three.npz", x=np.zeros((3, 3)))

    def table(name: str) -> dict[str, Any]:
        return {"use": "csv", "with": {"file": f"{name}.csv", "target": "k"}}

    def message(*sets: dict[str, Any]) -> str:
        return refused("concat", {"sets": list(sets)}, folder=tmp_path).message
    assert message(table("a"), table("b")).endswith(
        "'sets[1]' has the classes dog, fish, 'sets[0]' has cat, dog: the same number would stand for different ones")
    both = opened("concat", {"sets": [table("a"), table("c")]}, folder=tmp_path)
    assert batch(both, 0, 1, 2, 3)["target"].tolist() == [0, 1, 1, 0]
    texts = [{"use": "text", "with": {"file": f"{name}.txt", "length": 2}} for name in "ab"]
    assert "'sets[1]' has the vocabulary bxyz, 'sets[0]' has axyz" in message(*texts)
    arrays = [{"use": "arrays", "with": {"file": f"{name}.npz"}} for name in ("two", "three")]
    assert message(*arrays).endswith("'x' has shape (3,) in 'sets[1]', and (2,) in 'sets[0]'")


def not_one() -> list[int] | object:
    return object()


@pytest.mark.parametrize(("use", "settings", "code", "message", "where", "help"), [
    ("digitz", None, "unknown-data", "there is no data set 'digitz'", "digitz", "did you mean 'digits'?"),
    ("digits", {"splt": "all"}, "unknown-parameter", "data set 'digits' has no parameter 'splt'", "splt",
     "did you mean 'split'?"),
    ("digits", {"split": "trian"}, "unknown-value",
     "parameter 'split' of data set 'digits': expected one of 'train', 'validation', 'all', found the text "
     "'trian'",
     "trian", "did you mean 'train'?"),
    ("csv", None, "missing-parameter", "data set 'csv' needs 'file' under 'with'", "csv", "with: {file: …}"),
    (NAME, {"cuont": 3}, "unknown-parameter", f"data set '{NAME}' has no parameter 'cuont'", "cuont",
     "did you mean 'count'?"),
    (NAME, {"count": "many"}, "wrong-type", f"parameter 'count' of data set '{NAME}': expected a whole "
                                            f"number, found the "
     "text 'many'", "many", None),
    (NAME, {"count": 0}, "empty-data", f"data set '{NAME}' has no examples", NAME, None),
    (NAME, {"count": -1}, "data-error", f"data set '{NAME}' does not say how many examples it has: __len__() should "
                                        "return >= 0", NAME, "__len__ gives a whole number"),
    ("test_data_sets.Lacking", None, "data-error", "the first example of 'train' has no field 'x', which data set "
     "'test_data_sets.Lacking' says that it has", "test_data_sets.Lacking", None),
    ("test_data_sets.Endless", None, "data-error", None, "test_data_sets.Endless", "__len__ gives a whole number"),
    ("test_data_sets.not_one", None, "not-a-data-set", "'test_data_sets.not_one' is no data set: object has "
                                                       "no __len__ "
     "and no __getitem__", "test_data_sets.not_one",
     "a data set has __len__ and __getitem__(index), which returns a mapping"),
    ("test_data_sets.Pairs", None, "data-error", "the first example of 'train' cannot be read: TypeError: "
                                                 "data set Pairs "
     "gave a tuple of 2 for example 0; it must give a mapping such as {'image': …, 'label': …}, so that ops "
     "can name its "
     "fields", "test_data_sets.Pairs", None),
    ("test_data_sets.Sqares", None, "import-failed", None, "test_data_sets.Sqares", None),
    ("no_such_module.X", None, "import-failed", None, "no_such_module.X",
     "modules are looked for beside the pipeline and where Python looks"),
    ("test_data_sets.NAME", None, "import-failed", "'test_data_sets.NAME' is a str, not a class or function",
     "test_data_sets.NAME", None)])
def test_data_sets_that_cannot_be(use: str, settings: dict[str, Any] | None, code: str, message: str | None,
                                  where: str, help: str | None) -> None:
    found = refused(use, settings)
    assert found.code == code
    assert message is None or found.message == message
    assert at(found) == where
    assert help is None or found.help == help


def test_an_error_in_user_code_names_its_line() -> None:
    line = inspect.getsourcelines(Broken)[1] + 2
    assert refused("test_data_sets.Broken").message == (
        f"the first example of 'train' cannot be read: KeyError: 'nothing' (test_data_sets.py:{line})")


@pytest.mark.parametrize(("keys", "code", "message", "help"), [
    ({"batch_size": 2000, "drop_last": True}, "no-steps", "an epoch of 'train' has no step: it has 1437 "
                                                          "examples, "
     "batch_size is 2000, and drop_last leaves out the smaller last batch",
     "use a batch_size of at most 1437, or drop_last: false"),
    ({"limit": 0}, "no-steps", "an epoch of 'train' has no step: it has 0 examples, batch_size is 1, and "
                               "nothing is "
     "left of it", None),
    ({"folds": 5, "fold": 5, "part": "train"}, "bad-fold", "'train' has no fold "
                                                           "5", "folds count from 0, so use 0 to 4"),
    ({"folds": 5}, "bad-fold", "'train' has folds without part",
     "write both, such as 'folds: 5, fold: 0, part: train'"),
    ({"part": "train"}, "bad-fold", "'train' has part without folds",
     "write both, such as 'folds: 5, fold: 0, part: train'"),
    ({"folds": 1, "part": "train"}, "bad-fold", "'train' with 1437 examples cannot be cut into folds: 1",
     "use 2 to 1437 folds")])
def test_selections_that_leave_nothing(keys: dict[str, Any], code: str, message: str,
                                       help: str | None) -> None:
    found = refused("digits", None, **keys)
    assert (found.code, found.message, found.help, at(found)) == (code, message, help, "train")
