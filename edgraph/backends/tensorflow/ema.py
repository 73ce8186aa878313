"""Weights that follow others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgraph.backends.found import wrong
from edgraph.backends.tensorflow.tree import module_at, variables


def update_ema(models: Mapping[str, Any], target: str, source: str, decay: float) -> Callable[[], None]:
    """A function that moves the parameters of `target` towards those of `source`, and copies the buffers."""
    into, of = variables(module_at(models, target)), variables(module_at(models, source))
    shapes = [{name: tuple(p.shape) for name, p in part.parameters.items()} for part in (into, of)]
    if shapes[0] != shapes[1]:
        odd = next(n for n in [*shapes[0], *shapes[1]] if shapes[0].get(n) != shapes[1].get(n))
        raise wrong("different-models", f"'{target}' cannot follow '{source}': they differ in parameter "
                    f"'{odd}'", None, f"make one a copy of the other: '{target}: {{copy: {source}}}'")
    pairs = [(p, of.parameters[name]) for name, p in into.parameters.items() if p.dtype.is_floating]
    copied = list(zip(into.buffers.values(), of.buffers.values(), strict=True))
    weight = 1.0 - decay

    def update() -> None:
        for old, new in pairs:
            old.assign_add(weight * (new - old))
        for kept, current in copied:
            kept.assign(current)
    return update
