"""Clocks as values: a union of terms, each a conjunction of unions of progressions and of run-time atoms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from edgraph.graph.clock_numbers import PROBES, PROGRESSIONS, TooComplex, lowest
from edgraph.graph.clock_steps import EVERY, PAIRS, Progression, Steps, steps, stretches

PRODUCTS = 1 << 16  # intersections of two progressions in multiplying out one factor
LEAPS = 256  # attempts to find a common step by leaping, before the exact search
SCHEDULES = frozenset({"time", "updates", "firings", "epochs", "event"})  # atoms that read like a clock
EXCLUSIVE = frozenset({"stage", "event"})  # two of these with different keys never hold at once
MULTIPLES = frozenset({"updates", "firings", "epochs"})  # every 6th is also every 3rd


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of a clock that is known only at run time.

    kind and key: ("condition", text), ("time", seconds), ("updates", (n, optimizer)), ("firings", (n, op)),
    ("epochs", Fraction) while the data set's length is unknown, ("stage", name), ("event", name).
    `negated` is the same atom not holding. `label` (words for people) is not compared.
    """

    kind: str
    key: Any
    negated: bool = False
    label: str | None = field(default=None, compare=False)

    def complement(self) -> Atom:
        return Atom(self.kind, self.key, not self.negated, self.label)

    def implies(self, other: Atom) -> bool:
        """Whether `other` holds at every step at which this one does, as far as that is plain."""
        if self == other:
            return True
        if self.kind != other.kind or self.negated or other.negated or self.kind not in MULTIPLES:
            return False
        (mine, of), (yours, its) = _count(self.key), _count(other.key)
        return bool(of == its and mine % yours == 0)

    def excludes(self, other: Atom) -> bool:
        """Whether the two never hold at the same step, as far as that is plain."""
        if self.kind != other.kind:
            return False
        if self.key == other.key:
            return self.negated != other.negated
        return self.kind in EXCLUSIVE and not self.negated and not other.negated

    @property
    def words(self) -> str:
        from edgraph.graph.clock_words import atom_words
        return atom_words(self)


def _count(key: Any) -> tuple[Any, Any]:
    return key if isinstance(key, tuple) else (key, None)


NO_ATOMS: frozenset[Atom] = frozenset()


def implied(atom: Atom, given: frozenset[Atom]) -> bool:
    """Whether an atom holds wherever all the given ones do."""
    return atom in given or (atom.kind in MULTIPLES and any(other.implies(atom) for other in given))


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
        return all(factor.due(step) for factor in self.factors)

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


class Clock:
    """The steps on which something may fire: an immutable, hashable union of terms, normalised where cheap.

    Made by the constructors of `edgraph.graph.clocks`. `label` (words for people) is not compared.
    """

    __slots__ = ("_hash", "_only", "is_pure", "label", "terms")
    terms: tuple[Term, ...]
    label: str | None
    is_pure: bool
    _hash: int
    _only: Progression | None  # set where the clock is one progression, the usual case

    def __init__(self, terms: tuple[Term, ...], label: str | None = None) -> None:
        put = object.__setattr__
        put(self, "terms", terms)
        put(self, "label", label)
        put(self, "is_pure", not any(term.atoms for term in terms))
        put(self, "_hash", hash(frozenset(terms)))
        put(self, "_only", _only(terms))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"clocks are immutable: '{name}' cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return clock_of, (self.terms, self.label)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Clock) and self._hash == other._hash
                                 and (self.terms == other.terms or set(self.terms) == set(other.terms)))

    def __repr__(self) -> str:
        from edgraph.graph.clock_words import words
        return f"<clock: {words(self)}>"

    @property
    def atoms(self) -> frozenset[Atom]:
        """Every atom of every term."""
        return frozenset().union(*(term.atoms for term in self.terms))

    def labelled(self, label: str | None) -> Clock:
        """The same clock with other words for people; they stay with it when it meets others."""
        term = self.terms[0] if len(self.terms) == 1 else None
        if term is not None and len(term.factors) == 1 and not term.atoms:
            return Clock((Term((Steps(term.factors[0].progressions, label),)),))
        return Clock(self.terms, label)

    def due(self, step: int, true_atoms: frozenset[Atom] = NO_ATOMS) -> bool:
        """Whether it fires on a step, given the atoms that hold (a negated atom is one of them or it does not
        hold)."""
        only = self._only
        if only is not None:
            period, residue, start, until = only
            return step >= start and step % period == residue and (until is None or step <= until)
        for term in self.terms:
            if term.atoms <= true_atoms and all(factor.due(step) for factor in term.factors):
                return True
        return False

    def next(self, after: int, true_atoms: frozenset[Atom] = NO_ATOMS) -> int | None:
        """The first firing after a step (0: the first of all), given the atoms that hold. Exact.

        Raises TooComplex for a conjunction that is too large to search.
        """
        if after < 0:
            after = 0
        only = self._only
        if only is not None:
            period, residue, start, until = only
            if after < start:
                return start
            step = after + period - (after - residue) % period
            return step if until is None or step <= until else None
        best: int | None = None
        for term in self.terms:
            if term.atoms <= true_atoms:
                step_ = term.next(after)
                if step_ is not None and (best is None or step_ < best):
                    best = step_
        return best

    def count(self, until: int) -> int | None:
        """How many firings there are in 1..until; None: it has atoms, or it would take too long."""
        from edgraph.graph.clock_queries import count
        return count(self, until)


def _only(terms: tuple[Term, ...]) -> Progression | None:
    if len(terms) != 1 or terms[0].atoms or len(terms[0].factors) > 1:
        return None
    if not terms[0].factors:
        return EVERY
    runs = terms[0].factors[0].progressions
    return runs[0] if len(runs) == 1 else None


ALWAYS = Clock((Term(),))
NEVER = Clock(())


def clock_of(terms: tuple[Term, ...], label: str | None = None) -> Clock:
    """A clock of tidy terms. There is one object for every step, and one for none."""
    if not terms:
        return NEVER
    if len(terms) == 1 and not terms[0].factors and not terms[0].atoms and label is None:
        return ALWAYS
    return Clock(terms, label)


def from_steps(part: Steps, label: str | None = None) -> Clock:
    """The clock of a union of progressions."""
    if not part.progressions:
        return NEVER
    return ALWAYS if part.progressions == (EVERY,) else Clock((Term((part,)),), label)


def union(clocks: Iterable[Clock]) -> Clock:
    """The steps of any of them."""
    parts = tuple(dict.fromkeys(clock for clock in clocks if clock.terms))
    if len(parts) < 2:
        return parts[0] if parts else NEVER
    if ALWAYS in parts:
        return ALWAYS
    return _union(parts, tuple(part.label for part in parts))


@lru_cache(maxsize=1 << 14)
def _union(parts: tuple[Clock, ...], labels: tuple[str | None, ...]) -> Clock:
    """labels: so that equal clocks with other words do not share an answer."""
    plain: list[Steps] = []
    rest: list[Term] = []
    for part in parts:
        for term in part.terms:
            if len(term.factors) == 1 and not term.atoms:
                plain.append(term.factors[0])
            else:
                rest.append(term)
    if plain:
        merged = merge(plain)
        if merged.progressions == (EVERY,):
            return ALWAYS
        rest.insert(0, Term((merged,)))
    terms = absorb(rest)
    for part in parts:
        if part.terms == terms:
            return part
    return clock_of(terms, _joint_label(parts))


def _joint_label(parts: tuple[Clock, ...]) -> str | None:
    """Labels of whole clocks would be lost in a union; those of their factors are not."""
    if not any(part.label for part in parts):
        return None
    from edgraph.graph.clock_words import words
    return " and ".join(dict.fromkeys(words(part) for part in parts))


def merge(parts: list[Steps]) -> Steps:
    """The union of unions; it keeps the labels of parts as words."""
    parts = list(dict.fromkeys(parts))
    if len(parts) == 1:
        return parts[0]
    merged = steps(run for part in parts for run in part.progressions)
    for part in parts:
        if part == merged:
            return part
    if merged.progressions == (EVERY,) or not any(part.label for part in parts):
        return merged
    from edgraph.graph.clock_words import steps_words
    return Steps(merged.progressions, " and ".join(dict.fromkeys(steps_words(part) for part in parts)))


def absorb(terms: list[Term]) -> tuple[Term, ...]:
    """Without the terms that others cover; A while x and A while not x make A. Raises TooComplex."""
    found = list(dict.fromkeys(terms))
    if len(found) > PROGRESSIONS:
        raise TooComplex(f"a clock of {len(found)} conjunctions (at most {PROGRESSIONS})")
    if len(found) ** 2 > PAIRS:
        return tuple(found)
    kept: list[Term] = []
    for term in found:
        if any(other.covers(term) for other in kept):
            continue
        kept = [other for other in kept if not term.covers(other)]
        kept.append(term)
    for i, term in enumerate(kept):
        for other in kept[i + 1:]:
            odd = term.atoms ^ other.atoms
            if (len(odd) == 2 and set(term.factors) == set(other.factors)
                    and all(a.complement() in odd for a in odd)):
                whole = Term(term.factors, term.atoms & other.atoms)
                return absorb([whole, *(t for t in kept if t is not term and t is not other)])
    return tuple(kept)
