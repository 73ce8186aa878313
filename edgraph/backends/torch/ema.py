"""Weights that follow others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from edgraph.backends.torch.paths import module_at
from edgraph.backends.weights import check_same_shapes


def update_ema(models: Mapping[str, nn.Module], target: str, source: str, decay: float) -> Callable[[], None]:
    """A function that moves the parameters of `target` towards those of `source`, and copies the buffers."""
    into, of = module_at(models, target), module_at(models, source)
    old, new = dict(into.named_parameters()), dict(of.named_parameters())
    shapes = [{name: tuple(p.shape) for name, p in part.items()} for part in (old, new)]
    check_same_shapes(target, source, *shapes)
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
