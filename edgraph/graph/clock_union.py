"""Union of clocks, and the normal form of what a union is made of."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from edgraph.graph.clock_numbers import PROGRESSIONS, TooComplex
from edgraph.graph.clock_steps import EVERY, PAIRS, Steps, steps
from edgraph.graph.clock_terms import Term
from edgraph.graph.clock_values import ALWAYS, NEVER, Clock, clock_of
from edgraph.graph.clock_words import steps_words, words


def union(clocks: Iterable[Clock]) -> Clock:
    """The steps of any of them."""
    parts = tuple(dict.fromkeys(clock for clock in clocks if clock.terms))
    if len(parts) < 2:
        return parts[0] if parts else NEVER
    if ALWAYS in parts:
        return ALWAYS
    return _union(parts, tuple(part.names for part in parts))


@lru_cache(maxsize=1 << 14)
def _union(parts: tuple[Clock, ...], names: tuple[Any, ...]) -> Clock:
    """names: so that equal clocks with other words do not share an answer."""
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
