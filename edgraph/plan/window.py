"""Which steps of a run are asked for."""

from __future__ import annotations

from edgraph.graph.ir import Graph

STEPS = 100  # where nobody says how many


class NoSuchSteps(ValueError):
    """Steps that the run does not have."""


def window(graph: Graph, first: int | None, last: int | None) -> tuple[int, int]:
    """The steps first..last as far as the run has them; without `last` 100 of them. Raises NoSuchSteps."""
    end = graph.facts.last_step
    unit, whole = ("step", "run") if graph.use is None else ("iteration", "loop")
    low = 1 if first is None else first
    high = low + STEPS - 1 if last is None else last
    if low < 1:
        raise NoSuchSteps(f"{unit} {low}: {unit}s count from 1")
    if end is not None and low > end:
        raise NoSuchSteps(f"{unit} {low}: the {whole} ends at {unit} {end}")
    if high < low:
        raise NoSuchSteps(f"{unit}s {low}..{high}: the first comes after the last")
    return low, high if end is None else min(high, end)
