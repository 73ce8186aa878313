"""Ops that steer the run: loops, checkpoints, early stopping."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from edgraph.ops.markers import Count, Data, Graph, Length, NonNegative
from edgraph.ops.registry import op


@op(engine=True)
def loop(*values: Any, graph: Annotated[str, Graph()], params: dict[str, Any] | None = None,
         over: Annotated[str | None, Data()] = None, repeat: Count | None = None,
         batch_size: Count | None = None, shuffle: bool = False) -> Any:
    """Run a graph as a loop: over a data set, over a value, a number of times, or while a condition holds.

    Its value is a mapping of the graph's `outputs`, made when the loop ends. Op state, metrics and held
    values start afresh at each entry; models and optimizers persist.

    values: values of the enclosing step, by the names that the graph reads them by; `over` is a value to go
    through in batches.
    graph: an entry of `graphs`.
    params: values for the graph's parameters.
    over: the data set to go through once, instead of the one that the graph names.
    repeat: how many times to run the graph, at most, instead of the graph's own `repeat`.
    batch_size: rows of the input `over` at a time.
    shuffle: go through the input `over` in random order.
    """


_CHECKPOINT = re.compile(r"(?!latest$|(.*-)?step-\d+$)[^\W\d][\w.\-]{0,99}")


def check_name(name: str) -> str:
    """A checkpoint's name, or ValueError: it becomes a file, and must not look like a step."""
    if not _CHECKPOINT.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a checkpoint: a name starts with a letter, has only letters, "
                         "digits, '.', '_' and '-', and is neither 'latest' nor ends like 'step-12'")
    return name


def _nameable(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    try:
        check_name(settings["name"] or "any")
    except ValueError as error:
        return "name", str(error)
    return None


@op(engine=True, effect=True, differentiable=False, open_ports=False, rule=_nameable)
def checkpoint(*, name: Annotated[str, Length(min=1)] | None = None, keep: Count = 1) -> None:
    """Save all state at the end of the step, once everything else of the step is done.

    name: what it is found under, `RUN@name`; by default the name of the node.
    keep: how many of this name to keep; older ones are removed once the new one is proven.
    """


@op(engine=True, effect=True, differentiable=False, open_ports=False)
def stop(*, run: bool = False) -> None:
    """End the innermost loop, or outside of loops the run, when the step is complete.

    run: inside a loop, end the run too.
    """


class Improved(Mapping[str, Any]):
    """Whether a value improved: a condition by itself, and a mapping with `improved`, `best` and `since`."""

    __slots__ = ("best", "improved", "since")

    def __init__(self, improved: bool, best: float, since: int) -> None:
        self.improved = improved
        self.best = best
        self.since = since

    def __bool__(self) -> bool:
        return self.improved

    def __getitem__(self, key: str) -> Any:
        if key in self.__slots__:
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("improved", "best", "since"))

    def __len__(self) -> int:
        return 3

    def __repr__(self) -> str:
        return f"Improved({self.improved}, best={self.best}, since={self.since})"


@op(differentiable=False, open_ports=False, ports={
    "improved": "whether this value is better than all before it",
    "best": "the best value so far",
    "since": "how many values came after the best one: 0 when this one is"})
class improved:
    """Whether a value is better than all before it. As a condition it is true when it is.

    value: one number. One that is not finite is never better.
    mode: whether smaller or larger is better.
    min_delta: by how much it has to be better.
    """

    def __init__(self, *, mode: Literal["min", "max"] = "min", min_delta: NonNegative = 0.0) -> None:
        self._sign = 1.0 if mode == "max" else -1.0
        self._min_delta = min_delta
        self._best: float | None = None
        self._since = 0

    def __call__(self, value: Any) -> Improved:
        number = float(value)
        better = math.isfinite(number) and (
            self._best is None or self._sign * (number - self._best) > self._min_delta)
        if better:
            self._best, self._since = number, 0
        else:
            self._since += 1
        return Improved(better, math.nan if self._best is None else self._best, self._since)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "since": self._since}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best, self._since = state["best"], state["since"]
