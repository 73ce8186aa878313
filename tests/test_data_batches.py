"""From examples to batches: collate, transforms and their random numbers, workers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_tools import at, opened, refused

from edgraph.data.collate import collate
from edgraph.data.source import DataSource
from edgraph.ops.random import mix, node_base

# -- collate -------------------------------------------------------------------------------------------


class Tensor:
    """What a tensor of a framework looks like from here."""

    def __init__(self, values: list[float]) -> None:
        self.values = np.array(values, np.float16)

    def numpy(self) -> Any:
        return self.values


@pytest.mark.parametrize(("values", "dtype", "result"), [
    ([1, 2], "int64", [1, 2]), ([1.5, 2], "float32", [1.5, 2]), ([1, 2.5], "float32", [1, 2.5]),
    ([True, False], "bool", [True, False]), ([np.int16(3), np.int16(4)], "int16", [3, 4]),
    ([np.zeros(2), np.ones(2)], "float64", [[0, 0], [1, 1]]), ([[1, 2], (3, 4)], "int64", [[1, 2], [3, 4]]),
    ([[0.5], [1.5]], "float32", [[0.5], [1.5]]), ([Tensor([1]), Tensor([2])], "float16", [[1], [2]])])
def test_values_are_stacked(values: list[Any], dtype: str, result: list[Any]) -> None:
    batch = collate([{"x": value} for value in values])
    assert batch["x"].dtype == dtype
    assert batch["x"].tolist() == result


def test_other_values_are_lists_and_mappings_go_deeper() -> None:
    batch = collate([{"name": "a", "none": None, "in": {"x": 1}},
                     {"name": "b", "none": None, "in": {"x": 2}}])
    assert batch["name"] == ["a", "b"]
    assert batch["none"] == [None, None]
    assert batch["in"]["x"].tolist() == [1, 2]


@pytest.mark.parametrize(("examples", "message"), [
    ([{"x": np.zeros((2, 3))}, {"x": np.zeros((2, 4))}],
     "field 'x' has examples of different shapes: (2, 3), (2, 4); pad or crop them in a 'transform', or "
     "name a 'collate' "
     "of your own"),
    ([{"x": [1]}, {"x": [1, 2]}], "field 'x' has examples of different shapes: (1,), (2,); pad or crop them "
                                  "in a "
     "'transform', or name a 'collate' of your own"),
    ([{"x": 1}, {"x": "a"}], "field 'x' is now a number or array and now not: int, str"),
    ([{"x": 1, "y": 2}, {"x": 1, "z": 2}], "examples of one batch have different fields: only some have y, "
                                           "z (they differ "
     "first in example 1 of the batch, counted from 0)")])
def test_examples_that_do_not_fit_together(examples: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        collate(examples)
    assert str(raised.value) == message


def test_tensors_of_torch_are_stacked() -> None:
    torch = pytest.importorskip("torch")
    batch = collate([{"x": torch.ones(2, 2), "y": torch.tensor(3)}] * 3)
    assert batch["x"].shape == (3, 2, 2)
    assert batch["x"].dtype == np.float32
    assert batch["y"].tolist() == [3, 3, 3]


# -- transforms ----------------------------------------------------------------------------------------

def jitter(example: dict[str, Any], *, amount: float = 1.0) -> dict[str, Any]:
    draws = [random.random(), np.random.rand(), *np.random.randn(2)]
    torch = sys.modules.get("torch")
    if torch is not None:
        draws.append(float(torch.rand(())))
    return {**example, "noise": np.array(draws) * amount}


class Shift:
    def __init__(self, *, by: int) -> None:
        self.by = by

    def __call__(self, example: dict[str, Any]) -> dict[str, Any]:
        return {**example, "label": example["label"] + self.by}


def forget(example: dict[str, Any]) -> None:
    return None


def swap(examples: list[dict[str, Any]]) -> dict[str, Any]:
    return {"first": examples[0]["label"], "count": len(examples)}


def tuple_of(examples: list[dict[str, Any]]) -> Any:
    return examples[0], len(examples)


class Slow:
    """Names the process that read an example, slowly and at random."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> dict[str, Any]:
        time.sleep(0.002 * random.random())
        return {"index": index, "process": os.getpid(), "noise": np.random.rand(3)}


class Failing(Slow):
    def __getitem__(self, index: int) -> dict[str, Any]:
        if index == 6:
            raise ZeroDivisionError("example 6 is bad")
        return {"index": index}


class Dying(Slow):
    def __getitem__(self, index: int) -> dict[str, Any]:
        if index == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"index": index}


def module(name: str) -> str:
    return f"test_data_batches.{name}"


def augmented(**keys: Any) -> DataSource:
    return opened("digits", {"split": "validation"}, batch_size=8, shuffle=True, limit=40,
                  transform={"use": module("jitter"), "with": {"amount": 2}}, **keys)


def test_noise_depends_on_seed_epoch_and_example_only() -> None:
    source = augmented(seed=1)
    alone = source.fetch(np.array([17]), epoch=3)["noise"]
    random.random()
    np.random.rand()
    assert np.array_equal(source.fetch(np.array([4, 17]), epoch=3)["noise"][1:], alone)
    for other in (augmented(seed=2).fetch(np.array([17]), 3), source.fetch(np.array([17]), 4),
                  source.fetch(np.array([18]), 3)):
        assert not np.array_equal(other["noise"], alone)
    random.seed(mix(mix(node_base(1, "transform.train"), 3), 17))  # by hand
    assert alone[0, 0] == 2 * random.random()


def test_the_global_generators_are_left_as_they_were() -> None:
    import torch
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    source = augmented()
    source.fetch(np.arange(5), 1)
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


def test_transforms_of_every_form() -> None:
    def label(transform: Any) -> int:
        return int(opened("digits", {"split": "all"}, transform=transform).fetch(np.array([3]))["label"][0])
    shift = {"use": module("Shift"), "with": {"by": 10}}
    assert label(shift) == 13
    assert label([shift, module("jitter"), shift]) == 23
    assert label(None) == 3


def test_a_transform_takes_the_place_of_arrays() -> None:
    assert augmented().arrays is None
    assert augmented().fields is None
    assert opened("digits").arrays is not None


def test_collate_of_the_users() -> None:
    source = opened("digits", {"split": "all"}, collate=module("swap"))
    assert source.arrays is None
    assert source.fetch(np.array([5, 6])) == {"first": 5, "count": 2}


@pytest.mark.parametrize(("keys", "code", "message", "where"), [
    ({"transform": module("forget")}, "data-error", "the first example of 'train' cannot be read: "
                                                    "TypeError: the transform "
     "gave a NoneType for example 0; it must give a mapping such as {'image': …, 'label': …}, so that ops "
     "can name its "
     "fields", "digits"),
    ({"transform": module("Shift")}, "missing-parameter", f"transform '{module('Shift')}' needs 'by' under "
                                                          f"'with'",
     module("Shift")),
    ({"transform": {"use": module("jitter"), "with": {"amuont": 1}}}, "unknown-parameter",
     f"transform '{module('jitter')}' has no parameter 'amuont'", "amuont"),
    ({"transform": {"use": module("jitter"), "amount": 1}}, "unknown-key", "'amount' is not a key beside "
                                                                           "'use'", "amount"),
    ({"transform": {"with": {"amount": 1}}}, "wrong-type",
     "a transform is an import path or {use: …, with: …}, found a mapping with "
     "with", "{'with': {'amount': 1}}"),
    ({"transform": {"use": module("jitter"), "with": 3}}, "wrong-type", "'with' takes a mapping, found the "
                                                                        "number 3", "3"),
    ({"transform": module("Slow")}, "not-callable", f"'{module('Slow')}' cannot be called, so it is no "
                                                    f"transform",
     module("Slow")),
    ({"transform": "flip"}, "unknown-transform", "there is no transform 'flip'", "flip"),
    ({"collate": module("tuple_of")}, "data-error", "the first example of 'train' cannot be read: "
                                                    "TypeError: 'collate' must "
     "give a mapping from field to values, not tuple", "digits")])
def test_transforms_that_cannot_be(keys: dict[str, Any], code: str, message: str, where: str) -> None:
    found = refused("digits", **keys)
    assert (found.code, found.message, at(found)) == (code, message, where)


# -- workers -------------------------------------------------------------------------------------------

def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a if name != "process")


@pytest.mark.parametrize("make", [
    lambda **keys: augmented(seed=3, **keys),  # in processes: it draws random numbers
    lambda **keys: opened(module("Slow"), batch_size=3, shuffle=True, seed=3, **keys),
    lambda **keys: opened("digits", batch_size=64, limit=200, shuffle=True, seed=3, **keys)],
    ids=["augment", "user", "digits"])
def test_batches_are_the_same_for_any_number_of_workers(make: Callable[..., DataSource]) -> None:
    alone = make()
    reader = alone.reader(alone.stream())
    expected = [reader.batch(number) for number in range(20)]
    for workers, prefetch in ((1, 1), (2, 2), (3, 6)):
        source = make(workers=workers, prefetch=prefetch)
        try:
            reader = source.reader(source.stream())
            for number in [*range(12), 3, 4, 19, 18, 0]:  # on, back and elsewhere: as a resumed run asks
                assert same(reader.batch(number), expected[number])
        finally:
            source.close()


def test_user_code_runs_in_processes_and_plain_reading_in_threads() -> None:
    source = opened(module("Slow"), batch_size=2, workers=2)
    reader = source.reader(source.stream())
    assert os.getpid() not in {pid for number in range(5) for pid in reader.batch(number)["process"]}
    source.close()
    assert source.fetch(np.array([0]))["process"] == [os.getpid()]


def test_nothing_is_prepared_past_the_end_of_a_loop() -> None:
    source = opened("digits", batch_size=64, workers=1, prefetch=4)
    reader = source.reader(source.stream())
    reader.batch(1, stop=3)
    assert sorted(reader._pending) == [2]
    reader.batch(2, stop=3)
    assert not reader._pending
    reader.batch(3)
    assert sorted(reader._pending) == [4, 5, 6, 7]
    source.close()


def test_an_error_in_a_worker_comes_with_its_batch() -> None:
    source = opened(module("Failing"), batch_size=2, workers=1, prefetch=3)
    reader = source.reader(source.stream())
    for number in range(3):
        assert reader.batch(number)["index"].tolist() == [2 * number, 2 * number + 1]
    with pytest.raises(ZeroDivisionError, match="example 6 is bad"):
        reader.batch(3)
    source.close()


def test_a_worker_that_is_killed() -> None:
    source = opened(module("Dying"), batch_size=2, workers=1, prefetch=1)
    reader = source.reader(source.stream())
    with pytest.raises(RuntimeError, match=r"a data worker ended unexpectedly.*try fewer 'workers'"):
        for number in range(4):
            reader.batch(number)
    source.close()


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}]
from data_tools import opened
source = opened("test_data_batches.Slow", batch_size=2, workers=2)
reader = source.reader(source.stream())
print(*{{pid for n in range(6) for pid in reader.batch(n)["process"]}}, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_a_killed_run_leaves_no_worker_behind() -> None:
    script = KILLED.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    workers = done.stdout.split()
    assert workers
    end = time.monotonic() + 10
    while any(alive(pid) for pid in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in workers if alive(pid)]


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
