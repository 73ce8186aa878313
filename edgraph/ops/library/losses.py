"""Losses: numbers that `optimize` can make small. All are means over what they are given."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import Length, NonNegative, Probability
from edgraph.ops.registry import op

_BACKENDS = ("torch", "tensorflow", "python")


@op(backends=_BACKENDS, open_ports=False)
def cross_entropy(input: Any, target: Any, *, label_smoothing: Probability = 0.0, ignore_index: int = -100,
                  weight: Annotated[list[NonNegative], Length(min=1)] | None = None) -> Any:
    """Mean cross-entropy between class scores and labels.

    input: (batch, classes) scores, or (batch, classes, ...) with one label a position.
    target: (batch,) or (batch, ...) class indices, or probabilities shaped like the input.
    label_smoothing: the share of the target that is spread evenly over all classes.
    ignore_index: targets with this index are left out.
    weight: one weight a class.
    """


@op(backends=_BACKENDS, open_ports=False)
def mse(input: Any, target: Any) -> Any:
    """Mean squared difference.

    input: values of any shape.  target: values of the same shape.
    """


@op(backends=_BACKENDS, open_ports=False)
def l1(input: Any, target: Any) -> Any:
    """Mean absolute difference.

    input: values of any shape.  target: values of the same shape.
    """


@op(backends=_BACKENDS, open_ports=False)
def bce_with_logits(input: Any, target: Any = 1.0, *, pos_weight: NonNegative | None = None) -> Any:
    """Mean binary cross-entropy between scores before the sigmoid and targets.

    input: scores of any shape.
    target: values from 0 to 1 of the same shape, or one number for all (1 says "real", 0 "generated").
    pos_weight: the weight of positive targets.
    """
