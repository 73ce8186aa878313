"""Gradients through loops: along the values of an iteration, and not along `hold` and `previous`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import edgraph

OUT = {"op": "forward", "inputs": "image", "with": {"model": "net"}}
SLOPE = {"op": "gradient", "inputs": {"of": "size", "wrt": "image"}}
BACKENDS = pytest.mark.parametrize("backend", ["torch", "tensorflow"])
WAYS = pytest.mark.parametrize("interpret", [False, True], ids=["generated", "interpreted"])


def trained(folder: Path, backend: str, interpret: bool, **ops: Any) -> float:
    """The loss after four updates through a loop whose output is `x`."""
    pytest.importorskip(backend)
    pipeline = {
        "run": {"num_steps": 5, "checkpoint": False, "device": "cpu", "backend": backend},
        "data": {"train": {"use": "digits", "with": {"split": "train"}, "batch_size": 32}},
        "models": {"net": {"use": "mlp", "with": {"sizes": [64, 16]}}, "head": {"use": "mlp", "with": {"sizes": [16, 10]}}},
        "optimizers": {"sgd": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}},
        "ops": {"batch": {"op": "load_batch"},
                "inner": {"op": "loop", "inputs": {"image": "batch.image"}, "with": {"graph": "inner"}},
                "logits": {"op": "forward", "inputs": "inner.x", "with": {"model": "head"}},
                "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
                "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}}},
        "graphs": {"inner": {"repeat": 3, "ops": ops, "outputs": {"x": "x"}}}}
    run = edgraph.load(pipeline).run(folder, interpret=interpret)
    assert run.end == "finished", run.failure
    return float(run.values["loss"])


@BACKENDS
@WAYS
def test_hold_passes_none(backend: str, interpret: bool, tmp_path: Path) -> None:
    held = trained(tmp_path / "a", backend, interpret, out=OUT, x="out + hold(out, 0.0)")
    assert held == trained(tmp_path / "b", backend, interpret, out=OUT, x="out + detach(out)")
    assert held != trained(tmp_path / "c", backend, interpret, out=OUT, x="out + out")


@BACKENDS
@WAYS
def test_an_output_that_is_remembered(backend: str, interpret: bool, tmp_path: Path) -> None:
    """The output has its gradient; what the next iteration remembers of it has none."""
    plain = trained(tmp_path / "a", backend, interpret, x=OUT)
    assert plain == trained(tmp_path / "b", backend, interpret, x=OUT, other="previous(x, 0.0)",
                            tell={"op": "print", "inputs": "mean(other)"})
    assert plain == trained(tmp_path / "c", backend, interpret, x=OUT | {"inputs": "image + 0 * mean(previous(x, 0.0))"})


@BACKENDS
def test_a_gradient_of_what_came_in(backend: str, tmp_path: Path) -> None:
    """A loop that takes gradients and updates nothing is passed through, by those of second order too."""
    ops = {"out": OUT, "size": "sum(out * out)", "slope": SLOPE, "x": "out + mean(slope)"}
    found = [trained(tmp_path / str(way), backend, way, **ops) for way in (False, True)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0] != pytest.approx(trained(tmp_path / "c", backend, False, **(ops | {"x": "out + detach(mean(slope))"})))
