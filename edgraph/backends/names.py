"""What names of models, optimizers and schedules mean on a backend, by the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgraph.ops.registry import Registered, registry

Kind = Literal["model", "optimizer", "schedule"]


def registered(kind: Kind, backend: str) -> dict[str, Registered]:
    """What is registered for a backend. `{backend}` in a target is its name."""
    return {name: replace(item, target=item.target.replace("{backend}", backend))
            if isinstance(item.target, str) else item
            for name, item in registry.table(kind).items()
            if isinstance(item, Registered) and (not item.backends or backend in item.backends)}
