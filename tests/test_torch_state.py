"""State of the torch backend: complete and exact, at any moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch_tools import MLP, Engine, backend, batch, one, same

from edgraph.backends.base import ArrayBlob
from edgraph.backends.torch.state import NAMES, from_blob, pack, to_blob, unpack

NOISY = {"use": "mlp", "with": {"sizes": [6, 8, 3], "dropout": 0.2, "batch_norm": True}}
SETTINGS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "lr": 0.1}, "RMSprop": {"centered": True, "momentum": 0.5}, "Adam": {"amsgrad": True}}
CLASSES = sorted(name for name, kind in vars(torch.optim).items() if isinstance(kind, type)
                 and issubclass(kind, torch.optim.Optimizer) and name not in ("Optimizer", "LBFGS", "SparseAdam"))


def copied(tree: Any) -> Any:
    """A tree as a checkpoint keeps it: with memory of its own."""
    if isinstance(tree, ArrayBlob):
        return ArrayBlob(tree.dtype, tree.shape, bytes(tree.data))
    if isinstance(tree, dict):
        assert all(type(key) is str for key in tree)
        return {key: copied(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [copied(item) for item in tree]
    assert tree is None or isinstance(tree, (bool, int, float, str, np.ndarray)), tree
    return tree.copy() if isinstance(tree, np.ndarray) else tree


def continues(make: Any, first: int, then: int, **options: Any) -> None:
    """A run saved after some steps and resumed in new objects goes on as the one that never stopped."""
    whole, resumed = make(), make()
    engine = Engine(whole, **options)
    for step in range(1, first + 1):
        engine.step(step, *batch(step))
    state = copied(whole.state())
    resumed.load_state(copied(state))
    assert copied(resumed.state()) == state
    other = Engine(resumed, **options)
    for step in range(first + 1, first + then + 1):
        engine.step(step, *batch(step))
        other.step(step, *batch(step))
    assert same(whole.models["net"], resumed.models["net"])
    assert copied(resumed.state()) == copied(whole.state())


@pytest.mark.parametrize("name", CLASSES)
def test_every_optimizer_in_the_middle_of_accumulation(name: str) -> None:
    settings = SETTINGS.get(name, {})
    if name == "Muon":
        model: dict[str, Any] = {"use": "mlp", "with": {"sizes": [6, 8, 3], "bias": False}}
    else:
        model = NOISY
    continues(lambda: one(model, use=name, clip_norm=1.0, **{"with": settings}), 8, 5, accumulate=3)


def test_norm_of_sparse_gradients() -> None:
    from edgraph.backends.torch.grads import total_norm

    sparse = torch.sparse_coo_tensor(torch.tensor([[1, 1, 2]]), torch.tensor([3.0, 1.0, 3.0]), (4,))
    assert total_norm([sparse, None, torch.tensor([12.0])]).item() == 13


def test_sparse_gradients() -> None:
    embedding = {"use": "torch.nn.Embedding", "with": {"num_embeddings": 9, "embedding_dim": 4, "sparse": True}}

    def step(made: Any, number: int) -> None:
        rows = torch.tensor([number % 9, 3])
        loss = made.forward("out", "net", train=True, trains=frozenset({"opt"}),
                            buffers=True).call(rows).square().sum()
        found = made.gradients("opt", retain=False, weighted=False)(loss)
        made.record(False)
        made.apply("opt", frozenset())(number, 1, found)
        made.record(True)

    first, second = (one(embedding, use="SparseAdam") for _ in range(2))
    for number in range(5):
        step(first, number)
    second.load_state(copied(first.state()))
    step(first, 5)
    step(second, 5)
    assert same(first.models["net"], second.models["net"])


@pytest.mark.parametrize("schedule", [
    {"use": "cosine", "steps": 12, "warmup": 3}, {"use": "MultiStepLR", "milestones": [2, 4, 4]},
    {"use": "OneCycleLR", "max_lr": 0.3, "total_steps": 30}, {"use": "CosineAnnealingWarmRestarts", "T_0": 3},
    {"use": "SequentialLR", "milestones": [3], "schedulers": [
        {"use": "LinearLR", "total_iters": 4}, {"use": "MultiStepLR", "milestones": [5]}]}])
def test_schedules(schedule: dict[str, Any]) -> None:
    continues(lambda: one(MLP, use="Adam", schedule=schedule, **{"with": {"lr": 0.1}}), 5, 6)


def test_learning_rate_that_was_set() -> None:
    made, other = (one(MLP, updates=[{"model": "net.1", "lr": 0.4}, "net"],
                       **{"with": {"lr": 0.2}}) for _ in range(2))
    made.set_learning_rate("opt")(torch.tensor(0.2))
    assert [g["lr"] for g in made.updaters["opt"].optimizer.param_groups] == pytest.approx([0.2, 0.1])
    other.load_state(copied(made.state()))
    assert other.updaters["opt"].bases == made.updaters["opt"].bases
    assert copied(other.state()) == copied(made.state())


def test_moments_keep_their_type() -> None:
    """`Optimizer.load_state_dict` would make the float32 moments of a bfloat16 parameter bfloat16."""
    made, other = (one(MLP, use="Adam") for _ in range(2))
    Engine(made).step(1, *batch(1))
    p = made.updaters["opt"].params[0]
    made.updaters["opt"].optimizer.state[p]["exp_avg"] = torch.rand(8, 6, dtype=torch.float64)
    other.load_state(copied(made.state()))
    moments = other.updaters["opt"].optimizer.state[other.updaters["opt"].params[0]]
    assert moments["exp_avg"].dtype == torch.float64
    assert torch.equal(moments["exp_avg"], made.updaters["opt"].optimizer.state[p]["exp_avg"])


def test_only_models() -> None:
    made, other = (one(MLP, use="Adam") for _ in range(2))
    Engine(made).step(1, *batch(1))
    other.load_state(copied(made.state()), only="models")
    assert same(made.models["net"], other.models["net"])
    assert other.updates("opt") == 0
    assert not other.updaters["opt"].optimizer.state


class Counting(nn.Module):
    """Buffers that grow, that no state_dict has, and state that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("seen", torch.zeros(0))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)
        self.words = ["a"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = torch.cat([self.seen, x.detach().mean().reshape(1)])
        self.calls += 1
        self.words.append("b")
        return self.linear(x)

    def get_extra_state(self) -> Any:
        return {"words": list(self.words)}

    def set_extra_state(self, state: Any) -> None:
        self.words = state["words"]


def test_buffers_and_extra_state() -> None:
    made, other = (one({"use": f"{__name__}.Counting"}) for _ in range(2))
    engine = Engine(made)
    for step in range(1, 4):
        engine.step(step, *batch(step))
    other.load_state(copied(made.state()))
    net = other.models["net"]
    assert net.seen.shape == (3,)
    assert net.calls == 3
    assert net.words == ["a", "b", "b", "b"]
    assert copied(other.state()) == copied(made.state())


def test_layout_in_memory_is_kept() -> None:
    made = one({"use": "convnet", "with": {"channels": [4], "classes": 3}}, use="Adam")
    net = made.models["net"].to(memory_format=torch.channels_last)
    assert net is made.models["net"]
    weight = net[0].weight
    state = copied(made.state())
    Engine(made).step(1, torch.rand(2, 1, 6, 6), torch.tensor([0, 1]))
    moved = copied(made.state())
    made.load_state(moved)
    average = made.updaters["opt"].optimizer.state[weight]["exp_avg"]
    assert average.stride() == weight.stride()
    made.load_state(state)
    assert copied(made.state()) == state


def test_state_of_another_pipeline() -> None:
    made = one(MLP, use="Adam")
    wide = backend({"net": {"use": "mlp", "with": {"sizes": [6, 9, 3]}}})
    with pytest.raises(ValueError, match=r"parameter '1.weight' of model 'net' has shape \(8, 6\), and \(9, 6\)"):
        made.load_state(wide.state(), only="models")
    deep = backend({"net": {"use": "mlp", "with": {"sizes": [6, 8, 8, 3]}}})
    with pytest.raises(ValueError, match=r"has a parameter '5.weight' that model 'net' does not have"):
        made.load_state(deep.state(), only="models")
    with pytest.raises(ValueError, match=r"the checkpoint has no parameter '5.weight' of model 'net'"):
        deep.load_state(made.state(), only="models")
    with pytest.raises(ValueError, match=r"another kind than in the checkpoint.*'betas'"):
        one(MLP, use="SGD").load_state(made.state())
    with pytest.raises(ValueError, match="4 parameters in 1 groups, and in the checkpoint 2 in 1"):
        made.load_state(one(MLP, use="Adam", updates=["net.1"]).state())


# -- what the author changes before a run goes on ------------------------------------------------------

def goes_on(before: dict[str, Any], now: dict[str, Any], steps: int = 3) -> Any:
    """A backend that goes on with the state of another one, whose optimizer the author had described otherwise."""
    made, other = one(MLP, **before), one(MLP, **now)
    engine = Engine(made)
    for step in range(1, steps + 1):
        engine.step(step, *batch(step))
    other.load_state(copied(made.state()))
    return other


def group(made: Any) -> dict[str, Any]:
    return made.updaters["opt"].optimizer.param_groups[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("use", "setting", "was", "now"), [
    ("Adam", "lr", 0.01, 0.5), ("Adam", "weight_decay", 0.0, 0.1), ("Adam", "betas", [0.9, 0.999], [0.5, 0.9]),
    ("SGD", "momentum", 0.0, 0.9), ("Adam", "foreach", None, False), ("RMSprop", "eps", 1e-8, 1e-3)])
def test_a_setting_that_was_changed_holds(use: str, setting: str, was: Any, now: Any) -> None:
    first, second = ({"use": use, "with": {setting: value}} for value in (was, now))
    other = goes_on(first if was is not None else {"use": use}, second)
    assert group(other)[setting] == (tuple(now) if isinstance(now, list) else now)
    by_hand = one(MLP, **second)  # the same weights and moments with the new setting
    by_hand.load_state(copied(other.state()))
    for made in (other, by_hand):
        Engine(made).step(4, *batch(4))
    assert same(other.models["net"], by_hand.models["net"])


def test_adam_that_becomes_adamw_decays_as_adamw_does() -> None:
    other = goes_on({"use": "Adam", "with": {"weight_decay": 0.1}}, {"use": "AdamW", "with": {"weight_decay": 0.1}})
    assert group(other)["decoupled_weight_decay"] is True


def test_a_learning_rate_that_was_set_outlasts_other_changes() -> None:
    made, other, third = (one(MLP, **{"with": {"lr": lr, "weight_decay": decay}})
                          for lr, decay in ((0.2, 0.0), (0.2, 0.1), (0.4, 0.0)))
    made.set_learning_rate("opt")(0.05)
    other.load_state(copied(made.state()))
    assert (group(other)["lr"], group(other)["weight_decay"]) == (0.05, 0.1)
    third.load_state(copied(made.state()))
    assert group(third)["lr"] == 0.4


@pytest.mark.parametrize(("was", "now"), [
    ({"use": "ExponentialLR", "gamma": 0.9}, {"use": "ExponentialLR", "gamma": 0.5}),
    ({"use": "StepLR", "step_size": 2}, {"use": "CosineAnnealingLR", "T_max": 9}), (None, {"use": "StepLR", "step_size": 2}),
    ({"use": "OneCycleLR", "max_lr": 0.3, "total_steps": 30}, {"use": "OneCycleLR", "max_lr": 0.1, "total_steps": 30}),
    ({"use": "StepLR", "step_size": 2}, {"use": "linear", "steps": 9}), ({"use": "linear", "steps": 9}, None)])
def test_a_schedule_that_was_changed_is_at_its_place(was: Any, now: Any) -> None:
    """The learning rates are those that the new one would have had from the beginning at this update."""
    first, second = ({"use": "Adam", "with": {"lr": 0.1}, **({"schedule": s} if s else {})} for s in (was, now))
    other, always = goes_on(first, second), one(MLP, **second)
    engine = Engine(always)
    for step in range(1, 4):
        engine.step(step, *batch(step))
    for step in range(4, 7):
        Engine(other).step(step, *batch(step))
        engine.step(step, *batch(step))
        assert group(other)["lr"] == group(always)["lr"]


def test_a_learning_rate_under_a_schedule_of_torch_that_was_changed() -> None:
    schedule = {"use": "ExponentialLR", "gamma": 0.5}
    other = goes_on({"with": {"lr": 0.1}, "schedule": schedule}, {"with": {"lr": 0.4}, "schedule": schedule})
    Engine(other).step(4, *batch(4))
    assert group(other)["lr"] == 0.05


def test_a_setting_that_needs_what_was_not_kept() -> None:
    with pytest.raises(ValueError, match="'amsgrad' of optimizer 'opt' is new, and needs a 'max_exp_avg_sq'"):
        goes_on({"use": "Adam"}, {"use": "Adam", "with": {"amsgrad": True}})
    assert group(goes_on({"use": "Adam"}, {"use": "Adam", "with": {"amsgrad": True}}, 0))["amsgrad"]


def test_checkpoints_from_before_settings_were_compared() -> None:
    made, other = (one(MLP, use="Adam", **{"with": {"lr": lr}}) for lr in (0.1, 0.2))
    state = made.state()
    del state["optimizers"]["opt"]["declared"]
    other.load_state(copied(state))
    assert group(other)["lr"] == 0.1


# -- trees ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", NAMES, ids=NAMES.values())
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_blobs(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randint(0, 2, shape).to(dtype)
    blob = to_blob(tensor)
    assert blob.shape == shape
    assert memoryview(blob.data).nbytes == tensor.numel() * tensor.element_size()
    back = from_blob(ArrayBlob(blob.dtype, blob.shape, bytes(blob.data)))
    assert back.dtype == dtype
    assert back.shape == tensor.shape
    assert bytes(to_blob(back).data) == bytes(blob.data)


def test_blobs_keep_every_bit() -> None:
    values = torch.tensor([float("nan"), float("-inf"), -0.0, 1e-45])
    assert torch.equal(from_blob(to_blob(values)).view(torch.int32), values.view(torch.int32))


def test_blobs_of_views() -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    for view in (whole.T, whole[:, 1], whole[1:, ::2], torch.arange(3.0).expand(2, 3),
                 torch.ones(2, dtype=torch.complex64).conj()):
        assert torch.equal(from_blob(to_blob(view)), view)


def test_contiguous_blobs_share_memory() -> None:
    tensor = torch.zeros(4)
    blob = to_blob(tensor)
    tensor[0] = 1.0
    assert bytes(blob.data)[:4] == np.float32(1).tobytes()
    made = from_blob(blob)
    tensor[0] = 2.0
    assert made[0] == 1.0


@pytest.mark.parametrize("value", [
    None, True, 3, 2**80, -0.5, float("inf"), "text", [1, [2.0]], (1, (2, "x")), {"a": {"b": ()}}, {1: 2, (3,
                                                                                                           4): "x"},
    {"__edgraph__": 1}, np.float32(0.5), np.int64(3), torch.Size([2, 3])])
def test_values(value: Any) -> None:
    back = unpack(copied(pack(value)))
    assert back == value
    assert type(back) is (tuple if isinstance(value, torch.Size) else type(value))


def test_arrays_and_tensors_stay_apart() -> None:
    back = unpack(pack({"array": np.arange(3), "tensor": torch.arange(3)}))
    assert isinstance(back["array"], np.ndarray)
    assert isinstance(back["tensor"], torch.Tensor)
    assert not unpack(pack(torch.ones(2, requires_grad=True))).requires_grad


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([None]), torch.ones(2, 2).to_sparse(), [lambda: 0]])
def test_values_that_cannot_be_kept(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept in a checkpoint"):
        pack(value)


def test_counter_is_restored_as_a_counter() -> None:
    made = one(MLP, schedule={"use": "MultiStepLR", "milestones": [2]})
    made.load_state(copied(made.state()))
    assert isinstance(made.updaters["opt"].schedule.scheduler.milestones, Counter)
