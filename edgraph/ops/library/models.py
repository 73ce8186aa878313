"""Declarations of the built-in models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from edgraph.ops.markers import Count, Length, Range
from edgraph.ops.registry import model

_BACKENDS = ("torch", "tensorflow")
Activation = Literal["relu", "leaky_relu", "gelu", "silu", "elu", "tanh", "sigmoid", "softplus", "identity"]
Dropout = Annotated[float, Range(min=0, below=1)]


@model(at="edgraph.backends.{backend}.models:MLP", backends=_BACKENDS)
def mlp(*, sizes: Annotated[list[Count], Length(min=2)], activation: Activation = "relu",
        dropout: Dropout = 0.0, batch_norm: bool = False, bias: bool = True) -> Any:
    """Linear layers with activations between them. The input is flattened to (batch, sizes[0]).

    sizes: the size of the input, of each hidden layer and of the output.
    activation: what follows each layer but the last.
    dropout: the share of values set to zero after each activation, in training.
    batch_norm: batch normalisation before each activation.
    bias: whether layers have a bias.
    """


@model(at="edgraph.backends.{backend}.models:ConvNet", backends=_BACKENDS)
def convnet(*, channels: Annotated[list[Count], Length(min=1)], classes: Count, in_channels: Count = 1,
            kernel: Count = 3, pool: Count = 2, activation: Activation = "relu", dropout: Dropout = 0.0,
            batch_norm: bool = False) -> Any:
    """Convolutions with activations and max pooling, the mean over positions, and a linear layer.

    The input is (batch, in_channels, height, width), the output (batch, classes) scores.

    channels: the channels after each convolution.
    classes: how many scores come out.
    in_channels: the channels of the input.
    kernel: the width and height of each convolution.
    pool: the size of max pooling after each convolution; 1 for none.
    activation: what follows each convolution.
    dropout: the share of values set to zero before the linear layer, in training.
    batch_norm: batch normalisation before each activation.
    """
