"""Ops of plain Python numbers, and a registry that has them beside the library's."""

from __future__ import annotations

import math
from typing import Any

from toy_backend import number

from edgraph.ops.random import mix, node_base
from edgraph.ops.registry import Registered, Registry, registry
from edgraph.ops.signature import UNSET, Options, op_spec, parameters_of


def constant(*, value: float = 1.0) -> float:
    """A transform without inputs."""
    return value


def clocked(step: int) -> float:
    """The step of the innermost loop, as a value."""
    return float(step)


def add(a: Any, b: Any = 0.0) -> float:
    return number(a) + 2.0 * number(b)


def double(x: Any) -> float:
    return 2.0 * number(x)


def total(*values: Any) -> float:
    return sum(map(number, values))


def note(*values: Any) -> None:
    """An effect."""


def fail(step: int, *values: Any, at: int) -> float:
    if step == at:
        raise ValueError(f"failed as it was told to, at {at}")
    return float(step)


def grid(*, value: float = 0.0, rows: int = 3) -> Any:
    """A value of some rows."""
    return tuple(value + i for i in range(rows))


class Draw:
    """A random number."""

    def attach(self, services: Any) -> None:
        self.base = node_base(services.seed, services.name)

    def __call__(self, key: int, *values: Any) -> float:
        return mix(self.base, key) / 2**63


class Tally:
    """Counts and adds up what it has seen."""

    def __init__(self) -> None:
        self.count, self.sum = 0, 0.0

    def __call__(self, *values: Any) -> float:
        self.count += 1
        self.sum += sum(map(number, values)) if values else 1.0
        return self.count + 0.001 * self.sum

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "sum": self.sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.sum = state["count"], state["sum"]


class Report(Tally):
    """An effect with state."""


class Average:
    """A metric: the mean over examples."""

    def __init__(self) -> None:
        self.reset()

    def update(self, count: int, value: Any) -> None:
        self.sum += number(value) * count
        self.weight += count

    def compute(self) -> float:
        return self.sum / self.weight if self.weight else math.nan

    def reset(self) -> None:
        self.sum, self.weight = 0.0, 0


class Numbers:
    """Examples 0, 1, 2, … as field `x`."""

    def __init__(self, *, length: int = 8) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, float]:
        return {"x": float(index)}


def toy(**weights: float) -> None:
    """A model of some weights; `norm` is no weight, but how much the buffers matter in train mode."""


def sgd(*, lr: float = 0.1) -> None:
    """An optimizer."""


def make_registry() -> Registry:
    """The library, and the ops of this file beside it; the registry that other tests see stays as it is."""
    made = Registry(None)
    made._tables = {kind: dict(registry.table(kind)) for kind in made._tables}
    for name, target, options in (
            ("constant", constant, {}), ("clocked", clocked, {"passes": ("step",)}), ("add", add, {}),
            ("double", double, {}), ("total", total, {}), ("note", note, {"effect": True}), ("grid", grid, {}),
            ("fail", fail, {"passes": ("step",), "effect": True}),
            ("slope", add, {"differentiates": True}), ("draw", Draw, {"random": True, "passes": ("key",), "state": None}), ("tally", Tally, {}),
            ("report", Report, {"effect": True}), ("average", Average, {"metric": True, "passes": ("count",)})):
        settings: dict[str, Any] = {"state": UNSET, **options}
        made.add("op", op_spec(target, Options(name=name, **settings)), target)
    for kind, name, target in (("data", "numbers", Numbers), ("model", "toy", toy), ("optimizer", "sgd", sgd)):
        params, is_open, doc = parameters_of(target)
        made.add(kind, Registered(name, params, target, doc.summary, doc.text, is_open,  # type: ignore[arg-type]
                                  fields=("x",) if kind == "data" else (), module=__name__), target)
    return made


REGISTRY = make_registry()
TRAIN = {"use": "numbers", "with": {"length": 8}, "batch_size": 2}  # four steps an epoch
