"""Metrics: values over all batches of a loop. Outside a loop they are those of one batch."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import Count, Range
from edgraph.ops.registry import op

_BACKENDS = ("torch", "tensorflow", "python")


@op(metric=True, backends=_BACKENDS, differentiable=False, open_ports=False)
def accuracy(input: Any, target: Any, *, top_k: Count = 1) -> Any:
    """The share of examples whose label is among the highest scores, from 0 to 1.

    input: (batch, classes) scores.
    target: (batch,) class indices.
    top_k: how many of the highest scores count.
    """


@op(metric=True, backends=_BACKENDS, passes=("count",), differentiable=False, open_ports=False)
def mean(value: Any) -> Any:
    """The mean over all examples of a loop; a smaller last batch weighs less.

    value: one number a batch (a mean over it), or values whose first axis counts the examples.
    """


@op(metric=True, backends=_BACKENDS, differentiable=False, open_ports=False)
def confusion_matrix(input: Any, target: Any, *, classes: Annotated[int, Range(min=2)]) -> Any:
    """How often each class is taken for each other: (classes, classes) counts, a row a true class.

    input: (batch, classes) scores, or (batch,) class indices.
    target: (batch,) class indices.
    classes: how many classes there are.
    """
