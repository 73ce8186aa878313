"""Models on TensorFlow: the library's are torch's, Keras' are addressed by their parts; random numbers, statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_tools
from tensorflow_tools import MLP, Both, Step, backend, batch, keras, messages, one, tf

from edgraph.backends.tensorflow.keys import loop_key, mix
from edgraph.ops import random as plain
from edgraph.text.diagnostics import PipelineError

HERE = __name__
CONVNET = {"use": "convnet", "with": {"channels": [4, 6], "classes": 3, "in_channels": 2, "batch_norm": True}}
OPT = {"opt": {"use": "SGD", "updates": ["net"]}}


class Parts(keras.layers.Layer):
    """Layers as attributes and in a list, and a method."""

    def __init__(self, *, width: int = 4, head: Any = None) -> None:
        super().__init__()
        self.blocks = [keras.layers.Dense(width), keras.layers.Dense(width)]
        self.head = head or keras.layers.Dense(3)
        self.drop = keras.layers.Dropout(0.5)
        self.norm = keras.layers.BatchNormalization()
        self(np.zeros((1, 6), np.float32))

    def encode(self, x: Any) -> Any:
        return self.drop(self.blocks[1](self.blocks[0](x)))

    def call(self, x: Any) -> Any:
        return self.head(self.norm(self.encode(x)))


class Lazy(keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.head = keras.layers.Dense(3)


def sequential() -> Any:
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "silu", "elu", "tanh", "sigmoid", "softplus"])
def test_mlp_is_torchs(activation: str) -> None:
    both = Both({"use": "mlp", "with": {"sizes": [6, 8, 3], "activation": activation, "bias": activation != "elu"}})
    assert both.difference() == 0.0  # the same weights to begin with
    both.run(3)
    assert both.difference() < 1e-6


def test_convnet_is_torchs() -> None:
    """Batch norm's statistics too, in training and when they are used."""
    both = Both(CONVNET, **{"with": {"lr": 0.1}})
    assert both.difference() == 0.0
    images = np.random.default_rng(0).standard_normal((16, 2, 8, 8), np.float32)
    labels = np.arange(16) % 3
    for number in range(1, 5):
        both.step(number, images, labels)
        both.twin.step(number, *both.torch.convert({"x": images, "y": labels}).values())
    assert both.difference() < 1e-5
    scores = [made.to_numpy(made.forward("eval", "net", train=False, trains=frozenset(), buffers=False).call(
        *made.convert({"x": images}).values())) for made in (both.tensorflow, both.torch)]
    np.testing.assert_allclose(*scores, atol=1e-4)


def test_weights_are_exchanged(tmp_path: Path) -> None:
    """Through checkpoints and files, from either backend to the other."""
    from safetensors.torch import save_file
    net = torch_tools.backend({"net": CONVNET}, seed=5)
    ours = backend({"net": {**CONVNET, "weights": "run@best"}}, checkpoint=lambda name: net.state())
    again = torch_tools.backend({"net": {**CONVNET, "weights": "run@best"}}, checkpoint=lambda name: ours.state())
    assert torch_tools.same(net.models["net"], again.models["net"])
    save_file(net.models["net"].state_dict(), tmp_path / "x.safetensors")
    read = backend({"net": {**CONVNET, "weights": {"file": "x.safetensors"}}}, folder=tmp_path)
    assert read.state()["models"] == ours.state()["models"]
    found, = messages({"net": {**MLP, "weights": {"file": "x.safetensors"}}}, folder=tmp_path)
    assert found.startswith("bad-weights: weights of model 'net' from 'x.safetensors': '1.bias' has shape (4,) and")


def test_parts_have_paths() -> None:
    made = backend({"net": {"use": f"{HERE}.Parts", "with": {"head": {"use": "keras.layers.Dense", "with": {
        "units": 3}}}}, "seq": {"use": f"{HERE}.sequential"}}, {
            "opt": {"use": "SGD", "updates": ["net.head", {"model": "net.blocks.1", "match": ["bias"]}, "seq.dense_1"]}})
    assert list(made.state()["models"]["net"]["parameters"]) == [
        "blocks.0.kernel", "blocks.0.bias", "blocks.1.kernel", "blocks.1.bias", "head.kernel", "head.bias",
        "norm.gamma", "norm.beta"]
    assert list(made.state()["models"]["net"]["buffers"]) == ["norm.moving_mean", "norm.moving_variance"]
    assert list(made.state()["models"]["seq"]["parameters"]) == [
        "dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"]
    assert [tuple(p.shape) for p in made.updaters["opt"].params] == [(4, 3), (3,), (4,), (5, 3), (3,)]
    x, _ = batch(1)
    inner = made.forward("a", "net.blocks.0", train=False, trains=frozenset(), buffers=False)
    assert tuple(inner.call(tf.constant(x)).shape) == (16, 4)
    for path, said in (("net.haed", "model 'net' has no sub-module 'haed'"), ("nett", "there is no model 'nett'")):
        with pytest.raises(PipelineError, match=said):
            made.forward("a", path, train=False, trains=frozenset(), buffers=False)


def test_methods_and_modes() -> None:
    """A method runs in the mode that it is asked for, and dropout by the node and the key alone, traced or not."""
    made = backend({"net": {"use": f"{HERE}.Parts"}}, OPT)
    x = tf.constant(batch(1)[0])

    def call(train: bool, node: str = "a") -> Any:
        return made.forward(node, "net", method="encode", train=train, trains=frozenset(), buffers=False).call
    still = call(False)(1, x)
    assert np.array_equal(still, call(False)(2, x))
    dropped = call(True)(1, x)
    assert not np.array_equal(still, dropped) and np.any(dropped == 0)
    assert np.array_equal(dropped, call(True)(1, x))
    assert np.array_equal(dropped, tf.function(call(True))(tf.constant(1, tf.int64), x))
    assert not np.array_equal(dropped, call(True)(2, x)) and not np.array_equal(dropped, call(True, "b")(1, x))
    with pytest.raises(PipelineError, match="has no method 'encoed'"):
        made.forward("a", "net", method="encoed", train=False, trains=frozenset(), buffers=False)


@pytest.mark.parametrize("kind", [CONVNET["use"], f"{HERE}.Parts"])
def test_statistics_are_kept_where_asked(kind: Any) -> None:
    made = one(CONVNET if kind == "convnet" else {"use": kind})
    x = tf.constant(np.random.default_rng(0).standard_normal((8, 2, 8, 8) if kind == "convnet" else (8, 6), np.float32))
    before = made.state()["models"]["net"]["buffers"]
    for train, buffers, changes in ((False, True, False), (True, False, False), (True, True, True)):
        bound = made.forward("a", "net", train=train, trains=frozenset(), buffers=buffers)
        bound.call(*((1,) if bound.passes else ()), x)
        assert (made.state()["models"]["net"]["buffers"] != before) is changes


def test_copies_averages_and_frozen_models() -> None:
    made = backend({"net": CONVNET, "ema": {"copy": "net"}, "still": {"copy": "ema", "frozen": True}}, OPT)
    state = made.state()["models"]
    assert state["net"] == state["ema"] == state["still"]
    parameter = made.models["net"].trainable_variables[0].value
    start = parameter.numpy()
    parameter.assign_add(tf.ones_like(parameter))
    made.update_ema("ema", "net", 0.75)()
    np.testing.assert_allclose(made.models["ema"].trainable_variables[0].numpy(), start + 0.25, atol=1e-6)
    assert made.state()["models"]["still"] == state["still"]
    assert made.shared_parameters() == []
    with pytest.raises(PipelineError, match="they differ in parameter"):
        backend({"net": CONVNET, "other": MLP}).update_ema("net", "other", 0.5)


def test_models_that_share() -> None:
    shared = sequential()
    globals()["one_model"] = lambda: shared
    made = backend({"a": {"use": f"{HERE}.one_model"}, "b": MLP, "c": {"use": f"{HERE}.one_model"}})
    assert made.shared_parameters() == [("a", "c")]


def test_what_is_no_model() -> None:
    assert messages({"a": {"use": f"{HERE}.Lazy"}, "b": {"use": "collections.OrderedDict"}, "c": {"use": "mpl"}}) == [
        "lazy-model: model 'a' has layers without a shape until their first input, so no optimizer can be made for it "
        "(begin with a keras.Input, or build or call it once in its constructor)",
        "not-a-model: 'collections.OrderedDict' gave a OrderedDict, and a model is a keras.layers.Layer or keras.Model "
        "(name a class of models, or a function that returns one)",
        "unknown-model: there is no model 'mpl' (did you mean 'mlp'?)"]


def test_what_is_no_optimizer() -> None:
    def said(**entry: Any) -> list[str]:
        return messages({"net": MLP}, {"opt": {"use": "SGD", "updates": ["net"], **entry}})
    assert said(use="Adma") == ["unknown-optimizer: there is no optimizer 'Adma' (did you mean 'Adam'?)"]
    assert said(use="collections.OrderedDict")[0].startswith("not-an-optimizer: ")
    assert said(updates=[{"model": "net", "weight_deacy": 0.1}]) == [
        "unknown-parameter: optimizer 'SGD' has no parameter 'weight_deacy' (did you mean 'weight_decay'?)"]
    assert said(**{"with": {"lr": -1}})[0].startswith("out-of-range: ")
    assert said(updates=[{"model": "net", "match": ["*.wieght"]}])[0].startswith("nothing-to-update: ")
    assert said(schedule={"use": "cosin", "steps": 5}) == [
        "unknown-schedule: there is no schedule 'cosin' (did you mean 'cosine'?)"]


@pytest.mark.parametrize(("options", "said"), [
    ({"device": "cudda"}, "there is no device 'cudda' for TensorFlow"), ({"device": "gpu:9"}, "no device 'gpu:9' here"),
    ({"precision": "fp16"}, "fp16 is not available"), ({"precision": "bf61"}, "there is no precision 'bf61'")])
def test_devices_and_precisions(options: dict[str, str], said: str) -> None:
    from edgraph.backends.tensorflow import TensorFlowBackend
    with pytest.raises(PipelineError, match=said):
        TensorFlowBackend(**options)


def test_bf16() -> None:
    """Models compute in it, weights and losses do not."""
    made = one(CONVNET, precision="bf16")
    images = np.random.default_rng(0).standard_normal((16, 2, 8, 8), np.float32)
    scores = made.forward("a", "net", train=True, trains=frozenset(), buffers=False).call(tf.constant(images))
    assert scores.dtype == tf.bfloat16 and made.to_numpy(scores).dtype == np.float32
    step = Step(made)
    losses = [step(number, images, np.arange(16) % 3)[1] for number in range(1, 6)]
    assert all(np.isfinite(losses)) and losses[-1] < losses[0]
    assert {blob.dtype for blob in made.state()["models"]["net"]["parameters"].values()} == {"F32"}


def test_streams_of_random_numbers() -> None:
    """Seeds and noise are functions of the key, whether that is a number or a tensor."""
    for base, key in ((5, 1), (2 ** 64 - 3, 2 ** 62), (0, 0)):
        assert int(mix(base, tf.constant(key, tf.int64))) == mix(base, key) == plain.mix(base, key)
        key_of_loop = plain.loop_key(key, 7)
        assert int(loop_key(tf.constant(key, tf.int64), 7)) % 2 ** 64 == loop_key(key, 7) == key_of_loop
    made = backend({})
    seed = plain.mix(3, 4)
    for kind in ("normal", "uniform"):
        drawn = made.random(kind, seed, (2000, 3))
        assert np.array_equal(drawn, made.random(kind, tf.constant(seed, tf.int64), (2000, 3)))
        assert not np.array_equal(drawn, made.random(kind, seed + 1, (2000, 3)))
    assert abs(float(tf.math.reduce_std(made.random("normal", 1, (5000,), mean=3.0, std=2.0))) - 2.0) < 0.1
    assert float(tf.reduce_min(drawn := made.random("uniform", 1, (500,), low=2.0, high=3.0))) >= 2.0
    assert float(tf.reduce_max(drawn)) < 3.0
