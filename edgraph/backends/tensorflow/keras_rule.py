"""Optimizers of Keras (or the author's, derived from them) at work as rules."""

from __future__ import annotations

from typing import Any

from edgraph.backends.tensorflow.framework import tf
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
