"""A backend of plain Python numbers. Models are dicts of floats; a gradient is a tenth of the loss, so that everything
that a step changes depends on what it read and when."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from edgraph.backends.base import Bound, NonFiniteLoss
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


class ToyBackend:
    """See edgraph.backends.base.Backend."""

    name = "toy"
    records = True
    tape = None
    compiler: Any = None

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
        return ToyLoader(dataset.arrays)

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


class ToyLoader:
    """Rows of arrays."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.tensors = {name: tuple(array.tolist()) for name, array in arrays.items()}

    def __call__(self, indices: Any) -> dict[str, Any]:
        return {name: tuple(value[index] for index in indices) for name, value in self.tensors.items()}


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
