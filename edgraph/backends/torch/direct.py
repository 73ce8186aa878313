"""An optimizer's step with as little as possible around it, and the same bits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import optimizer as hooks

from edgraph.backends.torch import adam

SMALL = 1 << 18  # numbers
# Classes of torch.optim for which one call for all parameters gives the same bits as one after the other.
SAME_BITS = frozenset(["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "RMSprop", "Rprop", "SGD"])


def direct_step(optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor]) -> Callable[[], Any]:
    """The optimizer's `step` without its wrappers, which cost a tenth of a small update: the region that a
    profiler shows, calls of hooks (here there are none) and turning off gradients (the engine has). Only of
    torch's own classes, whose wrappers are known."""
    small = _take_together(optimizer, params)
    kind = type(optimizer)
    hooked = any([optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks,
                  hooks._global_optimizer_pre_hooks, hooks._global_optimizer_post_hooks])
    if hooked or not kind.__module__.startswith("torch.optim.") or optimizer.defaults.get("differentiable"):
        return optimizer.step
    step: Callable[[], Any] = inspect.unwrap(kind.step).__get__(optimizer)
    return adam.Adam(optimizer, step) if small and adam.fits(optimizer) else step


def _take_together(optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor]) -> bool:
    """Small parameters on the CPU are updated all in one call (`foreach`), unless the author says otherwise: a sixth
    faster. Meanwhile it needs memory as large as the parameters, so not for large ones. Whether it may be so."""
    kind = type(optimizer)
    small = sum(p.numel() for p in params) <= SMALL and all(p.is_cpu and p.dtype is torch.float32 for p in params)
    if not small or not kind.__module__.startswith("torch.optim.") or kind.__name__ not in SAME_BITS:
        return False
    for group in optimizer.param_groups:
        if group.get("foreach") is None and not group.get("fused") and not group.get("differentiable"):
            group["foreach"] = True
    return True
