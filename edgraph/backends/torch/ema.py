"""Weights that follow others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from edgraph.backends.found import wrong
from edgraph.backends.torch.paths import module_at


def update_ema(models: Mapping[str, nn.Module], target: str, source: str, decay: float) -> Callable[[], None]:
    """A function that moves the parameters of `target` towards those of `source`, and copies the buffers."""
    into, of = module_at(models, target), module_at(models, source)
    old, new = dict(into.named_parameters()), dict(of.named_parameters())
    shapes = [{name: p.shape for name, p in part.items()} for part in (old, new)]
    if shapes[0] != shapes[1]:
        odd = next(n for n in [*old, *new] if shapes[0].get(n) != shapes[1].get(n))
        raise wrong("different-models", f"'{target}' cannot follow '{source}': they differ in parameter "
                    f"'{odd}'", None, f"make one a copy of the other: '{target}: {{copy: {source}}}'")
    moved = [name for name, p in old.items() if p.is_floating_point() or p.is_complex()]
    olds: list[torch.Tensor] = [old[name] for name in moved]
    news: list[torch.Tensor] = [new[name] for name in moved]
    weight = 1.0 - decay

    def update() -> None:
        with torch.no_grad():
            if olds:
                torch._foreach_lerp_(olds, news, weight)
            kept, current = list(into.buffers()), list(of.buffers())
            if kept:
                torch._foreach_copy_(kept, current)
    return update
