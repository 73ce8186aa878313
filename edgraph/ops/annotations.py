"""Annotations as checks of what an author wrote: from a tree to a value, or a readable Mismatch."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from edgraph.ops import markers
from edgraph.ops.foreign import foreign
from edgraph.ops.mismatch import ANYTHING, Checker, Mismatch, describe
from edgraph.ops.scalars import SCALARS, literal
from edgraph.text.source import Mapping, Scalar, Sequence, Tree
from edgraph.text.suggest import did_you_mean

__all__ = ["checker", "describe"]
_CHECKERS: dict[Any, Checker] = {}


def checker(annotation: Any) -> Checker:
    """The check of an annotation, made once."""
    try:
        found = _CHECKERS.get(annotation)
    except TypeError:  # not hashable
        return _make(annotation)
    if found is None:
        found = _CHECKERS[annotation] = _make(annotation)
    return found


def _make(annotation: Any) -> Checker:
    if annotation in (Any, object) or isinstance(annotation, TypeVar):
        return ANYTHING
    if (annotation is None or isinstance(annotation, type)) and annotation in SCALARS:
        return SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(checker(arguments[0]), arguments[1:])
    if origin is Literal:
        return literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if annotation in (list, tuple) or origin in (list, AbstractSequence, Iterable):
        return _list(checker(arguments[0]) if arguments else ANYTHING)
    if origin is tuple:
        return _tuple(arguments)
    if annotation in (dict, AbstractMapping) or origin in (dict, AbstractMapping):
        return _dict(checker(arguments[1]) if arguments else ANYTHING)
    if is_typeddict(annotation):
        return _typed_dict(annotation)
    if origin is Callable or annotation is Callable:
        return ANYTHING
    return foreign(annotation)


# -- markers -------------------------------------------------------------------------------------------

def _annotated(inner: Checker, marks: tuple[Any, ...]) -> Checker:
    for mark in marks:
        match mark:
            case markers.Range():
                inner = _ranged(inner, mark)
            case markers.Length():
                inner = _sized(inner, mark)
            case markers.Unit(name):
                inner = Checker(f"{inner.expected} of {name}", inner.convert)
            case markers.Model():
                inner = _renamed(inner, "the name of a model")
            case markers.Optimizer():
                inner = _renamed(inner, "the name of an optimizer")
            case markers.Data():
                inner = _renamed(inner, "the name of a data set")
            case markers.Graph():
                inner = _renamed(inner, "the name of a graph")
            case markers.Every():
                inner = Checker("a clock", inner.convert)
    return inner


def _renamed(inner: Checker, expected: str) -> Checker:
    if inner.expected.startswith("a list"):
        return inner
    if inner.expected.endswith("or null"):
        expected += " or null"

    def convert(tree: Tree) -> Any:
        try:
            return inner.convert(tree)
        except Mismatch as mismatch:
            raise Mismatch(mismatch.code, mismatch.tree, expected) from None

    return Checker(expected, convert)


def _ranged(inner: Checker, bounds: markers.Range) -> Checker:
    expected = f"{inner.expected} {bounds.describe()}"

    def convert(tree: Tree) -> Any:
        try:
            value = inner.convert(tree)
        except Mismatch as mismatch:
            raise Mismatch(mismatch.code, tree, expected, mismatch.help) from None
        if value is not None and not bounds.holds(value):
            raise Mismatch("out-of-range", tree, expected)
        return value

    return Checker(expected, convert)


def _sized(inner: Checker, length: markers.Length) -> Checker:
    is_text = inner.expected == "a text"
    if is_text:
        expected = f"a text of {length.describe()} characters"
        if length == markers.Length(1):
            expected = "a text that is not empty"
    else:
        expected = inner.expected.replace("a list of", f"a list of {length.describe()}", 1)

    def convert(tree: Tree) -> Any:
        value = inner.convert(tree)
        if value is not None and not length.holds(len(value)):
            raise Mismatch("out-of-range", tree, expected)
        return value

    return Checker(expected, convert)


# -- containers ----------------------------------------------------------------------------------------

def _union(options: tuple[Any, ...]) -> Checker:
    checkers = [checker(option) for option in options if option not in (None, types.NoneType)]
    optional = len(checkers) < len(options)
    expected = " or ".join([c.expected for c in checkers] + (["null"] if optional else []))

    def convert(tree: Tree) -> Any:
        if optional and isinstance(tree, Scalar) and tree.value is None:
            return None
        best: Mismatch | None = None
        for option in checkers:
            try:
                return option.convert(tree)
            except Mismatch as mismatch:
                # the alternative that the author came nearest to: the one whose mismatch is deeper inside
                if mismatch.code != "wrong-type" or mismatch.tree is not tree or len(checkers) == 1:
                    best = best or mismatch
        raise best or Mismatch("wrong-type", tree, expected)

    return Checker(expected, convert)


def _plural(expected: str) -> str:
    """`a whole number at least 1` in a list: `whole numbers at least 1`."""
    if " or " in expected:
        return " or ".join(map(_plural, expected.split(" or ")))
    words = {"a list of ": "lists of ",
             "a whole number": "whole numbers", "a number": "numbers", "a text": "texts", "a path": "paths"}
    for one, many in words.items():
        if expected.startswith(one):
            return many + expected[len(one):]
    return "values" if expected == "anything" else expected


def _list(item: Checker) -> Checker:
    expected = f"a list of {_plural(item.expected)}"

    def convert(tree: Tree) -> Any:
        if not isinstance(tree, Sequence):
            single = f"write [{tree.raw}]" if isinstance(tree, Scalar) and tree.value is not None else None
            raise Mismatch("wrong-type", tree, expected, single)
        return [item.convert(part) for part in tree.items]

    return Checker(expected, convert)


def _tuple(arguments: tuple[Any, ...]) -> Checker:
    if len(arguments) == 2 and arguments[1] is ...:
        many = _list(checker(arguments[0]))
        return Checker(many.expected, lambda tree: tuple(many.convert(tree)))
    items = [checker(argument) for argument in arguments]
    kinds = {item.expected for item in items}
    expected = (f"a list of {len(items)} {_plural(items[0].expected)}" if len(kinds) == 1
                else f"a list [{', '.join(item.expected for item in items)}]")

    def convert(tree: Tree) -> Any:
        if not isinstance(tree, Sequence) or len(tree.items) != len(items):
            raise Mismatch("wrong-type", tree, expected)
        return tuple(item.convert(part) for item, part in zip(items, tree.items, strict=True))

    return Checker(expected, convert)


def _dict(value: Checker) -> Checker:
    expected = "a mapping" if value is ANYTHING else f"a mapping to {_plural(value.expected)}"

    def convert(tree: Tree) -> Any:
        if not isinstance(tree, Mapping):
            raise Mismatch("wrong-type", tree, expected)
        return {key: value.convert(entry.value) for key, entry in tree.entries.items()}

    return Checker(expected, convert)


def _typed_dict(annotation: Any) -> Checker:
    items = {name: checker(hint) for name, hint in get_type_hints(annotation, include_extras=True).items()}
    required = annotation.__required_keys__
    parts = [f"{'' if name in required else 'maybe '}{name}: {item.expected}" for name, item in items.items()]
    expected = f"{{{', '.join(parts)}}}"

    def convert(tree: Tree) -> Any:
        if not isinstance(tree, Mapping):
            raise Mismatch("wrong-type", tree, expected)
        for key, entry in tree.entries.items():
            if key not in items:
                raise Mismatch("unknown-parameter", tree, expected, did_you_mean(key, items),
                               f"expected {expected}, found the key '{key}'", entry.span)
        missing = [name for name in items if name in required and name not in tree.entries]
        if missing:
            raise Mismatch("missing-parameter", tree, expected,
                           message=f"expected {expected}, '{missing[0]}' is missing")
        return {key: items[key].convert(entry.value) for key, entry in tree.entries.items()}

    return Checker(expected, convert)
