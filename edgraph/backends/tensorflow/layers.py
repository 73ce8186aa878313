"""The layers that the library's models are made of: torch's, in names, shapes and meaning of their parameters, so that
weights can be exchanged between the backends. Images are (batch, channels, height, width), as data sets give them;
TensorFlow's kernels on the CPU want the channels last, so inside of a model they are: `inner`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edgraph.backends.initial import draw
from edgraph.backends.tensorflow.framework import keras, tf

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": tf.nn.relu, "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.01), "gelu": lambda x: tf.nn.gelu(x, False),
    "silu": tf.nn.silu, "elu": tf.nn.elu, "tanh": tf.tanh, "sigmoid": tf.sigmoid, "softplus": tf.nn.softplus,
    "identity": lambda x: x}


class Plain(keras.layers.Layer):
    """A layer whose work on values with their channels last is `inner`."""

    def inner(self, x: Any, training: bool) -> Any:
        raise NotImplementedError

    def call(self, x: Any, training: bool = False) -> Any:
        return to_first(self.inner(to_last(x), training)) if len(x.shape) == 4 else self.inner(x, training)

    def variable(self, name: str, value: Any, *, trainable: bool = True, autocast: bool = True) -> Any:
        """A variable that starts as this array. autocast: it is read in the type that the layer computes in."""
        array = np.asarray(value)
        made = self.add_weight(name=name, shape=array.shape, dtype=str(array.dtype), trainable=trainable,
                               initializer="zeros", autocast=autocast)
        made.assign(array)
        return made


def to_last(x: Any) -> Any:
    return tf.transpose(x, (0, 2, 3, 1))


def to_first(x: Any) -> Any:
    return tf.transpose(x, (0, 3, 1, 2))


class Function(Plain):
    """An activation, or another layer without variables."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        return self.function(x)


class Flatten(Plain):
    """(batch, ...) as (batch, values)."""

    def inner(self, x: Any, training: bool) -> Any:
        return tf.reshape(x, (-1, math.prod(int(extent) for extent in x.shape[1:])))

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inner(x, training)


class Linear(Plain):
    """x W^T + b, with W of shape (outputs, inputs)."""

    def __init__(self, inputs: int, outputs: int, generator: Any, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = self.variable("weight", draw(generator, (outputs, inputs), inputs))
        self.bias = self.variable("bias", draw(generator, (outputs,), inputs)) if bias else None
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        made = tf.matmul(x, tf.convert_to_tensor(self.weight), transpose_b=True)
        return made if self.bias is None else tf.nn.bias_add(made, tf.convert_to_tensor(self.bias))


class Conv2d(Plain):
    """A convolution that keeps height and width, with weights of shape (outputs, inputs, kernel, kernel)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, generator: Any) -> None:
        super().__init__()
        count = inputs * kernel * kernel
        self.weight = self.variable("weight", draw(generator, (outputs, inputs, kernel, kernel), count))
        self.bias = self.variable("bias", draw(generator, (outputs,), count))
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        kernel = tf.transpose(tf.convert_to_tensor(self.weight), (2, 3, 1, 0))
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), tf.convert_to_tensor(self.bias))


class BatchNorm(Plain):
    """torch's batch normalisation: the running variance is the unbiased one, and moves by a tenth."""

    def __init__(self, width: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = self.variable("weight", np.ones(width, np.float32), autocast=False)
        self.bias = self.variable("bias", np.zeros(width, np.float32), autocast=False)
        self.running_mean = self._statistic("running_mean", np.zeros(width, np.float32))
        self.running_var = self._statistic("running_var", np.ones(width, np.float32))
        self.batches = self._statistic("num_batches_tracked", np.zeros((), np.int64))
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        wide = tf.cast(x, tf.float32)
        if training:
            mean, variance = tf.nn.moments(wide, list(range(len(x.shape) - 1)))
            self._follow(mean, variance, tf.size(wide) // tf.shape(wide)[-1])
        else:
            mean, variance = self.running_mean.value, self.running_var.value
        made = tf.nn.batch_normalization(wide, mean, variance, self.bias.value, self.weight.value, self.eps)
        return tf.cast(made, x.dtype)

    def _statistic(self, name: str, value: Any) -> Any:
        return self.variable(name, value, trainable=False, autocast=False)

    def _follow(self, mean: Any, variance: Any, count: Any) -> None:
        number = tf.cast(count, tf.float32)
        unbiased = tf.stop_gradient(variance) * (number / tf.maximum(number - 1.0, 1.0))
        for running, new in ((self.running_mean.value, tf.stop_gradient(mean)), (self.running_var.value, unbiased)):
            running.assign_add(self.momentum * (new - running))
        self.batches.value.assign_add(1)


class Dropout(Plain):
    """Some values set to zero in training, and the others made as much larger."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.drop = keras.layers.Dropout(rate)
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        return self.drop(x, training=training)


class Stack(Plain):
    """Layers one after the other; sub-modules are addressed by their number."""

    def __init__(self, stages: list[Any]) -> None:
        super().__init__()
        self.stages = stages
        self.built = True

    def inner(self, x: Any, training: bool) -> Any:
        for stage in self.stages:
            x = stage.inner(x, training)
        return x
