"""The models of the library, with the same parameters and the same initial weights as torch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from edgraph.backends.initial import generator
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.layers import (
    ACTIVATIONS,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Function,
    Linear,
    Plain,
    Stack,
)


class MLP(Stack):
    """Flatten, then for each size a `Linear` (and but for the last batch norm, activation, dropout).

    Takes (batch, ...) with sizes[0] values an example, gives (batch, sizes[-1]).
    """

    def __init__(self, *, sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0,
                 batch_norm: bool = False, bias: bool = True) -> None:
        drawn = generator()
        layers: list[Any] = [Flatten()]
        last = len(sizes) - 2
        for number, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers.append(Linear(inputs, outputs, drawn, bias=bias))
            if number < last:
                layers += _after(outputs, batch_norm, activation)
                layers += [Dropout(dropout)] if dropout else []
        super().__init__(layers)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inner(x, training)


class ConvNet(Stack):
    """For each of `channels` a `Conv2d` (batch norm), activation and max pooling; then the mean over positions,
    dropout and `Linear`. Takes (batch, in_channels, height, width), gives (batch, classes)."""

    def __init__(self, *, channels: Sequence[int], classes: int, in_channels: int = 1, kernel: int = 3,
                 pool: int = 2, activation: str = "relu", dropout: float = 0.0,
                 batch_norm: bool = False) -> None:
        drawn = generator()
        layers: list[Any] = []
        for inputs, outputs in zip([in_channels, *channels[:-1]], channels, strict=True):
            layers.append(Conv2d(inputs, outputs, kernel, drawn))
            layers += _after(outputs, batch_norm, activation)
            layers += [Function(_pooling(pool))] if pool > 1 else []
        layers += [Function(lambda x: tf.reduce_mean(x, (1, 2), keepdims=True)), Flatten()]
        layers += [Dropout(dropout)] if dropout else []
        layers.append(Linear(channels[-1], classes, drawn))
        super().__init__(layers)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inner(tf.transpose(x, (0, 2, 3, 1)), training)


def _after(width: int, batch_norm: bool, activation: str) -> list[Plain]:
    return [*([BatchNorm(width)] if batch_norm else []), Function(ACTIVATIONS[activation])]


def _pooling(size: int) -> Callable[[Any], Any]:
    return lambda x: tf.nn.max_pool2d(x, size, size, "VALID")
