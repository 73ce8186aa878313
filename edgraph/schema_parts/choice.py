"""A mapping whose other keys depend on one of them, in the shape that editors handle best.

A balanced tree of if/then/else on `op` (or `use`), each test written as `not … the second half`, under one
outer `if` that an unknown name never passes. A plain enum test spoils hover.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgraph.schema_parts.values import Schema


def by_name(key: str, names: Sequence[str], leaf: Callable[[str], Schema]) -> Schema:
    """`if` and `then` for a schema: what `leaf` says of a name holds where `key` is that name."""
    if not names:
        return {}
    test = {"type": "object", "required": [key], "properties": {key: {"enum": list(names)}}}
    return {"if": test, "then": _tree(key, names, leaf)}


def _tree(key: str, names: Sequence[str], leaf: Callable[[str], Schema]) -> Schema:
    if len(names) == 1:
        return leaf(names[0])
    middle = (len(names) + 1) // 2
    return {"if": {"not": {"properties": {key: {"enum": list(names[middle:])}}}},
            "then": _tree(key, names[:middle], leaf),
            "else": _tree(key, names[middle:], leaf)}
