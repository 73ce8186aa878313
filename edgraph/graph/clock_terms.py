"""A term of a clock: a conjunction of unions of progressions, while run-time atoms hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgraph.graph.clock_atoms import NO_ATOMS, Atom, implied
from edgraph.graph.clock_numbers import PROBES, PROGRESSIONS, TooComplex, lowest
from edgraph.graph.clock_steps import EVERY, Progression, Steps, steps, stretches

PRODUCTS = 1 << 16  # intersections of two progressions in multiplying out one factor
LEAPS = 256  # attempts to find a common step by leaping, before the exact search


class Term:
    """A conjunction: the steps in every factor, while every atom holds. No factor: every step."""

    __slots__ = ("_expanded", "_hash", "atoms", "factors")
    factors: tuple[Steps, ...]
    atoms: frozenset[Atom]
    _hash: int
    _expanded: tuple[Progression, ...] | None

    def __init__(self, factors: tuple[Steps, ...] = (), atoms: frozenset[Atom] = NO_ATOMS) -> None:
        put = object.__setattr__
        put(self, "factors", factors)
        put(self, "atoms", atoms)
        put(self, "_hash", hash((frozenset(factors), atoms)))
        put(self, "_expanded", None)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"terms of clocks are immutable: '{name}' cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return Term, (self.factors, self.atoms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (isinstance(other, Term) and self._hash == other._hash and self.atoms == other.atoms
                and (self.factors == other.factors or set(self.factors) == set(other.factors)))

    def __repr__(self) -> str:
        return f"Term({self.factors!r}, {set(self.atoms)!r})"

    def due(self, step: int) -> bool:
        """Whether a step is in every factor, atoms aside."""
        for factor in self.factors:  # noqa: SIM110 (this is called at every step)
            if not factor.due(step):
                return False
        return True

    def next(self, after: int) -> int | None:
        """The first step after `after` that is in every factor, atoms aside. Raises TooComplex."""
        if len(self.factors) < 2:
            return self.factors[0].next(after) if self.factors else after + 1
        found, step = _leap(self.factors, after)
        if found or step is None:
            return step
        return next_of(self.expanded(), after) if self._small() else self._search(step - 1)

    def _small(self) -> bool:
        """Whether to multiply the factors out, which is remembered, rather than to search in bits."""
        try:
            return self._expanded is not None or len(self.expanded()) <= PROGRESSIONS
        except TooComplex:
            return False

    def _search(self, after: int) -> int | None:
        spent = 0
        runs = [run for factor in self.factors for run in factor.progressions]
        for low, high, period in stretches(runs, None):
            if high is not None and high <= after:
                continue
            low = max(low, after + 1)
            length = period if high is None else min(period, high - low + 1)
            spent += length
            if spent > PROBES:
                raise TooComplex(f"{len(self.factors)} clocks that repeat together after {period} steps only")
            bits = self.bits(low, length)
            if bits:
                return low + lowest(bits)
        return None

    def bits(self, low: int, length: int) -> int:
        """The steps low, …, low + length - 1 as bits, atoms aside."""
        bits = (1 << length) - 1
        for factor in self.factors:
            bits &= factor.bits(low, length)
        return bits

    def expanded(self) -> tuple[Progression, ...]:
        """The conjunction multiplied out into a union of progressions, atoms aside. Raises TooComplex."""
        if self._expanded is None:
            runs = self.factors[0].progressions if self.factors else (EVERY,)
            for factor in self.factors[1:]:
                if len(runs) * len(factor.progressions) > PRODUCTS:
                    raise TooComplex(f"{len(runs)} × {len(factor.progressions)} progressions to intersect")
                runs = steps(run.both(other) for run in runs for other in factor.progressions).progressions
            object.__setattr__(self, "_expanded", runs)
            return runs
        return self._expanded

    def covers(self, other: Term) -> bool:
        """A cheap test: True only if this term holds wherever the other does."""
        return (all(implied(atom, other.atoms) for atom in self.atoms)
                and all(any(mine.covers(yours) for yours in other.factors) for mine in self.factors))


def next_of(runs: Iterable[Progression], after: int) -> int | None:
    """The first step after `after` of a union of progressions."""
    return min((step for run in runs if (step := run.next(after)) is not None), default=None)


def _leap(factors: tuple[Steps, ...], after: int) -> tuple[bool, int | None]:
    """(True, the first common step), (False, a step before which is none), or (False, None): no step."""
    step, agreed, at = after + 1, 0, 0
    for _ in range(LEAPS * len(factors)):
        met = factors[at].next(step - 1)
        if met is None:
            return False, None
        agreed = agreed + 1 if met == step else 1
        step = met
        if agreed == len(factors):
            return True, step
        at = (at + 1) % len(factors)
    return False, step
