"""The models that a pipeline declares, constructed in their order: each from a random stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry
from edgraph.backends.initial import weights_of
from edgraph.data.construct import Constructor, Failed
from edgraph.ops.random import stream_seed
from edgraph.ops.registry import Registered
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean

M = TypeVar("M")


class ModelBuilder(Generic[M]):
    """Builds the entries of `models`, a copy after what it copies. A backend fills in what a model is."""

    def __init__(self, entries: Mapping[str, ModelEntry], *, registered: Mapping[str, Registered], seed: int,
                 folder: Path, checkpoint: Callable[[str], StateTree], diagnostics: Diagnostics) -> None:
        self.entries = entries
        self.registered = registered
        self.seed = seed
        self.folder = folder
        self.checkpoint = checkpoint
        self.diagnostics = diagnostics
        self.models: dict[str, M] = {}
        self._failed: set[str] = set()

    # -- what a backend says ---------------------------------------------------------------------------

    def seed_all(self, number: int) -> None:
        """Seed every generator that a constructor of the author's may draw from."""
        raise NotImplementedError

    def checked(self, entry: ModelEntry, made: Any) -> M | None:
        """What `use` gave, where it is a model that can be trained; else a diagnostic."""
        raise NotImplementedError

    def twin(self, source: str, model: M) -> M | None:
        """Another model like this one, with weights of its own that start the same."""
        raise NotImplementedError

    def load(self, entry: ModelEntry, model: M) -> bool:
        """Fill in `weights`."""
        raise NotImplementedError

    def settled(self, entry: ModelEntry, model: M) -> M:
        """The finished model, as a run uses it."""
        raise NotImplementedError

    # -- building --------------------------------------------------------------------------------------

    def build(self) -> dict[str, M]:
        """Every model that can be built; what is wrong with others is in the diagnostics."""
        for name in self.entries:
            self._model(name, ())
        return {name: self.models[name] for name in self.entries if name in self.models}

    def _model(self, name: str, path: tuple[str, ...]) -> M | None:
        if name in self.models or name in self._failed:
            return self.models.get(name)
        entry = self.entries[name]
        model = self._copied(entry, (*path, name)) if entry.copy else self.constructed(entry)
        if model is None or (entry.weights and not self.load(entry, model)):
            self._failed.add(name)
            return None
        model = self.models[name] = self.settled(entry, model)
        return model

    def constructed(self, entry: ModelEntry) -> M | None:
        """What an entry's own `use` makes."""
        use = entry.use
        if use is None:
            self.diagnostics.error("missing-key", f"model '{entry.name}' has neither 'use' nor 'copy'",
                                   entry.span)
            return None
        self.seed_all(stream_seed(self.seed, f"models.{entry.name}", 0))
        try:
            with weights_of(self.seed, entry.name):
                made = Constructor(self.registered, self.folder, self.diagnostics, "model").make(
                    use.use.text, use.use.span, use.settings)
        except Failed:
            return None
        return self.checked(entry, made)

    def refuse(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        """Say why something is no model."""
        self.diagnostics.error(code, message, span, help)

    def _copied(self, entry: ModelEntry, path: tuple[str, ...]) -> M | None:
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
        model = self._model(source, path)
        return None if model is None else self.twin(source, model)
