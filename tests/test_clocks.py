"""The clock algebra: each form of `every` in the table of section 3, and the questions asked of clocks."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import islice

import pytest

from edgraph.graph.clocks import (
    ALWAYS,
    NEVER,
    Atom,
    Clock,
    TooComplex,
    atom,
    both,
    cycle,
    every_epochs,
    every_steps,
    first,
    growing,
    includes,
    meets,
    progression,
    single,
    staleness,
    union,
    window,
    words,
)

CONDITION = Atom("condition", "loss > 0")


def firings(clock: Clock, number: int = 6, true: frozenset[Atom] = frozenset()) -> list[int]:
    def walk() -> list[int]:
        step, found = clock.next(0, true), []
        while step is not None and len(found) < number:
            found.append(step)
            step = clock.next(step, true)
        return found
    return list(islice(walk(), number))


# -- the table ------------------------------------------------------------------------------------

TABLE = [
    (every_steps(10), [10, 20, 30, 40, 50, 60], "every 10 steps"),
    (every_steps(1), [1, 2, 3, 4, 5, 6], "every step"),
    (every_epochs(1, 23), [23, 46, 69, 92, 115, 138], "the last step of each epoch"),
    (every_epochs(3, 23), [69, 138, 207, 276, 345, 414], "the last step of every 3 epochs"),
    (every_epochs(Fraction(1, 2), 23), [12, 23, 35, 46, 58, 69], "the last step of every 0.5 epochs"),
    (every_epochs(Fraction(1, 3), 10), [4, 7, 10, 14, 17, 20], "the last step of every 1/3 epochs"),
    (single(1), [1], "step 1"),
    (every_steps(10, 3), [3, 13, 23, 33, 43, 53], "steps 3, 13, 23, …"),
    (every_steps(10, start=95, until=1000), [100, 110, 120, 130, 140, 150],
     "every 10 steps, from step 95 until step 1000"),
    (every_steps(10, 3, start=5), [13, 23, 33, 43, 53, 63], "steps 3, 13, 23, …, from step 5"),
    (growing(1, 2, 1000), [1, 2, 4, 8, 16, 32], "steps 1, 2, 4, …, 512, 1000, 2000, …"),
    (growing(1, 2), [1, 2, 4, 8, 16, 32], "steps 1, 2, 4, 8, …"),
    (growing(3, 2, 12), [3, 6, 12, 24, 36, 48], "steps 3, 6, 12, 24, …"),
    (growing(5, 3, 20), [5, 15, 20, 40, 60, 80], "steps 5, 15, 20, 40, …"),
    (growing(1, 2, 1000, start=3, until=3000), [4, 8, 16, 32, 64, 128],
     "steps 1, 2, 4, …, 512, 1000, 2000, …, from step 3 until step 3000"),
    (cycle(6, [1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 7], "positions 1 to 5 of every 6 steps"),
    (cycle(6, [6]), [6, 12, 18, 24, 30, 36], "position 6 of every 6 steps"),
    (cycle(6, [1, 3, 6]), [1, 3, 6, 7, 9, 12], "positions 1, 3 and 6 of every 6 steps"),
    (window(3, 6), [3, 4, 5, 6], "steps 3 to 6"),
    (window(3), [3, 4, 5, 6, 7, 8], "every step from step 3"),
    (union([single(1), every_steps(50)]), [1, 50, 100, 150, 200, 250], "step 1 and every 50 steps"),
    (union([single(1), every_epochs(1, 23)]), [1, 23, 46, 69, 92, 115],
     "step 1 and the last step of each epoch"),
    (ALWAYS, [1, 2, 3, 4, 5, 6], "every step"),
    (NEVER, [], "never"),
]


@pytest.mark.parametrize(("clock", "steps", "text"), TABLE, ids=[text for _, _, text in TABLE])
def test_the_table(clock: Clock, steps: list[int], text: str) -> None:
    assert firings(clock) == steps
    assert [s for s in range(1, (steps[-1] if steps else 50) + 1) if clock.due(s)] == steps
    assert words(clock) == text
    assert clock.is_pure and first(clock) == (steps[0] if steps else None)


def test_a_growing_interval_reaches_its_maximum() -> None:
    assert firings(growing(1, 2, 1000), 13) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 3000]
    assert growing(1, 2).next(2**61) == 2**62
    assert growing(1, 2).next(2**62) is None
    assert growing(4, 2, 4) == every_steps(4)


def test_clocks_of_the_run_are_atoms() -> None:
    updates = atom(Atom("updates", (10, "adam")))
    assert not updates.is_pure and updates.next(0) is None and not updates.due(10)
    assert updates.next(7, frozenset({Atom("updates", (10, "adam"))})) == 8
    assert words(updates) == "every 10 updates of 'adam'"
    assert words(atom(Atom("time", 600.0))) == "every 10 minutes"
    assert words(atom(Atom("time", 30))) == "every 30 seconds"
    assert words(atom(Atom("firings", (5, "train.critic")))) == "every 5 firings of 'train.critic'"
    assert words(atom(Atom("epochs", Fraction(1)))) == "the last step of each epoch"
    assert words(atom(Atom("event", "start"))) == "the event 'start'"
    assert words(both(every_steps(10), atom(CONDITION))) == "every 10 steps while 'loss > 0' holds"
    assert words(both(atom(CONDITION), atom(Atom("stage", "main")))) == (
        "every step while 'loss > 0' holds and stage 'main' lasts")
    assert words(atom(CONDITION.complement())) == "every step while 'loss > 0' does not hold"
    assert Atom("event", "start").words == "the event 'start'"


def test_stages_cut_clocks() -> None:
    pretrain = window(1, 1000, label="during stage 'pretrain'")
    main = window(1001, None)
    cut = both(every_epochs(1, 23), pretrain)
    assert cut.next(988) == 989 and cut.next(989) is None
    assert words(cut) == "the last step of each epoch, during stage 'pretrain'"
    assert words(both(pretrain, every_steps(3))) == "every 3 steps, during stage 'pretrain'"
    assert both(every_steps(10), main).next(0) == 1010
    assert union([pretrain, main]) is ALWAYS
    assert words(both(cycle(6, range(1, 6)), window(10, 100))) == (
        "positions 1 to 5 of every 6 steps, from step 10 until step 100")


# -- values ---------------------------------------------------------------------------------------

def test_equal_sets_are_equal_values() -> None:
    assert every_steps(1) is ALWAYS and cycle(6, range(1, 7)) is ALWAYS and window(1) is ALWAYS
    assert cycle(6, [3, 6]) == every_steps(3) and hash(cycle(6, [3, 6])) == hash(every_steps(3))
    assert every_steps(10, start=95) == every_steps(10, start=100) != every_steps(10)
    assert every_steps(10, start=7) == every_steps(10)
    assert every_steps(10, until=19) == single(10) and every_steps(10, until=9) is NEVER
    assert union([window(1, 10), window(11, 20)]) == window(1, 20)
    assert union([every_steps(4), every_steps(4, 2)]) == every_steps(2)
    assert union([every_steps(2), every_steps(4)]) == every_steps(2)
    assert every_epochs(1, 10) == every_steps(10) and words(every_epochs(1, 10)) != words(every_steps(10))
    assert every_epochs(Fraction(1, 50), 23) is ALWAYS
    assert both(every_steps(6), every_steps(4)) == every_steps(12)
    assert both(every_steps(4), every_steps(4, 1)) is NEVER
    assert progression(4, 11, 1, None) == progression(4, 3)
    a, b = both(every_steps(10), cycle(6, [1, 2])), both(cycle(6, [1, 2]), every_steps(10))
    assert a == b and hash(a) == hash(b)


def test_what_only_looks_alike_is_not_merged() -> None:
    """Classes that would make one class, were it not for their bounds."""
    late = union([every_steps(4), every_steps(4, 2, start=100)])
    assert late != every_steps(2) and firings(late, 3) == [4, 8, 12] and not late.due(98) and late.due(102)
    short = union([every_steps(4, until=400), every_steps(4, 2, until=40)])
    assert short.due(38) and not short.due(42) and short.due(400) and short.count(1000) == 110
    half = union([every_steps(4), every_steps(4, 2, until=40)])
    assert half.due(38) and not half.due(42) and half.next(40) == 44
    gap = union([every_steps(4, until=40), every_steps(4, start=48)])
    assert gap.next(40) == 48 and includes(gap, every_steps(4)) == 44
    assert union([every_steps(4, until=40), every_steps(4, start=44)]) == every_steps(4)
    assert union([every_steps(4, start=44), every_steps(4, 2, start=42)]) == every_steps(2, start=42)


def test_values_are_immutable_and_can_be_saved() -> None:
    clock = both(union([single(1), every_steps(50)]), cycle(7, [1, 2]), atom(CONDITION))
    with pytest.raises(AttributeError):
        clock.terms = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        clock.terms[0].atoms = frozenset()  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(clock))
    assert again == clock and hash(again) == hash(clock) and words(again) == words(clock)
    assert pickle.loads(pickle.dumps(ALWAYS)) is ALWAYS and "every 50 steps" in repr(clock)


def test_words_do_not_leak_between_equal_clocks() -> None:
    steps, epochs = every_steps(10), every_epochs(1, 10)
    for clock, text in ((steps, "every 10 steps"), (epochs, "the last step of each epoch")):
        for other in (window(1, 500), cycle(7, [1, 2]), atom(CONDITION)):
            assert text in words(both(clock, other)) and text in words(union([clock, other]))


def test_intersections_stay_small() -> None:
    ten, epoch = every_steps(10), every_epochs(1, 30)
    assert both(ten, epoch) is epoch  # plainly included: the other part is dropped
    assert both() is ALWAYS and both(ten) is ten and both(ALWAYS, ten) is ten and both(NEVER, ten) is NEVER
    assert both(ten, ten, ALWAYS) is ten
    many = ALWAYS
    for n in (7, 11, 13, 17, 19, 23, 29):  # 6·10·12·16·18·22·28 progressions, were it multiplied out
        many = both(many, cycle(n, range(1, n)))
    assert len(many.terms) == 1 and len(many.terms[0].factors) == 7
    assert firings(many, 8) == [1, 2, 3, 4, 5, 6, 8, 9]
    assert includes(cycle(13, range(1, 13)), many) is None
    assert includes(cycle(31, range(1, 31)), many) == 31


# -- atoms ----------------------------------------------------------------------------------------

def test_atoms_in_conjunctions() -> None:
    x, not_x = atom(CONDITION), atom(CONDITION.complement())
    ten = every_steps(10)
    assert both(x, not_x) is NEVER
    assert union([both(ten, x), both(ten, not_x)]) == ten
    assert union([x, not_x]) is ALWAYS
    assert union([ten, both(ten, x)]) == ten
    assert both(atom(Atom("stage", "a")), atom(Atom("stage", "b"))) is NEVER
    assert both(atom(Atom("event", "start")), atom(Atom("event", "end"))) is NEVER
    assert meets(both(ten, x), both(every_steps(4), not_x)) is None
    assert meets(both(ten, x), both(every_steps(4), atom(Atom("condition", "other")))) == 20
    sixth, third = Atom("updates", (6, "adam")), Atom("updates", (3, "adam"))
    assert both(atom(third), atom(sixth)) == atom(sixth)
    assert both(atom(third), atom(Atom("updates", (6, "sgd")))) != atom(Atom("updates", (6, "sgd")))


def test_inclusion_with_atoms() -> None:
    x, y = atom(CONDITION), atom(Atom("condition", "y"))
    ten = every_steps(10)
    assert includes(ten, both(every_steps(20), x)) is None
    assert includes(both(ten, x), both(every_steps(20), x, y)) is None
    assert includes(both(ten, x), every_steps(20)) == 20
    assert includes(x, ALWAYS) == 1 and includes(x, y) == 1
    assert includes(atom(Atom("epochs", Fraction(1))), atom(Atom("epochs", Fraction(3)))) is None
    assert includes(atom(Atom("epochs", Fraction(3))), atom(Atom("epochs", Fraction(1)))) == 1
    assert includes(atom(Atom("epochs", Fraction(1, 2))), atom(Atom("epochs", Fraction(1)))) is None
    cases = union([both(every_steps(5), x), both(ten, atom(CONDITION.complement()))])
    assert includes(cases, ten) is None and includes(cases, every_steps(5)) == 5
    some = union([both(every_steps(2), x), every_steps(2, 1)])
    assert includes(some, x) is None and includes(some, ALWAYS) == 2


# -- inclusion ------------------------------------------------------------------------------------

def test_the_first_step_that_breaks_it() -> None:
    epoch = every_epochs(1, 23)
    assert includes(epoch, every_steps(50)) == 50
    assert includes(every_steps(10), every_steps(50)) is None
    assert includes(every_steps(50), every_steps(10)) == 10
    assert includes(growing(1, 2, 1000), every_steps(1000)) is None
    assert includes(growing(1, 2, 1000), every_steps(500)) == 500
    assert includes(every_steps(10, until=1000), every_steps(10)) == 1010
    assert includes(every_steps(10, until=1000), every_steps(10), horizon=1009) is None
    assert includes(union([window(1, 499), window(501)]), every_steps(4)) == 500
    assert includes(ALWAYS, NEVER) is None and includes(NEVER, NEVER) is None and includes(NEVER, ALWAYS) == 1
    assert includes(NEVER, ALWAYS, horizon=0) is None


def test_a_cover_of_many_progressions() -> None:
    """0 mod 2, 0 mod 3, 1 mod 4, 5 mod 6, 7 mod 12 cover all numbers (Erdős); without one of them not."""
    parts = [every_steps(2), every_steps(3), every_steps(4, 1), every_steps(6, 5), every_steps(12, 7)]
    assert includes(union(parts), ALWAYS) is None
    assert [includes(union(parts[:i] + parts[i + 1:]), ALWAYS) for i in range(5)] == [2, 3, 1, 11, 7]


def test_an_offending_step_as_late_as_the_bound_allows() -> None:
    """n classes can cover 2**n - 1 numbers in a row and miss the next one: 2**k mod 2**(k+1)."""
    union_of_powers = union([every_steps(2 << k, 1 << k) for k in range(16)])
    assert includes(union_of_powers, ALWAYS) == 1 << 16
    assert includes(union_of_powers, every_steps(3)) == 3 << 16


def test_large_numbers_are_no_trouble() -> None:
    a, b = every_steps(10**9 + 7), every_steps(998244353)
    assert meets(a, b) == (10**9 + 7) * 998244353
    assert meets(a, b, horizon=10**12) is None
    assert both(a, b).next(1) == (10**9 + 7) * 998244353
    assert includes(a, both(a, b)) is None and includes(both(a, b), a) == 10**9 + 7
    assert union([a, b]).count(10**15) == 10**15 // (10**9 + 7) + 10**15 // 998244353
    assert staleness(a, b, horizon=10**12) is not None


def test_too_complex_is_said() -> None:
    primes = [p for p in range(2, 120) if all(p % q for q in range(2, p))]
    rough = union([every_steps(p) for p in primes])
    assert includes(rough, ALWAYS) == 1  # found early: no need to go on
    nearly = union([window(1, 10**7), *(every_steps(p) for p in primes)])
    assert includes(nearly, ALWAYS) == 10**7 + 7  # 941 · 10627
    with pytest.raises(TooComplex, match="repeat together"):
        includes(union([every_steps(2 << k, 1 << k) for k in range(25)]), ALWAYS)
    with pytest.raises(TooComplex):
        every_epochs(Fraction(1, 10007), 10**6 + 3)
    with pytest.raises(TooComplex):
        cycle(10**6, range(1, 10**6, 3))


# -- the other questions --------------------------------------------------------------------------

def test_counts() -> None:
    assert every_steps(10).count(99) == 9 and ALWAYS.count(7) == 7 and NEVER.count(7) == 0
    assert union([every_steps(2), every_steps(3), every_steps(5)]).count(10**12) == 733333333334
    assert cycle(6, range(1, 6)).count(10**15 + 1) == (10**15 + 1) - (10**15 + 1) // 6
    assert growing(1, 2, 1000).count(5000) == 15
    assert atom(CONDITION).count(10) is None


def test_staleness() -> None:
    assert staleness(every_epochs(1, 938), every_steps(50)) == 936  # even numbers, so never 937
    assert staleness(every_steps(10), every_steps(20)) == 0
    assert staleness(every_steps(10), ALWAYS) == 9
    assert staleness(every_steps(10, until=100), ALWAYS) is None
    assert staleness(every_steps(10, until=100), ALWAYS, horizon=1000) == 900
    assert staleness(every_steps(10, until=100), every_steps(7, until=500)) == 397
    assert staleness(growing(1, 2, 1000), ALWAYS) == 999
    assert staleness(union([every_steps(10), every_steps(15)]), ALWAYS) == 9
    assert staleness(single(1), every_steps(10), horizon=95) == 89
    assert staleness(every_steps(10), single(3)) == 0  # it sees the initial value
    assert staleness(atom(CONDITION), ALWAYS) is None
    assert staleness(ALWAYS, atom(CONDITION)) == 0


@pytest.mark.parametrize(("make", "message"), [
    (lambda: every_steps(0), "interval of 0 steps: expected at least 1"),
    (lambda: every_steps(10, 10), "offset 10: expected 0 <= offset < 10"),
    (lambda: growing(1, 1), "grow 1: expected an integer of at least 2"),
    (lambda: growing(0, 2), "interval of 0 steps"),
    (lambda: growing(10, 2, 5), "maximum 5: expected at least the first interval, 10"),
    (lambda: cycle(6, [0]), "position 0: expected 1 to 6"),
    (lambda: cycle(6, [1, 7]), "position 7: expected 1 to 6"),
    (lambda: cycle(0, []), "cycle of 0 steps"),
    (lambda: every_epochs(0, 10), "every 0 epochs"),
    (lambda: every_epochs(1, 0), "0 steps in an epoch"),
    (lambda: single(0), "step 0: steps count from 1"),
])
def test_wrong_clocks(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        make()  # type: ignore[operator]


# -- large ones -------------------------------------------------------------------------------------

def test_large_cycles() -> None:
    assert includes(cycle(4096, range(1, 4001)), every_steps(4096, 4050)) == 4050


def test_long_chains_of_conditions() -> None:
    chain = ALWAYS
    for i in range(300):
        chain = both(chain, atom(Atom("condition", f"x{i}")), every_steps(1 + i % 3))
    assert len(chain.atoms) == 300
    assert chain.due(6, chain.atoms) and not chain.due(7, chain.atoms)
