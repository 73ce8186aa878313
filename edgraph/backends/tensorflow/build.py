"""The models that a pipeline declares, as Keras layers."""

from __future__ import annotations

from typing import Any

from edgraph.backends import build
from edgraph.backends.entries import ModelEntry
from edgraph.backends.tensorflow.framework import keras, reset_uids
from edgraph.backends.tensorflow.noise import seed_all
from edgraph.backends.tensorflow.tree import variables
from edgraph.backends.tensorflow.weights import load_weights


class ModelBuilder(build.ModelBuilder[Any]):
    """See edgraph.backends.build."""

    def seed_all(self, number: int) -> None:
        seed_all(number)

    def constructed(self, entry: ModelEntry) -> Any:
        reset_uids()  # names of layers do not depend on what was made before
        return super().constructed(entry)

    def checked(self, entry: ModelEntry, made: Any) -> Any:
        assert entry.use is not None
        use, span = entry.use.use.text, entry.use.use.span
        if not isinstance(made, keras.layers.Layer):
            self.refuse("not-a-model", f"'{use}' gave a {type(made).__name__}, and a model is a keras.layers.Layer or "
                        "keras.Model", span, "name a class of models, or a function that returns one")
            return None
        if any(_waits(layer) for layer in made._flatten_layers()):
            self.refuse("lazy-model", f"model '{entry.name}' has layers without a shape until their first input, so "
                        "no optimizer can be made for it", span,
                        "begin with a keras.Input, or build or call it once in its constructor")
            return None
        return made

    def twin(self, source: str, model: Any) -> Any:
        """Constructed anew, because what Keras builds cannot be copied."""
        entry = self.entries[source]
        while entry.copy is not None:
            entry = self.entries[entry.copy.text]
        made = self.constructed(entry)
        if made is not None:
            for mine, its in zip(variables(made), variables(model), strict=True):
                for name, variable in mine.items():
                    variable.assign(its[name])
        return made

    def load(self, entry: ModelEntry, model: Any) -> bool:
        return load_weights(model, entry, self.checkpoint, self.folder, self.diagnostics)

    def settled(self, entry: ModelEntry, model: Any) -> Any:
        return model


def _waits(layer: Any) -> bool:
    """Whether it makes its variables when it is first called."""
    return not layer.built and not getattr(layer.build, "_is_default", False)
