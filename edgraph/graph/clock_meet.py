"""Intersection of clocks: conjunctions stay conjunctions, and shrink where that is cheap."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from edgraph.graph.clock_atoms import MULTIPLES, Atom, exclude
from edgraph.graph.clock_numbers import PROGRESSIONS, TooComplex
from edgraph.graph.clock_steps import EVERY, Steps, steps
from edgraph.graph.clock_terms import Term
from edgraph.graph.clock_union import absorb
from edgraph.graph.clock_values import ALWAYS, NEVER, Clock, clock_of, from_steps
from edgraph.graph.clock_words import meeting_label, meeting_words, words


def both(*clocks: Clock) -> Clock:
    """The steps that are in all of them.

    ALWAYS is neutral and NEVER absorbs; parts that include another part are dropped where that is plain;
    windows cut what they meet. Raises TooComplex past 4,096 conjunctions.
    """
    result = ALWAYS
    for clock in clocks:
        if clock is ALWAYS or clock is result:
            continue
        if result is ALWAYS:
            result = clock
        elif not clock.terms:
            return NEVER
        else:
            result = _both(result, clock, result.names, clock.names)
        if not result.terms:
            return NEVER
    return result


@lru_cache(maxsize=1 << 15)
def _both(a: Clock, b: Clock, names: tuple[Any, ...], other_names: tuple[Any, ...]) -> Clock:
    """The names are arguments so that equal clocks with other words do not share an answer."""
    if a == b or not a.terms or (len(b.terms) == 1 and all(b.terms[0].covers(term) for term in a.terms)):
        return a
    if not b.terms or (len(a.terms) == 1 and all(a.terms[0].covers(term) for term in b.terms)):
        return b
    if a.only is not None and b.only is not None:
        return from_steps(_cut(a.terms[0].factors[0], b.terms[0].factors[0]), _joint_label(a, b))
    if len(a.terms) * len(b.terms) > PROGRESSIONS:
        raise TooComplex(f"{len(a.terms)} × {len(b.terms)} conjunctions (at most {PROGRESSIONS})")
    terms = absorb([term for mine in a.terms for yours in b.terms
                    if (term := meet_terms(mine, yours)) is not None])
    if terms in (a.terms, b.terms):
        return a if terms == a.terms else b
    return clock_of(terms, _joint_label(a, b) if terms else None)


def _joint_label(a: Clock, b: Clock) -> str | None:
    if a.label is None and b.label is None:
        return None
    return meeting_words(words(a), words(b))


def meet_terms(a: Term, b: Term) -> Term | None:
    """Both conjunctions in one; None where they plainly never hold together."""
    atoms = a.atoms
    if b.atoms and not b.atoms <= atoms:
        if exclude(atoms, b.atoms):
            return None
        atoms |= b.atoms
        if any(atom.kind in MULTIPLES for atom in b.atoms):
            atoms = _without_implied(atoms)
    factors = list(a.factors)
    for factor in b.factors:
        met = _add(factors, factor)
        if met is None:
            return None
        factors = met
    return Term(tuple(factors), atoms)


def _without_implied(atoms: frozenset[Atom]) -> frozenset[Atom]:
    """Every 6 updates is every 3 updates too: the second adds nothing."""
    multiples = [atom for atom in atoms if atom.kind in MULTIPLES]
    if len(multiples) < 2:
        return atoms
    return atoms - {atom for atom in multiples
                    if any(other != atom and other.implies(atom) for other in multiples)}


def _add(factors: list[Steps], new: Steps) -> list[Steps] | None:
    """One more factor; None where nothing is left."""
    if any(new.covers(factor) for factor in factors):
        return factors
    factors = [factor for factor in factors if not factor.covers(new)]
    for i, factor in enumerate(factors):
        if _simple(factor, new):
            met = _cut(factor, new)
            rest = factors[:i] + factors[i + 1:]
            return _add(rest, met) if met.progressions else None
    return [*factors, new]


def _simple(a: Steps, b: Steps) -> bool:
    """Whether the two meet in no more progressions than they have, and none that says less: both are one
    progression, or one of them is a window."""
    if len(a.progressions) == 1 and len(b.progressions) == 1:
        return True
    return any(len(part.progressions) == 1 and part.progressions[0].period == 1 for part in (a, b))


def _cut(a: Steps, b: Steps) -> Steps:
    met = steps(run.both(other) for run in a.progressions for other in b.progressions)
    if met.progressions == (EVERY,) or not met.progressions:
        return met
    return Steps(met.progressions, meeting_label(a, b))
