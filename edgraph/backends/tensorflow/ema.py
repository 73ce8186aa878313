"""Weights that follow others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgraph.backends.tensorflow.tree import module_at, variables
from edgraph.backends.weights import check_same_shapes


def update_ema(models: Mapping[str, Any], target: str, source: str, decay: float) -> Callable[[], None]:
    """A function that moves the parameters of `target` towards those of `source`, and copies the buffers."""
    into, of = variables(module_at(models, target)), variables(module_at(models, source))
    shapes = [{name: tuple(p.shape) for name, p in part.parameters.items()} for part in (into, of)]
    check_same_shapes(target, source, *shapes)
    pairs = [(p, of.parameters[name]) for name, p in into.parameters.items() if p.dtype.is_floating]
    copied = list(zip(into.buffers.values(), of.buffers.values(), strict=True))
    weight = 1.0 - decay

    def update() -> None:
        for old, new in pairs:
            old.assign_add(weight * (new - old))
        for kept, current in copied:
            kept.assign(current)
    return update
