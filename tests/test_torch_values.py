"""Values of the torch backend: batches, noise, losses, metrics, functions, ports."""

from __future__ import annotations

import importlib
import math
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch.nn import functional as F
from torch_tools import MLP, backend

from edgraph.backends.torch import TorchBackend
from edgraph.backends.torch.library import IMPLEMENTATIONS
from edgraph.data.arrays import ArrayData
from edgraph.language.expressions import FUNCTIONS
from edgraph.ops.random import stream_seed
from edgraph.ops.registry import registry

MADE = TorchBackend(device="cpu")
f = MADE.function


# -- batches -------------------------------------------------------------------------------------------

def test_arrays_in_memory() -> None:
    image = np.random.default_rng(0).random((10, 2, 2), dtype=np.float32)
    load = MADE.loader(ArrayData({"image": image, "label": np.arange(10, dtype=np.uint8)}))
    batch = load(np.array([3, 1, 3]))
    assert type(batch) is dict
    assert torch.equal(batch["image"], torch.from_numpy(image[[3, 1, 3]]))
    assert batch["label"].dtype == torch.uint8
    assert batch["label"].tolist() == [3, 1, 3]
    batch["image"].zero_()
    assert image[3].any()


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", ">f4",
                                   ">i4"])
def test_types_of_arrays(dtype: str) -> None:
    array = np.arange(8).reshape(4, 2).astype(dtype)
    found = MADE.convert({"x": array})["x"]
    assert np.array_equal(found.numpy(), array)
    picked = MADE.loader(ArrayData({"x": array}))(np.array([2, 0]))["x"]
    assert np.array_equal(picked.numpy(), array[[2, 0]])


@pytest.mark.filterwarnings("error")
def test_arrays_that_must_not_be_written_to_or_run_backwards() -> None:
    array = np.arange(6.0)
    array.setflags(write=False)
    assert MADE.convert({"x": array})["x"].tolist() == list(range(6))
    assert MADE.convert({"x": array[::-1]})["x"].tolist() == list(range(5, -1, -1))
    assert MADE.convert({"x": np.array(3.0)})["x"].shape == ()


def test_arrays_that_torch_has_no_type_for_stay_arrays() -> None:
    long = np.arange(3, dtype=np.longdouble)
    assert MADE.convert({"x": long})["x"] is long


def test_fields_without_numbers_stay_lists() -> None:
    data = ArrayData({"name": np.array(["a", "b", "c"]), "x": np.arange(3)})
    batch = MADE.loader(data)(np.array([2, 0]))
    assert list(batch["name"]) == ["c", "a"]
    assert batch["x"].tolist() == [2, 0]
    assert MADE.convert({"words": ["a"], "inner": {"x": np.ones(1)}})["inner"]["x"].dtype == torch.float64


class Examples:
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"x": np.full(2, index), "name": str(index)}


class Fetching(Examples):
    def fetch(self, indices: Any) -> dict[str, Any]:
        return {"x": -np.asarray(indices)}


def test_other_data_sets() -> None:
    batch = MADE.loader(Examples())(np.array([1, 3]))
    assert batch["x"].tolist() == [[1, 1], [3, 3]]
    assert batch["name"] == ["1", "3"]
    assert MADE.loader(Fetching())(np.array([1, 3]))["x"].tolist() == [-1, -3]
    batch = MADE.loader(Examples(), lambda examples: {"n": np.array(len(examples))})(np.array([1, 3]))
    assert batch["n"].item() == 2


def test_rows() -> None:
    value = {"x": torch.arange(5), "a": np.arange(5), "l": list("abcde")}
    found = MADE.rows(value, np.array([4, 0]))
    assert found["x"].tolist() == [4, 0]
    assert found["a"].tolist() == [4, 0]
    assert found["l"] == ["e", "a"]


# -- noise ---------------------------------------------------------------------------------------------

def test_noise_is_what_a_seeded_generator_gives() -> None:
    seed = stream_seed(0, "z", 4)
    torch.manual_seed(seed)
    assert torch.equal(MADE.random("normal", seed, (3, 2)), torch.randn(3, 2))
    torch.manual_seed(seed)
    assert torch.equal(MADE.random("uniform", seed, (3, 2), low=-1.0, high=1.0), torch.rand(3, 2) * 2 - 1)
    drawn = MADE.random("normal", 2**63 - 1, (20000,), mean=3.0, std=0.5)
    assert drawn.mean() == pytest.approx(3.0, abs=0.02)
    assert drawn.std() == pytest.approx(0.5, abs=0.02)
    assert MADE.random("uniform", 1, (1000,), low=2.0, high=5.0).min() >= 2.0


# -- losses --------------------------------------------------------------------------------------------

def test_every_declared_op_of_this_backend_is_there() -> None:
    declared = {name: spec for name, spec in registry.ops.items() if "torch" in spec.backends and not spec.engine}
    made_by_random = {"normal", "uniform"}
    assert set(IMPLEMENTATIONS) == set(declared) - made_by_random
    for name, spec in declared.items():
        if name not in made_by_random:
            assert isinstance(IMPLEMENTATIONS[name], type) == spec.metric
    assert MADE.implementation("print") is None


def test_cross_entropy() -> None:
    loss, scores, target = IMPLEMENTATIONS["cross_entropy"], torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    assert torch.equal(loss(scores, target), F.cross_entropy(scores, target))
    assert torch.equal(loss(scores, target.to(torch.uint8)), F.cross_entropy(scores, target))
    expected = F.cross_entropy(scores, target, torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1, ignore_index=2)
    assert torch.equal(loss(scores, target, weight=[1, 2, 3], label_smoothing=0.1, ignore_index=2), expected)
    soft = torch.softmax(torch.randn(5, 3), 1)
    assert torch.equal(loss(scores, soft), F.cross_entropy(scores, soft))
    assert loss(scores.bfloat16(), target).dtype == torch.float32


def test_other_losses() -> None:
    a, b = torch.randn(4, 2), torch.rand(4, 2)
    assert torch.equal(IMPLEMENTATIONS["mse"](a, b), F.mse_loss(a, b))
    assert torch.equal(IMPLEMENTATIONS["l1"](a, b), F.l1_loss(a, b))
    bce = IMPLEMENTATIONS["bce_with_logits"]
    assert torch.equal(bce(a, b), F.binary_cross_entropy_with_logits(a, b))
    assert torch.equal(bce(a), F.binary_cross_entropy_with_logits(a, torch.ones(4, 2)))
    assert torch.equal(bce(a, 0), F.binary_cross_entropy_with_logits(a, torch.zeros(4, 2)))
    assert torch.equal(bce(a, (b > 0.5).long(), pos_weight=2.0), F.binary_cross_entropy_with_logits(
        a, (b > 0.5).float(), pos_weight=torch.tensor(2.0)))
    for name in ("mse", "l1", "bce_with_logits"):
        with pytest.raises(ValueError, match=r"compares values of one shape, not \(4, 2\) and \(4,\)"):
            IMPLEMENTATIONS[name](a, b[:, 0])


# -- metrics -------------------------------------------------------------------------------------------

def test_accuracy() -> None:
    metric = IMPLEMENTATIONS["accuracy"]()
    assert math.isnan(metric.compute())
    scores, target = torch.randn(50, 4), torch.randint(0, 4, (50,))
    for part in (slice(0, 32), slice(32, 50)):
        metric.update(scores[part], target[part])
    assert metric.compute() == (scores.argmax(1) == target).sum().item() / 50
    other = IMPLEMENTATIONS["accuracy"]()
    other.load_state_dict(metric.state_dict())
    assert other.compute() == metric.compute()
    metric.reset()
    metric.update(torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([0]))
    assert metric.compute() == 1.0
    second = IMPLEMENTATIONS["accuracy"](top_k=2)
    second.update(torch.tensor([[3.0, 2.0, 1.0]] * 3), torch.tensor([0, 1, 2]))
    assert second.compute() == 2 / 3
    maps = IMPLEMENTATIONS["accuracy"]()
    maps.update(torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4))
    assert maps.state_dict()["examples"] == 32


def test_mean() -> None:
    metric = IMPLEMENTATIONS["mean"]()
    metric.update(3, torch.tensor(2.0))
    metric.update(1, 6.0)
    assert metric.compute() == 3.0
    metric.update(2, torch.tensor([0.0, 0.0]))
    assert metric.compute() == 2.0
    other = IMPLEMENTATIONS["mean"]()
    other.load_state_dict(metric.state_dict())
    assert other.compute() == 2.0
    metric.reset()
    assert math.isnan(metric.compute())
    for _ in range(10):
        metric.update(1, torch.tensor(0.1))
    assert metric.compute() == pytest.approx(float(np.float32(0.1)), abs=1e-15)  # sums are float64


def test_confusion_matrix() -> None:
    metric = IMPLEMENTATIONS["confusion_matrix"](classes=4)
    assert metric.compute().tolist() == [[0] * 4] * 4
    scores, target = torch.randn(60, 4), torch.randint(0, 4, (60,))
    metric.update(scores[:20], target[:20])
    metric.update(scores[20:].argmax(1), target[20:])
    expected = confusion_matrix(target, scores.argmax(1), labels=range(4))
    assert metric.compute().tolist() == expected.tolist()
    metric.update(torch.tensor([0]), torch.tensor([4]))
    with pytest.raises(ValueError, match="'confusion_matrix' has 4 classes, 0 to 3"):
        metric.compute()
    metric.reset()
    metric.update(torch.tensor([5]), torch.tensor([1]))
    with pytest.raises(ValueError, match="'confusion_matrix' has 4 classes, 0 to 3"):
        metric.compute()


@pytest.mark.parametrize("wrong", [-1, 4])
def test_labels_that_are_no_class(wrong: int) -> None:
    for guess, label in ((0, wrong), (wrong, 0), (wrong, 1)):
        metric = IMPLEMENTATIONS["confusion_matrix"](classes=4)
        metric.update(torch.tensor([guess]), torch.tensor([label]))
        with pytest.raises(ValueError, match="'confusion_matrix' has 4 classes, 0 to 3, and was given another one"):
            metric.compute()


@pytest.mark.parametrize(("scores", "labels", "message"), [
    ((4, 3), (4, 1), r"compares scores of shape \(4, 3\) with labels of shape \(4,\), not \(4, 1\)"),
    ((4, 3), (3,), r"labels of shape \(4,\), not \(3,\)"), ((4, 3, 5), (4,), r"labels of shape \(4, 5\), not \(4,\)"),
    ((1, 3), (1, 1), r"labels of shape \(1,\), not \(1, 1\)|class indices of one shape, not \(1, 3\) and \(1, 1\)"),
    ((4, 1), (4,), r"of two classes or more, not values of shape \(4, 1\)"),
    ((4,), (4, 1), r"not values of shape \(4,\)|class indices of one shape, not \(4,\) and \(4, 1\)")])
@pytest.mark.parametrize("backend", ["torch", "python", "tensorflow"])
def test_labels_that_do_not_fit(backend: str, scores: tuple[int, ...], labels: tuple[int, ...], message: str) -> None:
    """Broadcast, they would be compared each with each."""
    if backend == "tensorflow":
        pytest.importorskip("tensorflow")
    library = importlib.import_module(f"edgraph.backends.{backend}.library").IMPLEMENTATIONS
    kind = torch if backend == "torch" else np
    for metric in (library["accuracy"](), library["accuracy"](top_k=2), library["confusion_matrix"](classes=3)):
        if type(metric).__name__ == "confusion_matrix" and (scores, labels) == ((4, 3), (4, 1)):
            message = message + "|class indices of one shape"
        with pytest.raises(ValueError, match=message):
            metric.update(kind.zeros(scores), kind.zeros(labels))


def test_metrics_do_not_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(self: torch.Tensor) -> Any:
        raise AssertionError("a sum was read before it was asked for")

    metrics = [IMPLEMENTATIONS["accuracy"](), IMPLEMENTATIONS["confusion_matrix"](classes=3)]
    mean = IMPLEMENTATIONS["mean"]()
    for name in ("item", "__float__", "__int__", "__bool__", "tolist"):
        monkeypatch.setattr(torch.Tensor, name, wait)
    for metric in metrics:
        metric.update(torch.randn(5, 3), torch.zeros(5, dtype=torch.int64))
    mean.update(5, torch.tensor(1.0))


# -- functions and ports -------------------------------------------------------------------------------

def test_every_function_of_the_language_is_there() -> None:
    for name in FUNCTIONS:
        assert callable(f(name))


@pytest.mark.parametrize(("name", "arguments", "expected"), [
    ("abs", (-2,), 2), ("min", (3, 1.5), 1.5), ("max", (3, 1.5, 7), 7), ("sqrt", (4,), 2.0), ("exp", (0,), 1.0),
    ("log", (1,), 0.0), ("cos", (0,), 1.0), ("clip", (5, 0, 1), 1), ("clip", (-5, 0, 1), 0), ("clip", (0.5, 0, None),
                                                                                              0.5),
    ("round", (2.5,), 2), ("round", (2.345, 2), 2.35), ("isfinite", (math.nan,), False), ("isfinite", (1,), True),
    ("mean", (3.0,), 3.0), ("mean", ([1, 2],), 1.5), ("sum", ([1, 2],), 3), ("sum", (4,), 4), ("min", ([3, 1],), 1)])
def test_plain_numbers_stay_plain(name: str, arguments: Any, expected: Any) -> None:
    found = f(name)(*arguments)
    assert found == expected
    assert type(found) is type(expected)


X = torch.tensor([-1.5, 0.5, 2.5])


@pytest.mark.parametrize(("name", "arguments", "expected"), [
    ("abs", (X,), [1.5, 0.5, 2.5]), ("min", (X,), -1.5), ("max", (X,), 2.5), ("min", (X, 0), [-1.5, 0, 0]),
    ("max", (0.0, X), [0, 0.5, 2.5]), ("max", (X, torch.tensor([0.0, 9.0, 0.0]), 1), [1, 9, 2.5]),
    ("clip", (X, 0, 1), [0, 0.5, 1]), ("clip", (X, torch.tensor(0.0), 1), [0, 0.5, 1]), ("clip", (X, None, 1), [-1.5,
                                                                                                                0.5,
                                                                                                                1]),
    ("clip", (1, X, None), [1, 1, 2.5]), ("clip", (1, None, X), [-1.5, 0.5, 1]), ("round", (X,), [-2, 0,
                                                                                                  2]), ("round",
                                                                                                        (X,
                                                                                                         1), [-1.5,
                                                                                                              0.5,
                                                                                                              2.5]),
    ("mean", (X,), 0.5), ("sum", (X,), 1.5), ("mean", (torch.tensor([1, 2]),), 1.5), ("sqrt", (X.abs(),), [1.5**0.5,
                                                                                                           0.5**0.5,
                                                                                                           2.5**0.5])])
def test_float32_stays_float32(name: str, arguments: Any, expected: Any) -> None:
    found = f(name)(*arguments)
    assert found.dtype == torch.float32
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float32))


NUMBERS = np.array([1.5, 0.25, 2.5], dtype=np.float32)
EACH = [("abs", ()), ("sqrt", ()), ("exp", ()), ("log", ()), ("cos", ()), ("round", ()), ("round", (1,)), ("isfinite", ()),
        ("mean", ()), ("sum", ()), ("min", ()), ("max", ()), ("min", (1,)), ("max", (1, 2)), ("clip", (1, 2)),
        ("clip", (None, 2))]


@pytest.mark.parametrize(("name", "others"), EACH)
def test_values_of_every_kind_keep_it(name: str, others: Any) -> None:
    ofs = f(name)(torch.from_numpy(NUMBERS), *others)
    of_array = f(name)(NUMBERS, *others)
    assert isinstance(of_array, np.generic if name in ("mean", "sum") or (name in ("min", "max") and not others)
                      else np.ndarray)
    assert of_array.dtype == (bool if name == "isfinite" else np.float32)
    assert np.allclose(of_array, ofs.numpy())
    for element in NUMBERS:
        plain = f(name)(element.item(), *others)
        assert type(plain) in (float, int, bool)
        found = f(name)(element, *others)
        assert isinstance(found, np.generic)
        assert found == pytest.approx(plain, abs=1e-6)


def test_every_function_is_tried_with_arrays() -> None:
    assert {name for name, _ in EACH} == set(FUNCTIONS)


@pytest.mark.filterwarnings("error")
def test_arrays_of_integers() -> None:
    index = np.array([4, 0, 9])
    assert f("mean")(index) == 13 / 3
    assert f("sum")(index) == 13
    assert (f("max")(index), f("min")(index)) == (9, 0)
    assert f("max")(index, 1).tolist() == [4, 1, 9]
    assert f("max")(index, 1).dtype == index.dtype
    assert f("clip")(index, 1, 5).tolist() == [4, 1, 5]
    assert f("clip")(5, None, index).tolist() == [4, 0, 5]
    assert f("round")(index) is index
    assert f("sqrt")(index).tolist() == [2, 0, 3]
    assert f("sqrt")(index.astype(np.uint8)).dtype == np.float64
    assert f("log")(index)[1] == -math.inf
    assert math.isnan(f("sqrt")(np.float64(-1)))


@pytest.mark.filterwarnings("error")
def test_arrays_beside_tensors() -> None:
    array = np.array([2.0, 2.0, 1.0], dtype=np.float32)
    array.setflags(write=False)
    assert torch.equal(f("max")(array, X), torch.tensor([2.0, 2.0, 2.5]))
    assert torch.equal(f("min")(0, array, X), torch.tensor([-1.5, 0.0, 0.0]))
    assert torch.equal(f("clip")(X, 0, array), torch.tensor([0, 0.5, 1.0]))
    assert torch.equal(f("clip")(array, None, X), torch.tensor([-1.5, 0.5, 1.0]))
    for number in (np.float64(0.0), np.float32(0.0), np.int64(0)):
        found = f("max")(X, number)
        assert found.dtype == torch.float32
        assert found.tolist() == f("clip")(X, number).tolist() == [0, 0.5, 2.5]
    assert f("max")(2.0) == 2.0


def test_other_types() -> None:
    assert f("max")(torch.tensor([1, 2]), 2).dtype == torch.int64
    assert f("max")(torch.tensor([1, 2]), 1.5).dtype == torch.float32
    assert f("min")(torch.tensor([1.0], dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16
    assert f("isfinite")(torch.tensor([1.0, math.inf])).tolist() == [True, False]
    assert f("round")(torch.tensor([3])).tolist() == [3]
    x = torch.tensor(0.5, requires_grad=True)
    f("clip")(f("log")(x) * 2, -9, 9).backward()
    assert x.grad == 4.0


def test_ports() -> None:
    scores = torch.randn(2, 3)
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(MADE.port("forward", "argmax")(scores), scores.argmax(1))
    assert MADE.port("forward", "argmax")(maps).shape == (2, 4, 4)
    assert MADE.port("forward", "softmax")(maps).sum(1).allclose(torch.ones(2, 4, 4))
    assert torch.equal(MADE.port("forward", "max")(scores), scores.max(1).values)
    sequences = torch.randn(2, 3, 7)  # (batch, classes, length), as cross_entropy takes them
    assert torch.equal(MADE.port("forward", "argmax")(sequences), sequences.argmax(1))
    assert MADE.port("forward", "argmax")(scores[0]).shape == ()
    for name, spec in registry.ops.items():
        for port in spec.ports:
            assert not port.derived or callable(MADE.port(name, port.name))


Pair = namedtuple("Pair", "a b")


def test_detach_and_numpy() -> None:
    x = torch.ones(2, requires_grad=True) * 2
    value = {"x": x, "pair": Pair(x, 3), "list": [x, "a"], "tuple": (x,)}
    found = MADE.detach(value)
    assert not found["x"].requires_grad
    assert found["x"].data_ptr() == x.data_ptr()
    assert isinstance(found["pair"], Pair)
    assert found["pair"].b == 3
    assert not found["list"][0].requires_grad
    assert not found["tuple"][0].requires_grad
    arrays = MADE.to_numpy(value)
    assert isinstance(arrays["x"], np.ndarray)
    assert MADE.to_numpy(torch.tensor(2.5)) == 2.5
    assert type(MADE.to_numpy(torch.tensor(3))) is int
    assert type(MADE.to_numpy(torch.tensor(True))) is bool
    assert MADE.to_numpy(torch.ones(1)).shape == (1,)
    assert MADE.to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32


def test_gradient_of_nothing() -> None:
    made = backend({"net": MLP})
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="'of' was not computed from 'wrt'"):
        made.gradient(None)(torch.ones(2).sum(), x)
    with pytest.raises(ValueError, match="'of' was not computed from 'wrt'"):
        made.gradient(None)((x * 2).sum(), torch.ones(1, requires_grad=True))
    with pytest.raises(TypeError, match="'gradient' takes tensors, not float"):
        made.gradient(None)(1.0, x)
