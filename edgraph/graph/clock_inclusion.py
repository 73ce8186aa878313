"""Whether one clock includes another, decided exactly, with the first step that breaks it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import lcm

from edgraph.graph.clock_atoms import Atom, implied
from edgraph.graph.clock_count import all_runs
from edgraph.graph.clock_numbers import PROBES, TooComplex, comb, index_class, lowest
from edgraph.graph.clock_steps import Progression, bounds, earlier, stretches
from edgraph.graph.clock_terms import Term
from edgraph.graph.clock_values import ALWAYS, Clock

FIRST = 1 << 10  # firings that are tested before all that the proof needs: most breaks come early
CHOICES = 10  # complementary atoms whose cases are told apart


def includes(big: Clock, small: Clock, horizon: int | None = None) -> int | None:
    """None when every step of `small` within 1..horizon (without: for ever) is a step of `big`; otherwise the
    first step that is not. Exact.

    A term of `small` with atoms is included where terms of `big` whose atoms follow from them cover it; a
    step that breaks it is one on which `small` may fire while `big` does not.
    Raises TooComplex past 2**20 probes or 4,096 progressions.
    """
    if big is small or big is ALWAYS or not small.terms:
        return None
    return _includes(big, small, horizon)


@lru_cache(maxsize=1 << 15)
def _includes(big: Clock, small: Clock, horizon: int | None) -> int | None:
    if big == small:
        return None
    found: int | None = None
    for term in small.terms:
        for given in _cases(big, term):
            if horizon is not None and horizon < 1:
                return found
            able = [other for other in big.terms if all(implied(atom, given) for atom in other.atoms)]
            step = _outside(term, able, horizon)
            if step is not None:
                found, horizon = step, step - 1
    return found


def _cases(big: Clock, term: Term) -> Iterator[frozenset[Atom]]:
    """The atoms that hold where the term does. Others of `big` may not hold, except that of an atom and its
    complement one does: a case for each."""
    atoms = frozenset().union(*(other.atoms for other in big.terms))
    pairs = [(atom, atom.complement()) for atom in atoms if not atom.negated and atom.complement() in atoms
             and not implied(atom, term.atoms) and atom.complement() not in term.atoms]
    if len(pairs) > CHOICES:
        raise TooComplex(f"{len(pairs)} conditions that may hold or not (at most {CHOICES})")
    for choice in product(*pairs):
        yield term.atoms.union(choice)


def _outside(term: Term, big: list[Term], horizon: int | None) -> int | None:
    """The first step of a term, atoms aside, that is in none of `big`."""
    if any(all(any(mine.covers(yours) for yours in term.factors) for mine in other.factors) for other in big):
        return None
    if not big:
        step = term.next(0)
        return None if step is None or (horizon is not None and step > horizon) else step
    if len(term.factors) < 2 and (not term.factors or len(term.factors[0].progressions) == 1):
        ways = (_by_firings, _by_bits)
    else:
        ways = (_by_bits, _by_firings)
    for way in ways:
        try:
            return way(term, big, horizon)
        except TooComplex as error:
            reason = error
    if len(term.factors) > 1 and any(_follows(term, other, horizon) for other in big):
        return None
    raise reason


def _follows(term: Term, other: Term, horizon: int | None) -> bool:
    """Whether each factor of `other` includes some factor of `term`: sufficient, not necessary."""
    return all(any(_outside(Term((yours,)), [Term((mine,))], horizon) is None for yours in term.factors)
               for mine in other.factors)


def _by_bits(term: Term, big: list[Term], horizon: int | None) -> int | None:
    """Look at each stretch of steps between two bounds as bits, at most one common period of it."""
    spent = 0
    for low, high, period in stretches(all_runs((term, *big)), horizon):
        length = period if high is None else min(period, high - low + 1)
        looked, spent = min(length, PROBES - spent), spent + length
        for part in (min(looked, FIRST), looked):
            bits = term.bits(low, part)
            for other in big:
                bits &= ~other.bits(low, part)
            if bits:
                return low + lowest(bits)
        if spent > PROBES:
            raise TooComplex(f"the clocks repeat together after {period} steps only (at most {PROBES})")
    return None


def _by_firings(term: Term, big: list[Term], horizon: int | None) -> int | None:
    """Look at the firings of each progression of the term: between two bounds, the first min(2**n, lcm).

    That decides it (Crittenden and Vanden Eynden): n classes that cover 2**n numbers in a row cover all.
    Multiplied out in thought, `big` is an `and` of such covers, each with some of the n classes, so it holds
    everywhere if it holds on 2**n firings in a row.
    """
    found: int | None = None
    for run in term.expanded():
        step = _first_missed(run, big, horizon)
        if step is not None:
            found, horizon = step, step - 1
    return found


def _first_missed(small: Progression, big: list[Term], horizon: int | None) -> int | None:
    last = earlier(small.until, horizon)
    cuts = bounds(all_runs(tuple(big)), small.start)
    step: int | None = small.start
    spent = 0
    while step is not None and (last is None or step <= last):
        at = bisect_left(cuts, step)
        high = cuts[at] if at < len(cuts) else None  # the stretch of steps is step..high
        if high is None or (last is not None and last < high):
            high = last
        count = None if high is None else (high - step) // small.period + 1
        missed, probes = _missed_index(step, small.period, count, high, big)
        if missed is not None:
            return step + missed * small.period
        spent += probes
        if spent > PROBES:
            raise TooComplex(f"more than {PROBES} firings to test")
        step = None if high is None else small.next(high)
    return None


def _missed_index(first: int, stride: int, count: int | None, high: int | None,
                  big: list[Term]) -> tuple[int | None, int]:
    """The first k < count with first + k·stride in none of `big`, and how many were tested.

    No bound of `big` falls between the first and the last of these firings; `high` is the end of the stretch.
    """
    terms: list[list[set[tuple[int, int]]]] = []
    for term in big:
        factors = _classes(first, stride, high, term)
        if factors is None:
            continue
        if not factors:
            return None, 1
        terms.append(factors)
    if not terms:
        return 0, 1
    classes = {item for factors in terms for factor in factors for item in factor}
    probes = period = lcm(*(modulus for _, modulus in classes))
    if len(classes) < PROBES.bit_length():
        probes = min(probes, 1 << len(classes))
    if count is not None:
        probes = min(probes, count)
    for part in (min(probes, FIRST), min(probes, PROBES)):
        missed = _missed_bits(terms, part)
        if missed:
            return lowest(missed), probes
    if probes > PROBES:
        raise TooComplex(f"{len(classes)} progressions that repeat together after {period} firings only")
    return None, probes


def _missed_bits(terms: list[list[set[tuple[int, int]]]], probes: int) -> int:
    """The k < probes, as bits, that are in no term."""
    full = (1 << probes) - 1
    missed = full
    for factors in terms:
        met = full
        for factor in factors:
            bits = 0
            for residue, modulus in factor:
                bits |= comb(modulus, (probes - residue + modulus - 1) // modulus) << residue
            met &= bits
        missed &= ~met
    return missed


def _classes(first: int, stride: int, high: int | None, term: Term) -> list[set[tuple[int, int]]] | None:
    """The factors of a term as classes of the k of first + k·stride up to `high`, without those factors that
    hold on all of them; None where one holds on none."""
    factors: list[set[tuple[int, int]]] = []
    for factor in term.factors:
        classes: set[tuple[int, int]] = set()
        for run in factor.progressions:
            over = run.until is not None and (high is None or run.until < high)
            if over or run.start - run.period >= first:
                continue
            met = index_class(first, stride, run.residue, run.period)
            if met is not None:
                classes.add(met)
        if not classes:
            return None
        if all(modulus != 1 for _, modulus in classes):
            factors.append(classes)
    return factors
