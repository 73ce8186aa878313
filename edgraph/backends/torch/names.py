"""What names of models, optimizers and schedules mean, by the registry and by torch itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import torch

from edgraph.backends.names import Kind, registered
from edgraph.ops.registry import Registered, registry
from edgraph.ops.signature import parameters_of
from edgraph.ops.spec import ParamSpec

Takes: TypeAlias = tuple[tuple[ParamSpec, ...] | None, bool]  # parameters (None: unknown); if others go too


def models() -> dict[str, Registered]:
    """The registered models that this backend can make."""
    return registered("model", "torch")


def optimizers() -> dict[str, Registered]:
    """Registered optimizers, and every class of torch.optim."""
    return _classes(torch.optim, torch.optim.Optimizer) | registered("optimizer", "torch")


def schedules() -> dict[str, Registered]:
    """Registered schedules, and every class of torch.optim.lr_scheduler."""
    return _classes(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler) | registered("schedule", "torch")


def settings(kind: Kind, name: str, target: Callable[..., Any], given: Collection[str] = ()) -> Takes:
    """What `with` takes for an optimizer or scheduler: without the parameters that are given besides, by
    default the first one."""
    item = registry.table(kind).get(name)
    if isinstance(item, Registered) and item.params is not None:
        return item.params, item.open_params
    try:
        params, is_open, _ = parameters_of(target)
    except (TypeError, ValueError):
        return None, True
    given = given or {next(iter(inspect.signature(target).parameters))}
    return tuple(p for p in params if p.name not in given), is_open


def needs_closure(optimizer: Any) -> bool:
    """Whether `step` cannot be called without a function that recomputes the loss (LBFGS)."""
    step = getattr(optimizer, "step", None)
    closure = inspect.signature(step).parameters.get("closure") if step is not None else None
    return closure is not None and closure.default is closure.empty


def _classes(module: Any, base: type) -> dict[str, Registered]:
    found = {name: item for name, item in vars(module).items() if not name.startswith("_")
             and inspect.isclass(item) and issubclass(item, base) and item is not base}
    return {name: Registered(name, None, item, open_params=True) for name, item in sorted(found.items())}
