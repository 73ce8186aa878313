"""Clocks as values: a union of terms."""

from __future__ import annotations

from typing import Any

from edgraph.graph.clock_atoms import NO_ATOMS, Atom
from edgraph.graph.clock_count import count
from edgraph.graph.clock_steps import EVERY, Progression, Steps
from edgraph.graph.clock_terms import Term
from edgraph.graph.clock_words import words


class Clock:
    """The steps on which something may fire: an immutable, hashable union of terms, normalised where cheap.

    Made by the constructors of `edgraph.graph.clocks`. `label` (words for people) is not compared.
    """

    __slots__ = ("_hash", "is_pure", "label", "names", "only", "terms")
    terms: tuple[Term, ...]
    label: str | None
    is_pure: bool
    _hash: int
    names: tuple[Any, ...]  # every label in it: equal clocks may have other words, and answers are remembered
    only: Progression | None  # set where the clock is one progression, the usual case

    def __init__(self, terms: tuple[Term, ...], label: str | None = None) -> None:
        put = object.__setattr__
        put(self, "terms", terms)
        put(self, "label", label)
        put(self, "is_pure", not any(term.atoms for term in terms))
        put(self, "_hash", hash(frozenset(terms)))
        put(self, "only", _only(terms))
        put(self, "names", _names(terms, label))

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
        only = self.only
        if only is not None:
            period, residue, start, until = only
            return step >= start and step % period == residue and (until is None or step <= until)
        return any(term.atoms <= true_atoms and term.due(step) for term in self.terms)

    def next(self, after: int, true_atoms: frozenset[Atom] = NO_ATOMS) -> int | None:
        """The first firing after a step (0: the first of all), given the atoms that hold. Exact.

        Raises TooComplex for a conjunction that is too large to search.
        """
        if after < 0:
            after = 0
        only = self.only
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
        return count(self.terms, until)


def _names(terms: tuple[Term, ...], label: str | None) -> tuple[Any, ...]:
    names: list[Any] = [] if label is None else [label]
    for term in terms:
        names += [factor.label for factor in term.factors]
    return tuple(names)


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
