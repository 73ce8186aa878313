"""The torch backend against hand-written loops: the same weights, bit for bit."""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch_tools import MLP, Engine, backend, batch, one, same, twin

from edgraph.backends.torch.direct import SAME_BITS
from edgraph.backends.torch.updater import Updater
from edgraph.ops.random import stream_seed

STEPS = 30


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def noisy() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(8, 3))


def train(net: nn.Module, optimizer: torch.optim.Optimizer, *, clip: Any = None, after: Any = None,
          steps: int = STEPS) -> nn.Module:
    for step in range(1, steps + 1):
        x, y = batch(step)
        torch.manual_seed(stream_seed(0, "out", step))
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            clip(net.parameters())
        optimizer.step()
        if after:
            after()
    return net


def run(made: Any, steps: int = STEPS, **options: Any) -> nn.Module:
    engine = Engine(made, **options)
    for step in range(1, steps + 1):
        engine.step(step, *batch(step))
    return made.models["net"]


@pytest.mark.parametrize(("use", "settings"), [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), ("Adam", {"lr": 1e-2}),
    ("AdamW", {"lr": 1e-2, "weight_decay": 0.1, "amsgrad": True}), ("RMSprop", {"lr": 1e-3, "momentum": 0.5}),
    ("Adam", {"lr": 1e-2, "foreach": True, "betas": [0.8, 0.99]}), ("Adafactor", {"lr": 1e-2}),
    ("torch.optim.Adagrad", {"lr": 1e-2})])
def test_plain_loop(use: str, settings: dict[str, Any]) -> None:
    net = twin("net", plain)
    kind = getattr(torch.optim, use.split(".")[-1])
    train(net, kind(net.parameters(), **settings))
    assert same(run(one(MLP, use=use, **{"with": settings})), net)


def test_dropout_and_batch_norm() -> None:
    net = twin("net", noisy)
    train(net, torch.optim.Adam(net.parameters(), lr=1e-2), steps=100)
    model = {"use": "mlp", "with": {"sizes": [6, 8, 3], "dropout": 0.3, "batch_norm": True}}
    assert same(run(one(model, use="Adam", **{"with": {"lr": 1e-2}}), steps=100), net)


def test_draws_do_not_depend_on_the_generator() -> None:
    """Whoever else draws from torch's generator changes nothing."""
    model = {"use": "mlp", "with": {"sizes": [6, 8, 3], "dropout": 0.3}}
    first = run(one(model))
    made = one(model)
    engine = Engine(made)
    for step in range(1, STEPS + 1):
        torch.rand(step)
        engine.step(step, *batch(step))
    assert same(first, made.models["net"])


@pytest.mark.parametrize(("entry", "clip"), [
    ({"clip_norm": 0.3}, lambda p: nn.utils.clip_grad_norm_(p, 0.3)),
    ({"clip_value": 0.01}, lambda p: nn.utils.clip_grad_value_(p, 0.01))])
def test_clipping(entry: dict[str, Any], clip: Any) -> None:
    net = twin("net", plain)
    train(net, torch.optim.Adam(net.parameters(), lr=1e-2), clip=clip)
    assert same(run(one(MLP, use="Adam", **{"with": {"lr": 1e-2}}, **entry)), net)


def test_gradient_norm_is_that_of_clipping() -> None:
    made = one(MLP, clip_norm=0.1)
    clipped = Engine(made, ports=("grad_norm",)).step(1, *batch(1))["grad_norm"]
    free = Engine(one(MLP), ports=("grad_norm",)).step(1, *batch(1))["grad_norm"]
    net = twin("net", plain)
    F.cross_entropy(net(batch(1)[0]), batch(1)[1]).backward()
    expected = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
    assert torch.equal(clipped, expected)
    assert torch.equal(free, expected)


def test_groups() -> None:
    net = twin("net", plain)
    biases = [p for n, p in net.named_parameters() if n.endswith("bias")]
    weights = [p for n, p in net.named_parameters() if n.endswith("weight")]
    train(net, torch.optim.AdamW([{"params": biases, "weight_decay": 0.0, "lr": 0.1}, {"params": weights}], lr=0.01))
    updates = [{"model": "net", "match": ["*.bias"], "weight_decay": 0.0, "lr": 0.1}, "net"]
    made = one(MLP, use="AdamW", updates=updates, **{"with": {"lr": 0.01}})
    assert [len(g["params"]) for g in made.updaters["opt"].optimizer.param_groups] == [2, 2]
    assert same(run(made), net)


def test_sub_module() -> None:
    """Only the last layer is trained; the others record nothing."""
    net = twin("net", plain)
    train(net, torch.optim.SGD(net[3].parameters(), lr=0.1))
    made = one(MLP, updates=["net.3"], **{"with": {"lr": 0.1}})
    assert [p.requires_grad for p in made.models["net"].parameters()] == [False, False, True, True]
    assert same(run(made), net)


FACTORS = {
    "constant": ({"warmup": 4}, lambda n: min(1.0, (n + 1) / 4)),
    "linear": ({"steps": 20, "end": 0.5}, lambda n: 1.0 + (0.5 - 1.0) * min(1.0, n / 20)),
    "step": ({"every": 7, "factor": 0.5}, lambda n: 0.5 ** (n // 7)),
    "exponential": ({"factor": 0.9}, lambda n: 0.9 ** n)}


@pytest.mark.parametrize("name", FACTORS)
def test_closed_schedules(name: str) -> None:
    settings, factor = FACTORS[name]
    net = twin("net", plain)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    train(net, optimizer, after=torch.optim.lr_scheduler.LambdaLR(optimizer, factor).step)
    assert same(run(one(MLP, schedule={"use": name, **settings}, **{"with": {"lr": 0.1}})), net)


def test_cosine_with_warm_up() -> None:
    made = one(MLP, schedule={"use": "cosine", "steps": 20, "warmup": 5, "end": 0.1}, **{"with": {"lr": 2.0}})
    engine = Engine(made, ports=("lr", "updates"))
    seen = [engine.step(step, *batch(step)) for step in range(1, 31)]
    assert [s["updates"] for s in seen] == list(range(1, 31))
    rates = [s["lr"] for s in seen]
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[5] == 2.0
    assert rates[20:] == pytest.approx([0.2] * 10)
    assert all(a > b for a, b in pairwise(rates[5:21]))


@pytest.mark.parametrize(("use", "settings"), [
    ("StepLR", {"step_size": 3}), ("CosineAnnealingLR", {"T_max": 9}), ("OneCycleLR", {"max_lr": 0.5,
                                                                                       "total_steps": 40}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3}), ("MultiStepLR", {"milestones": [3, 9]}),
    ("torch.optim.lr_scheduler.PolynomialLR", {"total_iters": 7})])
def test_torch_schedulers(use: str, settings: dict[str, Any]) -> None:
    net = twin("net", plain)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, use.split(".")[-1])(optimizer, **settings)
    train(net, optimizer, after=scheduler.step)
    made = one(MLP, schedule={"use": use, **settings}, **{"with": {"lr": 0.1, "momentum": 0.9}})
    assert same(run(made), net)


def test_nested_schedulers() -> None:
    net = twin("net", plain)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    lr = torch.optim.lr_scheduler
    scheduler = lr.SequentialLR(optimizer, [lr.LinearLR(optimizer, total_iters=4), lr.ExponentialLR(optimizer, 0.9)],
                                [4])
    train(net, optimizer, after=scheduler.step)
    schedule = {"use": "SequentialLR", "milestones": [4], "schedulers": [
        {"use": "LinearLR", "total_iters": 4}, {"use": "ExponentialLR", "gamma": 0.9}]}
    assert same(run(one(MLP, schedule=schedule, **{"with": {"lr": 0.1}})), net)


def test_expression_schedule_and_groups() -> None:
    """An expression gives the rate itself; a group with a rate of its own keeps its ratio."""
    seen: list[tuple[int, int, int]] = []

    def rate(updates: int, step: int, epoch: int) -> float:
        seen.append((updates, step, epoch))
        return 0.1 / (1 + updates)

    updates = [{"model": "net.3", "lr": 0.5}, "net"]
    made = one(MLP, updates=updates, schedules={"opt": rate}, **{"with": {"lr": 0.1}})
    engine = Engine(made, ports=("lr",))
    rates = [engine.step(step, *batch(step), epoch=2)["lr"] for step in (5, 10)]
    assert seen == [(0, 5, 2), (1, 10, 2)]
    assert rates == pytest.approx([0.5, 0.25])
    assert made.updaters["opt"].optimizer.param_groups[1]["lr"] == 0.05


@pytest.mark.parametrize("schedule", [{"use": "exponential", "factor": 0.9}, {"use": "ExponentialLR", "gamma": 0.9}])
def test_schedule_over_steps(schedule: dict[str, Any]) -> None:
    """`per: step` counts global steps, whether or not the optimizer was due on them."""
    made = one(MLP, schedule=schedule, per="step", **{"with": {"lr": 1.0}})
    engine = Engine(made, ports=("lr",))
    rates = [engine.step(step, *batch(step))["lr"] for step in (1, 6, 7)]
    assert rates == pytest.approx([1.0, 0.9 ** 5, 0.9 ** 6])


@pytest.mark.parametrize(("rate", "message"), [
    (lambda *_: 0.1 / 0, "ZeroDivisionError"), (lambda *_: -0.1, "would be -0.1; expected a number at least 0"),
    (lambda *_: float("nan"), "would be nan"), (lambda *_: float("inf"), "would be inf")])
def test_schedules_that_give_no_learning_rate(rate: Any, message: str) -> None:
    """Before anything is updated by it."""
    made = one(MLP, schedules={"opt": rate}, **{"with": {"lr": 0.1}})
    with pytest.raises(ValueError, match=f"the schedule of optimizer 'opt' fails at 'updates' 0, step 5, epoch 1: .*{message}"):
        Engine(made).step(5, *batch(5))
    assert same(made.models["net"], one(MLP).models["net"])


def mean_gradients(batches: list[Any], weights: list[float]) -> list[torch.Tensor]:
    net = twin("net", plain)
    total = [torch.zeros_like(p) for p in net.parameters()]
    for (x, y), weight in zip(batches, weights, strict=True):
        found = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
        total = [t + g * weight for t, g in zip(total, found, strict=True)]
    return [t / sum(weights) for t in total]


def test_accumulation_is_the_mean_gradient() -> None:
    batches = [batch(step) for step in range(1, 5)]
    made = one(MLP, **{"with": {"lr": 1.0}})
    before = [p.detach().clone() for p in made.models["net"].parameters()]
    engine = Engine(made, accumulate=4, ports=("applied", "updates", "grad_norm"))
    seen = [engine.step(n, *pair) for n, pair in enumerate(batches, 1)]
    assert [s["applied"] for s in seen] == [False, False, False, True]
    assert [s["updates"] for s in seen] == [0, 0, 0, 1]
    expected = mean_gradients(batches, [1.0] * 4)
    for old, new, gradient in zip(before, made.models["net"].parameters(), expected, strict=True):
        assert torch.allclose(old - new, gradient, atol=1e-6)
    assert float(seen[3]["grad_norm"]) == pytest.approx(float(torch.stack([g.norm() for g in expected]).norm()))


def test_accumulation_until_so_many_examples() -> None:
    """Two batches of unequal size weigh as the one that they make up."""
    x, y = batch(1, 24)
    whole, parts = one(MLP, **{"with": {"lr": 1.0}}), one(MLP, **{"with": {"lr": 1.0}})
    Engine(whole).step(1, x, y)
    engine = Engine(parts, accumulate={"until": 24}, weighted=True, ports=("applied",))
    assert engine.step(1, x[:16], y[:16], 16) == {"applied": False}
    assert engine.step(2, x[16:], y[16:], torch.tensor(8)) == {"applied": True}
    for a, b in zip(whole.models["net"].parameters(), parts.models["net"].parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_two_networks_updated_in_one_step() -> None:
    """Both gradients before both updates, each with respect to its own network only."""
    def critic() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))

    def generator() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6))

    made = backend({"d": {"use": "mlp", "with": {"sizes": [6, 8, 1]}},
                    "g": {"use": "mlp", "with": {"sizes": [4, 8, 6]}}},
                   {"od": {"use": "Adam", "updates": ["d"]}, "og": {"use": "Adam", "updates": ["g"]}})

    def bind(node: str, model: str, *trains: str) -> Any:
        return made.forward(node, model, train=True, trains=frozenset(trains), buffers=True).call

    fake, real_score, fake_score = bind("a", "g", "og"), bind("b", "d", "od"), bind("c", "d", "od")
    fooled = bind("e", "d", "og")
    grad_d = made.gradients("od", retain=False, weighted=False)
    grad_g = made.gradients("og", retain=False, weighted=False)
    apply_d, apply_g = made.apply("od", frozenset()), made.apply("og", frozenset())
    d, g = twin("d", critic), twin("g", generator)
    od, og = torch.optim.Adam(d.parameters()), torch.optim.Adam(g.parameters())
    for step in range(1, 20):
        x, z = batch(step)[0], batch(-step)[0][:, :4]
        made.record(True)
        made_up = fake(z)
        loss_g = -fooled(made_up).mean()
        loss_d = fake_score(made_up.detach()).mean() - real_score(x).mean()
        made.record(False)
        found_d, found_g = grad_d(loss_d), grad_g(loss_g)
        apply_d(step, 1, found_d)
        apply_g(step, 1, found_g)
        made.record(True)

        made_up = g(z)
        loss_g, loss_d = -d(made_up).mean(), d(made_up.detach()).mean() - d(x).mean()
        og.zero_grad()
        loss_g.backward()
        od.zero_grad()
        loss_d.backward()
        od.step()
        og.step()
    assert same(made.models["d"], d)
    assert same(made.models["g"], g)


def test_shared_forward_kept_for_two_losses() -> None:
    made = backend({"net": MLP}, {"a": {"use": "SGD", "updates": ["net.1"]}, "b": {"use": "SGD",
                                                                                   "updates": ["net.3"]}})
    out = made.forward("out", "net", train=True, trains=frozenset("ab"), buffers=True).call(batch(1)[0])
    loss = out.square().mean()
    first = made.gradients("a", retain=True, weighted=False)(loss)
    second = made.gradients("b", retain=False, weighted=False)(loss)
    loss = made.forward("out", "net", train=True, trains=frozenset("ab"),
                        buffers=True).call(batch(1)[0]).square().mean()
    expected = torch.autograd.grad(loss, list(made.models["net"].parameters()))
    assert all(torch.equal(a, b) for a, b in zip([*first, *second], expected, strict=True))


def test_unused_parameters_are_left_alone() -> None:
    """As `backward` leaves them: no gradient, and so no weight decay."""
    made = one({"use": "torch.nn.Bilinear", "with": {"in1_features": 2, "in2_features": 2, "out_features": 2}},
               use="AdamW", **{"with": {"weight_decay": 0.5}})
    before = made.models["net"].bias.detach().clone()
    found = made.gradients("opt", retain=False, weighted=False)(made.models["net"].weight.sum())
    assert found[1] is None
    made.record(False)
    made.apply("opt", frozenset())(1, 1, found)
    made.record(True)
    assert torch.equal(made.models["net"].bias, before)


def test_gradients_that_share_memory_are_clipped_once() -> None:
    made = backend({"net": {"use": "torch.nn.Linear", "with": {"in_features": 3, "out_features": 3}}},
                   {"opt": {"use": "SGD", "updates": ["net"], "clip_value": 0.25, "with": {"lr": 1.0}}})
    net = made.models["net"]
    before = [p.detach().clone() for p in net.parameters()]
    loss = (net.weight.sum() + net.bias.sum())  # expanded gradients
    found = made.gradients("opt", retain=False, weighted=False)(loss)
    made.record(False)
    made.apply("opt", frozenset())(1, 1, found)
    made.record(True)
    assert all(torch.allclose(old - new, torch.full_like(old, 0.25)) for old,
               new in zip(before, net.parameters(), strict=True))


def test_bf16() -> None:
    """Activations in bfloat16, weights, losses and moments in float32; and it learns."""
    made = one(MLP, use="Adam", precision="bf16", **{"with": {"lr": 0.05}})
    assert made.forward("x", "net", train=False, trains=frozenset(),
                        buffers=False).call(batch(1)[0]).dtype == torch.bfloat16
    x, y = batch(1)
    engine = Engine(made)
    start = F.cross_entropy(made.models["net"](x), y).item()
    for step in range(1, 40):
        engine.step(step, x, y)
    assert F.cross_entropy(made.models["net"](x), y).item() < start / 3
    assert all(p.dtype == torch.float32 for p in made.models["net"].parameters())


def test_scaled_gradients() -> None:
    """What fp16 does on a GPU: scaled losses, updates left out and a smaller factor where a gradient overflows."""
    def scaled() -> Any:
        made = one(MLP, clip_norm=0.3, **{"with": {"lr": 0.5}})
        made.updaters["opt"].scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        return made

    plain_run, made = one(MLP, clip_norm=0.3, **{"with": {"lr": 0.5}}), scaled()
    engine, other = Engine(made, ports=("applied",)), Engine(plain_run)
    for step in range(1, 9):
        assert engine.step(step, *batch(step)) == {"applied": True}
        other.step(step, *batch(step))
    for a, b in zip(made.models["net"].parameters(), plain_run.models["net"].parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    made.updaters["opt"].scaler.update(3e38)
    before = [p.detach().clone() for p in made.models["net"].parameters()]
    x, y = batch(9)
    assert engine.step(9, x * 1e3, y) == {"applied": False}
    assert made.updates("opt") == 8
    assert made.updaters["opt"].scaler.get_scale() == pytest.approx(1.5e38)
    assert all(torch.equal(a, b) for a, b in zip(before, made.models["net"].parameters(), strict=True))
    resumed = scaled()
    resumed.load_state(made.state())
    assert resumed.updaters["opt"].scaler.get_scale() == made.updaters["opt"].scaler.get_scale()


@pytest.mark.parametrize("name", sorted(SAME_BITS))
@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.01}, {"momentum": 0.9, "nesterov": True}, {"maximize": True}],
                         ids=["plain", "decay", "nesterov", "maximize"])
def test_small_parameters_updated_together_get_the_same_bits(name: str, settings: dict[str, Any]) -> None:
    kind = getattr(torch.optim, name)
    if not set(settings) <= set(inspect.signature(kind).parameters):
        pytest.skip("it has no such setting")
    torch.manual_seed(0)
    first = [torch.randn(shape, requires_grad=True) for shape in ((37, 64), (37,), (10, 37), (3, 3, 5, 2))]
    copies = [p.detach().clone().requires_grad_() for p in first]
    by_hand, made = kind(first, lr=0.01, **settings), Updater("opt", kind(copies, lr=0.01, **settings))
    assert by_hand.param_groups[0]["foreach"] is None and made.optimizer.param_groups[0]["foreach"]
    for _ in range(30):
        for p, copied in zip(first, copies, strict=True):
            p.grad = torch.randn_like(p)
            copied.grad = p.grad.clone()
        by_hand.step()
        with torch.no_grad():
            made.step()
        assert all(map(torch.equal, first, copies))
