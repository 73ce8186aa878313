"""Schedules at work on the rules of an optimizer: they set its rates before an update, from numbers or tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from edgraph.backends.schedules import Factor, Maths
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.rules import Rule


class Tensors:
    """The arithmetic of schedules on tensors, in float64 as Python's."""

    @staticmethod
    def cos(value: Any) -> Any:
        return tf.cos(tf.cast(value, tf.float64))

    @staticmethod
    def smaller(a: Any, b: Any) -> Any:
        return tf.minimum(tf.cast(a, tf.float64), tf.cast(b, tf.float64))

    @staticmethod
    def power(base: float, exponent: Any) -> Any:
        return tf.pow(tf.constant(base, tf.float64), tf.cast(exponent, tf.float64))

    @staticmethod
    def choose(test: Any, then: Any, otherwise: Any) -> Any:
        return tf.where(test, tf.cast(then, tf.float64), tf.cast(otherwise, tf.float64))


MATHS: Maths = Tensors()


class Schedule(Protocol):
    """Sets the rate of every rule before an update."""

    def set(self, position: Any, step: Any, epoch: Any) -> None:
        """position: updates applied so far, or completed steps with `per: step`; a tensor of int64."""
        ...


class Scaled:
    """Each group's own learning rate times a factor of the position."""

    def __init__(self, rules: Sequence[Rule], factor: Factor) -> None:
        self._rules = rules
        self._factor = factor

    def set(self, position: Any, step: Any, epoch: Any) -> None:
        factor = self._factor(position, MATHS)
        for rule in self._rules:
            rule.rate.assign(rule.base * factor)


class Computed:
    """The learning rate that an expression or a schedule of Keras gives; groups with one of their own keep its ratio
    to it."""

    def __init__(self, rules: Sequence[Rule], default: float, rate: Callable[[Any, Any, Any], Any]) -> None:
        self._rules = rules
        self._ratios = [float(rule.base) / default if default else 1.0 for rule in rules]
        self._rate = rate

    def set(self, position: Any, step: Any, epoch: Any) -> None:
        rate = tf.cast(self._rate(*(tf.cast(part, tf.float64) for part in (position, step, epoch))), tf.float64)
        for rule, ratio in zip(self._rules, self._ratios, strict=True):
            rule.rate.assign(rate * ratio)
