"""The Python backend: each method of backends.base.Backend that needs no gradients, and where its work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgraph.backends import batches, plain
from edgraph.backends.base import Batch, Bound, StateTree, Value
from edgraph.backends.entries import ModelEntry, OptimizerEntry
from edgraph.backends.found import sharing
from edgraph.backends.names import registered
from edgraph.backends.python import functions, state
from edgraph.backends.python.library import IMPLEMENTATIONS
from edgraph.backends.python.models import ModelBuilder, Models, seed_all
from edgraph.backends.weights import no_checkpoint
from edgraph.text.diagnostics import Diagnostics, PipelineError


class PythonBackend:
    """Takes what every backend takes; what means nothing without a framework was refused at validation."""

    name = "python"
    records = False
    compiler = None
    tape = None

    def __init__(self, *, device: str = "auto", precision: str = "fp32", deterministic: bool = False,
                 nonfinite: str = "stop") -> None:
        self._calls = Models({}, {}, 0)

    def build(self, models: Mapping[str, ModelEntry], optimizers: Mapping[str, OptimizerEntry], *, seed: int,
              schedules: Mapping[str, Callable[..., float]] | None = None,
              checkpoint: Callable[[str], StateTree] | None = None, folder: Path | None = None) -> None:
        diagnostics = Diagnostics()
        builder = ModelBuilder(models, registered=registered("model", "python"), seed=seed, folder=folder or Path(),
                               checkpoint=checkpoint or no_checkpoint, diagnostics=diagnostics)
        built = builder.build()
        if diagnostics.failed:
            raise PipelineError(diagnostics)
        self._calls = Models(built, builder.states, seed)

    def record(self, on: bool) -> None:
        """There are no gradients to record."""

    # -- data ------------------------------------------------------------------------------------------

    def loader(self, dataset: Any, collate: Callable[..., Any] | None = None) -> Callable[[Any], Batch]:
        batch = batches.batches(dataset, collate)
        return lambda indices: dict(batch(indices))

    def convert(self, batch: Mapping[str, Any]) -> Batch:
        return dict(batch)

    def rows(self, value: Value, indices: Any) -> Value:
        return batches.rows(value, indices)

    # -- models ----------------------------------------------------------------------------------------

    def model(self, path: str, *, trains: bool) -> Any:
        return self._calls.find(path, trains=trains)

    def forward(self, node: str, model: str, *, method: str | None = None, train: bool, trains: frozenset[str],
                buffers: bool, names: tuple[str, ...] = ()) -> Bound:
        return self._calls.forward(node, model, method, names)

    def fit(self, node: str, model: str, method: str, settings: Mapping[str, Any]) -> Bound:
        return self._calls.fit(node, model, method, settings)

    def shared_parameters(self) -> list[tuple[str, str]]:
        return sharing({name: {id(model)} for name, model in self._calls.models.items()})

    # -- values ----------------------------------------------------------------------------------------

    def implementation(self, op: str) -> Any:
        return IMPLEMENTATIONS.get(op)

    def port(self, op: str, port: str) -> Callable[[Value], Value]:
        return functions.PORTS[op, port]

    def function(self, name: str) -> Callable[..., Value]:
        return plain.FUNCTIONS[name]

    def detach(self, value: Value) -> Value:
        return value

    def to_numpy(self, value: Value) -> Any:
        return functions.to_numpy(value)

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], *, mean: float = 0.0, std: float = 1.0,
               low: float = 0.0, high: float = 1.0) -> Value:
        generator = np.random.Generator(np.random.Philox(key=key_seed))
        if kind == "normal":
            return generator.standard_normal(shape, np.float32) * np.float32(std) + np.float32(mean)
        return generator.random(shape, np.float32) * np.float32(high - low) + np.float32(low)

    def seed(self, number: int) -> None:
        seed_all(number)

    # -- state -----------------------------------------------------------------------------------------

    def pack(self, value: Value) -> StateTree:
        return state.pack(value)

    def unpack(self, tree: StateTree) -> Value:
        return state.unpack(tree)

    def state(self) -> StateTree:
        return {"models": self._calls.capture(), "optimizers": {}}

    def load_state(self, state: StateTree, *, only: str | None = None) -> None:
        self._calls.restore(state["models"])
