"""What the tests of the TensorFlow backend share: a backend of some sections, a step in miniature, torch beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the TensorFlow backend needs tensorflow-cpu, which is not installed")
pytest.importorskip("torch", reason="what TensorFlow computes is compared with torch, which is not installed")

import torch_tools
from torch_tools import MLP, entries

from edgraph.backends.tensorflow import TensorFlowBackend
from edgraph.backends.tensorflow.framework import keras, tf

__all__ = ["MLP", "Both", "Step", "backend", "batch", "entries", "keras", "messages", "one", "tf"]


def backend(models: Any, optimizers: Any = None, *, seed: int = 0, nonfinite: Any = "stop", precision: str = "fp32",
            **options: Any) -> TensorFlowBackend:
    made = TensorFlowBackend(device="cpu", nonfinite=nonfinite, precision=precision)
    pipeline = entries(models, optimizers)
    made.build(pipeline.models, pipeline.optimizers, seed=seed, **options)
    return made


messages = partial(torch_tools.messages, build=backend)


def one(models: Any, **settings: Any) -> TensorFlowBackend:
    """A backend with the model `net` and the optimizer `opt`, by default SGD."""
    options = {key: settings.pop(key) for key in ("nonfinite", "precision", "schedules", "seed") if key in settings}
    return backend({"net": models}, {"opt": {"use": "SGD", "updates": ["net"], **settings}}, **options)


def batch(step: int, size: int = 16, features: int = 6, classes: int = 3) -> tuple[Any, Any]:
    """Data that depend on the step alone."""
    drawn = np.random.default_rng(step)
    return drawn.standard_normal((size, features), np.float32), drawn.integers(0, classes, size)


class Step:
    """One optimizer, one loss, as the engine runs them: op by op, or (`traced`) as one tf.function."""

    def __init__(self, made: Any, *, traced: bool = False, optimizer: str = "opt", loss: str = "cross_entropy",
                 ports: tuple[str, ...] = (), accumulate: Any = 1, weighted: bool = False, check: Any = "loss",
                 train: bool = True) -> None:
        self.made = made
        self.bound = made.forward("out", "net", train=train, trains=frozenset({optimizer}), buffers=True)
        self.loss = made.implementation(loss)
        self.gradients = made.gradients(optimizer, retain=False, weighted=weighted, accumulate=accumulate, check=check)
        self.apply = made.apply(optimizer, frozenset(ports), accumulate)
        self.traces = 0
        self._run: Callable[..., Any] = tf.function(self._step) if traced else self._step
        self._traced = traced

    def _step(self, step: Any, epoch: Any, x: Any, y: Any, *count: Any) -> Any:
        self.traces += 1
        if self.made.tape is not None:
            self.made.tape.fresh()
        self.made.record(True)
        extra = (step,) if self.bound.passes else ()
        loss = self.loss(self.bound.call(*extra, x), y)
        self.made.record(False)
        return self.apply(step, epoch, self.gradients(loss, *count)), loss

    def __call__(self, step: int, x: Any, y: Any, *count: Any, epoch: int = 1) -> Any:
        """The ports, as numbers, and the loss."""
        given = [tf.constant(v, tf.int64) for v in (step, epoch)] if self._traced else [step, epoch]
        fields = self.made.convert({"x": x, "y": y})
        ports, loss = self._run(*given, fields["x"], fields["y"], *count)
        return {name: self.made.to_numpy(value) for name, value in ports.items()}, float(loss)


class Both:
    """The same sections on torch and on TensorFlow."""

    def __init__(self, net: Any, *, traced: bool = False, step: Any = None, **settings: Any) -> None:
        self.tensorflow, self.torch = one(net, **dict(settings)), torch_tools.one(net, **dict(settings))
        self.step = Step(self.tensorflow, traced=traced, **(step or {}))
        self.twin = torch_tools.Engine(self.torch, **(step or {}))

    def run(self, steps: int, **shape: int) -> list[tuple[Any, Any]]:
        """Steps on both; the ports of each."""
        found = []
        for number in range(1, steps + 1):
            x, y = batch(number, **shape)
            mine, _ = self.step(number, x, y)
            fields = self.torch.convert({"x": x, "y": y})
            theirs = self.twin.step(number, fields["x"], fields["y"])
            found.append((mine, self.torch.to_numpy(dict(theirs))))
        return found

    def difference(self) -> float:
        """The largest between two parameters or buffers."""
        mine, theirs = (made.state()["models"]["net"] for made in (self.tensorflow, self.torch))
        found = 0.0
        for part in ("parameters", "buffers"):
            assert list(mine[part]) == list(theirs[part])
            for name, blob in mine[part].items():
                assert (blob.dtype, blob.shape) == (theirs[part][name].dtype, theirs[part][name].shape), name
                a, b = (made.to_numpy(made.unpack(tree[part][name])) for made, tree in (
                    (self.tensorflow, mine), (self.torch, theirs)))
                found = max(found, float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)))))
        return found

