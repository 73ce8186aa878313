"""Declarations of the optimizers that only Keras has, as in Keras 3. Their parameters are Keras' own, but for `lr`."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import NonNegative, Range
from edgraph.ops.registry import optimizer

_BACKENDS = ("tensorflow",)
Decay = Annotated[float, Range(min=0, below=1)]


@optimizer(at="edgraph.backends.tensorflow.keras_rule:lion", backends=_BACKENDS)
def Lion(*, lr: NonNegative = 1e-3, beta_1: Decay = 0.9, beta_2: Decay = 0.99,
         weight_decay: NonNegative | None = None) -> Any:
    """Steps that follow only the signs of a momentum.

    lr: the learning rate.
    beta_1: how much of the momentum enters a step.
    beta_2: how slowly the momentum moves.
    weight_decay: the strength of weight decay.
    """


@optimizer(at="edgraph.backends.tensorflow.keras_rule:ftrl", backends=_BACKENDS)
def Ftrl(*, lr: NonNegative = 1e-3, learning_rate_power: Annotated[float, Range(max=0)] = -0.5,
         initial_accumulator_value: NonNegative = 0.1, l1_regularization_strength: NonNegative = 0.0,
         l2_regularization_strength: NonNegative = 0.0, beta: NonNegative = 0.0) -> Any:
    """Follow the regularized leader, for shallow models with many sparse features.

    lr: the learning rate.
    learning_rate_power: how the learning rate falls; 0 for not at all.
    initial_accumulator_value: what accumulators start with.
    l1_regularization_strength: of the sum of absolute weights.
    l2_regularization_strength: of the sum of squared weights.
    beta: of the original paper.
    """


@optimizer(at="edgraph.backends.tensorflow.keras_rule:lamb", backends=_BACKENDS)
def Lamb(*, lr: NonNegative = 1e-3, beta_1: Decay = 0.9, beta_2: Decay = 0.999, epsilon: NonNegative = 1e-7,
         weight_decay: NonNegative | None = None) -> Any:
    """Adam with steps scaled to the size of each layer's weights, for large batches.

    lr: the learning rate.
    beta_1: how slowly the running mean of the gradient moves.
    beta_2: how slowly that of its square moves.
    epsilon: added to denominators, for numerical stability.
    weight_decay: the strength of weight decay.
    """
