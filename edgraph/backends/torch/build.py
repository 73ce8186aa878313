"""The models that a pipeline declares, as torch's modules."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgraph.backends import build
from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry
from edgraph.backends.torch import names
from edgraph.backends.torch.paths import uninitialized
from edgraph.backends.torch.seeding import seeder
from edgraph.backends.torch.state import unkept
from edgraph.backends.torch.weights import load_weights
from edgraph.text.diagnostics import Diagnostics


class ModelBuilder(build.ModelBuilder[nn.Module]):
    """See edgraph.backends.build."""

    def __init__(self, entries: Mapping[str, ModelEntry], *, seed: int, device: torch.device, folder: Path,
                 checkpoint: Callable[[str], StateTree], diagnostics: Diagnostics) -> None:
        super().__init__(entries, registered=names.models(), seed=seed, folder=folder, checkpoint=checkpoint,
                         diagnostics=diagnostics)
        self.device = device
        self._flags: dict[str, list[bool]] = {}  # requires_grad as each model's constructor left it

    def seed_all(self, number: int) -> None:
        seeder(self.device)(number)

    def checked(self, entry: ModelEntry, made: Any) -> nn.Module | None:
        assert entry.use is not None
        use, span = entry.use.use.text, entry.use.use.span
        if not isinstance(made, nn.Module):
            self.refuse("not-a-model", f"'{use}' gave a {type(made).__name__}, and a model is a torch.nn.Module", span,
                        "name a class of models, or a function that returns one")
            return None
        if uninitialized(made):
            self.refuse("lazy-model", f"model '{entry.name}' has layers without a shape until their first input, so "
                        "no optimizer can be made for it", span, "give the sizes (nn.Linear instead of nn.LazyLinear)")
            return None
        for name, tensor in (*made.named_parameters(), *made.named_buffers()):
            if (lacks := unkept(tensor)) is not None:
                self.refuse("cannot-construct", f"model '{entry.name}' cannot be used: '{name}' {lacks}", span,
                            "give it numbers of a type such as float32 in its constructor")
                return None
        return made

    def twin(self, source: str, model: nn.Module) -> nn.Module:
        twin = copy.deepcopy(model)
        for parameter, trains in zip(twin.parameters(), self._flags[source], strict=True):
            parameter.requires_grad_(trains)  # a copy of a frozen model can be trained
        return twin

    def load(self, entry: ModelEntry, model: nn.Module) -> bool:
        return load_weights(model, entry, self.checkpoint, self.folder, self.diagnostics)

    def settled(self, entry: ModelEntry, model: nn.Module) -> nn.Module:
        module = model.to(self.device).train(not entry.frozen)
        self._flags[entry.name] = [p.requires_grad for p in module.parameters()]
        if entry.frozen:
            module.requires_grad_(False)
        return module
