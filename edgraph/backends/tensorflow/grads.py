"""Gradients of one optimizer's parameters, and their count-weighted mean over several firings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from edgraph.backends.base import Accumulate, StateTree
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.state import assign, to_blob

Gradients = list[Any]  # one a parameter; None where the loss does not depend on it


class Found(NamedTuple):
    """Gradients of a mean over so many examples. ok: whether they may be used, where that is known only as a tensor
    (`nonfinite: skip` inside of a tf.function)."""

    gradients: Gradients
    weight: Any = 1.0
    ok: Any = None


def total_norm(gradients: Sequence[Any]) -> Any:
    """The 2-norm of all gradients together."""
    squares = [tf.reduce_sum(tf.square(tf.cast(g, tf.float32))) for g in gradients if g is not None]
    return tf.sqrt(tf.add_n(squares)) if squares else tf.constant(0.0)


def checked_weight(count: Any) -> Any:
    """The number of examples that a loss is a mean over, as float64. Raises ValueError where it is none."""
    weight = tf.cast(count, tf.float64)
    if tf.executing_eagerly():
        if not 0.0 <= float(weight) < math.inf:
            raise ValueError(f"'count' is {float(weight):g}; expected the number of examples that the loss is a mean "
                             "over")
    else:
        tf.debugging.Assert(tf.logical_and(weight >= 0.0, tf.math.is_finite(weight)),
                            ["'count' is to be the number of examples that the loss is a mean over; it is", weight])
    return weight


class PartialSum:
    """What `accumulate` has added up since the last update."""

    def __init__(self, params: Sequence[Any]) -> None:
        self.params = params
        self.sums = [tf.Variable(tf.zeros(p.shape, p.dtype), trainable=False) for p in params]
        self.weight = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.firings = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._with_gradient: set[int] = set()

    def add(self, found: Found) -> None:
        weight = tf.cast(found.weight, tf.float64)
        for number, g in enumerate(found.gradients):
            if g is not None:
                self._with_gradient.add(number)
                # of no examples the mean is often nan, which the large batch would not have noticed
                self.sums[number].assign_add(tf.where(weight > 0.0, g * tf.cast(weight, g.dtype), tf.zeros_like(g)))
        self.weight.assign_add(weight)
        self.firings.assign_add(1)

    def complete(self, accumulate: Accumulate) -> Any:
        """Whether it is time for an update: a truth value as a tensor."""
        if isinstance(accumulate, int):
            return self.firings >= accumulate
        return self.weight >= float(accumulate["until"])

    def take_mean(self) -> tuple[Gradients, Any]:
        """The mean, and whether it is one of any examples; and a new beginning."""
        weight = tf.identity(self.weight)
        mean = [tf.identity(s) / tf.cast(tf.maximum(weight, 1e-300), s.dtype) if number in self._with_gradient else None
                for number, s in enumerate(self.sums)]
        for s in self.sums:
            s.assign(tf.zeros_like(s))
        self.weight.assign(0.0)
        self.firings.assign(0)
        return mean, weight > 0.0

    def state(self) -> StateTree:
        return {"sums": [to_blob(s) for s in self.sums], "with_gradient": sorted(self._with_gradient),
                "weight": float(self.weight), "firings": int(self.firings)}

    def load(self, state: Mapping[str, Any]) -> None:
        for s, blob in zip(self.sums, state["sums"], strict=True):
            assign(s, blob, "a partial sum of gradients")
        self._with_gradient = set(state["with_gradient"])
        self.weight.assign(state["weight"])
        self.firings.assign(state["firings"])
