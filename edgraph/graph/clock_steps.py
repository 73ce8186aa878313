"""Sets of steps: a progression, and a union of progressions in a normal form."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from math import lcm
from typing import Any, NamedTuple

from edgraph.graph.clock_numbers import PROGRESSIONS, TooComplex, comb, crt, prime_factors, tile

PAIRS = 4096  # a union is tidied pairwise up to so many comparisons


class Progression(NamedTuple):
    """The steps s ≡ residue (mod period) with start <= s <= until. Made by `progression`, which normalises:
    `start` and `until` are steps of it, one step alone has period 1, and so equal sets are equal values."""

    period: int
    residue: int
    start: int
    until: int | None

    def due(self, step: int) -> bool:
        return (step >= self.start and step % self.period == self.residue
                and (self.until is None or step <= self.until))

    def next(self, after: int) -> int | None:
        """Its first step after `after`."""
        if after < self.start:
            return self.start
        step = after + self.period - (after - self.residue) % self.period
        return step if self.until is None or step <= self.until else None

    def number(self, until: int) -> int:
        """How many of its steps are at most `until`."""
        end = until if self.until is None else min(until, self.until)
        return max(0, (end - self.start) // self.period + 1)

    @property
    def settled(self) -> int:
        """After this step it is purely periodic, or over."""
        return max(0, self.start - self.period) if self.until is None else self.until

    def includes(self, other: Progression) -> bool:
        """Exact: whether every step of `other` is one of these."""
        return (self.start <= other.start and other.start % self.period == self.residue
                and (self.until is None or (other.until is not None and other.until <= self.until))
                and (other.start == other.until or other.period % self.period == 0))

    def both(self, other: Progression) -> Progression | None:
        """The steps in both; None when there are none."""
        merged = crt(self.residue, self.period, other.residue, other.period)
        if merged is None:
            return None
        residue, period = merged
        return progression(period, residue, max(self.start, other.start), earlier(self.until, other.until))


def earlier(a: int | None, b: int | None) -> int | None:
    """The earlier of two last steps, None being without end."""
    return b if a is None else a if b is None else min(a, b)


def progression(period: int, residue: int, start: int = 1, until: int | None = None) -> Progression | None:
    """The progression in its normal form; None when it has no step. Steps count from 1."""
    if start < 1:
        start = 1
    first = start + (residue - start) % period
    if until is None:
        return Progression(period, residue % period, first, None)
    if first > until:
        return None
    last = until - (until - first) % period
    if first == last:
        return Progression(1, 0, first, first)
    return Progression(period, residue % period, first, last)


EVERY = Progression(1, 0, 1, None)


class Steps:
    """A union of progressions: an immutable, hashable value. `label` (words for people) is not compared."""

    __slots__ = ("_hash", "_points", "_runs", "label", "progressions")
    progressions: tuple[Progression, ...]
    label: str | None
    _hash: int
    _points: tuple[int, ...]  # single steps apart, so that a growing interval is looked up, not searched
    _runs: tuple[Progression, ...]

    def __init__(self, progressions: tuple[Progression, ...], label: str | None = None) -> None:
        """progressions: tidy (see `steps`)."""
        put = object.__setattr__
        put(self, "progressions", progressions)
        put(self, "label", label)
        put(self, "_hash", hash(tuple((p.period, p.start, p.until or 0) for p in progressions)))
        put(self, "_points", tuple(p.start for p in progressions if p.start == p.until))
        put(self, "_runs", tuple(p for p in progressions if p.start != p.until))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Steps are immutable: '{name}' cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return Steps, (self.progressions, self.label)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Steps) and self.progressions == other.progressions)

    def __repr__(self) -> str:
        return f"Steps({self.progressions!r})"

    def due(self, step: int) -> bool:
        points = self._points
        if points:
            at = bisect_left(points, step)
            if at < len(points) and points[at] == step:
                return True
        for period, residue, start, until in self._runs:
            if step >= start and step % period == residue and (until is None or step <= until):
                return True
        return False

    def next(self, after: int) -> int | None:
        points, best = self._points, None
        if points:
            at = bisect_left(points, after + 1)
            best = points[at] if at < len(points) else None
        for run in self._runs:
            step = run.next(after)
            if step is not None and (best is None or step < best):
                best = step
        return best

    def covers(self, other: Steps) -> bool:
        """A cheap test: True only if every step of `other` is one of these; False where that is not plain."""
        if self is other or self.progressions == other.progressions:
            return True
        if len(self.progressions) * len(other.progressions) > PAIRS:
            return False
        return all(any(mine.includes(yours) for mine in self.progressions) for yours in other.progressions)

    def bits(self, low: int, length: int) -> int:
        """The steps low, …, low + length - 1 as bits of an integer, `low` being bit 0."""
        high, bits = low + length - 1, 0
        patterns: dict[int, int] = {}  # of progressions that run through: one integer for each period
        for run in self.progressions:
            first = run.next(low - 1)
            if first is None or first > high:
                continue
            if run.until is None and first - low < run.period:
                patterns[run.period] = patterns.get(run.period, 0) | 1 << (first - low)
                continue
            last = high if run.until is None else min(high, run.until)
            bits |= comb(run.period, (last - first) // run.period + 1) << (first - low)
        for period, pattern in patterns.items():
            bits |= tile(pattern, period, length)
        return bits


def steps(progressions: Iterable[Progression | None], label: str | None = None) -> Steps:
    """The union in its normal form: merged where the result is one progression, without what is included."""
    found = {p for p in progressions if p is not None}
    if EVERY in found:
        return Steps((EVERY,), label)
    if len(found) > PROGRESSIONS:
        raise TooComplex(f"a clock of {len(found)} progressions (at most {PROGRESSIONS})")
    while len(found) > 1:
        merged = _interleave(_join(found))
        if merged == found:
            break
        found = merged
    if len(found) > 1 and len(found) ** 2 <= PAIRS:
        found = {p for p in found if not any(q is not p and q.includes(p) for q in found)}
    return Steps(tuple(sorted(found, key=_order)), label)


def _order(run: Progression) -> tuple[int, int, float]:
    return run.start, run.period, float("inf") if run.until is None else run.until


def _join(found: set[Progression]) -> set[Progression]:
    """Windows of one residue class that touch or overlap become one."""
    classes: dict[tuple[int, int], list[Progression]] = {}
    for run in found:
        classes.setdefault((run.period, run.residue), []).append(run)
    joined: set[Progression] = set()
    for (period, residue), runs in classes.items():
        runs.sort(key=_order)
        start, until = runs[0].start, runs[0].until
        for run in runs[1:]:
            if until is not None and run.start > until + period:
                joined.add(Progression(period, residue, start, until))
                start, until = run.start, run.until
            elif until is not None:
                until = None if run.until is None else max(until, run.until)
        joined.add(Progression(period, residue, start, until))
    return joined


def _interleave(found: set[Progression]) -> set[Progression]:
    """q classes that together are one class of a period q times shorter become that class."""
    periods: dict[int, list[Progression]] = {}
    for run in found:
        periods.setdefault(run.period, []).append(run)
    for period, runs in periods.items():
        for prime in prime_factors(period, len(runs)):
            groups: dict[tuple[int, bool], list[Progression]] = {}
            for run in runs:
                groups.setdefault((run.residue % (period // prime), run.until is None), []).append(run)
            wholes = [(group, whole) for group in groups.values()
                      if (whole := _whole(group, period // prime, prime)) is not None]
            if wholes:
                return found.difference(*(group for group, _ in wholes)) | {whole for _, whole in wholes}
    return found


def _whole(group: list[Progression], period: int, parts: int) -> Progression | None:
    span = period * (parts - 1)
    if len(group) != parts or len({run.residue for run in group}) != parts:
        return None
    starts = [run.start for run in group]
    ends = [run.until for run in group if run.until is not None]
    if max(starts) - min(starts) != span or (ends and max(ends) - min(ends) != span):
        return None
    return progression(period, starts[0], min(starts), max(ends) if ends else None)


def bounds(runs: Iterable[Progression], first: int) -> list[int]:
    """The steps >= first after which a progression begins, or ends. In between each is periodic or absent."""
    return sorted({cut for run in runs for cut in (run.start - run.period, run.until)
                   if cut is not None and cut >= first})


def stretches(runs: Iterable[Progression], last: int | None) -> Iterator[tuple[int, int | None, int]]:
    """Cut 1..last at the bounds of the progressions into (low, high, period), each periodic within itself.

    The beginning is left in one piece (with its length for a period) where that is short.
    """
    runs = list(runs)
    cuts = bounds(runs, 1)
    low = 1
    if cuts and cuts[-1] <= PAIRS:
        end = cuts[-1] if last is None else min(cuts[-1], last)
        yield 1, end, end
        low, cuts = end + 1, []
    for high in [*cuts, None]:
        if last is not None and (high is None or high > last):
            high = last
        if high is not None and high < low:
            continue
        period = lcm(*(run.period for run in runs if run.start - run.period < low
                       and (run.until is None or (high is not None and run.until >= high))))
        yield low, high, period
        if high is None:
            return
        low = high + 1
