"""Adam and AdamW of small parameters: bit for bit those of torch.optim, whatever happens between two updates."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from edgraph.backends.torch.adam import Adam
from edgraph.backends.torch.direct import SMALL
from edgraph.backends.torch.updater import Updater

SHAPES = ((37, 64), (37,), (10, 37), (3, 3, 5, 2), ())
KINDS = [torch.optim.Adam, torch.optim.AdamW]
Params = list[torch.Tensor]


def groups(params: Params) -> list[dict[str, Any]]:
    return [{"params": params[:2], "lr": 0.1, "weight_decay": 0.0}, {"params": params[2:], "betas": (0.7, 0.99)}]


def pair(kind: Any, **settings: Any) -> tuple[Params, torch.optim.Optimizer, Params, Updater]:
    """Parameters and their optimizer by hand, and a copy in an updater."""
    torch.manual_seed(0)
    first = [torch.randn(shape, requires_grad=True) for shape in SHAPES]
    copies = [p.detach().clone().requires_grad_() for p in first]
    return (first, kind(groups(first), lr=0.01, weight_decay=0.02, **settings),
            copies, Updater("opt", kind(groups(copies), lr=0.01, weight_decay=0.02, **settings)))


def update(first: Params, by_hand: torch.optim.Optimizer, copies: Params, made: Updater,
           present: tuple[bool, ...] = (True,) * len(SHAPES)) -> bool:
    """One update of both; whether they are equal."""
    for p, copied, there in zip(first, copies, present, strict=True):
        p.grad = torch.randn_like(p) if there else None
        copied.grad = None if p.grad is None else p.grad.clone()
    by_hand.step()
    with torch.no_grad():
        made.step()
    return all(map(torch.equal, first, copies)) and all(
        torch.equal(value, made.optimizer.state[copied][name])
        for p, copied in zip(first, copies, strict=True) for name, value in by_hand.state[p].items())


@pytest.mark.parametrize("kind", KINDS)
def test_groups_with_settings_that_change_at_every_update(kind: Any) -> None:
    both = _, by_hand, _, made = pair(kind)
    assert isinstance(made.step, Adam)
    for number in range(40):
        for optimizer in (by_hand, made.optimizer):
            for group in optimizer.param_groups:
                group["lr"] *= 0.9
                group["betas"] = (0.5 + number / 100, 0.999 - number / 1000)
        assert update(*both)
    assert made.step.groups and len(made.step.groups) == 2, "torch's own step was taken"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_parameters_without_a_gradient_now_and_then(kind: Any, seed: int) -> None:
    both = pair(kind)
    draw = random.Random(seed)
    begins = draw.randrange(4)
    for number in range(12):
        present = tuple(number < begins or draw.random() < 0.7 for _ in SHAPES)
        assert update(*both, present)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [False, True], ids=["all", "one missing"])
def test_state_loaded_between_two_updates(kind: Any, missing: bool) -> None:
    first, by_hand, copies, made = both = pair(kind)
    for number in range(3):
        assert update(*both, tuple(not (missing and number == at == 1) for at in range(len(SHAPES))))
    state, weights = made.state(), [p.detach().clone() for p in copies]
    *_, others, loaded = pair(kind)
    with torch.no_grad():
        for _ in range(4):  # it has been elsewhere
            for p in others:
                p.grad = torch.ones_like(p)
            loaded.step()
        for p, weight in zip(others, weights, strict=True):
            p.copy_(weight)
    loaded.load(state)
    for _ in range(3):
        assert update(first, by_hand, others, loaded)
    assert isinstance(loaded.step, Adam)
    assert bool(loaded.step.groups) is not missing


@pytest.mark.parametrize("settings", [{"amsgrad": True}, {"maximize": True}, {"foreach": False}, {"fused": True},
                                      {"capturable": True}], ids=lambda s: next(iter(s)))
@pytest.mark.parametrize("kind", KINDS)
def test_other_settings_are_left_to_torch(kind: Any, settings: dict[str, Any]) -> None:
    assert not isinstance(pair(kind, **settings)[3].step, Adam)


def test_large_parameters_and_classes_of_the_authors_are_left_to_torch() -> None:
    class Mine(torch.optim.Adam):
        pass

    small, large = [torch.zeros(3, requires_grad=True)], [torch.zeros(SMALL + 1, requires_grad=True)]
    assert isinstance(Updater("opt", torch.optim.Adam(small)).step, Adam)
    assert not isinstance(Updater("opt", torch.optim.Adam(large, foreach=True)).step, Adam)
    assert not isinstance(Updater("opt", Mine(small)).step, Adam)
