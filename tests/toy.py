"""Whole runs of plain Python numbers, in milliseconds. Every call that the engine makes is written into a journal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from in_memory import MemoryLogger, MemoryStore
from toy_backend import FUNCTIONS, Firing, Journal, ToyBackend, number, text
from toy_ops import REGISTRY, TRAIN

from edgraph import compile as compiler
from edgraph.backends.base import Bound
from edgraph.compile import Checked
from edgraph.graph.ir import EdgeKind, Graph
from edgraph.run import bind, graphrun, start
from edgraph.run.clockwork import Alarms
from edgraph.run.engine import Outcome
from edgraph.run.start import Job, Runner
from edgraph.text.render import render_text

__all__ = ["FUNCTIONS", "TRAIN", "Clock", "Firing", "Ran", "accepted", "both", "check", "errors", "forward_in_order",
           "number", "run", "said", "same", "text"]


def check(pipeline: str | Mapping[str, Any], *overrides: str, data: bool = True) -> Checked:
    """A pipeline, as YAML text or as a mapping, checked with the toy ops."""
    with patch.object(compiler, "registry", REGISTRY):
        if not isinstance(pipeline, str):
            return compiler.check(pipeline, overrides, data=data)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pipeline.yaml"
            path.write_text(pipeline)
            return compiler.check(path, overrides, data=data)


def accepted(pipeline: str | Mapping[str, Any], *overrides: str, data: bool = True) -> Graph:
    """The graph of a pipeline that has no errors."""
    checked = check(pipeline, *overrides, data=data)
    assert not checked.diagnostics.failed, render_text(checked.diagnostics)
    return checked.require()


def errors(pipeline: str | Mapping[str, Any], *overrides: str, data: bool = True) -> list[str]:
    """The codes of its errors."""
    return [item.code for item in check(pipeline, *overrides, data=data).diagnostics if item.severity == "error"]


def said(pipeline: str | Mapping[str, Any], code: str, *overrides: str, data: bool = True) -> str:
    """The message of its one diagnostic with a code, and the help."""
    [item] = [item for item in check(pipeline, *overrides, data=data).diagnostics if item.code == code]
    return f"{item.message} ({item.help})" if item.help else item.message


class MemoryFolder:
    """As much of a run folder as a run needs."""

    def __init__(self, store: MemoryStore | None = None, fixed: Any = None) -> None:
        self.path = Path("/nowhere")
        self.store = store or MemoryStore(keep=None)
        self.files: dict[str, Any] = {} if fixed is None else {"fixed_examples.json": fixed}
        self.lines: list[str] = []
        self.statuses: list[Any] = []

    def checkpoints(self, keep: int | None, warn: Any) -> MemoryStore:
        return self.store

    def read_json(self, name: str, default: Any = None) -> Any:
        return self.files.get(name, default)

    def write_json(self, name: str, value: Any) -> None:
        self.files[name] = value

    def write_status(self, *status: Any) -> None:
        self.statuses.append(status)

    def log(self, line: str) -> None:
        self.lines.append(line)


class Clock:
    """A clock on the wall that only a test moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Ran:
    """A run that has ended."""

    outcome: Outcome
    journal: Journal
    runner: Runner
    backend: ToyBackend
    folder: MemoryFolder
    graph: Graph

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        return self.backend.models

    def steps(self, node: str) -> list[int]:
        """The steps on which a node of the main graph fired."""
        return [step for step, name, _ in self.by_step() if name == node]

    def by_step(self) -> list[tuple[int, str, Firing]]:
        """Step, node and firing of everything in the main graph: the step is told by an op that always runs."""
        return list(self._stepped)

    def values(self, node: str) -> list[str]:
        return [firing.value for firing in self.journal.firings if firing.node == node]

    def inputs(self, node: str) -> list[Any]:
        """What a node was given at each firing: one value, or a tuple of them."""
        found = [firing.inputs for firing in self.journal.firings if firing.node == node]
        return [given[0] if len(given) == 1 else given for given in found]

    _stepped: list[tuple[int, str, Firing]] = field(default_factory=list)


class JournalBinder(bind.Binder):
    """Writes every call into the backend's journal."""

    def bound(self, call: Any) -> Bound:
        found = super().bound(call)
        backend: ToyBackend = self.backend  # type: ignore[assignment]
        name = f"{self.graph.name}.{call.node.name}" if self.graph.name else call.node.name
        extra = len(found.passes)

        def journaled(*arguments: Any, **named: Any) -> Any:
            backend.journal.recorded.append((name, backend.recording))
            given = (*map(text, arguments[extra:]), *(text(value) for value in named.values()))
            place = len(backend.journal.firings)
            made = found.call(*arguments, **named)
            moment = (self.run.context.toy_step(), *arguments[:extra])
            # which ports of an update are made depends on who reads them
            value = "" if call.node.op == "optimize" and call.node.kind == "op" else text(made)
            backend.journal.firings.insert(place, Firing(name, moment, given, value))
            return made
        return Bound(journaled, found.passes)


def no_checkpoint(name: str) -> Any:
    raise LookupError(name)


@contextmanager
def journaling(clock: Callable[[], float] | None) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch.object(graphrun, "Binder", JournalBinder))
        stack.enter_context(patch.object(start, "FileLogger", lambda path, epoch: MemoryLogger(epoch)))
        if clock is not None:
            stack.enter_context(patch.object(start, "Alarms", partial(Alarms, now=clock)))
        yield


def run(pipeline: str | Mapping[str, Any] | Checked, *overrides: str, interpret: bool = False,
        store: MemoryStore | None = None, resume: bool = False, clock: Callable[[], float] | None = None,
        ready: Callable[[Runner], None] | None = None, fixed: Any = None, path: Path | None = None,
        replay: Path | None = None, compiler: Callable[[ToyBackend], Any] | None = None) -> Ran:
    """Runs a pipeline to its end. store, resume: go on from the newest checkpoint in it. ready: is given the
    runner before it goes. path: a real folder, for what cannot be in memory. compiler: makes what compiles regions."""
    checked = pipeline if isinstance(pipeline, Checked) else check(pipeline, *overrides)
    assert not checked.diagnostics.failed, render_text(checked.diagnostics)
    graph = checked.require()
    backend = ToyBackend(graph.pipeline.run.nonfinite)
    backend.compiler = compiler(backend) if compiler else None
    folder = MemoryFolder(store, fixed)
    folder.path = path or folder.path
    with journaling(clock):
        params = start.build_backend(backend, graph.pipeline, Path(), no_checkpoint)
        job = Job(graph, backend, params, checked.data, folder, resume=resume,  # type: ignore[arg-type]
                  replay=replay, interpret=interpret, quiet=True)
        runner = Runner(job)
        runner.context.toy_step = runner.engine.current  # type: ignore[attr-defined]
        if ready is not None:
            ready(runner)
        runner.begin()
        outcome = runner.go()
    ran = Ran(outcome, backend.journal, runner, backend, folder, graph)
    ran._stepped = [(firing.moment[0], firing.node, firing) for firing in backend.journal.firings]
    return ran


def both(pipeline: str | Mapping[str, Any] | Checked, *overrides: str, **settings: Any) -> Ran:
    """A run by the generated code, after a look that the interpreter does exactly the same."""
    generated = run(pipeline, *overrides, **settings)
    interpreted = run(pipeline, *overrides, interpret=True, **settings)
    same(generated, interpreted)
    return generated


def same(one: Ran, two: Ran) -> None:
    """Both did the same, in the same order, and ended the same."""
    for number_, (a, b) in enumerate(zip(one.journal.firings, two.journal.firings, strict=False)):
        assert a == b, f"firing {number_}: {a} and {b}, after {one.journal.nodes()[max(0, number_ - 12):number_]}"
    assert len(one.journal.firings) == len(two.journal.firings)
    assert (one.outcome.end, one.outcome.step) == (two.outcome.end, two.outcome.step)
    assert text(one.weights) == text(two.weights) and one.backend.buffers == two.backend.buffers


def forward_in_order(graph: Graph) -> None:
    """The postcondition of the order: every edge within a step goes forward."""
    place = {name: number_ for number_, name in enumerate(graph.order)}
    assert len(place) == len(graph.nodes)
    for source, target, kind in graph.edges:
        assert kind is EdgeKind.PREVIOUS or place[source] < place[target], (source, target, kind)
