"""The models that a pipeline declares, constructed: each from a random stream of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry
from edgraph.backends.torch import names
from edgraph.backends.torch.paths import uninitialized
from edgraph.backends.torch.seeding import seeder
from edgraph.backends.torch.weights import load_weights
from edgraph.data.construct import Constructor, Failed
from edgraph.ops.random import stream_seed
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


class ModelBuilder:
    """Builds the entries of `models` in their order, a copy after what it copies."""

    def __init__(self, entries: Mapping[str, ModelEntry], *, seed: int, device: torch.device, folder: Path,
                 checkpoint: Callable[[str], StateTree], diagnostics: Diagnostics) -> None:
        self.entries = entries
        self.seed = seed
        self.device = device
        self.folder = folder
        self.checkpoint = checkpoint
        self.diagnostics = diagnostics
        self.models: dict[str, nn.Module] = {}
        self._failed: set[str] = set()
        self._flags: dict[str, list[bool]] = {}  # requires_grad as each model's constructor left it

    def build(self) -> dict[str, nn.Module]:
        """Every model that can be built, on the device; what is wrong with others is in the diagnostics."""
        for name in self.entries:
            self._model(name, ())
        return {name: self.models[name] for name in self.entries if name in self.models}

    def _model(self, name: str, path: tuple[str, ...]) -> nn.Module | None:
        if name in self.models or name in self._failed:
            return self.models.get(name)
        entry = self.entries[name]
        module = self._copied(entry, (*path, name)) if entry.copy else self._constructed(entry)
        if module is None or (entry.weights and not load_weights(
                module, entry, self.checkpoint, self.folder, self.diagnostics)):
            self._failed.add(name)
            return None
        module = self.models[name] = module.to(self.device).train(not entry.frozen)
        self._flags[name] = [p.requires_grad for p in module.parameters()]
        if entry.frozen:
            module.requires_grad_(False)
        return module

    def _constructed(self, entry: ModelEntry) -> nn.Module | None:
        use = entry.use
        if use is None:
            self.diagnostics.error("missing-key", f"model '{entry.name}' has neither 'use' nor 'copy'",
                                   entry.span)
            return None
        # a constructor of the author's may draw from any generator
        seeder(self.device)(stream_seed(self.seed, f"models.{entry.name}", 0))
        try:
            module = Constructor(names.models(), self.folder, self.diagnostics, "model").make(
                use.use.text, use.use.span, use.settings)
        except Failed:
            return None
        if not isinstance(module, nn.Module):
            self.diagnostics.error("not-a-model", f"'{use.use.text}' gave a {type(module).__name__}, and a "
                                   "model is a torch.nn.Module", use.use.span,
                                   "name a class of models, or a function that returns one")
            return None
        if uninitialized(module):
            self.diagnostics.error("lazy-model", f"model '{entry.name}' has layers without a shape until "
                                   "their first input, so no optimizer can be made for it", use.use.span,
                                   "give the sizes (nn.Linear instead of nn.LazyLinear)")
            return None
        return module

    def _copied(self, entry: ModelEntry, path: tuple[str, ...]) -> nn.Module | None:
        assert entry.copy is not None
        source, span = entry.copy.text, entry.copy.span
        if source not in self.entries:
            self.diagnostics.error("unknown-model", f"there is no model '{source}' to copy", span,
                                   did_you_mean(source, [n for n in self.entries if n != entry.name]))
            return None
        if source in path:
            self.diagnostics.error("copy-cycle", f"models copy each other: {' -> '.join((*path, source))}",
                                   span, "give one of them a 'use'")
            return None
        module = self._model(source, path)
        if module is None:
            return None
        twin = copy.deepcopy(module)
        for parameter, trains in zip(twin.parameters(), self._flags[source], strict=True):
            parameter.requires_grad_(trains)  # a copy of a frozen model can be trained
        return twin
