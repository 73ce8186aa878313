"""Declarations of the built-in learning-rate schedules. Each multiplies the optimizer's own learning rate."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import Count, NonNegative, Range
from edgraph.ops.registry import schedule

Warmup = Annotated[int, Range(min=0)]


@schedule
def constant(*, warmup: Warmup = 0) -> Any:
    """The same learning rate throughout.

    warmup: over how many updates it grows from zero at the start.
    """


@schedule
def linear(*, steps: Count, start: NonNegative = 1.0, end: NonNegative = 0.0, warmup: Warmup = 0) -> Any:
    """A straight line between two factors, and the second from there on.

    steps: how many updates (or steps, with `per: step`) it takes, warm-up included.
    start: the factor at the start.
    end: the factor at the end.
    warmup: over how many updates it grows from zero first.
    """


@schedule
def cosine(*, steps: Count, end: NonNegative = 0.0, warmup: Warmup = 0) -> Any:
    """Half a cosine from the learning rate down to a share of it, and that share from there on.

    steps: how many updates (or steps, with `per: step`) it takes, warm-up included.
    end: the factor at the end.
    warmup: over how many updates it grows from zero first.
    """
