"""Optimizers of Keras (or the author's, derived from them) at work as rules."""

from __future__ import annotations

from typing import Any

from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.backends.tensorflow.rules import Rule


class KerasRule(Rule):
    """Gives the gradients to a Keras optimizer, whose variables are part of the state."""

    def __init__(self, params: list[Any], weights: list[Any], optimizer: Any) -> None:
        super().__init__(params, lr=float(optimizer.learning_rate))
        self.optimizer = optimizer
        self.weights = weights  # Keras' own objects for the parameters
        optimizer.build(weights)
        self.variables.update({f"keras.{number}": variable.value for number, variable
                               in enumerate(optimizer.variables)})

    def update(self, gradients: list[Any]) -> None:
        self.count.assign_add(1)
        self.optimizer.learning_rate.assign(tf.cast(self.rate, tf.float32))
        given = [(g, v) for g, v in zip(gradients, self.weights, strict=True) if g is not None]
        self.optimizer.apply_gradients(given)


def lion(*, lr: float = 1e-3, beta_1: float = 0.9, beta_2: float = 0.99, weight_decay: float | None = None) -> Any:
    return keras.optimizers.Lion(lr, beta_1, beta_2, weight_decay=weight_decay)


def ftrl(*, lr: float = 1e-3, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
         l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0, beta: float = 0.0) -> Any:
    return keras.optimizers.Ftrl(
        lr, learning_rate_power, initial_accumulator_value, l1_regularization_strength, l2_regularization_strength,
        beta=beta)


def lamb(*, lr: float = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
         weight_decay: float | None = None) -> Any:
    return keras.optimizers.Lamb(lr, beta_1, beta_2, epsilon, weight_decay=weight_decay)
