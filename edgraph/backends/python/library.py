"""Losses and metrics on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgraph.backends.metrics import Accuracy, Mean, check_labels, check_pairs

Array = Any

# -- losses: in float32 at least -----------------------------------------------------------------------

def cross_entropy(input: Array, target: Array, *, label_smoothing: float = 0.0, ignore_index: int = -100,
                  weight: Sequence[float] | None = None) -> Any:
    """input: (batch, classes, ...) scores.  target: (batch, ...) indices, or probabilities like the input."""
    scores = np.moveaxis(_wide(input), 1, -1)
    top = scores.max(-1, keepdims=True)
    shifted = scores - np.where(np.isfinite(top), top, 0)
    logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    classes = logs.shape[-1]
    weights = np.ones(classes, logs.dtype) if weight is None else np.asarray(weight, logs.dtype)
    target = np.asarray(target)
    if target.dtype.kind == "f":
        share = np.moveaxis(target, 1, -1) * (1 - label_smoothing) + label_smoothing / classes
        return _dot(share * weights, -logs).sum() / (logs.size // classes)
    known = target != ignore_index
    chosen = np.where(known, target, 0)
    picked = -np.take_along_axis(logs, chosen[..., None], -1)[..., 0] * weights[chosen]
    spread = _dot(weights, -logs) / classes
    total = ((1 - label_smoothing) * picked + (label_smoothing * spread if label_smoothing else 0)) * known
    return total.sum() / (weights[chosen] * known).sum()


def mse(input: Array, target: Array) -> Any:
    return np.square(_difference("mse", input, target)).mean()


def l1(input: Array, target: Array) -> Any:
    return np.abs(_difference("l1", input, target)).mean()


def bce_with_logits(input: Array, target: Array = 1.0, *, pos_weight: float | None = None) -> Any:
    """target: values like the input, or one number for all."""
    input = _wide(input)
    target = _like("bce_with_logits", target, input)
    positive = target if pos_weight is None else target * pos_weight
    # log(sigmoid(x)) is -log1p(exp(-x)), and what would overflow is taken out of it
    low = np.log1p(np.exp(-np.abs(input)))
    return (positive * (low + np.maximum(-input, 0)) + (1 - target) * (low + np.maximum(input, 0))).mean()


def _dot(weights: Array, values: Array) -> Any:
    """The sum over classes; a class that weighs nothing adds nothing, though its value be infinite."""
    return np.where(weights == 0, 0, weights * np.where(weights == 0, 0, values)).sum(-1)


def _wide(value: Any) -> Array:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind in "biu" or array.dtype == np.float16 else array


def _difference(op: str, input: Any, target: Any) -> Array:
    input = _wide(input)
    return input - _like(op, target, input)


def _like(op: str, target: Any, input: Array) -> Array:
    """A target of the input's shape and type; one number stands for all. NumPy would compare every pair of elements."""
    target = np.asarray(target)
    if target.ndim and target.shape != input.shape:
        raise ValueError(f"'{op}' compares values of one shape, not {input.shape} and {target.shape}")
    return target.astype(input.dtype) if target.dtype.kind in "biu" or target.ndim == 0 else target


# -- metrics -------------------------------------------------------------------------------------------

class accuracy(Accuracy):
    def update(self, input: Array, target: Array) -> None:
        """input: (batch, classes, ...) scores.  target: (batch, ...) class indices."""
        input, target = np.asarray(input), np.asarray(target)
        check_labels("accuracy", input.shape, target.shape)
        if self._top_k == 1:
            hits = input.argmax(1) == target
        else:
            highest = np.argsort(-input, 1, kind="stable").take(range(min(self._top_k, input.shape[1])), 1)
            hits = (highest == np.expand_dims(target, 1)).any(1)
        self._right += int(hits.sum())
        self._examples += hits.size


class mean(Mean):
    def update(self, count: int, value: Any) -> None:
        """value: one number for the batch, or (count, ...) values."""
        self._sum += float(np.mean(value, dtype=np.float64)) * count
        self._weight += count


class confusion_matrix:
    """(classes, classes) counts: a row for each true class, a column for each predicted one."""

    def __init__(self, *, classes: int) -> None:
        self._classes = classes
        self.reset()

    def reset(self) -> None:
        self._counts = np.zeros((self._classes, self._classes), np.int64)

    def update(self, input: Array, target: Array) -> None:
        """input: (batch, classes) scores, or (batch,) class indices.  target: (batch,) class indices."""
        input, target = np.asarray(input), np.asarray(target)
        if input.ndim > target.ndim:
            check_labels("confusion_matrix", input.shape, target.shape)
            input = input.argmax(1)
        check_pairs("confusion_matrix", input.shape, target.shape)
        pairs = [part.reshape(-1).astype(np.int64) for part in (target, input)]
        if any(part.size and (part.max() >= self._classes or part.min() < 0) for part in pairs):
            raise ValueError(f"'confusion_matrix' has {self._classes} classes, 0 to {self._classes - 1}, and was given "
                             "another one")
        np.add.at(self._counts, tuple(pairs), 1)

    def compute(self) -> Array:
        return self._counts.copy()

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self._counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._counts = np.array(state["counts"])


IMPLEMENTATIONS: dict[str, Any] = {
    item.__name__: item
    for item in (cross_entropy, mse, l1, bce_with_logits, accuracy, mean, confusion_matrix)}
