"""Checks of numbers, texts, truth values and choices among a few."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

from edgraph.ops.mismatch import Checker, Mismatch
from edgraph.text.scalars import number_meant, resolve
from edgraph.text.source import Scalar, Tree
from edgraph.text.suggest import did_you_mean, hint


def _bool(tree: Tree) -> bool:
    if isinstance(tree, Scalar) and isinstance(tree.value, bool):
        return tree.value
    written = tree.value.lower() if isinstance(tree, Scalar) and isinstance(tree.value, str) else ""
    meant = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
    help = hint(f"write {meant[written]}", meant[written]) if written in meant else None
    raise Mismatch("wrong-type", tree, "true or false", help)


def _int(tree: Tree) -> int:
    value = tree.value if isinstance(tree, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Mismatch("wrong-type", tree, "a whole number", _quoted_number(value, int))


def _float(tree: Tree) -> float:
    value = tree.value if isinstance(tree, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _as_float(value, tree)
    raise Mismatch("wrong-type", tree, "a number", _quoted_number(value, float))


def _as_float(value: float, tree: Tree) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Mismatch("out-of-range", tree, "a number that fits a float") from None


def _quoted_number(value: Any, kind: type) -> str | None:
    meant = number_meant(value) if isinstance(value, str) else None
    number = resolve(meant) if meant is not None else None
    if meant is None or (kind is int and isinstance(number, float) and not number.is_integer()):
        return None
    return hint(f"without {'underscores' if '_' in value else 'quotes'} {meant} is a number", meant)


def _str(tree: Tree) -> str:
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return tree.value
    quoted = f'"{tree.raw}"' if isinstance(tree, Scalar) and tree.value is not None else ""
    raise Mismatch("wrong-type", tree, "a text", hint(f"quote it: {quoted}", quoted) if quoted else None)


def _none(tree: Tree) -> None:
    if not isinstance(tree, Scalar) or tree.value is not None:
        raise Mismatch("wrong-type", tree, "null")


def _path(tree: Tree) -> Path:
    return Path(_str(tree))


SCALARS: dict[Any, Checker] = {
    bool: Checker("true or false", _bool), int: Checker("a whole number", _int),
    float: Checker("a number", _float), str: Checker("a text", _str), None: Checker("null", _none),
    types.NoneType: Checker("null", _none), Path: Checker("a path", _path),
}


def literal(options: tuple[Any, ...]) -> Checker:
    expected = options_text(options)
    keyed: dict[tuple[type, Any], Any] = {(type(option), option): option for option in options}

    def convert(tree: Tree) -> Any:
        value: Any = tree.value if isinstance(tree, Scalar) else None
        key = (str if isinstance(value, str) else type(value), value)
        if isinstance(tree, Scalar) and key in keyed:
            return keyed[key]
        texts = [option for option in options if isinstance(option, str)]
        near = did_you_mean(value, texts) if isinstance(value, str) else ""
        raise Mismatch("unknown-value", tree, expected, near if near.startswith("did") else None)

    return Checker(expected, convert)


def options_text(options: tuple[Any, ...]) -> str:
    """`one of 'auto', 'train', 'eval'`."""
    shown = [repr(o) if isinstance(o, str) else "null" if o is None else str(o).lower() for o in options]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"
