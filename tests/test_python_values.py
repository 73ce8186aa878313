"""The Python backend's values: functions, ports, losses, metrics and noise mean what they mean on torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgraph.backends.python.backend import PythonBackend
from edgraph.backends.torch import TorchBackend
from edgraph.language.expressions import FUNCTIONS
from edgraph.ops.registry import registry

PYTHON, TORCH = PythonBackend(), TorchBackend(device="cpu")
DRAW = np.random.default_rng(0)
SCORES = DRAW.normal(size=(12, 5)).astype(np.float32)
LABELS = DRAW.integers(0, 5, 12)
MAPS = DRAW.normal(size=(3, 5, 4, 4)).astype(np.float32)
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)


def tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def close(mine: Any, its: Any) -> None:
    its = TORCH.to_numpy(its)
    np.testing.assert_allclose(PYTHON.to_numpy(mine), its, rtol=2e-6, atol=1e-7)
    assert np.asarray(mine).dtype.kind == np.asarray(its).dtype.kind


def test_everything_that_is_said_to_exist_exists() -> None:
    for spec in registry.ops.values():
        if "python" in spec.backends and not spec.engine and not spec.random:
            assert PYTHON.implementation(spec.name) is not None, spec.name
        for port in spec.ports:
            if port.derived:
                assert callable(PYTHON.port(spec.name, port.name))
    assert all(callable(PYTHON.function(name)) for name in FUNCTIONS)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"clip", "round"}))
@pytest.mark.parametrize("value", [SCORES, np.float32(0.25), np.abs(MAPS)], ids=["scores", "number", "maps"])
def test_functions(name: str, value: Any) -> None:
    like = torch.tensor(value) if isinstance(value, np.generic) else tensor(value)
    close(PYTHON.function(name)(value), TORCH.function(name)(like))


@pytest.mark.parametrize(("name", "rest"), [("clip", (-0.5, 0.5)), ("clip", (None, 0.1)), ("clip", (0, None)),
                                            ("round", ()), ("round", (2,)), ("max", (0.1,)), ("min", (0.1, 0.0))])
def test_functions_of_several(name: str, rest: tuple[Any, ...]) -> None:
    mine = PYTHON.function(name)(SCORES, *rest)
    close(mine, TORCH.function(name)(tensor(SCORES), *rest))
    assert mine.dtype == np.float32


@pytest.mark.parametrize("port", ["argmax", "softmax", "max"])
@pytest.mark.parametrize("value", [SCORES, MAPS, MAPS[:, :, 0], SCORES[0]], ids=["scores", "maps", "sequences", "one"])
def test_ports(port: str, value: Any) -> None:
    close(PYTHON.port("forward", port)(value), TORCH.port("forward", port)(tensor(value)))


WEIGHT = [0.5, 1.0, 2.0, 1.0, 0.0]
LOSSES: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("cross_entropy", SCORES, LABELS, {}),
    ("cross_entropy", SCORES * 100, LABELS, {}),
    ("cross_entropy", SCORES, LABELS, {"label_smoothing": 0.1}),
    ("cross_entropy", SCORES, LABELS, {"weight": WEIGHT}),
    ("cross_entropy", SCORES, LABELS, {"weight": WEIGHT, "label_smoothing": 0.2}),
    ("cross_entropy", SCORES, LABELS, {"ignore_index": 3, "weight": WEIGHT, "label_smoothing": 0.2}),
    ("cross_entropy", SCORES, SHARES, {}),
    ("cross_entropy", SCORES, SHARES, {"label_smoothing": 0.3, "weight": WEIGHT}),
    ("cross_entropy", MAPS, DRAW.integers(0, 5, (3, 4, 4)), {"ignore_index": 0}),
    ("mse", SCORES, SHARES, {}), ("mse", SCORES, 0.5, {}), ("l1", SCORES, SHARES, {}), ("l1", SCORES, 1, {}),
    ("bce_with_logits", SCORES * 50, SHARES, {}), ("bce_with_logits", SCORES, 1.0, {}),
    ("bce_with_logits", SCORES, SHARES, {"pos_weight": 3.0})]


@pytest.mark.parametrize(("name", "input", "target", "settings"), LOSSES)
def test_losses(name: str, input: Any, target: Any, settings: dict[str, Any]) -> None:
    mine = PYTHON.implementation(name)(input, target, **settings)
    close(mine, TORCH.implementation(name)(tensor(input), tensor(target), **settings))
    assert mine.dtype == np.float32


def test_a_certain_answer_has_no_loss_and_an_impossible_one_all() -> None:
    """What estimators call probabilities may be 0: their logarithm is no number that can be subtracted."""
    cross_entropy = PYTHON.implementation("cross_entropy")
    with np.errstate(divide="ignore"):
        logs = np.log(np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert cross_entropy(logs, np.array([0, 0])) == 0
    assert cross_entropy(logs, np.array([0, 1])) == np.inf


@pytest.mark.parametrize("name", ["mse", "l1", "bce_with_logits"])
def test_shapes_that_differ(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' compares values of one shape, not \(12, 5\) and \(12,\)"):
        PYTHON.implementation(name)(SCORES, LABELS)


@pytest.mark.parametrize(("name", "settings", "inputs"), [
    ("accuracy", {}, (SCORES, LABELS)), ("accuracy", {"top_k": 3}, (SCORES, LABELS)),
    ("accuracy", {"top_k": 9}, (SCORES, LABELS)), ("accuracy", {}, (MAPS, DRAW.integers(0, 5, (3, 4, 4)))),
    ("mean", {}, (12, SCORES[:, 0])), ("mean", {}, (12, np.float32(0.3))), ("mean", {}, (12, 2)),
    ("confusion_matrix", {"classes": 5}, (SCORES, LABELS)), ("confusion_matrix", {"classes": 5}, (LABELS, LABELS))])
def test_metrics(name: str, settings: dict[str, Any], inputs: tuple[Any, ...]) -> None:
    """Over two batches, with the state taken up in between."""
    mine, its = PYTHON.implementation(name)(**settings), TORCH.implementation(name)(**settings)
    for _ in range(2):
        mine.update(*inputs)
        its.update(*(torch.tensor(v) if isinstance(v, np.generic) else tensor(v) for v in inputs))
        again = PYTHON.implementation(name)(**settings)
        again.load_state_dict(PYTHON.unpack(PYTHON.pack(mine.state_dict())))
        mine = again
    close(mine.compute(), its.compute())
    mine.reset()
    assert np.all(np.nan_to_num(mine.compute()) == 0)


def test_more_classes_than_there_are() -> None:
    with pytest.raises(ValueError, match="has 3 classes, 0 to 2"):
        PYTHON.implementation("confusion_matrix")(classes=3).update(SCORES, LABELS)


def test_noise() -> None:
    draw = PYTHON.random("normal", 7, (20000,), mean=2.0, std=0.5)
    assert draw.dtype == np.float32 and abs(draw.mean() - 2) < 0.02 and abs(draw.std() - 0.5) < 0.02
    assert np.array_equal(draw, PYTHON.random("normal", 7, (20000,), mean=2.0, std=0.5))
    assert not np.array_equal(draw, PYTHON.random("normal", 8, (20000,), mean=2.0, std=0.5))
    flat = PYTHON.random("uniform", 7, (100, 3), low=-1.0, high=3.0)
    assert flat.dtype == np.float32 and flat.min() >= -1 and flat.max() < 3 and abs(flat.mean() - 1) < 0.3


def test_to_numpy() -> None:
    """Numbers become Python's; what loggers write they can write."""
    found = PYTHON.to_numpy({"a": np.float32(0.5), "b": [np.array(3), np.arange(2)], "c": "text"})
    assert type(found["a"]) is float and type(found["b"][0]) is int and found["c"] == "text"


def test_rows() -> None:
    indices = np.array([2, 0])
    found = PYTHON.rows({"x": np.arange(3), "names": ["a", "b", "c"]}, indices)
    assert found["x"].tolist() == [2, 0] and found["names"] == ["c", "a"]
