"""Small helpers that generated code and the interpreter share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Unset:
    """A held value before its source has fired."""

    def __repr__(self) -> str:
        return "unset"


UNSET = Unset()


def field(value: Any, name: str) -> Any:
    """A part of a value by name: the key of a mapping, or the field of a named tuple. No other attribute of an
    object can be reached."""
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        raise KeyError(f"the value has no part '{name}'; it has: {', '.join(map(str, value))}")
    if isinstance(value, tuple) and name in getattr(value, "_fields", ()):
        return getattr(value, name)
    raise TypeError(f"a part '{name}' was asked of a {type(value).__name__}, which has no named parts")
