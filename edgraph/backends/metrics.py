"""Metrics: what backends keep of them alike, where values are at hand. What a batch adds each backend says itself.

Sums may be Python's numbers or arrays of the backend, so that no batch has to wait for a device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Shape = Sequence[int | None]  # None where a compiled region does not know it


def check_labels(op: str, scores: Shape, labels: Shape) -> None:
    """Arrays of different shapes would be compared each with each. Raises ValueError where there is not one label for
    each place that has scores of several classes; a single one stands for all."""
    scores, labels = tuple(scores), tuple(labels)
    if len(scores) < 2 or scores[1] == 1:
        raise ValueError(f"'{op}' takes (batch, classes) scores of two classes or more, not values of shape {scores}")
    places = (scores[0], *scores[2:])
    if labels and not _agree(places, labels):
        raise ValueError(f"'{op}' compares scores of shape {scores} with labels of shape {places}, not {labels}")


def check_pairs(op: str, guesses: Shape, labels: Shape) -> None:
    """The same of class indices."""
    if not _agree(guesses, labels):
        raise ValueError(f"'{op}' compares class indices of one shape, not {tuple(guesses)} and {tuple(labels)}")


def _agree(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))


class Accuracy:
    """The share of labels among the `top_k` highest scores."""

    def __init__(self, *, top_k: int = 1) -> None:
        self._top_k = top_k
        self.reset()

    def reset(self) -> None:
        self._right: Any = 0
        self._examples = 0

    def compute(self) -> float:
        """From 0 to 1; nan of nothing."""
        return float(self._right) / self._examples if self._examples else float("nan")

    def state_dict(self) -> dict[str, Any]:
        return {"right": self._right, "examples": self._examples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._right, self._examples = state["right"], state["examples"]


class Mean:
    """The mean over examples, from one value an example, or one a batch that weighs as its examples do."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sum: Any = 0.0
        self._weight = 0

    def compute(self) -> float:
        """nan of nothing."""
        return float(self._sum) / self._weight if self._weight else float("nan")

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self._sum, "weight": self._weight}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sum, self._weight = state["sum"], state["weight"]
