"""Questions about clocks: the first step, a common step, how stale a held value gets."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, lcm

from edgraph.graph.clock_count import FIRINGS, all_runs, bits, expanded
from edgraph.graph.clock_meet import meet_terms
from edgraph.graph.clock_numbers import PROBES
from edgraph.graph.clock_steps import Progression, earlier, progression
from edgraph.graph.clock_values import ALWAYS, Clock


def first(clock: Clock) -> int | None:
    """The earliest step on which it can fire, its atoms holding; None: never. Raises TooComplex."""
    found = [step for term in clock.terms if (step := term.next(0)) is not None]
    return min(found, default=None)


def meets(a: Clock, b: Clock, horizon: int | None = None) -> int | None:
    """The first step within 1..horizon on which both may fire, or None.

    Atoms may hold on any step, but not with their complements, nor two stages or two events at once.
    Raises TooComplex.
    """
    if a is ALWAYS or a is b:
        step = first(b)
    elif b is ALWAYS:
        step = first(a)
    else:
        step = _meets(a, b)
    return None if step is None or (horizon is not None and step > horizon) else step


@lru_cache(maxsize=1 << 15)
def _meets(a: Clock, b: Clock) -> int | None:
    found: int | None = None
    for mine in a.terms:
        for yours in b.terms:
            term = meet_terms(mine, yours)
            step = None if term is None else term.next(0)
            if step is not None and (found is None or step < found):
                found = step
    return found


def staleness(source: Clock, reader: Clock, horizon: int | None = None) -> int | None:
    """How old a held value can get: the largest number of steps from a firing of the source to a firing of
    the reader, within 1..horizon, that still sees it.

    Firings of the reader before the source's first see the initial value and do not count; where there are no
    others it is 0. A reader with atoms counts as if they held.
    None: without bound, or unknown (the source has atoms, or it would take too long).
    """
    if not source.is_pure:
        return None
    if source is ALWAYS or source is reader or not source.terms or not reader.terms:
        return 0
    return _staleness(source, reader, horizon)


@lru_cache(maxsize=1 << 12)
def _staleness(source: Clock, reader: Clock, horizon: int | None) -> int | None:
    mine, readers = expanded(source.terms), expanded(reader.terms)
    if mine is not None and readers is not None and len(mine) == 1:
        ages = [_age(mine[0], run, horizon) for run in readers]
        if None not in ages:
            return max((age for age in ages if age is not None), default=0)
        if horizon is None and mine[0].until is not None:
            return None  # a reader goes on for ever
    return _staleness_in_bits(source, reader, horizon)


def _age(source: Progression, reader: Progression, horizon: int | None) -> int | None:
    """The largest age for two progressions, without counting through them; None: no bound, or unknown."""
    read = reader.next(source.start - 1)
    if read is None or (horizon is not None and read > horizon):
        return 0
    last = earlier(reader.until, horizon)
    age = 0
    if source.until is not None:
        if last is None:
            return None
        final = last - (last - read) % reader.period
        if final > source.until:
            age = final - source.until
            last = source.until
            if read > last:
                return age
    number = None if last is None else (last - read) // reader.period + 1
    step = gcd(source.period, reader.period)
    offset = (read - source.start) % source.period
    if number is None or number >= source.period // step:  # every residue comes up
        return max(age, source.period - step + offset % step)
    if number > FIRINGS:
        return None
    return max(age, *((offset + k * reader.period) % source.period for k in range(number)))


def _staleness_in_bits(source: Clock, reader: Clock, horizon: int | None) -> int | None:
    runs = all_runs(source.terms + reader.terms)
    settled = max((run.settled for run in runs), default=0)
    period = lcm(*(run.period for run in runs if run.until is None))
    length = settled + 2 * period  # a look back from the last period stays where all is periodic
    if horizon is not None:
        length = min(length, horizon)
    if length > PROBES:
        return None
    reads, made = bits(reader.terms, 1, length), bits(source.terms, 1, length)
    if not made:
        return 0
    if horizon is None or horizon > length:
        endless = reads >> (settled + period)
        if endless and not made >> (settled + period):
            final = _after_the_last(made, reader, horizon)
            return None if final is None else max(final, _largest_age(reads, made))
    return _largest_age(reads, made)


def _after_the_last(made: int, reader: Clock, horizon: int | None) -> int | None:
    """The source has ended and the reader goes on: its last firing decides, where there is a horizon."""
    if horizon is None:
        return None
    runs = expanded(reader.terms)
    if runs is None:
        return None
    cut = [progression(run.period, run.residue, run.start, earlier(run.until, horizon)) for run in runs]
    return max(run.until for run in cut if run is not None and run.until is not None) - made.bit_length()


def _largest_age(reads: int, made: int) -> int:
    """The least age at which every read, from the first value made on, is within reach of a value made."""
    reads &= -(made & -made)  # reads before the first value
    if not reads & ~made:
        return 0
    reach, ages = made, 1  # the steps less than `ages` after a value: known to be too few
    while reads & ~(wider := reach | reach << ages):
        reach, ages = wider, 2 * ages
    more = ages // 2
    while more:
        wider = reach | reach << more
        if reads & ~wider:
            reach, ages = wider, ages + more
        more //= 2
    return ages
