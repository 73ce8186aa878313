"""Which steps a firing pattern has, and how many: exact, without walking through what repeats."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edgraph.graph.clock_atoms import Atom
from edgraph.graph.clock_count import all_runs
from edgraph.graph.clock_steps import stretches
from edgraph.plan.timetable import Timetable

WALKED = 1 << 20  # stretches of steps that are looked at one by one; beyond that the count ends
RANGES = 8  # of the steps of a pattern, how many unbroken ranges are kept
KEPT = RANGES + 1
DIVIDED = 128  # parts of a period that are looked for

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Firings:
    """The steps of one kind.

    ranges: the first of them, unbroken and in order.  number: how many there are, of those that were counted.
    rate: for a run without a known end, (n, period): from some step on n of every `period` steps.
    """

    ranges: list[tuple[int, int]] = field(default_factory=list)
    number: int = 0
    rate: tuple[int, int] | None = None

    @property
    def first(self) -> int:
        return self.ranges[0][0]

    def add(self, start: int, stop: int) -> None:
        """Takes note of a range that comes after all others; counting is apart."""
        if self.ranges and self.ranges[-1][1] == start - 1:
            self.ranges[-1] = (self.ranges[-1][0], stop)
        elif len(self.ranges) < KEPT:
            self.ranges.append((start, stop))

    def listed(self, number: int) -> list[int]:
        """The first steps, at most `number`."""
        found: list[int] = []
        for start, stop in self.ranges:
            found += range(start, min(stop, start + number - 1) + 1)
        return found[:number]


@dataclass(slots=True)
class Tally(Generic[K]):
    """The steps of each kind, in the order in which the kinds first come up.

    since, until: the steps that were counted (None: the run has no known end, and all repeats).
    complete: whether that is every step that was asked for.
    """

    kinds: dict[K, Firings] = field(default_factory=dict)
    since: int = 1
    until: int | None = None
    complete: bool = True


def tally(table: Timetable, kind: Callable[[int], K], first: int, last: int | None,
          ticks: frozenset[Atom] = frozenset()) -> Tally[K]:
    """Sorts the steps first, …, last (None: without end) by what `kind` says of their patterns' masks, while
    `ticks` hold."""
    return Counter(table, kind, ticks).count(first, last)


class Counter(Generic[K]):
    def __init__(self, table: Timetable, kind: Callable[[int], K], ticks: frozenset[Atom]) -> None:
        self.table = table
        self.ticks = ticks
        self.kind = kind
        self.found: Tally[K] = Tally()
        self.left = WALKED

    def count(self, first: int, last: int | None) -> Tally[K]:
        self.found.since, self.found.until = first, last
        runs = all_runs(tuple(term for item in self.table.items for term in item.clock.terms))
        for low, high, period in stretches(runs, last):
            if high is not None and high < first:
                continue
            low = max(low, first)
            if high is not None and high - low + 1 <= 2 * period:
                self._walk(low, high)
            else:
                self._repeat(low, high, period)
            if not self.found.complete:
                break
        return self.found

    def _walk(self, low: int, high: int) -> None:
        """Looks at every step of low..high."""
        for key, start, stop in self._segments(low, high):
            steps = self.found.kinds.setdefault(key, Firings())
            steps.add(start, stop)
            steps.number += stop - start + 1

    def _repeat(self, low: int, high: int | None, period: int) -> None:
        """Looks at one period, of which low..high has more than two."""
        segments = list(self._segments(low, low + period - 1))
        if not self.found.complete:
            high = self.found.until
        rounds = KEPT if high is None else min(KEPT, (high - low) // period + 1)
        if len(segments) == 1:  # unbroken
            rounds, segments = 1, [(segments[0][0], low, low + (1 << 62) if high is None else high)]
        for turn in range(rounds):
            for key, start, stop in segments:
                start, stop = start + turn * period, stop + turn * period
                if high is None or start <= high:
                    self.found.kinds.setdefault(key, Firings()).add(start, stop if high is None else min(stop, high))
            if all(len(self.found.kinds[key].ranges) == KEPT for key, _, _ in segments):
                break
        if high is None:
            self._rates(segments, period)
            return
        for key, start, stop in segments:
            self.found.kinds[key].number += _occurrences(stop - start + 1, start - low, high - low + 1, period)

    def _rates(self, segments: list[tuple[K, int, int]], period: int) -> None:
        if len(segments) == 1:
            self.found.kinds[segments[0][0]].rate = (1, 1)
            return
        kinds: dict[K, list[tuple[int, int]]] = {}
        for key, start, stop in segments:
            kinds.setdefault(key, []).append((start, stop))
        for key, ranges in kinds.items():
            parts = _repetitions(ranges, period)
            number = sum(stop - start + 1 for start, stop in ranges)
            self.found.kinds[key].rate = (number // parts, period // parts)

    def _segments(self, low: int, high: int) -> Iterator[tuple[K, int, int]]:
        """low..high by kind, adjacent segments of one kind merged."""
        current: tuple[K, int, int] | None = None
        for mask, start, stop in self.table.stretches(low, high, self.ticks):
            self.left -= 1
            if self.left < 0:
                self.found.complete, self.found.until = False, start - 1
                break
            key = self.kind(mask)
            if current is not None and current[0] == key:
                current = (key, current[1], stop)
                continue
            if current is not None:
                yield current
            current = (key, start, stop)
        if current is not None:
            yield current


def _occurrences(length: int, offset: int, total: int, period: int) -> int:
    """How many of `total` steps belong to a segment that is repeated with a period (or, where it is all there is,
    is the whole)."""
    if length >= total:
        return total
    whole, rest = divmod(total, period)
    return whole * length + max(0, min(length, rest - offset))


def _repetitions(ranges: list[tuple[int, int]], period: int) -> int:
    """Into how many equal parts a period can be cut that each have the same of these ranges."""
    if len(ranges) > 1 and ranges[-1][1] + 1 == ranges[0][0] + period:  # it goes on into the next period
        ranges = [*ranges[1:-1], (ranges[-1][0], ranges[0][1] + period)]
    for parts in range(min(len(ranges), DIVIDED), 1, -1):
        size, shift = len(ranges) // parts, period // parts
        if len(ranges) % parts == 0 and period % parts == 0 and all(
                (start + shift, stop + shift) == later
                for (start, stop), later in zip(ranges, ranges[size:], strict=False)):
            return parts
    return 1
