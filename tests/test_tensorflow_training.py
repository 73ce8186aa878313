"""Updates on TensorFlow: what torch's are, op by op and as one tf.function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow_tools import MLP, Both, Step, batch, entries, keras, one, tf
from toy_backend import ToyBackend

from edgraph.backends.base import NonFiniteLoss
from edgraph.backends.tensorflow import TensorFlowBackend
from edgraph.backends.tensorflow.updater import nonfinite_loss
from edgraph.run.schedules import schedule
from edgraph.run.start import build_backend

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.1}),
    "nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "dampened": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
    "adam": ("Adam", {"lr": 0.01}),
    "adam, all": ("Adam", {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
    "adamw": ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    "adamax": ("Adamax", {"lr": 0.01}),
    "nadam": ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "rmsprop": ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
    "adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    "adadelta": ("Adadelta", {"lr": 1.0}),
}
BATCH_NORM = {"use": "mlp", "with": {"sizes": [6, 8, 3], "batch_norm": True}}


@pytest.mark.parametrize("name", SETTINGS)
def test_updates_are_torchs(name: str) -> None:
    use, settings = SETTINGS[name]
    both = Both(MLP, use=use, traced=True, **{"with": settings})
    both.run(12)
    assert both.difference() < 3e-6
    assert both.step.traces == 1
    assert both.tensorflow.updates("opt") == 12


def test_traced_or_not() -> None:
    eager, traced = (Step(one(BATCH_NORM, clip_norm=0.5), traced=way, ports=("lr", "updates"))
                     for way in (False, True))
    for number in range(1, 4):
        assert eager(number, *batch(number))[0] == traced(number, *batch(number))[0] == {"lr": 0.001, "updates": number}
    for a, b in zip(*(step.made.state()["models"]["net"]["parameters"].values() for step in (eager, traced)),
                    strict=True):
        np.testing.assert_allclose(np.frombuffer(a.data, np.float32), np.frombuffer(b.data, np.float32), atol=1e-6)


@pytest.mark.parametrize("settings", [
    {"schedule": {"use": "cosine", "steps": 10, "warmup": 3, "end": 0.1}},
    {"schedule": {"use": "linear", "steps": 6, "start": 0.5}, "per": "step"},
    {"schedule": {"use": "step", "every": 2, "warmup": 1}}, {"schedule": {"use": "exponential", "factor": 0.9}},
    {"clip_norm": 0.1, "clip_value": 0.02},
    {"updates": [{"model": "net", "match": ["*.bias"], "lr": 0.5, "weight_decay": 0.1}, "net"]}], ids=str)
@pytest.mark.parametrize("traced", [False, True])
def test_schedules_clipping_and_groups(settings: dict[str, Any], traced: bool) -> None:
    both = Both(MLP, traced=traced, step={"ports": ("lr", "grad_norm", "applied", "updates")},
                **{"with": {"lr": 0.2}}, **settings)
    for mine, theirs in both.run(8):
        assert mine == pytest.approx(theirs, rel=1e-4)
        assert type(mine["applied"]) is bool
    assert both.difference() < 1e-6


def test_a_schedule_by_expression() -> None:
    text = "0.5 * min(1, updates / 4) * (0.5 if step > 3 and not epoch > 1 else cos(updates / 10)) ** 2"
    pipeline = entries({"net": MLP}, {"opt": {"use": "SGD", "updates": ["net"], "schedule": text}})
    found = []
    for traced in (False, True):
        made = TensorFlowBackend(device="cpu")
        build_backend(made, pipeline, Path(), lambda name: None)
        step = Step(made, traced=traced, ports=("lr",))
        found.append([step(n, *batch(n), epoch=1 + n // 5)[0]["lr"] for n in range(1, 8)])
    plain = schedule(pipeline.optimizers["opt"].schedule, {}, ToyBackend())
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    assert found[1] == pytest.approx([plain(n - 1, n, 1 + n // 5) for n in range(1, 8)], rel=1e-12)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(("accumulate", "counts"), [(3, None), ({"until": 40}, [16, 16, 16, 0, 30, 10, 1])])
def test_accumulation(traced: bool, accumulate: Any, counts: Any) -> None:
    how = {"accumulate": accumulate, "weighted": counts is not None, "ports": ("applied", "updates", "grad_norm")}
    both = Both(MLP, use="Adam", traced=traced, step=how, clip_norm=0.3)
    applied = []
    for number in range(1, 8):
        x, y = batch(number)
        count = [] if counts is None else [counts[number - 1]]
        mine, _ = both.step(number, x, y, *count)
        fields = both.torch.convert({"x": x, "y": y})
        theirs = both.torch.to_numpy(dict(both.twin.step(number, fields["x"], fields["y"], *count)))
        assert mine == pytest.approx(theirs, rel=1e-4, nan_ok=True)
        applied.append(mine["applied"])
    assert sum(applied) == 2
    assert both.difference() < 1e-6


def test_partial_sums_are_state() -> None:
    made, other = one(MLP, use="Adam"), one(MLP, use="Adam", seed=3)
    steps = [Step(b, accumulate=3) for b in (made, other)]
    for number in range(1, 5):
        steps[0](number, *batch(number))
    other.load_state(made.state())
    for number in range(5, 8):
        losses = [step(number, *batch(number))[1] for step in steps]
        assert losses[0] == losses[1]
    assert made.state() == other.state()


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("check", ["loss", "gradients"])
def test_a_loss_that_is_not_finite(traced: bool, check: str) -> None:
    x, y = batch(1)
    bad = x * np.float32(np.nan)
    for policy in ("stop", "skip", "ignore"):
        made = one(MLP, use="Adam", nonfinite=policy)
        step = Step(made, traced=traced, ports=("applied",), check=check)
        step(1, x, y)
        before = made.state()
        if policy == "stop":
            with pytest.raises(Exception, match="the loss is") as found:
                step(2, bad, y)
            error = found.value if isinstance(found.value, NonFiniteLoss) else nonfinite_loss(found.value)
            assert str(error) == "the loss is nan"
            assert nonfinite_loss(ValueError("something else")) is None
        else:
            assert step(2, bad, y)[0] == {"applied": policy == "ignore"}
        assert (made.state() == before) is (policy != "ignore")
        assert step(3, x, y)[0] == {"applied": True}


def test_a_loss_that_is_none() -> None:
    made = one(MLP)
    gradients = made.gradients("opt", retain=False, weighted=False)
    with pytest.raises(TypeError, match="the loss of optimizer 'opt' is a float, not a tensor"):
        gradients(1.0)
    with pytest.raises(ValueError, match=r"has shape \(2,\); expected one number"):
        gradients(made.convert({"x": np.ones(2, np.float32)})["x"])
    with pytest.raises(ValueError, match="does not depend on anything that it updates"):
        gradients(made.convert({"x": np.ones((), np.float32)})["x"])


def test_keras_optimizers() -> None:
    made = one(MLP, use="keras.optimizers.Lion", clip_norm=1.0, **{"with": {"lr": 0.01, "weight_decay": 0.1}},
               schedule={"use": "linear", "steps": 10})
    twin = one(MLP)
    by_hand = keras.optimizers.Lion(0.01, weight_decay=0.1)
    weights = twin.models["net"].trainable_variables
    step = Step(made, traced=True)
    for number in range(1, 5):
        x, y = batch(number)
        step(number, x, y)
        with tf.GradientTape() as tape:
            loss = twin.implementation("cross_entropy")(twin.models["net"](x), tf.constant(y))
        by_hand.learning_rate = 0.01 * (1 - (number - 1) / 10)
        found, _ = tf.clip_by_global_norm(tape.gradient(loss, [w.value for w in weights]), 1.0)
        by_hand.apply(found, weights)
    for a, b in zip(made.models["net"].trainable_variables, weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)
    other = one(MLP, use="Lion", seed=1, **{"with": {"lr": 0.01, "weight_decay": 0.1}},
                schedule={"use": "linear", "steps": 10})
    other.load_state(made.state())
    assert other.state() == made.state()


def test_learning_rates_that_are_set() -> None:
    made = one(MLP, **{"with": {"lr": 0.1}}, updates=[{"model": "net.1", "lr": 0.4}, "net"])
    step = Step(made, traced=True, ports=("lr",))
    assert step(1, *batch(1))[0] == {"lr": 0.4}
    made.set_learning_rate("opt")(0.2)
    assert [float(rule.rate) for rule in made.updaters["opt"].rules] == [0.2, 0.05]
    assert step(2, *batch(2))[0] == {"lr": 0.2}


def test_a_learning_rate_that_was_changed_before_a_run_goes_on() -> None:
    """It holds; one that was set in the run holds where the author has not changed it."""
    made, same, other = (one(MLP, **{"with": {"lr": lr}}) for lr in (0.1, 0.1, 0.4))
    made.set_learning_rate("opt")(0.2)
    for later, rate in ((same, 0.2), (other, 0.4)):
        later.load_state(made.state())
        assert Step(later, traced=True, ports=("lr",))(1, *batch(1))[0] == {"lr": rate}


@pytest.mark.parametrize("use", ["Ftrl", "Lamb"])
def test_optimizers_that_only_keras_has(use: str) -> None:
    made = one(MLP, use=use, **{"with": {"lr": 0.1}}, updates=[{"model": "net.1", "lr": 0.2}, "net"])
    step = Step(made, traced=True, ports=("lr",))
    losses = [step(number, *batch(1))[1] for number in range(1, 8)]
    assert losses[-1] < losses[0] and step.traces == 1
    assert [float(rule.optimizer.learning_rate) for rule in made.updaters["opt"].rules] == pytest.approx([0.2, 0.1])
