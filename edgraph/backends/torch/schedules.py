"""Schedules at work on the parameter groups of torch's optimizers."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import torch

from edgraph.backends.base import StateTree
from edgraph.backends.schedules import Factor
from edgraph.backends.torch.state import pack, unpack
from edgraph.ops.library.training import checked_rate


class Schedule(Protocol):
    """Sets the learning rate of every parameter group before an update."""

    def set(self, position: int, step: int, epoch: int) -> None:
        """position: updates applied so far, or completed steps with `per: step`."""
        ...

    def state(self) -> StateTree: ...
    def load(self, state: StateTree) -> None: ...


class Scaled:
    """Each group's own learning rate times a factor of the position."""

    def __init__(self, groups: list[dict[str, Any]], bases: list[float], factor: Factor) -> None:
        self._groups = groups
        self._bases = bases  # the updater's own list, which `set_learning_rate` changes
        self._factor = factor

    def set(self, position: int, step: int, epoch: int) -> None:
        factor = self._factor(position)
        for group, base in zip(self._groups, self._bases, strict=True):
            group["lr"] = base * factor

    def state(self) -> StateTree:
        return None

    def load(self, state: StateTree) -> None:
        """Nothing: it is a function of the position."""


class Computed:
    """The learning rate that an expression gives; groups with one of their own keep its ratio to it."""

    def __init__(self, groups: list[dict[str, Any]], bases: list[float], default: float,
                 rate: Callable[[int, int, int], Any]) -> None:
        self._groups = groups
        self._ratios = [base / default if default else 1.0 for base in bases]
        self._rate = rate

    def set(self, position: int, step: int, epoch: int) -> None:
        rate = checked_rate(self._rate(position, step, epoch))
        for group, ratio in zip(self._groups, self._ratios, strict=True):
            group["lr"] = rate * ratio

    def state(self) -> StateTree:
        return None

    def load(self, state: StateTree) -> None:
        """Nothing: it is a function of the position, the step and the epoch."""


class Stepped:
    """A scheduler of torch's, moved to the position before each update."""

    def __init__(self, scheduler: torch.optim.lr_scheduler.LRScheduler) -> None:
        self.scheduler = scheduler
        self._position = 0

    def set(self, position: int, step: int, epoch: int) -> None:
        if self._position < position:
            with warnings.catch_warnings():  # that no update came before, which `per: step` brings about
                warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
                while self._position < position:
                    self.scheduler.step()
                    self._position += 1

    def state(self) -> StateTree:
        return {"position": self._position, "scheduler": pack(self.scheduler.state_dict())}

    def load(self, state: StateTree) -> None:
        self._position = state["position"]
        self.scheduler.load_state_dict(unpack(state["scheduler"]))
        _restore_counters(self.scheduler)


def _restore_counters(scheduler: Any) -> None:
    """MultiStepLR counts its milestones in a Counter, which a state tree keeps as a dictionary."""
    for part in [scheduler, *getattr(scheduler, "_schedulers", [])]:
        if type(getattr(part, "milestones", None)) is dict:
            part.milestones = Counter(part.milestones)
