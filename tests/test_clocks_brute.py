"""Random clocks of every form against brute force over 4,000 steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, gcd

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgraph.graph.clocks import (
    ALWAYS,
    NEVER,
    Atom,
    Clock,
    atom,
    both,
    cycle,
    every_epochs,
    every_steps,
    first,
    growing,
    includes,
    meets,
    single,
    staleness,
    union,
    window,
    words,
)

N = 4000
X = Atom("condition", "x > 0")
ATOMS = (X, Atom("updates", (2, "adam")), Atom("updates", (6, "adam")))


def _possible(true: frozenset[Atom]) -> bool:
    """The truth assignments that can occur: every 6th update is a 2nd one."""
    return ATOMS[2] not in true or ATOMS[1] in true


CASES = [true for choice in product((False, True), repeat=len(ATOMS))
         if _possible(true := frozenset(a for a, on in zip(ATOMS, choice, strict=True) if on))]
TRUE = {case: case | {a.complement() for a in ATOMS if a not in case} for case in CASES}


@dataclass(frozen=True)
class Model:
    """A clock by its definition: its steps as bits of an integer (bit 0 unused), for each case of atoms."""

    clock: Clock
    bits: tuple[int, ...]  # by case
    text: str

    def __repr__(self) -> str:
        return self.text


def _bits(rule: Callable[[int], bool]) -> int:
    return sum(1 << s for s in range(1, N + 1) if rule(s))


def _all(clock: Clock, bits: int, text: str) -> Model:
    return Model(clock, (bits,) * len(CASES), text)


def _cut(bits: int, start: int, until: int | None) -> int:
    return bits & _bits(lambda s: s >= start and (until is None or s <= until))


def _steps(n: int, offset: int, start: int, until: int | None) -> Model:
    offset %= n
    bits = _bits(lambda s: s % n == offset and s >= start and (until is None or s <= until))
    return _all(every_steps(n, offset, start, until), bits, f"every_steps({n}, {offset}, {start}, {until})")


def _growing(interval: int, grow: int, more: int | None, start: int, until: int | None) -> Model:
    maximum = None if more is None else interval + more
    bits, d = 0, interval
    for s in range(1, N + 1):
        if s % d == 0:
            bits |= 1 << s
            d = d * grow if maximum is None else min(d * grow, maximum)
    clock = growing(interval, grow, maximum, start, until)
    return _all(clock, _cut(bits, start, until), f"growing({interval}, {grow}, {maximum}, {start}, {until})")


def _cycle(n: int, chosen: list[int]) -> Model:
    positions = sorted({p % n + 1 for p in chosen})
    bits = _bits(lambda s: (s - 1) % n + 1 in positions)
    return _all(cycle(n, positions), bits, f"cycle({n}, {positions})")


def _epochs(p: int, q: int, length: int) -> Model:
    bits, k = 0, 1
    while (end := ceil(Fraction(k * p * length, q))) <= N:
        bits |= 1 << end
        k += 1
    return _all(every_epochs(Fraction(p, q), length), bits, f"every_epochs(Fraction({p}, {q}), {length})")


def _window(start: int, until: int | None) -> Model:
    bits = _cut(_bits(lambda s: True), start, until)
    return _all(window(start, until), bits, f"window({start}, {until})")


def _atom(a: Atom) -> Model:
    every = _bits(lambda s: True)
    return Model(atom(a), tuple(every if a in TRUE[case] else 0 for case in CASES), f"atom({a})")


def _union(parts: list[Model]) -> Model:
    bits = [0] * len(CASES)
    for part in parts:
        bits = [b | c for b, c in zip(bits, part.bits, strict=True)]
    return Model(union(p.clock for p in parts), tuple(bits), f"union({parts})")


def _both(parts: list[Model]) -> Model:
    bits = list(_window(1, None).bits)
    for part in parts:
        bits = [b & c for b, c in zip(bits, part.bits, strict=True)]
    return Model(both(*(p.clock for p in parts)), tuple(bits), f"both({', '.join(map(repr, parts))})")


small = st.integers(1, 24)
bound = st.integers(1, 300)
end = st.none() | st.integers(1, 400) | st.integers(1, N)
more = st.none() | st.integers(0, 40)
simple = st.one_of(
    st.builds(_steps, small, st.integers(0, 23), st.just(1), st.none()),
    st.builds(_steps, small, st.integers(0, 23), bound, end),
    st.builds(_growing, st.integers(1, 5), st.integers(2, 4), more, st.just(1), st.none()),
    st.builds(_growing, st.integers(1, 5), st.integers(2, 4), more, bound, end),
    st.builds(_cycle, st.integers(1, 12), st.lists(st.integers(0, 11), min_size=1, max_size=12)),
    st.builds(_epochs, st.integers(1, 7), st.integers(1, 5), st.integers(1, 40)),
    st.builds(lambda s: _all(single(s), 1 << s, f"single({s})"), st.integers(1, 120)),
    st.builds(_window, bound, end),
    st.sampled_from([_all(NEVER, 0, "NEVER"), _window(1, None)]),
)


def _nested(leaves: st.SearchStrategy[Model], parts: int) -> st.SearchStrategy[Model]:
    return st.recursive(leaves, lambda inner: st.one_of(
        st.builds(_union, st.lists(inner, min_size=1, max_size=4)),
        st.builds(_both, st.lists(inner, min_size=1, max_size=3)),
    ), max_leaves=parts)


pure = _nested(simple, 7)
literals = st.sampled_from([_atom(a) for a in (*ATOMS, X.complement())])
mixed = _nested(simple | literals, 6)
union_of_progressions = st.builds(_union, st.lists(simple, min_size=1, max_size=5))
conjunction = st.builds(_both, st.lists(union_of_progressions, min_size=1, max_size=3))
any_pure = st.one_of(simple, union_of_progressions, conjunction, pure)
horizons = st.sampled_from([N, N, 1, 7, 100, 1000])


def _lowest(bits: int) -> int | None:
    return (bits & -bits).bit_length() - 1 if bits else None


def _until(bits: int, horizon: int) -> int:
    return bits & ((2 << horizon) - 1)


def check_due(m: Model) -> None:
    for case, bits in zip(CASES, m.bits, strict=True):
        true = TRUE[case]
        assert _bits(lambda s, true=true: m.clock.due(s, true)) == bits
        if m.clock.is_pure:
            assert len(set(m.bits)) == 1
            return


def check_next(m: Model) -> None:
    for case, bits in zip(CASES, m.bits, strict=True):
        true, expected = TRUE[case], None
        for after in range(N, -1, -1):
            if after < N and bits >> (after + 1) & 1:
                expected = after + 1
            if expected is not None and (after < 50 or after % 37 == 0 or bits >> after & 1):
                assert m.clock.next(after, true) == expected
        if bits == 0:
            later = m.clock.next(0, true)
            assert later is None or (later > N and m.clock.due(later, true))
    assert m.clock.next(-5, TRUE[CASES[0]]) == m.clock.next(0, TRUE[CASES[0]])


def check_first(m: Model) -> None:
    expected = _lowest(_join(list(m.bits)))
    found = first(m.clock)
    assert found == expected if expected is not None else found is None or found > N


def check_count(m: Model, until: int) -> None:
    assert m.clock.count(until) == (_until(m.bits[0], until).bit_count() if m.clock.is_pure else None)


def check_inclusion(big: Model, little: Model, horizon: int) -> None:
    missed = [little_bits & ~big_bits for big_bits, little_bits in zip(big.bits, little.bits, strict=True)]
    within = _lowest(_until(_join(missed), horizon))
    assert includes(big.clock, little.clock, horizon) == within
    ever = includes(big.clock, little.clock)
    if (seen := _lowest(_join(missed))) is not None:
        assert ever == seen
    elif ever is not None:
        assert ever > N
        assert any(little.clock.due(ever, TRUE[c]) and not big.clock.due(ever, TRUE[c]) for c in CASES)


def _join(parts: list[int]) -> int:
    bits = 0
    for part in parts:
        bits |= part
    return bits


def check_intersection(a: Model, b: Model, horizon: int) -> None:
    common = _both([a, b])
    check_due(common)
    shared = _lowest(_join([x & y for x, y in zip(a.bits, b.bits, strict=True)]))
    found = meets(a.clock, b.clock)
    if shared is not None:
        assert found == shared
    else:
        assert found is None or found > N
        if found is not None:
            assert any(a.clock.due(found, TRUE[c]) and b.clock.due(found, TRUE[c]) for c in CASES)
    expected = shared if shared is not None and shared <= horizon else None
    assert meets(a.clock, b.clock, horizon) == expected
    assert (meets(b.clock, a.clock) is None) == (found is None)


def _brute_staleness(source: int, reader: int, horizon: int) -> int:
    age, last = 0, None
    for s in range(1, horizon + 1):
        if source >> s & 1:
            last = s
        if last is not None and reader >> s & 1:
            age = max(age, s - last)
    return age


def check_staleness(source: Model, reader: Model, horizon: int) -> None:
    expected = _brute_staleness(source.bits[0], reader.bits[0], horizon)
    assert staleness(source.clock, reader.clock, horizon) == expected
    ever = staleness(source.clock, reader.clock)
    if ever is not None:
        assert ever >= expected


def check_values(a: Model, b: Model) -> None:
    assert hash(a.clock) == hash(both(a.clock, ALWAYS)) and both(a.clock, ALWAYS) == a.clock
    assert both(a.clock, a.clock) is a.clock and union([a.clock, a.clock]) is a.clock
    assert both(a.clock, NEVER) is NEVER
    if a.clock == b.clock:
        assert a.bits == b.bits and hash(a.clock) == hash(b.clock)
    assert includes(union([a.clock, b.clock]), a.clock) is None
    assert includes(a.clock, both(a.clock, b.clock)) is None
    assert words(both(a.clock, b.clock)) and words(union([a.clock, b.clock]))


def check_all(a: Model, b: Model, horizon: int) -> None:
    check_due(a)
    check_next(a)
    check_first(a)
    check_count(a, horizon)
    check_inclusion(a, b, horizon)
    check_intersection(a, b, horizon)
    check_values(a, b)
    if a.clock.is_pure and b.clock.is_pure:
        check_staleness(a, b, horizon)


tiers = pytest.mark.parametrize("examples", [100, pytest.param(2000, marks=pytest.mark.slow)])
KINDS = {"simple": simple, "unions": union_of_progressions, "conjunctions": conjunction, "pure": pure,
         "atoms": mixed}


@tiers
@pytest.mark.parametrize("kind", KINDS)
def test_against_brute_force(kind: str, examples: int) -> None:
    clocks = KINDS[kind]
    other = mixed if kind == "atoms" else any_pure

    @settings(max_examples=examples, deadline=None, database=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(clocks, other, horizons, st.booleans())
    def run(a: Model, b: Model, horizon: int, swap: bool) -> None:
        check_all(*((b, a) if swap else (a, b)), horizon)

    run()


@tiers
def test_near_covers(examples: int) -> None:
    """Unions that cover all of a clock but, maybe, for a few steps: where a weak test would say yes."""

    @settings(max_examples=examples, deadline=None, database=None,
              suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(2, 12), st.integers(1, 9), st.integers(0, 8), st.data())
    def run(n: int, stride: int, offset: int, data: st.DataObject) -> None:
        little = _steps(stride, offset, data.draw(bound), data.draw(end))
        left_out = data.draw(st.sets(st.integers(0, n - 1), max_size=1))
        parts = [_steps(n, r, 1, None) for r in range(n) if r not in left_out]
        for r in left_out:
            m = n * data.draw(st.integers(2, 5))
            parts += [_steps(m, r + n * k, 1, None) for k in range(m // n)
                      if k != data.draw(st.integers(0, m // n))]
        if data.draw(st.booleans()):
            split = data.draw(st.integers(1, 200))
            parts = [_both([part, _window(low, high)]) for part in parts
                     for low, high in ((1, split), (split + data.draw(st.integers(0, 2)), None))]
        big = _union(parts) if parts else _window(1, None)
        check_inclusion(big, little, N)
        check_inclusion(little, big, N)
        check_staleness(big, little, N)

    run()


@tiers
def test_common_steps_by_remainders(examples: int) -> None:
    """Two progressions meet exactly where the Chinese remainder theorem says, however long that takes."""

    @settings(max_examples=examples, deadline=None, database=None)
    @given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
    def run(m: int, r: int, n: int, s: int) -> None:
        a, b = every_steps(m, r % m), every_steps(n, s % n)
        found = meets(a, b)
        assert (found is None) == ((r % m - s % n) % gcd(m, n) != 0)
        if found is not None:
            assert a.due(found) and b.due(found) and 1 <= found <= m * n // gcd(m, n)
            assert both(a, b).next(found) == found + m * n // gcd(m, n)

    run()
