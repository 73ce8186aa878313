"""Cycles: the same few patterns coming again and again, so that one function can run them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import lcm
from typing import NamedTuple

from edgraph.graph.clocks import ALWAYS, Atom, Clock
from edgraph.plan.timetable import Stretch, Timetable

LONGEST = 4096  # steps in a round; a clock that would make it longer interrupts the cycle instead
PATTERNS = 16  # in one function
SHORT = 64  # where the same pattern runs for longer than this, on average, going from one to the next costs nothing
PATIENCE = 256  # steps before the next look for a cycle: finding one costs as much as some steps
NODES = 256  # a step of more takes so long that going from one pattern to the next is nothing beside it
ROUNDS = 2  # as often a cycle has to come to be worth a function
FOREVER = 1 << 40


class Cycle(NamedTuple):
    """Steps start, …, stop as whole rounds of the same runs of patterns."""

    masks: tuple[int, ...]
    runs: tuple[tuple[int, int], ...]  # of one round: which mask, for how many steps
    length: int  # steps in a round
    start: int
    stop: int


def spans(timetable: Timetable, first: int, last: int | None,
          ticks: frozenset[Atom] = frozenset()) -> Iterator[Stretch | Cycle]:
    """The steps first, …, last as cycles where there are some, and stretches of one pattern between them."""
    if len(timetable.graph.nodes) > NODES:
        yield from timetable.stretches(first, last, ticks)
        return
    step = first
    while last is None or step <= last:
        cycle = find_cycle(timetable, step, last, ticks)
        if cycle is not None:
            yield cycle
            step = cycle.stop + 1
            continue
        stop = step + PATIENCE - 1 if last is None else min(last, step + PATIENCE - 1)
        for stretch in timetable.stretches(step, last, ticks):  # may be longer than our patience
            yield stretch
            step = stretch.stop + 1
            if step > stop:
                break


def find_cycle(timetable: Timetable, step: int, last: int | None, ticks: frozenset[Atom] = frozenset()) -> Cycle | None:
    """The cycle that begins at a step, if it is worth a function of its own."""
    stop = step + FOREVER if last is None else last
    periods: list[tuple[int, Clock]] = []
    for item in timetable.items:
        if item.clock is not ALWAYS and item.ticks <= ticks:
            period, until = _rhythm(item.clock, step)
            if until is not None and until < stop:
                stop = until
            if period > 1:
                periods.append((period, item.clock))
    length = 1
    for period, clock in sorted(periods, key=lambda pair: pair[0]):
        together = lcm(length, period)
        if together <= LONGEST:
            length = together
        elif (firing := clock.next(step - 1)) is not None:
            stop = min(stop, firing - 1)
    rounds = (stop - step + 1) // length
    if length == 1 or rounds < ROUNDS:
        return None
    return _of_runs(_runs(timetable, step, length, ticks), length, step, step + rounds * length - 1)


def _rhythm(clock: Clock, step: int) -> tuple[int, int | None]:
    """The period of a clock from a step on, and the last step to which that holds (None: for good)."""
    period, until = 1, None
    for factor in clock.terms[0].factors if clock.terms else ():
        for run in factor.progressions:
            before = run.start - run.period  # from the step after this one on it is periodic
            end = before if before >= step else run.until
            if end is not None and end < step:
                continue  # over
            if before < step:
                period = lcm(period, run.period)
            if end is not None and (until is None or end < until):
                until = end
    return period, until


def _runs(timetable: Timetable, step: int, length: int, ticks: frozenset[Atom]) -> list[tuple[int, int]]:
    """One round: masks, each with its number of steps in a row."""
    runs: list[tuple[int, int]] = []
    for mask, start, stop in timetable.stretches(step, step + length - 1, ticks):
        count = stop - start + 1
        if runs and runs[-1][0] == mask:
            runs[-1] = (mask, runs[-1][1] + count)
        else:
            runs.append((mask, count))
    return runs


def _of_runs(runs: list[tuple[int, int]], length: int, start: int, stop: int) -> Cycle | None:
    if len(runs) == 1 or length > len(runs) * SHORT:
        return None
    steps: Counter[int] = Counter()
    for mask, count in runs:
        steps[mask] += count
    if len(steps) > PATTERNS:
        return None
    # the most frequent first, and in one order wherever in the round the cycle begins: it names the function
    masks = tuple(sorted(steps, key=lambda mask: (-steps[mask], mask)))
    which = {mask: number for number, mask in enumerate(masks)}
    return Cycle(masks, tuple((which[mask], count) for mask, count in runs), length, start, stop)
