"""Random values. What a node draws depends only on the seed, its name, the step and the loop's iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgraph.ops.markers import Count, NonNegative
from edgraph.ops.registry import op

_BACKENDS = ("torch", "tensorflow", "python")


@op(backends=_BACKENDS, random=True, passes=("key",), differentiable=False, open_ports=False)
def normal(rows: Any = None, *, shape: list[Count], mean: float = 0.0, std: NonNegative = 1.0) -> Any:
    """Normally distributed noise, float32.

    rows: a value whose first axis says how many rows to draw, before `shape`.
    shape: the shape of the noise, or of one row of it.
    mean: the mean.
    std: the standard deviation.
    """


def _ordered(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    low, high = settings["low"], settings["high"]
    return None if low < high else ("high", f"expected more than low, which is {low:g}; found {high:g}")


@op(backends=_BACKENDS, random=True, passes=("key",), differentiable=False, open_ports=False, rule=_ordered)
def uniform(rows: Any = None, *, shape: list[Count], low: float = 0.0, high: float = 1.0) -> Any:
    """Uniformly distributed noise from `low` to `high`, float32.

    rows: a value whose first axis says how many rows to draw, before `shape`.
    shape: the shape of the noise, or of one row of it.
    low: the lower bound.
    high: the upper bound, never drawn itself.
    """
