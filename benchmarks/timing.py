"""Contenders measured in turns, on a machine that is never quiet: many short rounds, medians of paired ratios."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

Contender = Callable[[], object]


@dataclass(slots=True)
class Rounds:
    """What each contender took in each round, in seconds."""

    times: dict[str, list[float]]

    def seconds(self, name: str) -> float:
        return median(self.times[name])

    def ratio(self, name: str, other: str) -> float:
        """How many times as long one takes as another: the median of the ratios within each round, so that
        what disturbs a whole round cancels out."""
        return median(a / b for a, b in zip(self.times[name], self.times[other], strict=True))


def take_turns(contenders: Mapping[str, Contender], rounds: int, warm_up: int = 2,
               clock: Callable[[], float] = time.perf_counter) -> Rounds:
    """Every contender once a round, in an order that is reversed from round to round. A contender that returns a
    float has measured itself. None has to clear up what another left.

    clock: time.process_time for what only computes, on one thread: it does not see the machine's other work.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-warm_up, rounds):
        names = list(contenders)
        for name in names if number % 2 else reversed(names):
            gc.collect()
            started = clock()
            measured = contenders[name]()
            took = clock() - started
            if number >= 0:
                times[name].append(measured if isinstance(measured, float) else took)
    return Rounds(times)


@dataclass(slots=True)
class Report:
    """Prints figures as they come, and in the end whether all targets are met."""

    title: str
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(self.title, flush=True)

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def at_most(self, what: str, figure: float, target: float) -> None:
        self._judge(what, figure, f"at most {target:.4g}", figure <= target)

    def at_least(self, what: str, figure: float, target: float) -> None:
        self._judge(what, figure, f"at least {target:.4g}", figure >= target)

    def holds(self, what: str, fine: bool) -> None:
        if not fine:
            self.failed.append(what)
        self.say(f"{'PASS' if fine else 'FAIL'}  {what}")

    def _judge(self, what: str, figure: float, target: str, fine: bool) -> None:
        self.holds(f"{what}: {figure:.3f} (target: {target})", fine)

    def end(self) -> None:
        """Exits, with 1 where a target was missed."""
        sys.exit(1 if self.failed else 0)
