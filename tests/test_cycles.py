"""Cycles: spans of steps against the definition of patterns, and runs in which they come."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import accepted, both, run

from edgraph.graph.clocks import Atom
from edgraph.plan import cycles
from edgraph.plan.cycles import Cycle, find_cycle, spans
from edgraph.plan.timetable import Timetable


def timetable(*clocks: Any, **run_settings: Any) -> Timetable:
    ops = {f"op{number}": {"op": "note", "every": clock} for number, clock in enumerate(clocks)}
    return Timetable(accepted({"run": {"num_steps": 100_000, "checkpoint": False, **run_settings}, "ops": ops}))


@contextmanager
def patient(steps: int) -> Iterator[None]:
    with patch.object(cycles, "PATIENCE", steps):
        yield


def masks(table: Timetable, first: int, last: int, ticks: frozenset[Atom] = frozenset()) -> list[int]:
    """The pattern of each step, from spans; they follow one another without a gap."""
    found: list[int] = []
    for span in spans(table, first, last, ticks):
        assert span.start == first + len(found)
        if isinstance(span, Cycle):
            rounds, rest = divmod(span.stop - span.start + 1, span.length)
            assert rest == 0 and rounds >= cycles.ROUNDS and sum(count for _, count in span.runs) == span.length
            found += [span.masks[which] for which, count in span.runs for _ in range(count)] * rounds
        else:
            found += [span.mask] * (span.stop - span.start + 1)
    return found


STEPS = st.integers(1, 30)
CLOCKS = st.one_of(
    STEPS,
    st.sampled_from(["first", "last"]),
    st.builds(lambda n, offset: {"steps": n, "offset": offset % n}, STEPS, STEPS),
    st.builds(lambda n, start, length: {"steps": n, "from": start, "until": start + length}, STEPS,
              st.integers(1, 300), st.integers(0, 300)),
    st.builds(lambda n, grow, most: {"steps": n, "grow": grow, "max": n + most}, st.integers(1, 4),
              st.integers(2, 3), st.integers(0, 60)),
    st.builds(lambda n, positions: {"cycle": n, "positions": sorted({1 + p % n for p in positions})},
              st.integers(1, 12), st.lists(STEPS, min_size=1)),
    st.just("5 minutes"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(CLOCKS, st.lists(CLOCKS, min_size=1, max_size=3)), min_size=1, max_size=6),
       st.integers(1, 200), st.integers(1, 400), st.sampled_from([1, 16, 256]), st.booleans())
def test_spans_are_the_patterns_of_their_steps(clocks: list[Any], first: int, number: int, patience: int,
                                               tick: bool) -> None:
    table = timetable(*clocks, num_steps=500)
    ticks = table.ticks if tick else frozenset()
    last = first + number - 1
    with patient(patience):
        assert masks(table, first, last, ticks) == [table.mask(step, ticks) for step in range(first, last + 1)]


def test_a_cycle_has_its_runs_in_one_round() -> None:
    cycle = find_cycle(timetable({"cycle": 6, "positions": [1, 2, 3, 4, 5]}, {"cycle": 6, "positions": [6]}), 1, 1000)
    assert cycle is not None
    assert (cycle.length, cycle.runs, cycle.start, cycle.stop) == (6, ((0, 5), (1, 1)), 1, 996)


def test_the_function_of_a_cycle_does_not_depend_on_where_it_begins() -> None:
    table = timetable(2, 3, 10)
    found = {cycle.masks for step in range(1, 31) if (cycle := find_cycle(table, step, 1000)) is not None}
    assert len(found) == 1


@pytest.mark.parametrize(("clocks", "last"), [
    ([1], 1000),  # one pattern
    ([10], 19),  # not two rounds
    ([1000], 10_000),  # the same pattern for so long that a cycle saves nothing
    ([63, 64, 65], None),  # the round would be 4,032 steps, or more
])
def test_no_cycle(clocks: list[Any], last: int | None) -> None:
    cycle = find_cycle(timetable(*clocks), 1, last)
    assert cycle is None or cycle.length <= cycles.LONGEST


def test_what_does_not_fit_in_interrupts() -> None:
    """Every 10 steps is a cycle up to the first of a clock that has nothing in common with it."""
    cycle = find_cycle(timetable(10, 9973), 1, None)
    assert cycle is not None and (cycle.length, cycle.stop) == (10, 9970)


def test_a_run_without_an_end_goes_on_in_cycles() -> None:
    found = spans(timetable(2, num_steps=None), 1, None)
    assert all(isinstance(next(found), Cycle) for _ in range(3))


# -- runs ------------------------------------------------------------------------------------------

def go(steps: int, how: Any = both, ready: Any = None, **ops: Any) -> Any:
    return how({"run": {"num_steps": steps, "checkpoint": False}, "ops": {"n": {"op": "clocked"}, **ops}}, ready=ready)


MIXED: dict[str, Any] = {
    "every": {"op": "note", "inputs": "n"},
    "total": {"op": "tally", "inputs": "n"},
    "third": {"op": "note", "inputs": "total", "every": 3},
    "late": {"op": "note", "inputs": "hold(n, 0) + previous(n, 0)", "every": {"cycle": 10, "positions": [4, 5, 9]}},
    "odd": {"op": "note", "inputs": "n", "when": "n % 2 == 1", "every": {"steps": 5, "offset": 2}},
    "growing": {"op": "note", "inputs": "n", "every": {"steps": 1, "grow": 2, "max": 15}},
}


def uses_cycles(ran: Any) -> bool:
    return any(len(source.starts) > 1 for source in ran.runner.run.sources.values())


@pytest.mark.parametrize("patience", [1, 7, 256])
def test_a_run_in_cycles_does_what_the_interpreter_does(patience: int) -> None:
    with patient(patience):
        ran = go(700, **MIXED)
    assert uses_cycles(ran)
    assert ran.steps("third") == list(range(3, 701, 3))
    assert ran.steps("odd") == [step for step in range(2, 701, 5) if step % 2]


@pytest.mark.parametrize("at", [1, 2, 60, 61, 89, 90, 91, 300])
def test_a_signal_in_a_cycle_ends_the_run_after_its_step(at: int) -> None:
    ran = go(600, how=interrupted(at), **MIXED)
    assert (ran.outcome.end, ran.outcome.step, ran.outcome.exit_code) == ("interrupted", at, 143)
    assert ran.steps("every") == list(range(1, at + 1))


def interrupted(at: int) -> Any:
    """Runs with a signal that comes while step `at` is running."""
    def how(pipeline: Any, ready: Any) -> Any:
        def watch(runner: Any) -> None:
            engine = runner.engine

            def step() -> int:  # is asked for at every firing
                now: int = engine.current()
                if now == at and engine.signal is None:
                    engine.on_signal(signal.SIGTERM)
                return now
            runner.context.toy_step = step
        return run(pipeline, ready=watch)
    return how


def test_stop_in_a_cycle() -> None:
    ran = go(600, **MIXED, enough={"op": "stop", "when": "n >= 123", "every": 3})
    assert (ran.outcome.end, ran.outcome.step) == ("finished", 123)


@pytest.mark.parametrize("at", [299, 300])
def test_an_error_in_a_cycle_names_op_and_step(at: int) -> None:
    ran = go(600, how=lambda pipeline, ready: run(pipeline), **MIXED,
             bad={"op": "fail", "inputs": "total", "with": {"at": at}, "every": 1 if at % 10 else 10})
    failure = ran.outcome.failure
    assert failure is not None
    assert (failure.node, failure.step, ran.outcome.step) == ("bad", at, at - 1)
    assert failure.inputs and failure.inputs[0].startswith("total: float")


def test_updates_in_a_cycle_of_five_and_one() -> None:
    """As a critic and a generator are trained: one function of two patterns, whose updates differ."""
    train = {"use": "numbers", "with": {"length": 8}, "batch_size": 2}
    ran = both({
        "run": {"num_steps": 60, "checkpoint": False}, "data": {"train": train},
        "models": {"critic": {"use": "toy", "with": {"w": 1.0}}, "generator": {"use": "toy", "with": {"w": 2.0}}},
        "optimizers": {"c": {"use": "sgd", "updates": ["critic"]}, "g": {"use": "sgd", "updates": ["generator"]}},
        "ops": {
            "batch": {"op": "load_batch"},
            "fake": {"op": "forward", "inputs": "batch.x", "with": {"model": "generator"}},
            "score": {"op": "forward", "inputs": "fake", "with": {"model": "critic"}},
            "critic_update": {"op": "optimize", "inputs": "score", "with": {"optimizer": "c"},
                              "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
            "generator_update": {"op": "optimize", "inputs": "score", "with": {"optimizer": "g"},
                                 "every": {"cycle": 6, "positions": [6]}},
        }})
    assert uses_cycles(ran)
    assert ran.backend.updates("c") == 50 and ran.backend.updates("g") == 10
