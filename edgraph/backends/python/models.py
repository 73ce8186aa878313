"""Models that are plain Python objects: making, calling and training them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgraph.backends import build
from edgraph.backends.base import Bound, CannotSave
from edgraph.backends.calls import with_names
from edgraph.backends.entries import ModelEntry
from edgraph.backends.found import entry_of, wrong
from edgraph.backends.python.state import ObjectState
from edgraph.ops.random import mix, node_base
from edgraph.text.suggest import did_you_mean

Call = Callable[..., Any]


def seed_all(number: int) -> None:
    """Seeds the global generators of Python and NumPy."""
    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)


class ModelBuilder(build.ModelBuilder[Any]):
    """See edgraph.backends.build."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.states: dict[str, ObjectState] = {}

    def seed_all(self, number: int) -> None:
        seed_all(number)

    def checked(self, entry: ModelEntry, made: Any) -> Any:
        if made is None:
            assert entry.use is not None
            self.refuse("not-a-model", f"'{entry.use.use.text}' gave nothing", entry.use.use.span,
                        "a function that is named by `use` returns the model; one that is itself the work is for the "
                        "op 'call'")
        return made

    def twin(self, source: str, model: Any) -> Any:
        return copy.deepcopy(model)

    def load(self, entry: ModelEntry, model: Any) -> bool:
        """Fill in a checkpoint of another run."""
        weights = entry.weights
        assert weights is not None and weights.checkpoint is not None
        try:
            saved = self.checkpoint(weights.checkpoint)["models"]
            name = weights.model or entry.name
            if name not in saved:
                raise ValueError(f"the checkpoint has no model '{name}'")
            self._state(entry, model).restore(saved[name])
        except (OSError, ValueError, LookupError) as error:
            self.refuse("bad-weights", f"weights of model '{entry.name}' from '{weights.checkpoint}': {error}",
                        weights.span)
            return False
        return True

    def settled(self, entry: ModelEntry, model: Any) -> Any:
        state = self._state(entry, model)
        source = self.states.get(entry.copy.text) if entry.copy is not None else None
        if source is not None:
            state.made = source.made
        state.saved = entry.weights is not None or (source is not None and source.saved)
        return model

    def _state(self, entry: ModelEntry, model: Any) -> ObjectState:
        """That of the model as it was constructed. A copy is saved as what it copies."""
        if entry.name not in self.states:
            origin = entry
            while not origin.state and origin.copy is not None:
                origin = self.entries[origin.copy.text]
            self.states[entry.name] = ObjectState(entry.name, model, origin.state)
        return self.states[entry.name]


class Models:
    """The models of a run, and calls of them."""

    def __init__(self, models: Mapping[str, Any], states: Mapping[str, ObjectState], seed: int) -> None:
        self.models = models
        self.states = states
        self.seed = seed

    def find(self, path: str, *, trains: bool = False) -> Any:
        """A model, or what a model has under a name. trains: it will be changed. Raises PipelineError."""
        root, *rest = path.split(".")
        found = entry_of(self.models, root, "model")
        for part in rest:
            if not hasattr(found, part):
                raise wrong("unknown-model", f"model '{root}' has no part '{part}'", None,
                            did_you_mean(part, _public(found)))
            found = getattr(found, part)
        if trains:
            self.states[root].saved = self.states[root].trained = True
            try:
                self.states[root].check()
            except CannotSave as error:
                raise wrong("cannot-save", str(error)) from None
        return found

    def forward(self, node: str, path: str, method: str | None, names: tuple[str, ...]) -> Bound:
        """See Backend.forward."""
        run = self._callable(path, self.find(path), method)
        return self._seeded(node, with_names(run, names))

    def fit(self, node: str, path: str, method: str, settings: Mapping[str, Any]) -> Bound:
        """See Backend.fit."""
        run = self._callable(path, self.find(path, trains=True), method)
        state, fresh = self.states[path.split(".")[0]], True

        def fit(*inputs: Any, **named: Any) -> None:
            nonlocal fresh
            run(*inputs, **named, **settings)
            if fresh:  # what the first call makes was not there to be looked at before
                fresh = False
                state.check()
        return self._seeded(node, fit)

    def _seeded(self, node: str, run: Call) -> Bound:
        """Whatever a model draws from the global generators depends on nothing but this firing."""
        base = node_base(self.seed, node)

        def seeded(key: int, *inputs: Any, **named: Any) -> Any:
            seed_all(mix(base, key))
            return run(*inputs, **named)
        return Bound(seeded, ("key",))

    def _callable(self, path: str, model: Any, method: str | None) -> Call:
        if method is None and not callable(model):
            raise wrong("not-callable", f"model '{path}' is a {type(model).__name__}, which cannot be called", None,
                        f"say which of its methods: `with: {{method: {_methods(model)}}}`")
        run = model if method is None else getattr(model, method, None)
        if not callable(run):
            raise wrong("unknown-method", f"model '{path}' has no method '{method}'", None,
                        did_you_mean(str(method), _public(model)))
        return run  # type: ignore[no-any-return]

    # -- state -----------------------------------------------------------------------------------------

    def capture(self) -> dict[str, Any]:
        """Of the models that are another than the pipeline alone would make."""
        return {name: state.capture() for name, state in self.states.items() if state.saved}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Raises ValueError, or PipelineError where a model is missing."""
        for name, state in self.states.items():
            if state.own or state.trained or name in saved:
                state.restore(entry_of(saved, name, "model"))
                state.saved = True


def _public(model: Any) -> list[str]:
    return [name for name in dir(model) if not name.startswith("_")]


def _methods(model: Any) -> str:
    known = [name for name in ("predict", "predict_proba", "transform", "decision_function") if hasattr(model, name)]
    return known[0] if known else "NAME"
