"""Calls of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def with_names(run: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """The same call, where all inputs come in order: the last ones are passed on by these names."""
    if not names:
        return run
    first = -len(names)
    return lambda *inputs: run(*inputs[:first], **dict(zip(names, inputs[first:], strict=True)))
