"""Models of plain Python for the tests of that backend."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import edgraph
from edgraph.ops.markers import Model


class Mean:
    """Learns the mean of what it sees, in steps of `rate`; what it answers depends on a random number."""

    def __init__(self, *, rate: float = 0.1) -> None:
        self.rate = rate
        self.mean = np.zeros(3)
        self.seen = 0

    def learn(self, x: Any) -> None:
        self.mean += self.rate * (x.mean(0) - self.mean) + 0.01 * np.random.normal()
        self.seen += len(x)

    def __call__(self, x: Any, *, scale: float = 1.0) -> Any:
        return scale * (x - self.mean) + np.random.normal()


class Counter:
    """Says itself what its state is."""

    def __init__(self) -> None:
        self.count, self.open = 0, object()

    def partial_fit(self, x: Any) -> None:
        self.count += len(x)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


class Growing:
    """Attributes of many kinds, most of which training makes."""

    def __init__(self) -> None:
        self.settings = {"rate": 0.5}

    def partial_fit(self, x: Any) -> None:
        self.table = np.asfortranarray(np.arange(12.0).reshape(3, 4))
        self.same = self.table
        self.generator = np.random.default_rng(3)
        self.old_generator = np.random.RandomState(4)
        self.history = [1.0, (2, "three"), None]
        self.number = np.float32(0.1)


class Slots:
    __slots__ = ("value",)

    def partial_fit(self, x: Any) -> None:
        self.value = x


def nothing() -> None:
    """A function that forgets to return the model."""


def power(exponent: float = 2.0) -> Any:
    """A function that makes a model that is a function."""
    return lambda x: x ** exponent


class Rows:
    """64 examples of three numbers."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"x": np.sin(np.arange(3) + index), "label": index % 2}


@edgraph.op
def shift(*, model: Annotated[Any, Model("updates")], by: float = 1.0) -> None:
    """Changes a model itself."""
    model.mean += by


@edgraph.op
def size(*, model: Annotated[Any, Model()]) -> Any:
    """Looks at a model itself."""
    return float(np.abs(model.mean).sum())
