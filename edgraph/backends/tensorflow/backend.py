"""The TensorFlow backend: each method of backends.base.Backend, and where its work is done.

Every bound call can be part of a tf.function: it takes and gives tensors (or Python constants), keeps its state in
variables, and takes steps, epochs and keys as Python numbers or as tensors of int64. What a caller that traces has to
know is said where it matters: `tape.fresh()` before each step (edgraph/backends/base.py), losses that are not finite
(edgraph/backends/tensorflow/updater.py), operators of expressions (edgraph/backends/tensorflow/functions.py), loaders
that gather by a tensor of indices (edgraph/backends/tensorflow/arrays.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from edgraph.backends import plain
from edgraph.backends.base import Accumulate, Batch, Bound, StateTree, Value
from edgraph.backends.entries import ModelEntry, OptimizerEntry
from edgraph.backends.found import entry_of
from edgraph.backends.tensorflow import arrays, functions, names, noise, state, tree
from edgraph.backends.tensorflow.build import ModelBuilder
from edgraph.backends.tensorflow.compiler import TensorFlowCompiler
from edgraph.backends.tensorflow.device import be_deterministic, choose_device, dtype_policy
from edgraph.backends.tensorflow.ema import update_ema
from edgraph.backends.tensorflow.forward import Models
from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.backends.tensorflow.gradient import gradient
from edgraph.backends.tensorflow.library import IMPLEMENTATIONS
from edgraph.backends.tensorflow.optimizers import OptimizerBuilder
from edgraph.backends.tensorflow.snapshot import load_model, model_state
from edgraph.backends.tensorflow.tape import Recorder
from edgraph.backends.tensorflow.updater import Policy, Updater
from edgraph.backends.weights import no_checkpoint
from edgraph.text.diagnostics import Diagnostics, PipelineError


class TensorFlowBackend:
    """device: `auto`, `cpu`, `gpu`, `gpu:1`, …  precision: `fp32` or `bf16`.
    Raises PipelineError where there is no such device or precision."""

    name = "tensorflow"
    records = True  # gradients are recorded only where `record` has turned that on

    def __init__(self, *, device: str = "auto", precision: str = "fp32", deterministic: bool = False,
                 nonfinite: Policy = "stop") -> None:
        self.device = choose_device(device)
        self.policy = dtype_policy(precision)
        self.nonfinite = nonfinite
        if deterministic:
            be_deterministic()
        self.models: dict[str, Any] = {}
        self.updaters: dict[str, Updater] = {}
        self.tape = Recorder()
        self.compiler = TensorFlowCompiler(self.tape)
        self.record: Callable[[bool], None] = self.tape

    def build(self, models: Mapping[str, ModelEntry], optimizers: Mapping[str, OptimizerEntry], *, seed: int,
              schedules: Mapping[str, Callable[..., Any]] | None = None,
              checkpoint: Callable[[str], StateTree] | None = None, folder: Path | None = None) -> None:
        folder = folder or Path()
        diagnostics = Diagnostics()
        with tf.device(self.device):
            self._build_models(models, seed, checkpoint or no_checkpoint, folder, diagnostics)
            frozen = frozenset(name for name, entry in models.items() if entry.frozen)
            for name, entry in optimizers.items():
                updater = OptimizerBuilder(
                    entry, self.models, frozen, registered=names.optimizers(),
                    failed=models.keys() - self.models.keys(), expression=(schedules or {}).get(name), folder=folder,
                    diagnostics=diagnostics).build(self.tape)
                if updater is not None:
                    self.updaters[name] = updater
        if diagnostics.failed:
            raise PipelineError(diagnostics)
        self._calls = Models(self.models, frozen, self.tape, seed=seed)
        self._calls.trained = {name: frozenset(map(id, u.params)) for name, u in self.updaters.items()}

    def _build_models(self, models: Mapping[str, ModelEntry], seed: int, checkpoint: Callable[[str], StateTree],
                      folder: Path, diagnostics: Diagnostics) -> None:
        """Layers keep the precision that is set while they are made."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.policy)
        try:
            self.models = ModelBuilder(models, registered=names.models(), seed=seed, folder=folder,
                                       checkpoint=checkpoint, diagnostics=diagnostics).build()
        finally:
            keras.config.set_dtype_policy(before)

    # -- data ------------------------------------------------------------------------------------------

    def loader(self, dataset: Any, collate: Callable[..., Any] | None = None) -> Callable[[Any], Batch]:
        return arrays.loader(dataset, collate)

    def convert(self, batch: Mapping[str, Any]) -> Batch:
        return arrays.convert(batch)

    def rows(self, value: Value, indices: Any) -> Value:
        return arrays.rows(value, indices)

    # -- models and updates ----------------------------------------------------------------------------

    def forward(self, node: str, model: str, *, method: str | None = None, train: bool,
                trains: frozenset[str], buffers: bool, names: tuple[str, ...] = ()) -> Bound:
        return self._calls.bind(node, model, method=method, train=train, trains=trains, buffers=buffers,
                                names=names)

    def model(self, path: str, *, trains: bool) -> Any:
        return tree.module_at(self.models, path)

    def gradients(self, optimizer: str, *, retain: bool, weighted: bool, accumulate: Accumulate = 1,
                  check: Literal["loss", "gradients"] = "loss") -> Callable[..., Value]:
        return self._updater(optimizer).gradients(weighted=weighted, accumulate=accumulate, policy=self.nonfinite,
                                                  check=check)

    def apply(self, optimizer: str, ports: frozenset[str],
              accumulate: Accumulate = 1) -> Callable[[int, int, Value], Mapping[str, Value]]:
        return self._updater(optimizer).apply(ports, accumulate)

    def updates(self, optimizer: str) -> int:
        return int(self.updaters[optimizer].updates)

    def update_ema(self, target: str, source: str, decay: float) -> Callable[[], None]:
        return update_ema(self.models, target, source, decay)

    def set_learning_rate(self, optimizer: str) -> Callable[[Value], None]:
        return self._updater(optimizer).set_rate

    def gradient(self, wrt: str | None) -> Callable[..., Value]:
        if wrt is None:
            return partial(gradient, self.tape)
        parameter = tree.parameter_at(self.models, wrt)
        self._calls.watch(parameter)
        return lambda of: gradient(self.tape, of, parameter)

    def shared_parameters(self) -> list[tuple[str, str]]:
        return tree.shared(self.models)

    def _updater(self, optimizer: str) -> Updater:
        return entry_of(self.updaters, optimizer, "optimizer")

    # -- values ----------------------------------------------------------------------------------------

    def implementation(self, op: str) -> Any:
        return IMPLEMENTATIONS.get(op)

    def port(self, op: str, port: str) -> Callable[[Value], Value]:
        return functions.PORTS[op, port]

    def function(self, name: str) -> Callable[..., Value]:
        return functions.FUNCTIONS[name]

    def detach(self, value: Value) -> Value:
        return functions.detach(value)

    def leaf(self, value: Value) -> Value:
        def watched(tensor: Any) -> Any:
            if tensor.dtype.is_floating:
                self.tape.watch([tensor])
            return tensor
        return plain.apart(value, functions.TENSORS, watched)

    def to_numpy(self, value: Value) -> Any:
        return functions.to_numpy(value)

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], **settings: float) -> Value:
        return noise.noise(kind, key_seed, shape, **settings)

    def seed(self, number: int) -> None:
        noise.seed_all(number)

    # -- state -----------------------------------------------------------------------------------------

    def pack(self, value: Value) -> StateTree:
        return state.pack(value)

    def unpack(self, tree: StateTree) -> Value:
        return state.unpack(tree)

    def state(self) -> StateTree:
        return {"models": {name: model_state(model) for name, model in self.models.items()},
                "optimizers": {name: updater.state() for name, updater in self.updaters.items()}}

    def load_state(self, state: StateTree, *, only: str | None = None) -> None:
        for name, model in self.models.items():
            load_model(name, model, entry_of(state["models"], name, "model"))
        if only != "models":
            for name, updater in self.updaters.items():
                updater.load(entry_of(state["optimizers"], name, "optimizer"))
