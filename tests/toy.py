"""A backend of plain Python numbers, ops to go with it, and whole runs of it in milliseconds.

Models are dicts of floats; a gradient is a tenth of the loss, so that everything that a step changes depends on
what it read and when. Every call that the engine makes is written into a journal.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from edgraph import compile as compiler
from edgraph.backends.base import Bound, NonFiniteLoss
from edgraph.compile import Checked
from edgraph.graph.ir import EdgeKind, Graph
from edgraph.ops.random import mix, node_base
from edgraph.ops.registry import Registered, Registry, registry
from edgraph.ops.signature import UNSET, Options, op_spec, parameters_of
from edgraph.run import bind, graphrun, start
from edgraph.run.checkpoints import MemoryStore
from edgraph.run.clockwork import Alarms
from edgraph.run.engine import Outcome
from edgraph.run.loggers import MemoryLogger
from edgraph.run.start import Job, Runner
from edgraph.text.render import render_text
from edgraph.text.source import plain


class Firing(NamedTuple):
    """One call of a node's work. Values are text, so that nan equals nan."""

    node: str
    moment: tuple[int, ...]  # the extra arguments: steps and keys
    inputs: tuple[str, ...]
    value: str


@dataclass
class Journal:
    """What a run did, in order."""

    firings: list[Firing] = field(default_factory=list)
    recorded: list[tuple[str, bool]] = field(default_factory=list)  # (node, whether gradients were recorded)
    bound: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # what models' calls were bound with

    def nodes(self) -> list[str]:
        return [firing.node for firing in self.firings]


def text(value: Any) -> str:
    """A value as text: mappings in one order, arrays as lists."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(text, value)) + "]"
    return text(value.tolist()) if hasattr(value, "tolist") else repr(value)


# -- the backend -----------------------------------------------------------------------------------

class ToyBackend:
    """See edgraph.backends.base.Backend."""

    name = "toy"
    records = True

    def __init__(self, nonfinite: str = "stop") -> None:
        self.nonfinite = nonfinite
        self.recording = True
        self.models: dict[str, dict[str, float]] = {}
        self.buffers: dict[str, int] = {}  # how many calls have changed them
        self.norms: dict[str, float] = {}  # by how much buffers change what comes out
        self.optimizers: dict[str, Optimizer] = {}
        self.journal = Journal()

    def build(self, models: Any, optimizers: Any, *, seed: int, schedules: Any = None, checkpoint: Any = None,
              folder: Any = None) -> None:
        for name, entry in models.items():
            if entry.copy is None:
                weights = dict(plain(entry.use.settings) if entry.use.settings else {})
                self.norms[name] = weights.pop("norm", 0.0)
                self.models[name] = weights or {"w": 1.0}
            self.buffers[name] = 0
        for name, entry in models.items():
            if entry.copy is not None:
                self.models[name] = dict(self.models[entry.copy.text])
                self.norms[name] = self.norms[entry.copy.text]
        for name, entry in optimizers.items():
            settings = plain(entry.use.settings) if entry.use.settings else {}
            self.optimizers[name] = Optimizer(
                self, [group.model.text for group in entry.updates], settings.get("lr", 0.1),
                (schedules or {}).get(name), entry.per)

    def weights(self, path: str) -> dict[str, float]:
        model, _, rest = path.partition(".")
        return {name: value for name, value in self.models[model].items()
                if not rest or name == rest or name.startswith(f"{rest}.")}

    def record(self, on: bool) -> None:
        self.recording = on

    # data
    def loader(self, dataset: Any, collate: Any = None) -> Callable[[Any], dict[str, Any]]:
        return lambda indices: {"x": tuple(dataset.arrays["x"][indices].tolist())}

    def convert(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return {name: tuple(map(float, value)) if hasattr(value, "tolist") else value for name, value in batch.items()}

    def rows(self, value: Any, indices: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self.rows(part, indices) for name, part in value.items()}
        return tuple(value[i] for i in indices.tolist())

    # models and updates
    def forward(self, node: str, model: str, *, method: str | None = None, train: bool, trains: frozenset[str],
                buffers: bool, names: tuple[str, ...] = ()) -> Bound:
        self.journal.bound.append((node, {"train": train, "trains": trains, "buffers": buffers}))
        owner = model.split(".")[0]

        def forward(x: Any, *more: Any, **named: Any) -> float:
            inputs = [number(value) for value in (x, *more, *named.values())]
            made = sum(inputs) * sum(self.weights(model).values())
            if train:
                made += self.buffers[owner] * self.norms[owner]
                self.buffers[owner] += buffers
            return made
        return Bound(forward)

    def gradients(self, optimizer: str, *, retain: bool, weighted: bool, accumulate: Any = 1,
                  check: str = "loss") -> Callable[..., Any]:
        def gradients(loss: float, count: float = 1.0) -> Any:
            if not math.isfinite(loss) and self.nonfinite == "stop":
                raise NonFiniteLoss(f"the loss is {loss}")
            if not math.isfinite(loss) and self.nonfinite == "skip":
                return None
            return {"gradient": loss * 0.1, "weight": float(count) if weighted else 1.0}
        return gradients

    def apply(self, optimizer: str, ports: frozenset[str], accumulate: Any = 1) -> Callable[..., Any]:
        return partial(self.optimizers[optimizer].apply, ports, accumulate)

    def updates(self, optimizer: str) -> int:
        return self.optimizers[optimizer].updates

    def update_ema(self, target: str, source: str, decay: float) -> Callable[[], None]:
        def update() -> None:
            for name, value in self.models[source].items():
                self.models[target][name] = decay * self.models[target][name] + (1 - decay) * value
        return update

    def set_learning_rate(self, optimizer: str) -> Callable[[Any], None]:
        return partial(setattr, self.optimizers[optimizer], "lr")

    def gradient(self, wrt: str | None) -> Callable[..., Any]:
        return lambda of, value=0.0: of * 0.01 + number(value)

    def shared_parameters(self) -> list[tuple[str, str]]:
        return []

    # values
    def implementation(self, op: str) -> Any:
        return None

    def port(self, op: str, port: str) -> Callable[[Any], Any]:
        return lambda value: round(value)

    def function(self, name: str) -> Callable[..., Any]:
        return FUNCTIONS[name]

    def detach(self, value: Any) -> Any:
        return value

    def leaf(self, value: Any) -> Any:
        return value

    def to_numpy(self, value: Any) -> Any:
        return value

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], **settings: float) -> Any:
        return tuple(((key_seed + i) % 1000) / 1000 for i in range(math.prod(shape)))

    def seed(self, number: int) -> None:
        random.seed(number)

    # state
    def pack(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self.pack(value[key]) for key in value}
        if isinstance(value, np.ndarray):
            return {"array": value.tolist()}
        return [*map(self.pack, value)] if isinstance(value, tuple | list) else value

    def unpack(self, tree: Any) -> Any:
        if isinstance(tree, Mapping):
            return np.array(tree["array"]) if tree.keys() == {"array"} else {k: self.unpack(v) for k, v in tree.items()}
        return tuple(map(self.unpack, tree)) if isinstance(tree, list) else tree

    def state(self) -> Any:
        return deepcopy({"models": self.models, "buffers": self.buffers,
                         "optimizers": {name: optimizer.state() for name, optimizer in self.optimizers.items()}})

    def load_state(self, state: Any, *, only: str | None = None) -> None:
        self.models = deepcopy(state["models"])
        self.buffers = dict(state["buffers"])
        if only is None:
            for name, optimizer in self.optimizers.items():
                optimizer.load(state["optimizers"][name])


class Optimizer:
    """Subtracts the learning rate times the gradient from every weight."""

    def __init__(self, backend: ToyBackend, paths: list[str], lr: float, schedule: Any, per: str) -> None:
        self.backend, self.paths, self.lr, self.schedule, self.per = backend, paths, lr, schedule, per
        self.updates = 0
        self.partial: list[list[float]] = []

    def apply(self, ports: frozenset[str], accumulate: Any, step: int, epoch: int, found: Any) -> dict[str, Any]:
        applied = found is not None
        if found is not None and accumulate != 1:
            self.partial.append([found["gradient"], found["weight"]])
            weight = sum(weight for _, weight in self.partial)
            applied = (len(self.partial) >= accumulate if isinstance(accumulate, int)
                       else weight >= accumulate["until"])
            if applied:
                found = {"gradient": sum(g * w for g, w in self.partial) / weight}
                self.partial.clear()
        if applied:
            if self.schedule is not None:
                self.lr = self.schedule(step - 1 if self.per == "step" else self.updates, step, epoch)
            for path in self.paths:
                model = self.backend.models[path.split(".")[0]]
                for name in self.backend.weights(path):
                    model[name] -= self.lr * found["gradient"]
            self.updates += 1
        values = {"applied": applied, "updates": self.updates, "lr": self.lr,
                  "grad_norm": abs(found["gradient"]) if applied else math.nan}
        return {port: values[port] for port in sorted(ports)}

    def state(self) -> Any:
        return {"updates": self.updates, "lr": self.lr, "partial": self.partial}

    def load(self, state: Any) -> None:
        self.updates, self.lr, self.partial = state["updates"], state["lr"], deepcopy(state["partial"])


def number(value: Any) -> float:
    """A value as one number."""
    if isinstance(value, Mapping):
        return sum(number(value[key]) for key in sorted(value) if key != "index")
    return float(sum(value)) if isinstance(value, tuple | list) else float(value)


def _safe(function: Callable[[float], float]) -> Callable[[Any], float]:
    def call(value: Any) -> float:
        try:
            return function(number(value))
        except (ValueError, OverflowError):
            return math.nan
    return call


def _smallest(*values: Any) -> Any:
    return min(values, key=number)


def _largest(*values: Any) -> Any:
    return max(values, key=number)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(number(value)), "min": _smallest, "max": _largest, "sqrt": _safe(math.sqrt),
    "exp": _safe(lambda value: math.exp(min(value, 50.0))), "log": _safe(math.log), "cos": _safe(math.cos),
    "clip": lambda value, low, high: min(max(number(value), low), high),
    "round": lambda value, digits=0: round(number(value), digits) if math.isfinite(number(value)) else math.nan,
    "isfinite": lambda value: math.isfinite(number(value)), "sum": number,
    "mean": lambda value: number(value) / len(value) if isinstance(value, tuple | list) and value else number(value),
}


# -- ops -------------------------------------------------------------------------------------------

def constant(*, value: float = 1.0) -> float:
    """A transform without inputs."""
    return value


def clocked(step: int) -> float:
    """The step of the innermost loop, as a value."""
    return float(step)


def add(a: Any, b: Any = 0.0) -> float:
    return number(a) + 2.0 * number(b)


def double(x: Any) -> float:
    return 2.0 * number(x)


def total(*values: Any) -> float:
    return sum(map(number, values))


def note(*values: Any) -> None:
    """An effect."""


def fail(step: int, *values: Any, at: int) -> float:
    if step == at:
        raise ValueError(f"failed as it was told to, at {at}")
    return float(step)


def grid(*, value: float = 0.0, rows: int = 3) -> Any:
    """A value of some rows."""
    return tuple(value + i for i in range(rows))


class Draw:
    """A random number."""

    def attach(self, services: Any) -> None:
        self.base = node_base(services.seed, services.name)

    def __call__(self, key: int, *values: Any) -> float:
        return mix(self.base, key) / 2**63


class Tally:
    """Counts and adds up what it has seen."""

    def __init__(self) -> None:
        self.count, self.sum = 0, 0.0

    def __call__(self, *values: Any) -> float:
        self.count += 1
        self.sum += sum(map(number, values)) if values else 1.0
        return self.count + 0.001 * self.sum

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "sum": self.sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.sum = state["count"], state["sum"]


class Report(Tally):
    """An effect with state."""


class Average:
    """A metric: the mean over examples."""

    def __init__(self) -> None:
        self.reset()

    def update(self, count: int, value: Any) -> None:
        self.sum += number(value) * count
        self.weight += count

    def compute(self) -> float:
        return self.sum / self.weight if self.weight else math.nan

    def reset(self) -> None:
        self.sum, self.weight = 0.0, 0


class Numbers:
    """Examples 0, 1, 2, … as field `x`."""

    def __init__(self, *, length: int = 8) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, float]:
        return {"x": float(index)}


def toy(**weights: float) -> None:
    """A model of some weights; `norm` is no weight, but how much the buffers matter in train mode."""


def sgd(*, lr: float = 0.1) -> None:
    """An optimizer."""


def make_registry() -> Registry:
    """The library, and the ops of this file beside it; the registry that other tests see stays as it is."""
    made = Registry(None)
    made._tables = {kind: dict(registry.table(kind)) for kind in made._tables}
    for name, target, options in (
            ("constant", constant, {}), ("clocked", clocked, {"passes": ("step",)}), ("add", add, {}),
            ("double", double, {}), ("total", total, {}), ("note", note, {"effect": True}), ("grid", grid, {}),
            ("fail", fail, {"passes": ("step",), "effect": True}),
            ("draw", Draw, {"random": True, "passes": ("key",), "state": None}), ("tally", Tally, {}),
            ("report", Report, {"effect": True}), ("average", Average, {"metric": True, "passes": ("count",)})):
        settings: dict[str, Any] = {"state": UNSET, **options}
        made.add("op", op_spec(target, Options(name=name, **settings)), target)
    for kind, name, target in (("data", "numbers", Numbers), ("model", "toy", toy), ("optimizer", "sgd", sgd)):
        params, is_open, doc = parameters_of(target)
        made.add(kind, Registered(name, params, target, doc.summary, doc.text, is_open,  # type: ignore[arg-type]
                                  fields=("x",) if kind == "data" else (), module=__name__), target)
    return made


REGISTRY = make_registry()
TRAIN = {"use": "numbers", "with": {"length": 8}, "batch_size": 2}  # four steps an epoch


# -- whole runs ------------------------------------------------------------------------------------

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
        ready: Callable[[Runner], None] | None = None, fixed: Any = None) -> Ran:
    """Runs a pipeline to its end. store, resume: go on from the newest checkpoint in it. ready: is given the
    runner before it goes."""
    checked = pipeline if isinstance(pipeline, Checked) else check(pipeline, *overrides)
    assert not checked.diagnostics.failed, render_text(checked.diagnostics)
    graph = checked.require()
    backend = ToyBackend(graph.pipeline.run.nonfinite)
    folder = MemoryFolder(store, fixed)
    with journaling(clock):
        params = start.build_backend(backend, graph.pipeline, Path(), no_checkpoint)
        job = Job(graph, backend, params, checked.data, folder, resume=resume,  # type: ignore[arg-type]
                  interpret=interpret, quiet=True)
        runner = Runner(job)
        runner.context.toy_step = runner.engine.current  # type: ignore[attr-defined]
        if ready is not None:
            ready(runner)
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
