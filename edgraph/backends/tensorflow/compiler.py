"""Regions as functions of TensorFlow: one call of a graph instead of a call of every operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from edgraph.backends.base import Given, Value
from edgraph.backends.tensorflow import keys
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.functions import OPERATORS
from edgraph.backends.tensorflow.tape import Recorder
from edgraph.backends.tensorflow.updater import nonfinite_loss

Region = Callable[..., Value]


class TensorFlowCompiler:
    """See edgraph.backends.base.Compiler. traces: how many times a region has been traced."""

    def __init__(self, tape: Recorder) -> None:
        self._tape = tape
        self.traces = 0

    def mix(self, base: int, key: Any) -> Any:
        return keys.mix(base, key)

    def operator(self, sign: str) -> Callable[..., Value]:
        return OPERATORS[sign]

    def compile(self, region: Region) -> Callable[..., Value]:
        traced = tf.function(self._traced(region), autograph=False)
        compiled: dict[tuple[Any, ...], Any] = {}  # to look there takes a third of the time that `traced` takes for it

        def call(*arguments: Any) -> Value:
            given = [value if isinstance(value, tf.Tensor) else _array(value) for value in arguments]
            key = tuple([(value.shape, value.dtype) if isinstance(value, tf.Tensor) else str(_type(value))
                         for value in given])
            found = compiled.get(key)
            if found is None:
                found = compiled[key] = traced.get_concrete_function(*map(_type, given))
            try:
                return found(*given)
            except tf.errors.InvalidArgumentError as error:
                raise nonfinite_loss(error) or error from None
        return call

    def repeat(self, region: Region, kinds: tuple[Given, ...]) -> Callable[..., tuple[int, Exception | None]]:
        one = self._traced(region)
        at = tf.Variable(0, dtype=tf.int64, trainable=False)  # steps that are done
        compiled: dict[tuple[Any, ...], Any] = {}

        def steps(number: Any, *arguments: Any) -> None:
            def step(done: Any) -> Any:
                # What came before this step is done when the loop goes on, so what fails here is in this step.
                with tf.control_dependencies([at.assign(done)]):
                    rest = iter(arguments)
                    given = [_of_step(kind, rest, done) for kind in kinds]
                one(*given)
                return done + 1
            tf.while_loop(lambda done: done < number, step, [tf.constant(0, tf.int64)], parallel_iterations=1)

        def call(number: int, *arguments: Any) -> tuple[int, Exception | None]:
            given = [part for kind, argument in zip(kinds, arguments, strict=True) for part in _parts(kind, argument)]
            key = tuple((array.shape[1:], array.dtype) for array, _ in given)
            if key not in compiled:
                compiled[key] = tf.function(steps, autograph=False).get_concrete_function(
                    tf.TensorSpec((), tf.int64), *(tf.TensorSpec(shape, array.dtype) for array, shape in given))
            try:
                compiled[key](tf.constant(number, tf.int64), *(array for array, _ in given))
            except tf.errors.OpError as error:
                return int(at), nonfinite_loss(error) or error
            return number, None
        return call

    def _traced(self, region: Region) -> Region:
        def trace(*arguments: Any) -> Value:
            self.traces += 1
            with self._tape.apart():
                return region(*arguments)
        return trace


def _array(value: Any) -> Any:
    """Numbers of Python as tensors: another number is no other kind of argument. Mappings of values stay mappings."""
    if type(value) is int:
        return tf.constant(value if value < 1 << 63 else value - (1 << 64), tf.int64)  # keys of loops have 64 bits
    if isinstance(value, (dict, list, tuple)):
        return tf.nest.map_structure(_array, value)
    return tf.constant(value, tf.float32) if type(value) is float else tf.convert_to_tensor(value)


def _type(value: Any) -> Any:
    return tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape, part.dtype), value)


def _parts(kind: Given, argument: Any) -> Iterator[tuple[Any, tuple[int | None, ...]]]:
    """The tensors of an argument and their shapes, with the number of steps left open."""
    if kind == "rows":
        whole, indices = argument
        yield whole, tuple(whole.shape)
        yield tf.constant(indices), (None, *indices.shape[1:])
    elif kind == "each":
        yield tf.constant(argument, tf.float32 if argument.dtype.kind == "f" else argument.dtype), (None,)
    else:
        value = argument if isinstance(argument, tf.Tensor) else _array(argument)
        yield value, tuple(value.shape)


def _of_step(kind: Given, parts: Iterator[Any], step: Any) -> Any:
    """What the region is given at a step."""
    part = next(parts)
    if kind == "same":
        return tf.identity(part)
    return part[step] if kind == "each" else tf.gather(part, next(parts)[step])
