"""Compiled regions on TensorFlow: the same weights as op by op, no tracing once everything has been seen, and the
message of an error names the op."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import edgraph
from edgraph.run import graphrun, together

pytest.importorskip("tensorflow")

DIGITS: dict[str, Any] = {
    "run": {"num_steps": 300, "backend": "tensorflow", "device": "cpu", "checkpoint": False},
    "data": {"train": {"use": "digits", "with": {"split": "train"}, "batch_size": 64, "shuffle": True}},
    "models": {"net": {"use": "mlp", "with": {"sizes": [64, 16, 10]}}},
    "optimizers": {"adam": {"use": "Adam", "updates": ["net"], "with": {"lr": 1e-2}}},
    "ops": {
        "batch": {"op": "load_batch"},
        "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}},
        "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "adam"}},
        "report": {"op": "log_scalars", "inputs": ["loss", "update.lr"], "every": 25}}}


def digits(**ops: Any) -> dict[str, Any]:
    return {**DIGITS, "ops": {**DIGITS["ops"], **ops}}


DROPOUT = digits() | {"models": {"net": {"use": "mlp", "with": {"sizes": [64, 16, 10], "dropout": 0.5}}}}
ACCUMULATE = digits(
    update={"op": "optimize", "inputs": {"loss": "loss", "count": "batch.count"},
            "with": {"optimizer": "adam", "accumulate": 4}},
    report={"op": "log_scalars", "inputs": "loss", "every": 25})
AVERAGE = digits(follow={"op": "update_ema", "with": {"target": "ema", "source": "net", "decay": 0.9}},
                 guess={"op": "forward", "inputs": "batch.image", "with": {"model": "ema"}},
                 own={"op": "cross_entropy", "inputs": {"input": "guess", "target": "batch.label"}},
                 look={"op": "log_scalars", "inputs": "own", "every": 20}) | {
    "models": {"net": {"use": "mlp", "with": {"sizes": [64, 16, 10], "batch_norm": True}}, "ema": {"copy": "net"}},
    # not Adam: of a bias before a batch norm it would make steps of what is left by rounding
    "optimizers": {"adam": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1, "momentum": 0.9}}}}
NOISE = digits(noise={"op": "normal", "inputs": {"rows": "batch.image"}, "with": {"shape": [1, 8, 8], "std": 0.1}},
               logits={"op": "forward", "inputs": "batch.image + noise * (1 / step)", "with": {"model": "net"}},
               total="loss * min(1, step / 100) + 0.01 * previous(loss, 0.0) + 1e-3 * mean(batch.label * step)",
               update={"op": "optimize", "inputs": "total", "with": {"optimizer": "adam"}})
SCHEDULE = digits() | {"optimizers": {"adam": {
    "use": "Adam", "updates": ["net"], "with": {"lr": 1e-2}, "clip_norm": 1.0,
    "schedule": {"use": "cosine", "warmup": 20, "steps": 300}}}}
TURNS = digits(
    code={"op": "forward", "inputs": "batch.image", "with": {"model": "other"}},
    second={"op": "cross_entropy", "inputs": {"input": "code", "target": "batch.label"}},
    update={"op": "optimize", "inputs": "loss", "with": {"optimizer": "adam"},
            "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
    change={"op": "optimize", "inputs": "second", "with": {"optimizer": "sgd"}, "every": 6},
    report={"op": "log_scalars", "inputs": ["loss", "second"], "every": 24}) | {
    "models": {**DIGITS["models"], "other": {"use": "mlp", "with": {"sizes": [64, 10]}}},
    "optimizers": {**DIGITS["optimizers"],
                   "sgd": {"use": "SGD", "updates": ["other"], "with": {"lr": 0.1, "momentum": 0.9}}}}
PENALTY = digits(
    noise={"op": "normal", "inputs": {"rows": "batch.image"}, "with": {"shape": [16]}},
    fake={"op": "forward", "inputs": "noise", "with": {"model": "generator"}},
    real_score={"op": "forward", "inputs": "batch.image", "with": {"model": "critic"}},
    fake_score={"op": "forward", "inputs": "fake", "with": {"model": "critic"}},
    total="sum(real_score)",
    slope={"op": "gradient", "inputs": {"of": "total", "wrt": "batch.image"}},
    loss="mean(fake_score) - mean(real_score) + 0.5 * mean(slope ** 2)",
    update={"op": "optimize", "inputs": "loss", "with": {"optimizer": "one"},
            "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
    change={"op": "optimize", "inputs": "0 - mean(fake_score)", "with": {"optimizer": "two"}, "every": 6},
    report={"op": "log_scalars", "inputs": "loss", "every": 24}) | {
    "models": {"generator": {"use": "mlp", "with": {"sizes": [16, 32, 64]}},
               "critic": {"use": "mlp", "with": {"sizes": [64, 32, 1]}}},
    "optimizers": {"one": {"use": "SGD", "updates": ["critic"], "with": {"lr": 0.01}},
                   "two": {"use": "SGD", "updates": ["generator"], "with": {"lr": 0.01}}}}
del PENALTY["ops"]["logits"]
PIPELINES = {"plain": digits(), "dropout": DROPOUT, "accumulate": ACCUMULATE, "average": AVERAGE, "noise": NOISE,
             "schedule": SCHEDULE, "turns": TURNS, "penalty": PENALTY}


class Ran:
    """A run, its weights, and how many steps were done in calls of several."""

    def __init__(self, pipeline: dict[str, Any], folder: Path, *, compiled: bool = True, alone: int = 40) -> None:
        from edgraph.backends.tensorflow.backend import TensorFlowBackend
        from edgraph.backends.tensorflow.compiler import TensorFlowCompiler
        self.traces: list[int] = []
        made: list[Any] = []
        init = TensorFlowBackend.__init__

        def construct(backend: Any, **settings: Any) -> None:
            init(backend, **settings)
            made.append(backend)
        self.together = 0
        repeat = TensorFlowCompiler.repeat

        def counting(compiler: Any, region: Any, kinds: Any) -> Any:
            call = repeat(compiler, region, kinds)

            def counted(steps: int, *arguments: Any) -> Any:
                found = call(steps, *arguments)
                self.together += found[0]
                return found
            return counted
        with ExitStack() as stack:
            stack.enter_context(patch.object(TensorFlowBackend, "__init__", construct))
            stack.enter_context(patch.object(TensorFlowCompiler, "repeat", counting))
            stack.enter_context(patch.object(together, "ALONE", alone))
            if not compiled:
                stack.enter_context(patch.object(graphrun, "static_traces", lambda call: False))
            self.run = edgraph.load(pipeline).run(folder)
        self.backend = made[0]
        self.weights = {f"{name}.{key}": np.array(value) for name, model in self.backend.models.items()
                        for key, value in enumerate(model.get_weights())}
        self.metrics = [(row["step"], {key: value for key, value in row.items() if key != "time"})
                        for row in self.run.metrics]


def some(*fast: str) -> pytest.MarkDecorator:
    """All pipelines, but for these with the slow tests."""
    return pytest.mark.parametrize("name", [name if name in fast else pytest.param(name, marks=pytest.mark.slow)
                                            for name in PIPELINES])


@some("noise")
def test_the_same_as_op_by_op(name: str, tmp_path: Path) -> None:
    """300 steps: all in regions, many in calls of several, and op by op. The kernels are the same ones, but fused
    otherwise, so that the last bit may differ."""
    compiled = Ran(PIPELINES[name], tmp_path / "compiled")
    assert compiled.run.end == "finished", compiled.run.failure
    plain = Ran(PIPELINES[name], tmp_path / "plain", compiled=False)
    for key, value in plain.weights.items():
        np.testing.assert_allclose(compiled.weights[key], value, rtol=2e-4, atol=2e-5, err_msg=key)


@some("turns", "penalty")
def test_steps_together_are_the_same_steps(name: str, tmp_path: Path) -> None:
    """Bit for bit, or a resumed run would not be the same: where its calls begin is another step. `noise` reads
    at each step what the one before has made, so its steps are apart."""
    several, single = Ran(PIPELINES[name], tmp_path / "a"), Ran(PIPELINES[name], tmp_path / "b", alone=10**9)
    assert (several.together > 100) is (name != "noise") and not single.together
    for key, value in single.weights.items():
        np.testing.assert_array_equal(several.weights[key], value, err_msg=key)
    assert several.metrics == single.metrics


def test_nothing_is_traced_after_a_while(tmp_path: Path) -> None:
    """A longer run traces no more than a short one that has seen every pattern and every size of batch."""
    short = Ran(digits() | {"run": {**DIGITS["run"], "num_steps": 101}}, tmp_path / "short")
    long = Ran(digits() | {"run": {**DIGITS["run"], "num_steps": 401}}, tmp_path / "long")
    assert long.backend.compiler.traces == short.backend.compiler.traces
    assert long.together > short.together > 0


@pytest.mark.parametrize("step", [3, 90])
def test_a_loss_that_is_not_finite(step: int, tmp_path: Path) -> None:
    """The weights are those of the step before; also in the middle of a call of many steps."""
    pipeline = digits(
        total=f"loss * (1.0 if step < {step} else nan)", update={"op": "optimize", "inputs": "total",
                                                                  "with": {"optimizer": "adam"}})
    pipeline["models"] = {"net": {**pipeline["models"]["net"]}, "ema": {"copy": "net"}}
    pipeline["ops"]["follow"] = {"op": "update_ema", "with": {"target": "ema", "source": "net", "decay": 0.5}}
    failed = Ran(pipeline, tmp_path / "failed")
    assert failed.run.end == "failed" and failed.run.step == step - 1 and (failed.together > 0) is (step > 40)
    assert f"'update' failed at step {step}: NonFiniteLoss: the loss is nan" in failed.run.failure.text()
    assert "the batch had the examples" in failed.run.failure.text() and not failed.run.failure.written
    before = Ran(pipeline | {"run": {**DIGITS["run"], "num_steps": step - 1}}, tmp_path / "before")
    for key, value in before.weights.items():
        np.testing.assert_array_equal(failed.weights[key], value, err_msg=key)


@pytest.mark.parametrize("step", [3, 90])
def test_an_op_that_fails(step: int, tmp_path: Path) -> None:
    """What only shows when the graph runs is found by running the ops of the step one by one."""
    pipeline = digits(part=f"(logits)[0 if step < {step} else 1000][0]", total="loss + 0.0 * part",
                      update={"op": "optimize", "inputs": "total", "with": {"optimizer": "adam"}})
    failed = Ran(pipeline, tmp_path / "failed")
    assert failed.run.end == "failed" and failed.run.step == step - 1
    assert f"'part' failed at step {step}: " in failed.run.failure.text()
    assert "logits: EagerTensor of shape (64, 10)" in failed.run.failure.text()


def test_an_op_that_cannot_be_compiled(tmp_path: Path) -> None:
    """Shapes that do not fit are found while the region is traced."""
    pipeline = digits(logits={"op": "forward", "inputs": "batch.image[0]", "with": {"model": "net"}})
    failed = Ran(pipeline, tmp_path / "failed")
    assert failed.run.end == "failed" and "'loss' failed at step 1: " in failed.run.failure.text()


def test_a_mapping_goes_into_a_region(tmp_path: Path) -> None:
    """A model that takes the whole batch."""
    pipeline = digits(whole={"op": "call", "inputs": "batch.image", "with": {"function": f"{__name__}.pair"}},
                      logits={"op": "forward", "inputs": "whole", "with": {"model": "net"}})
    pipeline["models"] = {"net": {"use": f"{__name__}.both"}}
    ran = Ran(pipeline | {"run": {**DIGITS["run"], "num_steps": 30}}, tmp_path / "run")
    assert ran.run.end == "finished", ran.run.failure


def pair(image: Any) -> dict[str, Any]:
    """A value of parts."""
    return {"left": image[:, 0, :, :4], "right": image[:, 0, :, 4:]}


def both() -> Any:
    """A model of such a value."""
    import keras
    parts = {name: keras.layers.Input((8, 4), name=name) for name in ("left", "right")}
    flat = keras.layers.Flatten()(keras.layers.Concatenate(axis=2)([parts["left"], parts["right"]]))
    return keras.Model(parts, keras.layers.Dense(10)(flat))


def test_hold_passes_no_gradient(tmp_path: Path) -> None:
    """Also of a value that the same region makes."""
    def trained(loss: str) -> Any:
        pipeline = digits(update={"op": "optimize", "inputs": loss, "with": {"optimizer": "adam"}})
        pipeline["run"] = {**DIGITS["run"], "num_steps": 5}
        pipeline["optimizers"] = {"adam": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}}
        return edgraph.load(pipeline).run(tmp_path / loss[:9]).values["loss"]
    assert trained("loss + 3 * hold(loss, 0.0)") == trained("loss") != trained("loss * 4")
