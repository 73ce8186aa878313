"""Calls of models: mode, what records, random numbers, buffers, memory."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch_tools import MLP, Engine, backend, batch, one, same

from edgraph.backends.torch import TorchBackend
from edgraph.ops.random import loop_key, stream_seed
from edgraph.text.diagnostics import PipelineError

NOISY = {"use": "mlp", "with": {"sizes": [6, 8, 3], "dropout": 0.5, "batch_norm": True}}
NORMED = {"use": "mlp", "with": {"sizes": [6, 8, 3], "batch_norm": True}}
NONE: frozenset[str] = frozenset()


def bind(made: TorchBackend, *, model: str = "net", train: bool = False, trains: frozenset[str] = NONE,
         buffers: bool = True, **options: Any) -> Any:
    return made.forward("out", model, train=train, trains=trains, buffers=buffers, **options)


class Parts(nn.Module):
    """A model with methods, several inputs and a random draw that nobody knows of."""

    def __init__(self, *, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = nn.Linear(6, 4)
        self.head = head or nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, scale: Any = 1.0, *, shift: Any = 0.0) -> Any:
        return self.head(self.encoder(x)) * scale + shift

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def sample(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand(x.shape)


PARTS = {"use": f"{__name__}.Parts"}


# -- mode ----------------------------------------------------------------------------------------------

def test_mode_of_each_call() -> None:
    made = backend({"net": NOISY})
    net = made.models["net"]
    train, evaluate = bind(made, train=True), bind(made)
    x = batch(1)[0]
    assert train.passes == ("key",)
    assert evaluate.passes == ()
    train.call(1, x)
    assert all(part.training for part in net.modules())
    evaluate.call(x)
    assert not any(part.training for part in net.modules())
    train.call(1, x)
    assert all(part.training for part in net.modules())


def test_sub_modules_switch_with_their_model() -> None:
    made = backend({"net": NOISY})
    whole, part = bind(made, train=True), bind(made, model="net.5")
    whole.call(1, batch(1)[0])
    part.call(torch.ones(1, 8))
    assert not made.models["net"][2].training
    whole.call(1, batch(1)[0])
    assert all(module.training for module in made.models["net"].modules())


def test_switching_costs_only_when_it_differs() -> None:
    made = backend({"net": MLP})
    calls: list[bool] = []
    made.models["net"].train = calls.append  # type: ignore[assignment]
    train, evaluate = bind(made, train=True), bind(made)
    for call in (train, train, evaluate, evaluate, train):
        call.call(batch(1)[0])
    assert calls == [False, True]


def test_frozen_models_stay_in_eval_mode() -> None:
    made = backend({"net": {**NOISY, "frozen": True}})
    bound = bind(made, train=True)
    assert bound.passes == ()
    x = batch(1)[0]
    assert torch.equal(bound.call(x), bound.call(x))
    assert not any(part.training for part in made.models["net"].modules())
    assert not any(p.requires_grad for p in made.models["net"].parameters())


SHARED = nn.Linear(4, 3)


def test_models_that_share_a_module() -> None:
    models = {"a": {"use": f"{__name__}.shared", "with": {"which": 0}},
              "b": {"use": f"{__name__}.shared", "with": {"which": 1}},
              "c": {"use": f"{__name__}.shared", "with": {"which": 2}}, "d": MLP}
    made = backend(models)
    assert made.shared_parameters() == [("a", "b"), ("a", "c"), ("b", "c")]
    bind(made, model="c").call(1, torch.ones(1, 4), torch.ones(1, 6))
    assert not made.models["a"].training
    assert made.models["d"].training
    assert made._calls._modes["a"] is made._calls._modes["b"] is made._calls._modes["c"]


def shared(*, which: int) -> nn.Module:
    """a and b each have the shared layer; c has both of them."""
    if which == 2:
        return Both()
    return nn.Sequential(nn.Identity(), SHARED)


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.ModuleList([SHARED, nn.Linear(6, 3)])

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.inner[0](x) + self.inner[1](y)


# -- what records --------------------------------------------------------------------------------------

def test_only_what_an_optimizer_updates_records() -> None:
    made = backend({"net": MLP, "other": MLP, "sub": MLP}, {"opt": {"use": "SGD", "updates": ["net", "sub.3"]}})

    def flags(name: str) -> list[bool]:
        return [p.requires_grad for p in made.models[name].parameters()]

    assert flags("net") == [True] * 4
    assert flags("other") == [False] * 4
    assert flags("sub") == [False, False, True, True]


def saved_by(function: Any) -> list[int]:
    """The numbers of elements of all tensors that a computation keeps for its backward pass."""
    sizes: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function()
    return sizes


def test_activations_of_optimizers_that_are_not_due_are_not_kept() -> None:
    """The gradient goes through the critic, whose own parameters need none."""
    made = backend({"d": {"use": "torch.nn.Linear", "with": {"in_features": 6, "out_features": 1}}, "g": MLP},
                   {"od": {"use": "SGD", "updates": ["d"]}, "og": {"use": "SGD", "updates": ["g"]}})
    through = bind(made, model="d", train=True, trains=frozenset({"og"})).call
    own = bind(made, model="d", train=True, trains=frozenset({"od"})).call
    x = torch.rand(1000, 6)
    assert 6000 in saved_by(lambda: own(x))
    z = x.clone().requires_grad_()
    out: list[torch.Tensor] = []
    assert 6000 not in saved_by(lambda: out.append(through(z)))
    assert torch.autograd.grad(out[0].sum(), z)[0].shape == (1000, 6)
    assert all(p.requires_grad for p in made.models["d"].parameters())


def test_flags_are_put_back_when_a_model_fails() -> None:
    made = backend({"net": MLP, "g": MLP}, {"opt": {"use": "SGD", "updates": ["net"]}, "og": {"use": "SGD",
                                                                                              "updates": ["g"]}})
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        bind(made, train=True, trains=frozenset({"og"})).call(torch.rand(1, 5))
    assert all(p.requires_grad for p in made.models["net"].parameters())


def test_nothing_records_unless_told_to() -> None:
    made = one(MLP)
    made.record(False)
    try:
        assert not bind(made).call(batch(1)[0]).requires_grad
    finally:
        made.record(True)
    assert not bind(made).call(batch(1)[0]).requires_grad  # recording, but for no optimizer


def test_gradient_of_a_parameter_makes_it_record() -> None:
    made = one(MLP, updates=["net.3"])
    bound = bind(made, train=True, trains=NONE)
    take = made.gradient("net.1.weight")
    out = bound.call(batch(1)[0]).sum()
    assert take(out).shape == (8, 6)
    other = bind(made, train=True, trains=frozenset({"opt"}))
    assert take(other.call(batch(1)[0]).sum()).shape == (8, 6)


def test_gradient_penalty() -> None:
    """The gradient with respect to a value is differentiable, and agrees with torch's."""
    made = one(MLP)
    net = made.models["net"]
    between = made.leaf(batch(1)[0])
    assert between.requires_grad
    score = bind(made, train=True, trains=frozenset({"opt"})).call(between)
    gradient = made.gradient(None)(score, between)
    penalty = (gradient.norm(dim=1) - 1).square().mean()
    found = made.gradients("opt", retain=False, weighted=False)(penalty)
    x = batch(1)[0].requires_grad_()
    expected, = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    expected = torch.autograd.grad((expected.norm(dim=1) - 1).square().mean(), list(net.parameters()),
                                   allow_unused=True)
    for a, b in zip(found, expected, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


def test_leaf_shares_memory_and_leaves_what_needs_nothing() -> None:
    made = one(MLP)
    x = torch.rand(3)
    leaf = made.leaf({"x": x, "label": torch.tensor([1])})
    assert leaf["x"].data_ptr() == x.data_ptr()
    assert not x.requires_grad
    assert not leaf["label"].requires_grad
    y = x.clone().requires_grad_() * 2
    assert made.leaf(y) is y


# -- random numbers ------------------------------------------------------------------------------------

def test_draws_are_keyed() -> None:
    made = backend({"net": NOISY}, seed=5)
    bound = bind(made, train=True)
    x = batch(1)[0]
    assert torch.equal(bound.call(3, x), bound.call(3, x))
    assert not torch.equal(bound.call(3, x), bound.call(4, x))
    torch.manual_seed(stream_seed(5, "out", 3))
    assert torch.equal(made.models["net"].train()(x), bound.call(3, x))
    torch.manual_seed(stream_seed(5, "out", 3, 2))
    assert torch.equal(made.models["net"](x), bound.call(loop_key(3, 2), x))


@pytest.mark.parametrize(("use", "settings", "train", "draws"), [
    ("mlp", {"sizes": [6, 8, 3]}, True, False), ("mlp", {"sizes": [6, 8, 3], "dropout": 0.5}, False, False),
    ("torch.nn.LSTM", {"input_size": 6, "hidden_size": 3, "num_layers": 2, "dropout": 0.5}, True, True),
    ("torch.nn.LSTM", {"input_size": 6, "hidden_size": 3}, True, False),
    ("torch.nn.MultiheadAttention", {"embed_dim": 6, "num_heads": 1, "dropout": 0.1}, True, True),
    ("torch.nn.RReLU", {}, True, True), ("torch.nn.RReLU", {}, False, False),
    ("torch.nn.FractionalMaxPool2d", {"kernel_size": 2, "output_size": 2}, False, True),
    (f"{__name__}.Parts", {}, False, True)])
def test_which_models_may_draw(use: str, settings: dict[str, Any], train: bool, draws: bool) -> None:
    made = backend({"net": {"use": use, "with": settings}})
    assert bind(made, train=train).passes == (("key",) if draws else ())


# -- buffers -------------------------------------------------------------------------------------------

def test_buffers_are_kept_where_no_update_needs_them() -> None:
    made = one(NORMED)
    net = made.models["net"]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    keeping, changing = bind(made, train=True, buffers=False), bind(made, train=True, trains=frozenset({"opt"}))
    x = batch(1)[0]
    out = keeping.call(x)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert torch.equal(out, changing.call(x))
    assert net[2].num_batches_tracked == 1
    with pytest.raises(RuntimeError):
        keeping.call(torch.ones(1, 5))
    assert net[2].num_batches_tracked == 1


# -- arguments -----------------------------------------------------------------------------------------

def test_inputs_by_order_and_by_name() -> None:
    made = backend({"net": PARTS})
    net, x = made.models["net"], batch(1)[0]
    plain = net(x)
    assert torch.equal(bind(made).call(1, x, 2.0), plain * 2)
    assert torch.equal(bind(made, names=("shift", "x")).call(1, 3.0, x), plain + 3)


def test_methods() -> None:
    made = backend({"net": PARTS})
    x = batch(1)[0]
    assert bind(made, method="encode").call(1, x).shape == (16, 4)
    bound = bind(made, method="sample")
    assert torch.equal(bound.call(7, x), bound.call(7, x))
    with pytest.raises(PipelineError) as caught:
        bind(made, method="encod")
    assert [(d.code, d.message, d.help) for d in caught.value.diagnostics] == [
        ("unknown-method", "model 'net' has no method 'encod'", "did you mean 'encode'?")]


def test_sub_module_by_path() -> None:
    made = backend({"net": PARTS})
    assert bind(made, model="net.head").call(torch.ones(2, 4)).shape == (2, 3)


# -- memory --------------------------------------------------------------------------------------------

def test_gradients_are_freed_after_the_update() -> None:
    made = one(MLP)
    engine = Engine(made)
    engine.step(1, *batch(1))
    assert all(p.grad is None for p in made.models["net"].parameters())
    loss = engine.loss(engine.bound.call(batch(1)[0]), batch(1)[1])
    found = engine.gradients(loss)
    assert all(p.grad is None for p in made.models["net"].parameters())
    watched = [weakref.ref(g) for g in found]
    made.record(False)
    engine.apply(1, 1, found)
    made.record(True)
    del found
    gc.collect()
    assert all(ref() is None for ref in watched)


def test_graph_is_freed_after_the_gradients() -> None:
    made = one(MLP)
    loss = bind(made, train=True, trains=frozenset({"opt"})).call(batch(1)[0]).sum()
    made.gradients("opt", retain=False, weighted=False)(loss)
    with pytest.raises(RuntimeError, match="second time"):
        made.gradients("opt", retain=False, weighted=False)(loss)


def test_what_a_user_leaves_in_grad_does_not_count() -> None:
    made = one(MLP)
    call = bind(made, train=True, trains=frozenset({"opt"})).call
    call(batch(1)[0]).sum().backward()
    take = made.gradients("opt", retain=False, weighted=False)
    first = take(call(batch(1)[0]).sum())
    second = take(call(batch(1)[0]).sum())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


# -- moving averages -----------------------------------------------------------------------------------

def test_ema() -> None:
    made = backend({"net": NORMED, "ema": {"copy": "net"}}, {"opt": {"use": "SGD", "updates": ["net"],
                                                                     "with": {"lr": 1.0}}})
    net, ema = made.models["net"], made.models["ema"]
    assert same(net, ema)
    old = [p.detach().clone() for p in ema.parameters()]
    Engine(made).step(1, *batch(1))
    assert not same(net, ema)
    made.update_ema("ema", "net", 0.9)()
    for a, b, c in zip(old, net.parameters(), ema.parameters(), strict=True):
        assert torch.allclose(c, 0.9 * a + 0.1 * b)
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), ema.buffers(), strict=True))
    assert not any(p.requires_grad for p in ema.parameters())


def test_ema_of_parts_and_of_other_models() -> None:
    made = backend({"net": NORMED, "ema": {"copy": "net"}, "wide": {"use": "mlp", "with": {"sizes": [6, 9, 3]}}})
    made.update_ema("ema.1", "net.1", 0.0)()
    with pytest.raises(PipelineError, match=r"'wide' cannot follow 'net': they differ in parameter '1.weight'"):
        made.update_ema("wide", "net", 0.5)
    with pytest.raises(PipelineError, match="there is no model 'emma'"):
        made.update_ema("emma", "net", 0.5)
