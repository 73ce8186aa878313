"""Running models: mode, which variables are watched, random numbers and buffers of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgraph.backends.base import Bound
from edgraph.backends.calls import with_names
from edgraph.backends.found import method_of
from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.backends.tensorflow.keys import mix, pair
from edgraph.backends.tensorflow.tape import Recorder
from edgraph.backends.tensorflow.tree import module_at, random_states, variables
from edgraph.ops.random import node_base

Call = Callable[..., Any]


class Models:
    """The models of a run, and calls of them."""

    def __init__(self, models: Mapping[str, Any], frozen: frozenset[str], recorder: Recorder, *, seed: int) -> None:
        self.models = models
        self.frozen = frozen
        self.recorder = recorder
        self.seed = seed
        self.trained: dict[str, frozenset[int]] = {}  # ids of the variables of each optimizer
        self._watched: list[tuple[dict[int, Any], list[Any]]] = []  # of each call its parameters, and those it watches
        self._asked: set[int] = set()  # parameters that a `gradient` is taken with respect to

    def bind(self, node: str, path: str, *, method: str | None, train: bool, trains: frozenset[str],
             buffers: bool, names: tuple[str, ...]) -> Bound:
        """See Backend.forward."""
        module = module_at(self.models, path)
        train = train and path.split(".")[0] not in self.frozen
        run = _in_mode(module if method is None else _method(module, method, path), train, direct=method is None)
        run = with_names(run, names)
        found = variables(module)
        run = self._recording(run, found.parameters, trains)
        if train and not buffers and found.buffers:
            run = _keeping(run, list(found.buffers.values()))
        states = random_states(module)
        return Bound(_seeded(run, states, node_base(self.seed, node)), ("key",)) if states else Bound(run)

    def watch(self, parameter: Any) -> None:
        """A gradient is taken with respect to this parameter: calls must record it."""
        self._asked.add(id(parameter))
        for parameters, watched in self._watched:
            if id(parameter) in parameters and not any(v is parameter for v in watched):
                watched.append(parameter)

    def _recording(self, run: Call, parameters: Mapping[str, Any], trains: frozenset[str]) -> Call:
        """Only what an optimizer updates whose gradients pass here is watched: nothing else is recorded."""
        wanted = frozenset().union(*(self.trained[name] for name in trains)) | self._asked
        watched = [v for v in parameters.values() if id(v) in wanted]
        self._watched.append(({id(v): v for v in parameters.values()}, watched))
        recorder = self.recorder

        def recording(*inputs: Any) -> Any:
            if recorder.on and watched:
                recorder.watch(watched)
            return run(*inputs)
        return recording


class Inside(keras.layers.Layer):
    """Calls a method of a model in train or eval mode, as if it were that of a layer."""

    def __init__(self, function: Call) -> None:
        super().__init__(autocast=False)
        self.built = True
        self._function = [function]  # in a list, and so not tracked as a part of this layer

    def call(self, values: Any, named: Any, training: bool = False) -> Any:
        return self._function[0](*values, **named)


def _in_mode(run: Call, train: bool, *, direct: bool) -> Call:
    if direct and run._call_has_training_arg:  # type: ignore[attr-defined]
        return lambda *inputs, **named: run(*inputs, training=train, **named)
    inside = Inside(run)
    return lambda *inputs, **named: inside(inputs, named, training=train)


# -- what is wrapped around a call, innermost first ---------------------------------------------------

def _keeping(run: Call, buffers: list[Any]) -> Call:
    """The call changes the buffers, and afterwards they are as they were."""
    def keeping(*inputs: Any) -> Any:
        kept = [tf.identity(buffer) for buffer in buffers]
        made = run(*inputs)
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.assign(value)
        return made
    return keeping


def _seeded(run: Call, states: list[Any], base: int) -> Call:
    """Each generator of the model starts anew, from (node, key) and its place in the model."""
    def seeded(key: Any, *inputs: Any) -> Any:
        seed = mix(base, key)
        for number, state in enumerate(states):
            state.assign(tf.cast(pair(seed, number), state.dtype))
        return run(*inputs)
    return seeded


def _method(module: Any, method: str, path: str) -> Call:
    own = [name for name in dir(type(module)) if not hasattr(keras.layers.Layer, name)]
    return method_of(module, path, method, own)
