"""A compiler of regions for the toy backend: nothing is compiled, but every region is watched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

from toy import Ran
from toy_backend import ToyBackend, text

from edgraph.plan import regions
from edgraph.plan.pattern import Call
from edgraph.run import graphrun

PURE = frozenset({"constant", "clocked", "add", "double", "total", "grid"})


class ToyCompiler:
    """Runs each region twice from the same state: what it does depends on its arguments and on the state of the
    backend alone. `calls`: the name of the region of each call."""

    def __init__(self, backend: ToyBackend) -> None:
        self.backend = backend
        self.calls: list[str] = []

    def compile(self, region: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self.calls.append(region.__name__)
            journal, before = self.backend.journal, self.backend.state()
            places = len(journal.firings), len(journal.recorded)
            first = region(*deepcopy(arguments))
            firings = journal.firings[places[0]:]
            after = self.backend.state()
            del journal.firings[places[0]:], journal.recorded[places[1]:]
            self.backend.load_state(before)
            second = region(*arguments)
            assert text(first) == text(second), (first, second)
            assert journal.firings[places[0]:] == firings
            assert text(after) == text(self.backend.state())
            assert not self.backend.recording
            return second
        return run


@contextmanager
def compiling() -> Iterator[None]:
    """The toy ops that only compute can be in regions."""
    def traces(call: Call) -> bool:
        return call.node.op in PURE or regions.static_traces(call)
    with patch.object(graphrun, "static_traces", traces):
        yield


def agree(one: Ran, two: Ran) -> None:
    """Both did the same: every op at the same steps on the same values. Sources may come earlier within a step, and
    whole numbers may be written as others."""
    def told(ran: Ran, names: set[str]) -> list[str]:
        return [_plain(f"{step} {firing}") for step, name, firing in ran.by_step() if name in names]
    nodes = [node for graph in one.graph.graphs() for node in graph.nodes.values()]
    assert (one.outcome.end, one.outcome.step) == (two.outcome.end, two.outcome.step), (one.outcome, two.outcome)
    assert _plain(text(one.weights)) == _plain(text(two.weights)) and one.backend.buffers == two.backend.buffers
    fired = {name for _, name, _ in one.by_step()} | {name for _, name, _ in two.by_step()}
    for name in fired:
        assert told(one, {name}) == told(two, {name}), name
    effects = {node.name for node in nodes if node.spec.effect}
    assert told(one, effects) == told(two, effects)
    state_one, state_two = one.runner.run.state(), two.runner.run.state()
    assert _plain(text(state_one)) == _plain(text(state_two))


def _plain(written: str) -> str:
    return re.sub(r"(\d)\.0\b(?!e)", r"\1", written)
