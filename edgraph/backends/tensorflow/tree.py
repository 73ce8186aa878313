"""The parts of a Keras model by path: `classifier.head`, `classifier.head.kernel`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from edgraph.backends.found import entry_of, listed, sharing, wrong
from edgraph.backends.tensorflow.framework import keras
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean

Layer = Any  # keras.layers.Layer
Variable = Any  # tf.Variable


class Variables(NamedTuple):
    """The variables of a model by path, each once: those that can be trained, and the others (statistics)."""

    parameters: dict[str, Variable]
    buffers: dict[str, Variable]


def children(layer: Layer) -> dict[str, Layer]:
    """The layers that it is made of: by attribute (`blocks.0` in a list), else by their name."""
    found: dict[str, Layer] = {}
    for name, value in vars(layer).items():
        if not name.startswith("_"):
            found.update(_in_attribute(name, value))
    seen = set(map(id, found.values()))
    for child in getattr(layer, "_layers", ()):
        if id(child) not in seen and not isinstance(child, keras.layers.InputLayer):
            found.setdefault(child.name, child)
    return found


def _in_attribute(name: str, value: Any) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, keras.layers.Layer):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _in_attribute(f"{name}.{number}" if name != "stages" else str(number), item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _in_attribute(f"{name}.{key}", item)


def variables(layer: Layer) -> Variables:
    """All of a model's, but not the states of its random generators."""
    found = Variables({}, {})
    _collect(layer, "", found, set(), set())
    return found


def _collect(layer: Layer, prefix: str, found: Variables, seen: set[int], layers: set[int]) -> None:
    if id(layer) in layers:
        return
    layers.add(id(layer))
    parts = children(layer)
    inner = {id(v) for child in parts.values() for v in child.weights}
    for weight in layer.weights:
        if id(weight) not in inner and id(weight) not in seen:
            seen.add(id(weight))
            table = found.parameters if weight.trainable else found.buffers
            table[_free_name(f"{prefix}{weight.name}", found)] = weight.value
    for name, child in parts.items():
        _collect(child, f"{prefix}{name}.", found, seen, layers)


def _free_name(name: str, found: Variables) -> str:
    free, number = name, 1
    while free in found.parameters or free in found.buffers:
        free, number = f"{name}_{number}", number + 1
    return free


def random_states(layer: Layer) -> list[Variable]:
    """The states of the generators that a model draws from (dropout)."""
    weights = {id(v) for v in layer.weights}
    return [v.value for v in layer.variables if id(v) not in weights and "seed_generator_state" in v.path]


def module_at(models: Mapping[str, Layer], path: str, span: Span | None = None) -> Layer:
    """A model or a sub-module of one. Raises PipelineError."""
    name, *rest = path.split(".")
    found, seen = entry_of(models, name, "model", span), name
    while rest:
        parts = children(found)
        length = next((n for n in range(1, len(rest) + 1) if ".".join(rest[:n]) in parts), 0)
        if not length:
            raise wrong("unknown-model", f"model '{seen}' has no sub-module '{rest[0]}'", span,
                        did_you_mean(rest[0], parts) or (listed(parts) if parts else "it has none"))
        part, rest = ".".join(rest[:length]), rest[length:]
        found, seen = parts[part], f"{seen}.{part}"
    return found


def parameter_at(models: Mapping[str, Layer], path: str) -> Variable:
    """A parameter, such as `classifier.head.kernel`. Raises PipelineError."""
    root, _, name = path.partition(".")
    if not name:
        raise wrong("unknown-parameter", f"'{path}' is a whole model, and a gradient is taken with respect "
                    "to one parameter", None, f"name one, such as '{path}.kernel'")
    known = variables(entry_of(models, root, "model")).parameters
    if name not in known:
        owner, _, last = path.rpartition(".")
        own = [n for n in variables(module_at(models, owner)).parameters if "." not in n]
        raise wrong("unknown-parameter", f"model '{owner}' has no parameter '{last}'", None,
                    did_you_mean(last, own) or (listed(own) if own else f"'{root}' {listed(known)[3:]}"))
    return known[name]


def shared(models: Mapping[str, Layer]) -> list[tuple[str, str]]:
    """Pairs of models, in their order, that share a parameter."""
    return sharing({name: set(map(id, variables(model).parameters.values())) for name, model in models.items()})
