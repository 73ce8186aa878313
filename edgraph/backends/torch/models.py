"""The models of the library: plain sequences of torch's own layers, so that a twin is written in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from edgraph.backends.initial import draw, generator

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "silu": nn.SiLU, "elu": nn.ELU,
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softplus": nn.Softplus, "identity": nn.Identity}


class MLP(nn.Sequential):
    """`Flatten`, then for each size `Linear` (and but for the last `BatchNorm1d`, activation, `Dropout`).

    Takes (batch, ...) with sizes[0] values an example, gives (batch, sizes[-1]).
    """

    def __init__(self, *, sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0,
                 batch_norm: bool = False, bias: bool = True) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        last = len(sizes) - 2
        for number, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers.append(nn.Linear(inputs, outputs, bias=bias))
            if number < last:
                layers += _after(outputs, nn.BatchNorm1d if batch_norm else None, activation)
                layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers)
        initialise(self, generator())


class ConvNet(nn.Sequential):
    """For each of `channels` `Conv2d` (`BatchNorm2d`), activation and `MaxPool2d`; then the mean over
    positions, `Dropout` and `Linear`. Takes (batch, in_channels, height, width), gives (batch, classes)."""

    def __init__(self, *, channels: Sequence[int], classes: int, in_channels: int = 1, kernel: int = 3,
                 pool: int = 2, activation: str = "relu", dropout: float = 0.0,
                 batch_norm: bool = False) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in zip([in_channels, *channels[:-1]], channels, strict=True):
            layers.append(nn.Conv2d(inputs, outputs, kernel, padding="same"))
            layers += _after(outputs, nn.BatchNorm2d if batch_norm else None, activation)
            layers += [nn.MaxPool2d(pool)] if pool > 1 else []
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [nn.Dropout(dropout)] if dropout else []
        layers.append(nn.Linear(channels[-1], classes))
        super().__init__(*layers)
        initialise(self, generator())


def initialise(module: nn.Module, drawn: Any) -> None:
    """Weights and biases of linear layers and convolutions, one layer after the other, from a generator of NumPy: what
    the library's models start with on every backend, and a twin written by hand with `edgraph.rng(seed, "models.net",
    0)` too."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                inputs = layer.weight[0].numel()
                for parameter in layer.parameters(recurse=False):
                    parameter.copy_(torch.from_numpy(draw(drawn, parameter.shape, inputs)))


def _after(width: int, norm: Callable[[int], nn.Module] | None, activation: str) -> list[nn.Module]:
    return [*([norm(width)] if norm else []), ACTIVATIONS[activation]()]
