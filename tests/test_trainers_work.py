"""How much a step of a trainer does: as much as a loop that a good engineer has optimised by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from trainers import Gan, adam, bce, data, tree
from twins import run

TRAINER = """{losses: {critic: d_loss, generator: g_loss}, optimizers: {critic: adam_d, generator: adam_g},
              frequency: {critic: 5, generator: 1}}"""
COUNTED = ("linear", "relu", "dropout", "bce", "gradients of weights", "kernels")


class Work(TorchFunctionMode):
    """Counts the autograd nodes that the calls of a model make, by function."""

    def __init__(self, found: dict[str, int]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "").rstrip("_")
        name = "bce" if name == "binary_cross_entropy_with_logits" else name
        if name in COUNTED and isinstance(made, torch.Tensor) and made.grad_fn is not None:
            self.found[name] = self.found.get(name, 0) + 1
        return made


class Kernels(TorchDispatchMode):
    """Counts multiplications of matrices, those of backward passes included."""

    def __init__(self, found: dict[str, int]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket.__name__ in ("mm", "addmm", "linear"):
            self.found["kernels"] = self.found.get("kernels", 0) + 1
        return function(*args, **(kwargs or {}))


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """What is done inside: autograd nodes, gradients of weights, multiplications of matrices."""
    found: dict[str, int] = {}
    made = torch.nn.Parameter

    def accumulated(parameter: torch.Tensor) -> None:
        found["gradients of weights"] = found.get("gradients of weights", 0) + 1

    register = torch.nn.Module.register_parameter

    def watched(module: torch.nn.Module, name: str, parameter: Any) -> None:
        register(module, name, parameter)
        if isinstance(parameter, made):
            parameter.register_post_accumulate_grad_hook(accumulated)

    monkeypatch.setattr(torch.nn.Module, "register_parameter", watched)
    try:
        with Work(found), Kernels(found):
            yield found
    finally:
        monkeypatch.undo()


def of_engine(steps: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    with counting(monkeypatch) as found:
        run(tree("frequency_trainer", TRAINER), folder, [f"run.num_steps={steps}", "run.checkpoint=false"])
    return found


def by_hand(steps: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The loop with all that one can save: no graph of the generator on the critic's steps, no gradients of the
    critic's weights on the generator's."""
    with counting(monkeypatch) as found:
        gan = Gan()
        critic, generator = adam(gan.critic), adam(gan.generator)
        for step, images, _ in data(steps):
            if step % 6:
                gan.critic.requires_grad_(True)
                critic.zero_grad()
                gan.critic_loss(images, step).backward()
                critic.step()
            else:
                gan.critic.requires_grad_(False)
                generator.zero_grad()
                bce(gan.score("fake_score", gan.made_from(images, step), step), 1.0).backward()
                generator.step()
    return found


def difference(more: dict[str, int], less: dict[str, int]) -> dict[str, int]:
    return {name: more.get(name, 0) - less.get(name, 0) for name in COUNTED}


def test_a_critic_step_and_a_generator_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four, five, six = (of_engine(steps, tmp_path / str(steps), monkeypatch) for steps in (4, 5, 6))
    hand_four, hand_five, hand_six = (by_hand(steps, monkeypatch) for steps in (4, 5, 6))
    of_critic, of_generator = difference(five, four), difference(six, five)
    assert of_critic == difference(hand_five, hand_four)
    assert of_generator == difference(hand_six, hand_five)
    # both of the critic's forward passes and its loss, and nothing of the generator
    assert of_critic == {"linear": 4, "relu": 2, "dropout": 2, "bce": 2, "gradients of weights": 4,
                         "kernels": 2 + 4 + (2 + 1) * 2}
    # through both networks, gradients of the generator's weights only
    assert of_generator == {"linear": 4, "relu": 2, "dropout": 1, "bce": 1, "gradients of weights": 4,
                            "kernels": 4 + 2 + 3}


class Saved:
    """A tensor that is kept for a backward pass."""

    alive = made = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        Saved.alive += 1
        Saved.made += 1

    def __del__(self) -> None:
        Saved.alive -= 1


SHARED = """
run: {num_steps: 6, seed: 5, checkpoint: false}
data: {train: {use: digits, with: {split: train}, batch_size: 64}}
models:
  trunk: {use: mlp, with: {sizes: [64, 16, 16]}}
  one:   {use: mlp, with: {sizes: [16, 16, 10]}}
  two:   {use: mlp, with: {sizes: [16, 16, 10]}}
optimizers:
  of_one: {use: RMSprop, updates: [one]}
  of_two: {use: RMSprop, updates: [two, trunk]}
  of_both: {use: RMSprop, updates: [trunk]}
ops:
  batch:  {op: load_batch}
  code:   {op: forward, inputs: batch.image, with: {model: trunk}}
  first:  {op: forward, inputs: code, with: {model: one}}
  second: {op: forward, inputs: code, with: {model: two}}
  loss:   {op: cross_entropy, inputs: {input: first, target: batch.label}}
  other:  {op: cross_entropy, inputs: {input: second, target: batch.label}}
  train_one:  {op: optimize, inputs: loss, with: {optimizer: of_one}, every: [1, 2]}
  train_two:  {op: optimize, inputs: other, with: {optimizer: of_two}, every: 2}
  train_both: {op: optimize, inputs: loss + other, with: {optimizer: of_both}, every: {steps: 2, offset: 1}}
"""


def test_a_shared_graph_is_kept_as_long_as_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward pass that two losses go through is there for the second backward pass, and everything is gone when the
    first update is applied."""
    found: list[int] = []
    step = torch.optim.RMSprop.step

    def looked_at(self: Any, *args: Any, **kwargs: Any) -> Any:
        found.append(Saved.alive)
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.RMSprop, "step", looked_at)
    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        run(yaml.safe_load(SHARED), tmp_path)
    assert len(found) == 12 and set(found) == {0}, found
    assert Saved.made > 6 * 15  # several a layer and loss
