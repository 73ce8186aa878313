"""State files: every value comes back exactly, and no fault leaves less than the earlier file."""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgraph.backends.base import ArrayBlob
from edgraph.run import files
from edgraph.run.statefile import Damaged, decode_state, encode_state, read_about, read_state, write_state
from edgraph.run.tree import Unsaveable

TREE = {
    "models": {"net": {"0.weight": ArrayBlob("BF16", (2, 2), b"12345678"),
                       "0.bias": np.arange(3, dtype=np.float32)}},
    "step": 7, "huge": -10 ** 6000, "rates": [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1],
    "pair": (1, ("a", None)), "by number": {3: True, "!odd": False}, "text": "\ud800 \0 ü 漢",
    "empty": {"list": [], "dict": {}, "tuple": (), "array": np.zeros((0, 3), np.int16)},
}
ARRAYS = [np.float16(2), np.array(3 + 4j), np.array(["a", "bc"]), np.arange(6, dtype=">i4").reshape(2, 3).T,
          np.array(True), np.zeros((2, 0)), np.datetime64("2020-01-01"), np.arange(4, dtype=np.complex64)]


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, bit for bit; NaN is NaN."""
    if isinstance(left, float) and type(left) is float:
        return type(right) is float and struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, np.ndarray | np.generic):
        alike = left.dtype.newbyteorder("=") == right.dtype.newbyteorder("=") and left.shape == right.shape
        return alike and isinstance(left, np.ndarray) == isinstance(right, np.ndarray) \
            and left.astype(right.dtype).tobytes() == right.tobytes()
    if isinstance(left, ArrayBlob):
        return type(right) is ArrayBlob and left[:2] == right[:2] and bytes(left.data) == bytes(right.data)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.integers(0, 10 ** 400)
trees = st.recursive(scalars, lambda parts: st.lists(parts, max_size=4)
                     | st.lists(parts, max_size=3).map(tuple)
                     | st.dictionaries(st.text() | st.integers(), parts, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_any_tree_comes_back(tree: Any) -> None:
    data = b"".join(encode_state(tree)[0])
    assert same(tree, decode_state(data, "memory").tree)
    assert data == b"".join(encode_state(tree)[0])  # the same state is the same bytes


def test_file_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_state(path, TREE, {"step": 7})
    assert same(TREE, read_state(path).tree)
    assert read_state(path).about == read_about(path) == {"step": 7}
    assert os.listdir(tmp_path) == ["x.safetensors"]
    for array in ARRAYS:
        assert same({"a": array}, decode_state(b"".join(encode_state({"a": array})[0]), "").tree)


def test_arrays_are_writable_and_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_state(path, {"a": np.zeros(4)})
    before = path.read_bytes()
    read_state(path).tree["a"][:] = 1
    assert path.read_bytes() == before


def test_others_read_it(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_state(path, {"models": {"net": {"0.weight": np.ones((2, 3), np.float32)}}, "loss": 0.5})
    numpy_of = pytest.importorskip("safetensors.numpy")
    assert numpy_of.load_file(path)["models.net.0.weight"].tolist() == [[1, 1, 1], [1, 1, 1]]
    torch = pytest.importorskip("torch")
    import safetensors.torch

    half = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    write_state(path, {"w": ArrayBlob("BF16", (2,), memoryview(half.view(torch.uint8).numpy()))})
    assert torch.equal(safetensors.torch.load_file(path)["w"], half)


def test_equal_paths_do_not_collide() -> None:
    tree = {"a": {"b.c": np.array([1])}, "a.b": {"c": np.array([2])}, "edgraph": {"tree": np.array([3])},
            "__metadata__": np.array([4]), "": np.array([5])}
    assert same(tree, decode_state(b"".join(encode_state(tree)[0]), "").tree)


def test_a_tree_longer_than_a_header_may_be() -> None:
    tree = {"seen": list(range(300_000)), "a": np.ones(3)}
    assert same(tree, decode_state(b"".join(encode_state(tree)[0]), "").tree)


@pytest.mark.parametrize(("tree", "message"), [
    ({"ops": {"mine": object()}}, "'ops.mine' is a value of type object"),
    ({"ops": [1, {2, 3}]}, "'ops.1' is a value of type set"),
    ({"a": np.array([object()])}, "'a' is a value of type numpy.ndarray"),
    ({"a": {1.5: 2}}, "'a' has a key of type float"),
    ({"a": ArrayBlob("F32", (3,), b"1234")}, "'a' has 4 bytes"),
])
def test_what_cannot_be_saved_is_named(tmp_path: Path, tree: Any, message: str) -> None:
    path = tmp_path / "x.safetensors"
    write_state(path, 1)
    with pytest.raises(Unsaveable, match=message):
        write_state(path, tree)
    assert read_state(path).tree == 1


def test_a_tree_that_contains_itself() -> None:
    tree: dict[str, Any] = {}
    tree["me"] = tree
    with pytest.raises(Unsaveable, match="contains itself"):
        encode_state(tree)


def test_every_truncation_and_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path, bad = tmp_path / "x.safetensors", tmp_path / "bad.safetensors"
    write_state(path, TREE)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 41), len(whole) - 1]:
        bad.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            read_state(bad)
    for place in range(0, len(whole), 7):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        with pytest.raises(Damaged):
            read_state(bad)
    bad.write_bytes(whole + b"\0")
    with pytest.raises(Damaged, match="too long"):
        read_state(bad)


def header(**metadata: str) -> bytes:
    head = json.dumps({"__metadata__": metadata} if metadata else {}).encode()
    return len(head).to_bytes(8, "little") + head


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "empty"),
    (b"abc", "cut off: it has only 3 bytes"),
    (b"PK\3\4 this is some other file", "not a safetensors file"),
    ((50).to_bytes(8, "little") + b"{}", "cut off within its header"),
    ((4).to_bytes(8, "little") + b"[[]]", "header is damaged"),
    (header(), "not a checkpoint of edgraph"),
    (header(edgraph="99"), "newer edgraph"),
    (header(edgraph="1"), "header is damaged"),
    (header(edgraph="1", sha256="0" * 64, about="{}", tree="0"), "checksum does not fit"),
])
def test_reasons(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(Damaged, match=reason):
        read_state(path)


class _Full:
    """A file that takes 100 bytes and then finds the disk full."""

    def __init__(self, file: Any) -> None:
        self.file, self.room = file, 100

    def write(self, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return int(self.file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _failing(*_: object) -> None:
    raise OSError(5, "Input/output error")


def _spoil(file: Any) -> None:
    """What a disk does that says a write went well, and it did not."""
    with open(file.name, "r+b") as again:
        again.seek(-1, 2)
        again.write(b"\xff")


@pytest.mark.parametrize("fault", ["full", "fsync", "rename", "spoiled", "interrupt"])
def test_a_fault_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    path = tmp_path / "x.safetensors"
    write_state(path, {"a": np.zeros(100)}, {"step": 1})
    before = path.read_bytes()
    real = open
    with monkeypatch.context() as patch:
        if fault == "full":
            patch.setattr(files, "open", lambda p, m: _Full(real(p, m)) if m == "xb" else real(p, m),
                          raising=False)
        elif fault == "fsync":
            patch.setattr(os, "fsync", _failing)
        elif fault == "rename":
            patch.setattr(os, "replace", _failing)
        elif fault == "spoiled":
            patch.setattr(files, "_forget_cached", _spoil)
        else:
            patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises((OSError, Damaged, KeyboardInterrupt)):
            write_state(path, {"a": np.ones(100)}, {"step": 2})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
    write_state(path, {"a": np.ones(100)}, {"step": 2})
    assert read_about(path) == {"step": 2}
