"""Annotations as checks of what an author wrote: from a tree to a value, or a readable Mismatch.

Common annotations are checked here; pydantic is imported only for the others, and an annotation that it does
not know either (a class of a framework) is taken on trust, so that validation stays fast.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from edgraph.ops import markers
from edgraph.text.source import Mapping, Scalar, Sequence, Span, Tree, plain
from edgraph.text.suggest import did_you_mean


class Mismatch(Exception):
    """What was found at `tree` is not what was expected. `message` says both."""

    def __init__(self, code: str, tree: Tree, expected: str, help: str | None = None,
                 message: str | None = None, span: Span | None = None) -> None:
        self.code = code
        self.tree = tree
        self.expected = expected
        self.help = help or None
        self.span = span or tree.span
        self.message = message or f"expected {expected}, found {describe(tree)}"
        super().__init__(self.message)


Convert = Callable[[Tree], Any]


@dataclass(frozen=True, slots=True)
class Checker:
    """`convert` gives the value or raises Mismatch; `expected` completes the sentence "expected …"."""

    expected: str
    convert: Convert


def describe(tree: Tree) -> str:
    """What an author wrote, in words: `the text 'fast'`, `a list of 3`."""
    if isinstance(tree, Sequence):
        return f"a list of {len(tree.items)}"
    if isinstance(tree, Mapping):
        keys = ", ".join(list(tree.entries)[:4]) + (", …" if len(tree.entries) > 4 else "")
        return f"a mapping with {keys}" if keys else "an empty mapping"
    match tree.value:
        case None:
            return "nothing"
        case bool():
            return f"{str(tree.value).lower()}"
        case str():
            return f"the text {_shortened(tree.value)!r}"
    return f"the number {tree.raw}"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def holds_use(tree: Tree) -> bool:
    """Whether a tree is or has inside it a `use:` that is to be constructed."""
    if isinstance(tree, Mapping):
        return "use" in tree.entries or any(holds_use(entry.value) for entry in tree.entries.values())
    return isinstance(tree, Sequence) and any(holds_use(item) for item in tree.items)


def anything(tree: Tree) -> Any:
    """The plain value; a tree that holds a `use:` stays as it is, for whoever constructs it."""
    return tree if holds_use(tree) else plain(tree)


ANYTHING = Checker("anything", anything)
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
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(checker(arguments[0]), arguments[1:])
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if annotation in (list, tuple, set) or origin in (list, AbstractSequence, Iterable, set, frozenset):
        return _list(checker(arguments[0]) if arguments else ANYTHING)
    if origin is tuple:
        return _tuple(arguments)
    if annotation in (dict, AbstractMapping) or origin in (dict, AbstractMapping):
        return _dict(checker(arguments[1]) if arguments else ANYTHING)
    if is_typeddict(annotation):
        return _typed_dict(annotation)
    if origin is Callable or annotation is Callable:
        return ANYTHING
    return _foreign(annotation)


# -- numbers, texts ------------------------------------------------------------------------------------

def _bool(tree: Tree) -> bool:
    if isinstance(tree, Scalar) and isinstance(tree.value, bool):
        return tree.value
    written = tree.value.lower() if isinstance(tree, Scalar) and isinstance(tree.value, str) else ""
    meant = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
    help = f"write {meant[written]}" if written in meant else None
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
    if isinstance(value, str):
        try:
            kind(value)
        except (ValueError, OverflowError):
            return None
        return f"without quotes {value} is a number"
    return None


def _str(tree: Tree) -> str:
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return tree.value
    hint = f'quote it: "{tree.raw}"' if isinstance(tree, Scalar) and tree.value is not None else None
    raise Mismatch("wrong-type", tree, "a text", hint)


def _none(tree: Tree) -> None:
    if not isinstance(tree, Scalar) or tree.value is not None:
        raise Mismatch("wrong-type", tree, "null")


def _path(tree: Tree) -> Path:
    return Path(_str(tree))


_SCALARS: dict[Any, Checker] = {
    bool: Checker("true or false", _bool), int: Checker("a whole number", _int),
    float: Checker("a number", _float), str: Checker("a text", _str), None: Checker("null", _none),
    types.NoneType: Checker("null", _none), Path: Checker("a path", _path),
}


def _literal(options: tuple[Any, ...]) -> Checker:
    expected = options_text(options)
    keyed: dict[tuple[type, Any], Any] = {(type(option), option): option for option in options}

    def convert(tree: Tree) -> Any:
        value: Any = tree.value if isinstance(tree, Scalar) else None
        key = (type(value), value)
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
    words = {"a whole number": "whole numbers", "a number": "numbers", "a text": "texts", "a path": "paths"}
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
    expected = f"{{{', '.join(f'{name}: {item.expected}' for name, item in items.items())}}}"

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


# -- everything else -----------------------------------------------------------------------------------

def _foreign(annotation: Any) -> Checker:
    """By pydantic, which is imported when the first such parameter is checked."""
    name = getattr(annotation, "__name__", str(annotation))
    made: list[Convert] = []

    def convert(tree: Tree) -> Any:
        if holds_use(tree):
            return tree
        if not made:
            made.append(_pydantic(annotation, name))
        return made[0](tree)

    return Checker(f"a value for {name}", convert)


def _pydantic(annotation: Any, name: str) -> Convert:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeError):
        return anything

    def convert(tree: Tree) -> Any:
        try:
            return adapter.validate_python(plain(tree))
        except ValidationError as error:
            first = error.errors()[0]
            part = _inside(tree, first["loc"])
            raise Mismatch("wrong-type", part, f"a value for {name}",
                           message=f"{first['msg']}, found {describe(part)}") from None

    return convert


def _inside(tree: Tree, path: tuple[int | str, ...]) -> Tree:
    for step in path:
        if isinstance(tree, Mapping) and isinstance(step, str) and step in tree.entries:
            tree = tree.entries[step].value
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
    return tree
