"""What names of models, optimizers and schedules mean on a backend, by the registry."""

from __future__ import annotations

from typing import Literal

from edgraph.ops.registry import Registered, registry

Kind = Literal["model", "optimizer", "schedule"]


def registered(kind: Kind, backend: str) -> dict[str, Registered]:
    """What is registered for a backend."""
    return {name: item.on(backend) for name, item in registry.table(kind).items()
            if isinstance(item, Registered) and (not item.backends or backend in item.backends)}
