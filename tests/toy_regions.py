"""A compiler of regions for the toy backend: nothing is compiled, but every region is watched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import numpy as np
from toy import Ran
from toy_backend import ToyBackend, text
from toy_ops import Numbers

from edgraph.backends.base import NonFiniteLoss
from edgraph.ops.random import mix
from edgraph.plan import regions
from edgraph.plan.pattern import Call
from edgraph.run import graphrun, together
from edgraph.run.evaluate import OPERATORS

LOGIC: dict[str, Callable[..., Any]] = {
    "if": lambda test, then, otherwise: then if test else otherwise, "not": lambda value: not value,
    "and": lambda *values: all(values), "or": lambda *values: any(values)}
PURE = frozenset({"constant", "clocked", "add", "double", "total", "grid"})


class ToyCompiler:
    """Runs each region twice from the same state: what it does depends on its arguments and on the state of the
    backend alone. `calls`: the name of the region of each call."""

    def __init__(self, backend: ToyBackend) -> None:
        self.backend = backend
        self.calls: list[str] = []
        self.together: list[int] = []  # of how many steps each call of many was

    def mix(self, base: int, key: int) -> int:
        return mix(base, key)

    def operator(self, sign: str) -> Callable[..., Any]:
        return OPERATORS[sign] if sign in OPERATORS else LOGIC[sign]

    def compile(self, region: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self.calls.append(region.__name__)
            journal, before = self.backend.journal, self.backend.state()
            places = len(journal.firings), len(journal.recorded)
            try:
                first = region(*deepcopy(arguments))
            except Exception as error:  # as of something that was compiled before: its lines are not in it
                del journal.firings[places[0]:], journal.recorded[places[1]:]
                self.backend.load_state(before)
                raise error.with_traceback(None) from None
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

    def repeat(self, region: Callable[..., Any], kinds: tuple[str, ...]) -> Callable[..., tuple[int, Exception | None]]:
        def run(steps: int, *arguments: Any) -> tuple[int, Exception | None]:
            for step in range(steps):
                before, place = self.backend.state(), len(self.backend.journal.firings)
                try:
                    region(*(_at(kind, argument, step) for kind, argument in zip(kinds, arguments, strict=True)))
                except NonFiniteLoss as error:
                    self.backend.load_state(before)
                    self.backend.record(False)
                    del self.backend.journal.firings[place:]
                    return step, error
            self.together.append(steps)
            return steps, None
        return run


def _at(kind: str, argument: Any, step: int) -> Any:
    if kind == "same":
        return argument
    if kind == "each":
        return argument[step].item()
    value, indices = argument
    return tuple(value[index] for index in indices[step])


@contextmanager
def compiling() -> Iterator[None]:
    """The toy ops that only compute can be in regions, and the toy data set lies in memory."""
    def traces(call: Call) -> bool:
        return call.node.op in PURE or regions.static_traces(call)
    arrays = property(lambda self: {"x": np.arange(self.length, dtype=float)})
    with (patch.object(graphrun, "static_traces", traces), patch.object(Numbers, "arrays", arrays, create=True),
          patch.object(together, "ALONE", 0)):
        yield


def agree(one: Ran, two: Ran) -> None:
    """Both did the same: every op as often, on the same values. Sources may come earlier within a step, or not come
    at all where steps are together, and whole numbers may be written as others."""
    def told(ran: Ran, names: set[str]) -> list[str]:
        return [_plain(f"{name} {firing.moment[1:]} {firing.inputs} {firing.value}")
                for _, name, firing in ran.by_step() if name in names]
    nodes = [node for graph in one.graph.graphs() for node in graph.nodes.values()]
    assert (one.outcome.end, one.outcome.step) == (two.outcome.end, two.outcome.step), (one.outcome, two.outcome)
    assert _plain(text(one.weights)) == _plain(text(two.weights)) and one.backend.buffers == two.backend.buffers
    sources = {node.name for node in nodes if node.op in ("load_batch", "fixed_examples")}
    fired = {name for _, name, _ in one.by_step()} | {name for _, name, _ in two.by_step()}
    for name in fired - sources:
        assert told(one, {name}) == told(two, {name}), name
    effects = {node.name for node in nodes if node.spec.effect and not node.spec.update}
    assert told(one, effects) == told(two, effects)
    for name in effects:
        assert one.steps(name) == two.steps(name)
    state_one, state_two = one.runner.run.state(), two.runner.run.state()
    assert _plain(text(state_one)) == _plain(text(state_two))


def _plain(written: str) -> str:
    return re.sub(r"(\d)\.0\b(?!e)", r"\1", written)
