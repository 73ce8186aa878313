"""Ops that compute values: models, functions and expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from edgraph.ops.markers import Model
from edgraph.ops.registry import op
from edgraph.ops.spec import PortSpec


@op(engine=True, ports=(
    PortSpec("argmax", "(batch, ...) the class with the highest score, along axis 1", derived=True),
    PortSpec("softmax", "(batch, classes, ...) probabilities of the classes, along axis 1", derived=True),
    PortSpec("max", "(batch, ...) the highest score, along axis 1", derived=True)))
def forward(x: Any, *values: Any, model: Annotated[str, Model("reads")], method: str | None = None,
            mode: Literal["auto", "train", "eval"] = "auto") -> Any:
    """Run a model, or a sub-module of one, on values.

    Parts of what the model returns are addressed by path: `out.mean`, `out[0]`.

    x: the model's first argument.
    values: its other arguments, in order or by name.
    model: a model, or the path of a sub-module (`vae.decoder`).
    method: a method of the model to call instead of the model itself (`encode`).
    mode: train lets dropout and batch norm behave as in training; auto is train where an update's gradient
    passes through this node, else eval.
    """


def _importable(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    path = settings["function"]
    if re.fullmatch(r"[^\W\d]\w*([.:][^\W\d]\w*)+", path):
        return None
    return "function", f"expected the path of a function, such as my_ops.{path if path.isidentifier() else 'name'}"


@op(engine=True, rule=_importable)
def call(*values: Any, function: str, **settings: Any) -> Any:
    """Call any Python function that can be imported.

    values: its positional arguments, or keyword arguments where the inputs are a mapping.
    function: the import path, `package.module.name`; modules beside the pipeline count.
    settings: every other key of `with` is passed to it as a keyword argument.
    """


@op(engine=True)
def expr(value: Any) -> Any:
    """The value of an expression: `total: recon + 0.1 * kl` is short for it.

    value: the expression.
    """
