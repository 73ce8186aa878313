"""Counting the steps of patterns: exact, whatever repeats and wherever the run ends."""

from __future__ import annotations

from itertools import pairwise
from math import lcm
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import accepted

from edgraph.plan import tally as counting
from edgraph.plan.tally import KEPT, Firings, tally
from edgraph.plan.timetable import Timetable

small = st.integers(1, 12)
every = st.one_of(
    small,
    st.builds(lambda n, k: {"steps": n + k, "offset": k}, small, st.integers(0, 9)),
    st.builds(lambda n, a, b: {"steps": n, "from": a, "until": a + b}, small, st.integers(1, 60), st.integers(0, 60)),
    st.builds(lambda n, ps: {"cycle": n, "positions": sorted({min(p, n) for p in ps})}, small,
              st.lists(small, min_size=1, max_size=5)),
    st.builds(lambda g, m: {"steps": 1, "grow": g, "max": m}, st.integers(2, 3), st.integers(1, 40)),
    st.sampled_from(["first", "last"]))
clocks = st.lists(st.one_of(every, st.lists(every, min_size=1, max_size=3)), min_size=1, max_size=4)


def table_of(every: list[Any], last: int | None) -> Timetable:
    run = {"over": "none", "checkpoint": False, **({} if last is None else {"num_steps": last})}
    ops = {f"op{i}": {"op": "note", "inputs": 1.0, "every": clock, "ignore": ["never-fires"]}
           for i, clock in enumerate(every)}
    return Timetable(accepted({"run": run, "ops": ops}))


def brute(table: Timetable, first: int, last: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for step in range(first, last + 1):
        found.setdefault(table.mask(step), []).append(step)
    return found


def ranges(steps: list[int]) -> list[tuple[int, int]]:
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(steps), 1) if b != a + 1), len(steps)]
    return [(steps[a], steps[b - 1]) for a, b in pairwise(cuts)]


def agree(firings: Firings, steps: list[int]) -> None:
    """The last range that is kept may be cut short."""
    exact = ranges(steps)
    assert firings.ranges[:KEPT - 1] == exact[:KEPT - 1]
    assert firings.listed(5) == steps[:5] and firings.first == steps[0]
    assert len(firings.ranges) == min(len(exact), KEPT)


@settings(max_examples=150, deadline=None)
@given(clocks, st.integers(1, 400), st.integers(0, 300))
def test_numbers_and_first_steps_are_exact(every: list[Any], first: int, length: int) -> None:
    table = table_of(every, first + length)
    found = tally(table, lambda mask: mask, first, first + length)
    exact = brute(table, first, first + length)
    assert list(found.kinds) == list(exact) and found.complete
    for mask, firings in found.kinds.items():
        assert firings.number == len(exact[mask])
        agree(firings, exact[mask])


@settings(max_examples=60, deadline=None)
@given(clocks.filter(lambda clocks: "last" not in str(clocks)))
def test_rates_of_a_run_without_an_end(every: list[Any]) -> None:
    table = table_of(every, None)
    found = tally(table, lambda mask: mask, 1, None)
    assert found.until is None and found.complete
    periods = {firings.rate[1] for firings in found.kinds.values() if firings.rate is not None}
    period = lcm(*periods)
    start = 1 + 4096 // period * period + period  # beyond all bounds
    if period > 3000:
        return
    later = brute(table, start, start + period - 1)
    assert {mask: len(steps) for mask, steps in later.items()} == {
        mask: firings.rate[0] * period // firings.rate[1]
        for mask, firings in found.kinds.items() if firings.rate is not None}
    first = brute(table, 1, 3 * period)
    for mask, steps in first.items():
        assert found.kinds[mask].listed(3) == steps[:3] or len(steps) < 3


@pytest.mark.parametrize(("every", "items", "rate"), [
    ([{"cycle": 6, "positions": [1, 2]}, 5], 0b1, (2, 6)),
    ([{"cycle": 6, "positions": [1, 2]}, 5, "first"], 0b1, (2, 6)),
    ([{"cycle": 6, "positions": [1, 6]}, 5, "first"], 0b1, (2, 6)),
    ([3, {"steps": 3, "offset": 1}, 6], 0b11, (2, 3)), ([1, 7], 0b1, (1, 1)), ([10, 15], 0b1, (1, 10))])
def test_rates_are_told_by_the_shortest_period(every: list[Any], items: int, rate: tuple[int, int]) -> None:
    found = tally(table_of(every, None), lambda mask: bool(mask & items), 1, None)
    assert found.kinds[True].rate == rate


def test_long_runs_are_not_walked_through() -> None:
    table = table_of([3, {"steps": 7, "from": 1000}, "last"], 10**12)
    found = tally(table, lambda mask: mask, 1, 10**12)
    assert sum(firings.number for firings in found.kinds.values()) == 10**12
    assert found.kinds[table.mask(3)].number == sum(
        1 for step in range(3, 1000, 3)) + (10**12 // 3 - 999 // 3) - (10**12 // 21 - 999 // 21)


def test_where_too_much_is_different_the_count_ends_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "WALKED", 1000)
    table = table_of([97, 101, 103, 107], 10**9)
    found = tally(table, lambda mask: mask, 1, 10**9)
    assert not found.complete and found.until is not None
    exact = brute(table, 1, found.until)
    assert {mask: firings.number for mask, firings in found.kinds.items()} == {
        mask: len(steps) for mask, steps in exact.items()}
