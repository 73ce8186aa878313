"""The torch backend: each method of backends.base.Backend, and where its work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from edgraph.backends.base import Accumulate, Batch, Bound, StateTree, Value
from edgraph.backends.entries import ModelEntry, OptimizerEntry
from edgraph.backends.found import entry_of
from edgraph.backends.torch import functions, loader, names, noise, paths, state
from edgraph.backends.torch.build import ModelBuilder
from edgraph.backends.torch.device import autocast, be_deterministic, choose_device
from edgraph.backends.torch.ema import update_ema
from edgraph.backends.torch.forward import Models
from edgraph.backends.torch.gradient import gradient
from edgraph.backends.torch.library import IMPLEMENTATIONS
from edgraph.backends.torch.optimizers import OptimizerBuilder
from edgraph.backends.torch.seeding import seeder
from edgraph.backends.torch.snapshot import load_model, model_state
from edgraph.backends.torch.updater import Policy, Updater
from edgraph.backends.weights import no_checkpoint
from edgraph.text.diagnostics import Diagnostics, PipelineError


class TorchBackend:
    """device: `auto`, `cpu`, `cuda`, `cuda:1`, …  precision: `fp32`, `bf16`, or `fp16` on a GPU.
    Raises PipelineError where there is no such device or precision."""

    name = "torch"
    records = True  # gradients are recorded only where `record` has turned that on
    tape = None
    compiler = None

    def __init__(self, *, device: str = "auto", precision: str = "fp32", deterministic: bool = False,
                 nonfinite: Policy = "stop") -> None:
        self.device = choose_device(device)
        self.precision = precision
        self.nonfinite = nonfinite
        self._autocast = autocast(precision, self.device)
        if deterministic:
            be_deterministic()
        self.models: dict[str, nn.Module] = {}
        self.updaters: dict[str, Updater] = {}
        self._draw = noise.Noise(self.device)
        self._seed = seeder(self.device)
        # The cheapest way there is: a tenth of what torch.set_grad_enabled takes.
        self.record: Callable[[bool], None] = torch._C._set_grad_enabled

    def build(self, models: Mapping[str, ModelEntry], optimizers: Mapping[str, OptimizerEntry], *, seed: int,
              schedules: Mapping[str, Callable[..., float]] | None = None,
              checkpoint: Callable[[str], StateTree] | None = None, folder: Path | None = None) -> None:
        folder = folder or Path()
        diagnostics = Diagnostics()
        with torch.enable_grad():
            builder = ModelBuilder(models, seed=seed, device=self.device, folder=folder,
                                   checkpoint=checkpoint or no_checkpoint, diagnostics=diagnostics)
            self.models = builder.build()
            failed = models.keys() - self.models.keys()
            frozen = frozenset(name for name, entry in models.items() if entry.frozen)
            for name, entry in optimizers.items():
                updater = OptimizerBuilder(
                    entry, self.models, frozen, registered=names.optimizers(), failed=failed,
                    expression=(schedules or {}).get(name), folder=folder, diagnostics=diagnostics).build()
                if updater is not None:
                    self.updaters[name] = updater
        if diagnostics.failed:
            raise PipelineError(diagnostics)
        self._settle(frozen, seed)

    def _settle(self, frozen: frozenset[str], seed: int) -> None:
        """Only what some optimizer updates requires gradients."""
        self._calls = Models(self.models, frozen, seed=seed, device=self.device, autocast=self._autocast)
        self._calls.trained = {name: frozenset(map(id, u.params)) for name, u in self.updaters.items()}
        updated = frozenset().union(*self._calls.trained.values())
        for model in self.models.values():
            for parameter in model.parameters():
                parameter.requires_grad_(id(parameter) in updated)
        if self.precision == "fp16":
            for updater in self.updaters.values():
                updater.scaler = torch.amp.GradScaler(self.device.type)

    # -- data ------------------------------------------------------------------------------------------

    def loader(self, dataset: Any, collate: Callable[..., Any] | None = None) -> Callable[[Any], Batch]:
        return loader.loader(dataset, collate, self.device)

    def convert(self, batch: Mapping[str, Any]) -> Batch:
        return loader.convert(batch, self.device)

    def rows(self, value: Value, indices: Any) -> Value:
        return loader.rows(value, indices)

    # -- models and updates ----------------------------------------------------------------------------

    def forward(self, node: str, model: str, *, method: str | None = None, train: bool,
                trains: frozenset[str], buffers: bool, names: tuple[str, ...] = ()) -> Bound:
        return self._calls.bind(node, model, method=method, train=train, trains=trains, buffers=buffers,
                                names=names)

    def model(self, path: str, *, trains: bool) -> nn.Module:
        return paths.module_at(self.models, path)

    def gradients(self, optimizer: str, *, retain: bool, weighted: bool, accumulate: Accumulate = 1,
                  check: Literal["loss", "gradients"] = "loss") -> Callable[..., Value]:
        return self._updater(optimizer).gradients(retain=retain, weighted=weighted, accumulate=accumulate,
                                                  policy=self.nonfinite, check=check)

    def apply(self, optimizer: str, ports: frozenset[str],
              accumulate: Accumulate = 1) -> Callable[[int, int, Value], Mapping[str, Value]]:
        return self._updater(optimizer).apply(ports, accumulate)

    def updates(self, optimizer: str) -> int:
        return self.updaters[optimizer].updates

    def update_ema(self, target: str, source: str, decay: float) -> Callable[[], None]:
        return update_ema(self.models, target, source, decay)

    def set_learning_rate(self, optimizer: str) -> Callable[[Value], None]:
        return self._updater(optimizer).set_rate

    def gradient(self, wrt: str | None) -> Callable[..., Value]:
        if wrt is None:
            return gradient
        parameter = paths.parameter_at(self.models, wrt)
        self._calls.watch(parameter)
        return lambda of: gradient(of, parameter)

    def shared_parameters(self) -> list[tuple[str, str]]:
        return paths.shared(self.models)

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
        return functions.leaf(value)

    def to_numpy(self, value: Value) -> Any:
        return functions.to_numpy(value)

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], **settings: float) -> Value:
        return self._draw(kind, key_seed, shape, **settings)

    def seed(self, number: int) -> None:
        self._seed(number)

    # -- state -----------------------------------------------------------------------------------------

    def pack(self, value: Value) -> StateTree:
        return state.pack(value)

    def unpack(self, tree: StateTree) -> Value:
        return state.unpack(tree, self.device)

    def state(self) -> StateTree:
        return {"models": {name: model_state(model) for name, model in self.models.items()},
                "optimizers": {name: updater.state() for name, updater in self.updaters.items()}}

    def load_state(self, state: StateTree, *, only: str | None = None) -> None:
        for name, model in self.models.items():
            load_model(name, model, entry_of(state["models"], name, "model"))
        if only != "models":
            for name, updater in self.updaters.items():
                updater.load(entry_of(state["optimizers"], name, "optimizer"))
