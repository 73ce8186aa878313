"""The clock algebra: which steps a node may fire on, as immutable values. Steps count from 1.

Constructors for every form of `every` are here; the questions (`includes`, `meets`, …) are re-exported.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from edgraph.graph.clock_atoms import Atom, epochs_words
from edgraph.graph.clock_inclusion import includes
from edgraph.graph.clock_meet import both
from edgraph.graph.clock_numbers import PROGRESSIONS, TooComplex
from edgraph.graph.clock_queries import first, meets, staleness
from edgraph.graph.clock_steps import Progression, Steps, progression, steps
from edgraph.graph.clock_terms import Term
from edgraph.graph.clock_union import union
from edgraph.graph.clock_values import ALWAYS, NEVER, Clock, from_steps
from edgraph.graph.clock_words import bounds_words, positions_words, words

__all__ = [
    "ALWAYS", "NEVER", "Atom", "Clock", "Progression", "Steps", "Term", "TooComplex", "atom", "both", "cycle",
    "every_epochs", "every_steps", "first", "growing", "includes", "meets", "progression", "single",
    "staleness", "union", "window", "words",
]

FAR = 1 << 62  # a growing interval without a maximum ends here, beyond any run


@lru_cache(maxsize=1 << 12)
def every_steps(n: int, offset: int = 0, start: int = 1, until: int | None = None,
                label: str | None = None) -> Clock:
    """Every n-th step: n, 2n, …, or offset, offset + n, …; bounds cut and never shift the phase.

    Raises ValueError unless n >= 1 and 0 <= offset < n.
    """
    if n < 1:
        raise ValueError(f"an interval of {n} steps: expected at least 1")
    if not 0 <= offset < n:
        raise ValueError(f"offset {offset}: expected 0 <= offset < {n}, the interval")
    if label is None and n > 1 and (start > 1 or until is not None):
        label = words(every_steps(n, offset)) + bounds_words(start, until)
    return _single_progression(n, offset, start, until, label)


def _single_progression(n: int, residue: int, start: int, until: int | None, label: str | None) -> Clock:
    run = progression(n, residue, start, until)
    if run is None:
        return NEVER
    if run.start == run.until:
        label = None  # one step says more than the rule that made it
    return from_steps(Steps((run,), label))


@lru_cache(maxsize=1 << 10)
def growing(interval: int, grow: int, maximum: int | None = None, start: int = 1, until: int | None = None,
            label: str | None = None) -> Clock:
    """A growing interval: with interval d, the next step divisible by d, then d ← min(d·grow, maximum).

    growing(1, 2, 1000) is 1, 2, 4, …, 512, 1000, 2000, …; bounds cut and never shift the phase.
    Raises ValueError unless interval >= 1, grow >= 2 and maximum >= interval.
    """
    if interval < 1:
        raise ValueError(f"an interval of {interval} steps: expected at least 1")
    if grow < 2:
        raise ValueError(f"grow {grow}: expected an integer of at least 2")
    if maximum is not None and maximum < interval:
        raise ValueError(f"maximum {maximum}: expected at least the first interval, {interval}")
    runs: list[Progression | None] = []
    shown: list[int] = []
    step = 0
    while step < FAR:
        step += interval - step % interval
        if interval == maximum:
            runs.append(progression(interval, 0, max(step, start), until))
            break
        if step >= start and (until is None or step <= until):
            runs.append(progression(1, 0, step, step))
        shown.append(step)
        interval = interval * grow if maximum is None else min(interval * grow, maximum)
    if label is None:
        tail = [] if maximum is None else [step, step + interval]
        label = f"steps {_sketch(shown, tail)}, …{bounds_words(start, until)}"
    found = steps(runs)
    if len(found.progressions) == 1:
        return from_steps(found)
    return from_steps(Steps(found.progressions, label))


def _sketch(shown: list[int], tail: list[int]) -> str:
    if not tail:
        return ", ".join(map(str, shown[:4]))
    if len(shown) > 4:
        return ", ".join(map(str, shown[:3])) + f", …, {shown[-1]}, " + ", ".join(map(str, tail))
    return ", ".join(map(str, shown + tail))


def cycle(n: int, positions: Iterable[int]) -> Clock:
    """Those positions, counted from 1, of a repeating cycle of n steps.

    Raises ValueError for a position outside 1..n, TooComplex for more than 4,096 of them.
    """
    if n < 1:
        raise ValueError(f"a cycle of {n} steps: expected at least 1")
    wanted = sorted(set(positions))
    wrong = [position for position in wanted if not 1 <= position <= n]
    if wrong:
        raise ValueError(f"position {wrong[0]}: expected 1 to {n}, the length of the cycle")
    return _cycle(n, tuple(wanted))


@lru_cache(maxsize=1 << 10)
def _cycle(n: int, positions: tuple[int, ...]) -> Clock:
    if not positions:
        return NEVER
    found = steps(progression(n, position) for position in positions)
    return from_steps(Steps(found.progressions, positions_words(n, positions) if len(positions) < n else None))


@lru_cache(maxsize=1 << 10)
def every_epochs(epochs: Fraction | int, steps_per_epoch: int, label: str | None = None) -> Clock:
    """The last step of every span of so many epochs; span k ends at step ceil(k · epochs · steps_per_epoch).

    Raises ValueError unless both are positive, TooComplex for a fraction with more than 4,096 phases.
    """
    if epochs <= 0:
        raise ValueError(f"every {epochs} epochs: expected more than 0")
    if steps_per_epoch < 1:
        raise ValueError(f"{steps_per_epoch} steps in an epoch: expected at least 1")
    span = Fraction(epochs) * steps_per_epoch
    if span <= 1:
        return ALWAYS
    period, phases = span.numerator, span.denominator
    if phases > PROGRESSIONS:
        raise TooComplex(f"every {epochs} epochs of {steps_per_epoch} steps has {phases} phases "
                         f"(at most {PROGRESSIONS})")
    ends = (-(-phase * period // phases) for phase in range(1, phases + 1))
    found = steps(progression(period, end) for end in ends)
    return from_steps(Steps(found.progressions, label or epochs_words(Fraction(epochs))))


def single(step: int) -> Clock:
    """One step. Raises ValueError for a step before the first."""
    if step < 1:
        raise ValueError(f"step {step}: steps count from 1")
    return from_steps(steps([progression(1, 0, step, step)]))


def window(start: int = 1, until: int | None = None, label: str | None = None) -> Clock:
    """Every step from `start` until `until`, both included."""
    return from_steps(steps([progression(1, 0, start, until)], label))


@lru_cache(maxsize=1 << 14)
def atom(value: Atom) -> Clock:
    """The steps on which a run-time atom holds."""
    return Clock((Term((), frozenset((value,))),))
