"""How often a clock fires."""

from __future__ import annotations

from edgraph.graph.clock_numbers import PROBES, TooComplex
from edgraph.graph.clock_steps import Progression, stretches
from edgraph.graph.clock_terms import Term, next_of

FIRINGS = 1 << 16  # firings that are counted one after the other where nothing better is known
OVERLAPS = 12  # progressions that are counted by inclusion and exclusion


def count(terms: tuple[Term, ...], until: int) -> int | None:
    """How many steps of 1..until are in some term; None where one has atoms or it would take too long."""
    if until < 1 or not terms:
        return 0
    if any(term.atoms for term in terms):
        return None
    runs = expanded(terms)
    if runs is not None and len(runs) == 1:
        return runs[0].number(until)
    total, spent = 0, 0
    for low, high, period in stretches(all_runs(terms), until):
        assert high is not None  # there is a last step
        length = high - low + 1
        spent += min(period, length)
        if spent > PROBES:
            return _count_slowly(runs, until)
        total += _count_stretch(terms, low, length, period)
    return total


def expanded(terms: tuple[Term, ...]) -> list[Progression] | None:
    """The terms multiplied out into one union, atoms aside; None where that is too much."""
    try:
        return list(dict.fromkeys(run for term in terms for run in term.expanded()))
    except TooComplex:
        return None


def all_runs(terms: tuple[Term, ...]) -> list[Progression]:
    """Every progression that plays a part."""
    return [run for term in terms for factor in term.factors for run in factor.progressions]


def bits(terms: tuple[Term, ...], low: int, length: int) -> int:
    """The steps low, …, low + length - 1 that are in some term, as bits, atoms aside."""
    found = 0
    for term in terms:
        found |= term.bits(low, length)
    return found


def _count_stretch(terms: tuple[Term, ...], low: int, length: int, period: int) -> int:
    """Firings on a stretch of steps that is periodic within itself."""
    if length <= period:
        return bits(terms, low, length).bit_count()
    once = bits(terms, low, period)
    rest = once & ((1 << (length % period)) - 1)
    return once.bit_count() * (length // period) + rest.bit_count()


def _count_slowly(runs: list[Progression] | None, until: int) -> int | None:
    if runs is None:
        return None
    if len(runs) <= OVERLAPS:
        return _count_union(runs, until)
    step, total = next_of(runs, 0), 0
    while step is not None and step <= until:
        total += 1
        if total > FIRINGS:
            return None
        step = next_of(runs, step)
    return total


def _count_union(runs: list[Progression], until: int) -> int:
    """By inclusion and exclusion: what each progression adds to those after it."""
    total = 0
    for i, run in enumerate(runs):
        total += run.number(until)
        shared = [met for other in runs[i + 1:] if (met := run.both(other)) is not None]
        if shared:
            total -= _count_union(list(dict.fromkeys(shared)), until)
    return total
