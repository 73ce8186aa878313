"""A run of edgraph against other contenders, which have their turns between two of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import edgraph
from benchmarks.timing import Rounds

WARM_UP = 3


class Turns:
    """Called by the op `take_turns`: a round of edgraph's is over, and now the others have theirs."""

    def __init__(self, others: Mapping[str, Callable[[], None]],
                 around: Callable[[], AbstractContextManager[Any]] = nullcontext) -> None:
        """around: the others run in such a context."""
        global turns
        turns = self
        self.others, self.around = others, around
        self.times: dict[str, list[float]] = {"edgraph": [], **{name: [] for name in others}}
        self.started = 0.0

    def __call__(self) -> None:
        self.times["edgraph"].append(time.perf_counter() - self.started)
        with self.around():
            for name, run in self.others.items():
                started = time.perf_counter()
                run()
                self.times[name].append(time.perf_counter() - started)
        self.started = time.perf_counter()

    def rounds(self) -> Rounds:
        return Rounds({name: times[WARM_UP:] for name, times in self.times.items()})


turns: Turns


@edgraph.op(effect=True)
def take_turns():
    """Lets the other contenders run."""
    turns()
