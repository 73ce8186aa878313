"""Losses and metrics. Metrics keep their sums in variables, so that they work inside of a tf.function too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgraph.backends.metrics import check_labels, check_pairs
from edgraph.backends.tensorflow.framework import tf

# -- losses: in float32 at least, whatever the models compute in ---------------------------------------

def cross_entropy(input: Any, target: Any, *, label_smoothing: float = 0.0, ignore_index: int = -100,
                  weight: Sequence[float] | None = None) -> Any:
    """input: (batch, classes, ...) scores.  target: (batch, ...) indices, or probabilities like the input."""
    scores = _classes_last(_wide(input))
    if target.dtype.is_floating:
        return _of_probabilities(scores, _classes_last(target), label_smoothing, weight)
    if weight is None and not label_smoothing:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(target, 0), scores)
        return _mean_where(losses, target != ignore_index)
    classes = scores.shape[-1]
    kept = tf.cast(target != ignore_index, scores.dtype)
    weights = tf.ones(classes, scores.dtype) if weight is None else tf.constant(weight, scores.dtype)
    logs = tf.nn.log_softmax(scores)
    share = tf.gather(weights, tf.maximum(target, 0)) * kept
    own = -tf.reduce_sum(tf.one_hot(target, classes, dtype=scores.dtype) * logs * weights, -1) * kept
    spread = -tf.reduce_sum(logs * weights, -1) * kept
    total = (1.0 - label_smoothing) * tf.reduce_sum(own) + label_smoothing / classes * tf.reduce_sum(spread)
    return total / tf.reduce_sum(share)


def _of_probabilities(scores: Any, target: Any, smoothing: float, weight: Sequence[float] | None) -> Any:
    classes = scores.shape[-1]
    target = tf.cast(target, scores.dtype) * (1.0 - smoothing) + smoothing / classes
    weights = 1.0 if weight is None else tf.constant(weight, scores.dtype)
    return tf.reduce_mean(-tf.reduce_sum(target * weights * tf.nn.log_softmax(scores), -1))


def _mean_where(losses: Any, kept: Any) -> Any:
    mask = tf.cast(kept, losses.dtype)
    return tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)


def _classes_last(value: Any) -> Any:
    """(batch, classes, ...) as (batch, ..., classes)."""
    rank = len(value.shape)
    return value if rank < 3 else tf.transpose(value, (0, *range(2, rank), 1))


def mse(input: Any, target: Any) -> Any:
    input = _wide(input)
    return tf.reduce_mean(tf.square(input - _like("mse", target, input)))


def l1(input: Any, target: Any) -> Any:
    input = _wide(input)
    return tf.reduce_mean(tf.abs(input - _like("l1", target, input)))


def bce_with_logits(input: Any, target: Any = 1.0, *, pos_weight: float | None = None) -> Any:
    """target: values like the input, or one number for all."""
    input = _wide(input)
    target = _like("bce_with_logits", target, input)
    if pos_weight is None:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, input))
    return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(target, input, pos_weight))


def _wide(value: Any) -> Any:
    value = tf.convert_to_tensor(value)
    narrow = value.dtype in (tf.float16, tf.bfloat16) or not value.dtype.is_floating
    return tf.cast(value, tf.float32) if narrow else value


def _like(op: str, target: Any, input: Any) -> Any:
    """A target of the input's shape and type; one number stands for all."""
    if not isinstance(target, (tf.Tensor, tf.Variable, np.ndarray)):
        return tf.fill(tf.shape(input), tf.constant(target, input.dtype))
    target = tf.cast(target, input.dtype)
    if not target.shape.rank:
        return tf.fill(tf.shape(input), target)
    if not input.shape.is_compatible_with(target.shape):
        raise ValueError(f"'{op}' compares values of one shape, not {tuple(input.shape)} and {tuple(target.shape)}")
    return target


# -- metrics -------------------------------------------------------------------------------------------

def _result(value: Any) -> Any:
    """A number, or in a tf.function a tensor."""
    return float(value) if tf.executing_eagerly() else value


class accuracy:
    """The share of labels among the `top_k` highest scores."""

    def __init__(self, *, top_k: int = 1) -> None:
        self._top_k = top_k
        self._right = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._examples = tf.Variable(0, dtype=tf.int64, trainable=False)

    def reset(self) -> None:
        self._right.assign(0)
        self._examples.assign(0)

    def update(self, input: Any, target: Any) -> None:
        """input: (batch, classes, ...) scores.  target: (batch, ...) class indices."""
        target = tf.cast(target, tf.int64)
        check_labels("accuracy", input.shape, target.shape)
        if self._top_k == 1:
            hits = tf.argmax(input, 1) == target
        else:
            scores = _classes_last(input)
            best = tf.math.top_k(scores, min(self._top_k, int(scores.shape[-1]))).indices
            hits = tf.reduce_any(tf.cast(best, tf.int64) == target[..., None], -1)
        self._right.assign_add(tf.math.count_nonzero(hits))
        self._examples.assign_add(tf.size(hits, tf.int64))

    def compute(self) -> Any:
        """From 0 to 1; nan of nothing."""
        return _result(self._right / self._examples)

    def state_dict(self) -> dict[str, Any]:
        return {"right": int(self._right), "examples": int(self._examples)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._right.assign(int(state["right"]))
        self._examples.assign(state["examples"])


class mean:
    """The mean over examples, from one value an example, or one a batch that weighs as its examples do."""

    def __init__(self) -> None:
        self._sum = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._weight = tf.Variable(0, dtype=tf.int64, trainable=False)

    def reset(self) -> None:
        self._sum.assign(0.0)
        self._weight.assign(0)

    def update(self, count: Any, value: Any) -> None:
        """value: one number for the batch, or (count, ...) values."""
        self._sum.assign_add(tf.reduce_mean(tf.cast(value, tf.float64)) * tf.cast(count, tf.float64))
        self._weight.assign_add(tf.cast(count, tf.int64))

    def compute(self) -> Any:
        """nan of nothing."""
        return _result(self._sum / tf.cast(self._weight, tf.float64))

    def state_dict(self) -> dict[str, Any]:
        return {"sum": float(self._sum), "weight": int(self._weight)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sum.assign(float(state["sum"]))
        self._weight.assign(state["weight"])


class confusion_matrix:
    """(classes, classes) counts: a row for each true class, a column for each predicted one."""

    def __init__(self, *, classes: int) -> None:
        self._classes = classes
        side = classes + 1  # the last row and column are of classes that there should not be
        self._counts = tf.Variable(tf.zeros((side, side), tf.int64), trainable=False)

    def reset(self) -> None:
        self._counts.assign(tf.zeros_like(self._counts))

    def update(self, input: Any, target: Any) -> None:
        """input: (batch, classes) scores, or (batch,) class indices.  target: (batch,) class indices."""
        side = self._classes + 1
        if len(input.shape) > len(target.shape):
            check_labels("confusion_matrix", input.shape, target.shape)
            input = tf.argmax(input, 1)
        check_pairs("confusion_matrix", input.shape, target.shape)
        true, guessed = self._known(target), self._known(input)
        counts = tf.math.bincount(tf.cast(true * side + guessed, tf.int32), minlength=side ** 2, maxlength=side ** 2,
                                  dtype=tf.int64)
        self._counts.assign_add(tf.reshape(counts, (side, side)))

    def _known(self, classes: Any) -> Any:
        flat = tf.reshape(tf.cast(classes, tf.int64), (-1,))
        return tf.where((flat >= 0) & (flat < self._classes), flat, tf.cast(self._classes, tf.int64))

    def compute(self) -> Any:
        n, counts = self._classes, tf.identity(self._counts)
        if tf.executing_eagerly() and int(tf.reduce_sum(counts[n])) + int(tf.reduce_sum(counts[:, n])):
            raise ValueError(f"'confusion_matrix' has {n} classes, 0 to {n - 1}, and was given another one")
        return counts[:n, :n]

    def state_dict(self) -> dict[str, Any]:
        return {"counts": tf.identity(self._counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._counts.assign(state["counts"])


IMPLEMENTATIONS: dict[str, Any] = {
    item.__name__: item
    for item in (cross_entropy, mse, l1, bce_with_logits, accuracy, mean, confusion_matrix)}
