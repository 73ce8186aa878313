"""Values on TensorFlow: losses, metrics, functions, operators, gradients, state."""

from __future__ import annotations

import math
import operator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch_tools
from tensorflow_tools import MLP, Step, backend, batch, one, tf

from edgraph.ops.library.control import Improved

OURS, THEIRS = backend({}), torch_tools.backend({})
drawn = np.random.default_rng(0)
SCORES, VALUES = drawn.standard_normal((12, 4), np.float32), drawn.standard_normal((12, 4), np.float32)
LABELS = drawn.integers(0, 4, 12)
MAPS, MAP_LABELS = drawn.standard_normal((2, 4, 3, 3), np.float32), drawn.integers(0, 4, (2, 3, 3))
SOFT = np.abs(VALUES) / np.abs(VALUES).sum(1, keepdims=True)


def both(op: str, *inputs: Any, **settings: Any) -> tuple[Any, Any]:
    """What an op gives on each backend."""
    found = []
    for made in (OURS, THEIRS):
        given = [made.convert({"x": v})["x"] for v in inputs]
        op_itself = made.implementation(op)
        if isinstance(op_itself, type):
            metric = op_itself(**settings)
            for _ in range(2):
                metric.update(*given)
            state = metric.state_dict()
            metric.reset()
            metric.load_state_dict(made.unpack(made.pack(state)))
            found.append(made.to_numpy(metric.compute()))
        else:
            found.append(made.to_numpy(op_itself(*given, **settings)))
    return found[0], found[1]


@pytest.mark.parametrize(("op", "inputs", "settings"), [
    ("cross_entropy", (SCORES, LABELS), {}), ("cross_entropy", (SCORES, LABELS), {"ignore_index": 2}),
    ("cross_entropy", (SCORES, LABELS), {"label_smoothing": 0.2, "weight": [1.0, 2.0, 0.5, 3.0], "ignore_index": 1}),
    ("cross_entropy", (SCORES, LABELS.astype(np.int32)), {"weight": [1.0, 2.0, 0.5, 3.0]}),
    ("cross_entropy", (SCORES, SOFT), {"label_smoothing": 0.1}), ("cross_entropy", (MAPS, MAP_LABELS), {}),
    ("mse", (SCORES, VALUES), {}), ("mse", (SCORES, 0.5), {}), ("l1", (SCORES, VALUES), {}),
    ("bce_with_logits", (SCORES, SOFT), {"pos_weight": 2.0}), ("bce_with_logits", (SCORES,), {}),
    ("accuracy", (SCORES, LABELS), {}), ("accuracy", (SCORES, LABELS), {"top_k": 2}),
    ("accuracy", (MAPS, MAP_LABELS), {"top_k": 3}), ("mean", (12, VALUES), {}), ("mean", (12, 0.25), {}),
    ("confusion_matrix", (SCORES, LABELS), {"classes": 4}), ("confusion_matrix", (LABELS, LABELS), {"classes": 5})])
def test_losses_and_metrics_are_torchs(op: str, inputs: Any, settings: Any) -> None:
    mine, theirs = both(op, *inputs, **settings)
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    assert type(mine) is type(theirs) or isinstance(mine, np.ndarray)


def test_what_losses_refuse() -> None:
    with pytest.raises(ValueError, match=r"'mse' compares values of one shape, not \(12, 4\) and \(4,\)"):
        both("mse", SCORES, SCORES[0])
    with pytest.raises(ValueError, match="has 3 classes, 0 to 2, and was given another one"):
        both("confusion_matrix", SCORES, np.full(12, 3), classes=3)


def test_metrics_within_a_function() -> None:
    metric = OURS.implementation("accuracy")()

    @tf.function
    def measure(scores: Any, labels: Any) -> Any:
        metric.reset()
        metric.update(scores, labels)
        return metric.compute()
    assert float(measure(SCORES, LABELS)) == both("accuracy", SCORES, LABELS)[0]


ARRAY = np.array([0.5, -1.5, 2.5], np.float32)
WHOLE = np.array([1, 2, 3])


@pytest.mark.parametrize("name", ["abs", "min", "max", "sqrt", "exp", "log", "cos", "round", "isfinite", "mean", "sum"])
@pytest.mark.parametrize("value", [ARRAY, WHOLE, np.float32(0.3), 2.5, 3], ids=str)
def test_functions_are_torchs(name: str, value: Any) -> None:
    mine, theirs = (made.function(name)(made.convert({"x": np.asarray(value)})["x"] if isinstance(
        value, (np.ndarray, np.generic)) else value) for made in (OURS, THEIRS))
    np.testing.assert_allclose(OURS.to_numpy(mine), THEIRS.to_numpy(theirs), rtol=1e-6)
    if isinstance(theirs, torch.Tensor):
        assert OURS.pack(mine).dtype == THEIRS.pack(theirs).dtype


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**", "<", "==", ">="])
@pytest.mark.parametrize(("left", "right"), [
    (ARRAY, 2), (ARRAY, 2.5), (ARRAY, WHOLE), (ARRAY, np.float64(0.5)), (WHOLE, 2), (WHOLE, 0.5), (WHOLE, ARRAY),
    (np.int64(3), np.float32(1.5)), (np.int64(3), 1.5), (ARRAY.astype(np.float64), ARRAY), (2, WHOLE), (3, 2)], ids=str)
def test_operators_are_torchs(sign: str, left: Any, right: Any) -> None:
    signs = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
             "%": operator.mod, "**": operator.pow, "<": operator.lt, "==": operator.eq, ">=": operator.ge}
    found = []
    for made, apply in ((OURS, OURS.compiler.operator(sign)), (THEIRS, signs[sign])):
        pair = [made.convert({"x": np.asarray(v)})["x"] if isinstance(v, (np.ndarray, np.generic)) else v
                for v in (left, right)]
        found.append(made.pack(apply(*pair)))
    if isinstance(found[1], (int, float)):
        assert found[0] == found[1]
    else:
        assert found[0].dtype == found[1].dtype
        np.testing.assert_allclose(OURS.to_numpy(OURS.unpack(found[0])), THEIRS.to_numpy(THEIRS.unpack(found[1])),
                                   rtol=1e-6)


def test_logic() -> None:
    sign = OURS.compiler.operator
    yes, no = tf.constant(True), tf.constant(False)
    assert bool(sign("and")(yes, True)) and not bool(sign("or")(no, False)) and bool(sign("not")(no))
    assert float(sign("if")(no, 1, 2.5)) == 2.5 and sign("if")(True, "a", "b") == "a"


def test_extremes_clip_and_ports() -> None:
    for made in (OURS, THEIRS):
        x = made.convert({"x": ARRAY})["x"]
        assert made.to_numpy(made.function("min")(x, 1, 2.0)).tolist() == [0.5, -1.5, 1.0]
        assert made.to_numpy(made.function("clip")(x, -1, 1)).tolist() == [0.5, -1.0, 1.0]
        assert made.function("clip")(5, 0, 3) == 3 and made.function("max")(1, 2) == 2
        scores = made.convert({"x": MAPS})["x"]
        assert made.to_numpy(made.port("forward", "argmax")(scores)).shape == (2, 3, 3)
        np.testing.assert_allclose(made.to_numpy(made.port("forward", "softmax")(scores)).sum(1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(made.to_numpy(made.port("forward", "max")(x[None])), [2.5])
        np.testing.assert_allclose(made.to_numpy(made.port("forward", "max")(scores[:, :, 0])), MAPS[:, :, 0].max(1))


@pytest.mark.parametrize("traced", [False, True])
def test_gradients_as_values(traced: bool) -> None:
    """With respect to a value, differentiable again, and to a parameter."""
    made = one(MLP)
    forward = made.forward("a", "net", train=False, trains=frozenset({"opt"}), buffers=False).call
    slope, of_weight = made.gradient(None), made.gradient("net.1.weight")
    gradients, update = made.gradients("opt", retain=True, weighted=False), made.apply("opt", frozenset())
    start = made.models["net"].trainable_variables[0].numpy()

    def step(x: Any) -> Any:
        made.tape.fresh()
        x = made.leaf({"x": x})["x"]
        made.record(True)
        y = tf.reduce_sum(forward(x) ** 2)
        found = slope(y, x)
        loss = tf.reduce_sum(found ** 2)
        made.record(False)
        by_weight = of_weight(y)
        update(1, 1, gradients(loss))
        return found, by_weight
    x = batch(1)[0]
    found, by_weight = (tf.function(step) if traced else step)(tf.constant(x))
    net = torch_tools.one(MLP).models["net"]
    leaf = torch.from_numpy(x).requires_grad_()
    y = (net(leaf) ** 2).sum()
    theirs, = torch.autograd.grad(y, leaf, create_graph=True)
    np.testing.assert_allclose(found, theirs.detach(), atol=1e-5)
    np.testing.assert_allclose(by_weight, torch.autograd.grad(y, net[1].weight, retain_graph=True)[0], atol=1e-4)
    (theirs ** 2).sum().backward()
    moved = (start - made.models["net"].trainable_variables[0].numpy()) / 1e-3
    np.testing.assert_allclose(moved, net[1].weight.grad, rtol=1e-2, atol=0.05)
    made.record(True)
    with pytest.raises(ValueError, match="was not computed from 'wrt'"):
        slope(tf.constant(1.0), tf.constant(x))
    made.record(False)


def test_what_is_not_recorded_has_no_gradient() -> None:
    made = one(MLP)
    forward = made.forward("a", "net", train=False, trains=frozenset({"opt"}), buffers=False).call
    other = made.forward("a", "net", train=False, trains=frozenset(), buffers=False).call
    gradients = made.gradients("opt", retain=False, weighted=False)
    x = tf.constant(batch(1)[0])
    for call, records in ((forward, False), (other, True)):
        made.tape.fresh()
        made.record(records)
        loss = tf.reduce_sum(call(x))
        made.record(False)
        with pytest.raises(ValueError, match="does not depend"):
            gradients(loss)
    made.record(True)
    loss = tf.reduce_sum(made.detach(forward(x)))
    made.record(False)
    with pytest.raises(ValueError, match="does not depend"):
        gradients(loss)


def test_values_are_kept() -> None:
    value = {"a": tf.constant([1.5, 2.5], tf.bfloat16), "b": (1, [2.0, None, "x"]), "c": np.arange(3), 4: np.float32(2),
             "d": Improved(True, 0.5, 0), "e": tf.constant(3, tf.int64), "f": tf.zeros((0, 2))}
    back = OURS.unpack(OURS.pack(value))
    assert OURS.pack(back) == OURS.pack(value)
    assert back["a"].dtype == tf.bfloat16 and back["b"] == (1, [2.0, None, "x"]) and type(back[4]) is np.float32
    assert OURS.to_numpy(back["e"]) == 3 and tuple(back["f"].shape) == (0, 2)
    with pytest.raises(TypeError, match="cannot be kept in a checkpoint"):
        OURS.pack(object())


def test_state_is_exact_and_another_models_is_refused() -> None:
    made, other = (one(MLP, use="Adam", seed=seed, schedule={"use": "cosine", "steps": 9}) for seed in (0, 1))
    steps = [Step(b, traced=True) for b in (made, other)]
    for number in range(1, 4):
        steps[0](number, *batch(number))
    other.load_state(made.state())
    for number in range(4, 7):
        assert steps[0](number, *batch(number)) == steps[1](number, *batch(number))
    assert made.state() == other.state()
    with pytest.raises(ValueError, match="optimizer 'opt' is of another kind"):
        one(MLP).load_state(made.state())
    wider = {"use": "mlp", "with": {"sizes": [6, 9, 3]}}
    with pytest.raises(ValueError, match=r"parameter '1.weight' of model 'net' has shape \(9, 6\), and \(8, 6\)"):
        one(wider, use="Adam").load_state(made.state())
    one(MLP).load_state(made.state(), only="models")


def test_batches() -> None:
    chosen = np.array([3, 3, 8])
    load = OURS.loader(SimpleNamespace(arrays={
        "image": drawn.standard_normal((9, 2, 3)), "label": np.arange(9), "name": np.array(list("abcdefghi"))}))
    found = load(chosen)
    assert found["image"].dtype == tf.float64 and np.array_equal(found["label"], chosen)
    assert found["name"].tolist() == ["d", "d", "i"] and set(load.tensors) == {"image", "label"}
    nested = OURS.rows({"a": found["label"], "b": [1, 2, 3]}, np.array([2]))
    assert np.array_equal(nested["a"], [8]) and nested["b"] == [3]
    assert math.isnan(OURS.function("mean")(tf.constant([], tf.float32)))
