"""Stretches and cycles of steps against the pattern of each step, and plans against the edges of the graph."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import TRAIN, accepted, forward_in_order

from edgraph.graph.clocks import Atom
from edgraph.graph.ir import EdgeKind, Graph
from edgraph.plan.cycles import Cycle, spans
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.timetable import Timetable

STEPS = 260


def steps_clock(draw: Any) -> dict[str, Any]:
    steps = draw(st.integers(1, 12))
    clock: dict[str, Any] = {"steps": steps}
    if draw(st.booleans()):
        clock["from"] = draw(st.integers(1, 60))
        if draw(st.booleans()):
            clock["until"] = clock["from"] + draw(st.integers(0, 80))
    kind = draw(st.integers(0, 3))
    if kind == 1 and steps > 1:
        clock["offset"] = draw(st.integers(0, steps - 1))
    elif kind == 2:
        clock["grow"] = draw(st.integers(2, 4))
        if draw(st.booleans()):
            clock["max"] = steps + draw(st.integers(0, 40))
    return clock


@st.composite
def clock(draw: Any, depth: int = 0) -> Any:
    kind = draw(st.integers(0, 8 if depth == 0 else 6))
    if kind == 0:
        return draw(st.integers(1, 15))
    if kind <= 2:
        return steps_clock(draw)
    if kind == 3:
        length = draw(st.integers(1, 9))
        return {"cycle": length, "positions": draw(st.lists(st.integers(1, length), min_size=1, unique=True))}
    if kind == 4:
        return draw(st.sampled_from(["1 epoch", "0.5 epochs", "2 epochs", "0.3 epochs"]))
    if kind == 5:
        return draw(st.sampled_from(["first", "last"]))
    if kind == 6:
        return {draw(st.sampled_from(["first", "last"])): draw(st.sampled_from(["a", "b", "c"]))}
    return draw(st.lists(clock(depth=1), min_size=1, max_size=3))


@st.composite
def tables(draw: Any) -> Graph:
    ops: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 7))):
        ops[f"o{number}"] = {"op": "note", "every": draw(clock())}
        if draw(st.integers(0, 3)) == 0:
            ops[f"o{number}"]["during"] = draw(st.sampled_from(["a", "b", "c", ["a", "c"]]))
    return accepted({"run": {"num_steps": STEPS, "checkpoint": draw(st.sampled_from([False, {"every": "10 minutes"}]))},
                     "data": {"train": TRAIN}, "stages": {"a": {"until": draw(st.integers(1, 40))},
                                                          "b": {"for": draw(st.integers(1, 60))}, "c": {}}, "ops": ops})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.integers(1, 200), st.booleans(), st.booleans())
def test_stretches_are_the_patterns_of_each_step(graph: Graph, first: int, bounded: bool, ring: bool) -> None:
    table = Timetable(graph)
    ticks = frozenset({Atom("time", 600.0)}) if ring else frozenset()
    last = STEPS if bounded else None
    expected = [table.mask(step, ticks) for step in range(first, STEPS + 1)]
    for masks in (
            chain.from_iterable(_stretched(stretch) for stretch in table.stretches(first, last, ticks)),
            chain.from_iterable(map(_spanned, spans(table, first, last, ticks)))):
        found = list(islice(masks, STEPS - first + 1 if not bounded else None))
        assert found == expected


def _stretched(stretch: Any) -> list[int]:
    assert stretch.start <= stretch.stop
    return [stretch.mask] * (min(stretch.stop, 2 * STEPS) - stretch.start + 1)


def _spanned(span: Any) -> list[int]:
    if not isinstance(span, Cycle):
        return _stretched(span)
    one = [span.masks[which] for which, count in span.runs for _ in range(count)]
    assert len(one) == span.length and (span.stop - span.start + 1) % span.length == 0
    return one * min((span.stop - span.start + 1) // span.length, 2 * STEPS)


PIPELINE: dict[str, Any] = {
    "run": {"num_steps": 50}, "data": {"train": TRAIN, "other": TRAIN},
    "models": {"g": {"use": "toy"}, "d": {"use": "toy"}, "ema": {"copy": "g"}},
    "optimizers": {"og": {"use": "sgd", "updates": ["g"]}, "od": {"use": "sgd", "updates": ["d"]}},
    "ops": {
        "batch": {"op": "load_batch"}, "n": {"op": "clocked"}, "gate": "previous(balance, 0.0) + 0.1 * n",
        "fake": {"op": "forward", "inputs": "batch.x", "with": {"model": "g"}},
        "score": {"op": "forward", "inputs": "fake", "with": {"model": "d"}},
        "critic": {"op": "optimize", "inputs": "score", "every": {"cycle": 3, "positions": [1, 2]},
                   "with": {"optimizer": "od"}},
        "generator": {"op": "optimize", "inputs": "-score", "every": 3, "with": {"optimizer": "og"},
                      "when": "gate > 0.3"},
        "average": {"op": "update_ema", "with": {"target": "ema", "source": "g"}},
        "other": {"op": "load_batch", "with": {"data": "other"}, "every": 4},
        "either": "either(sum(other.x), mean(fake))", "balance": "hold(either, 0.0) * 0.5",
        "look": {"op": "forward", "inputs": "other.x", "with": {"model": "ema"}},
        "say": {"op": "note", "inputs": ["either", "balance"], "when": "gate > 0.2 and balance > 0"},
        "also": {"op": "note", "inputs": "look", "after": ["say"]},
        "count": {"op": "note", "inputs": "n", "every": [7, {"firings": 2, "of": "say"}]},
    }}


@pytest.mark.parametrize("step", range(1, 25))
def test_plans_respect_all_edges(step: int) -> None:
    graph = accepted(PIPELINE)
    forward_in_order(graph)
    table = Timetable(graph)
    plan = plan_pattern(graph, table, table.mask(step))
    names = [call.node.name for call in plan.calls]
    place = {name: number for number, name in enumerate(graph.order)}
    assert names == sorted(names, key=place.__getitem__) and len(set(names)) == len(names)
    assert set(names) >= set(plan.effects)
    for source, target, kind in graph.edges:
        if target in names and kind is EdgeKind.DATA and not table.choosing & {target}:
            assert source in names, (source, target)
        if kind is not EdgeKind.PREVIOUS and source in names and target in names:
            assert names.index(source) < names.index(target)
    for call in plan.calls:  # what is freed is not read again
        later = names[names.index(call.node.name) + 1:]
        read = {item.node for name in later for item in graph.nodes[name].reads if item.kind is not EdgeKind.PREVIOUS}
        assert not read & set(call.frees)
        flags = {flag for alternative in call.guard for flag in alternative if flag in place}
        assert all(flag in names and names.index(flag) < names.index(call.node.name) for flag in flags)
