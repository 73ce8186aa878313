"""Typed reading of mappings: one helper for unknown keys, wrong types and ranges at every level."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Container, Iterable
from collections.abc import Mapping as Map
from keyword import iskeyword
from typing import TypeVar, cast

from edgraph.language.expressions import RESERVED
from edgraph.text.diagnostics import Diagnostics, hinted
from edgraph.text.inserted import Broken, origin
from edgraph.text.scalars import number_meant, write
from edgraph.text.source import Mapping, Name, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean, hint, means, nearest

HUGE = 2**53  # a bound from here on is not the first thing to say of a number

_Choice = TypeVar("_Choice", bound=str)

# Words of the expression language that no op may be called.
_WORDS = frozenset(("nan", "inf", "pi", "true", "false", "null", "none"))


def describe(tree: Tree) -> str:
    """What an author wrote, in words: `the text 'many'`, `the number 3`, `a list`."""
    if isinstance(tree, Mapping):
        return "a mapping"
    if isinstance(tree, Sequence):
        return "a list"
    value = tree.value
    if isinstance(value, str):
        return f"the text {value if len(value) <= 40 else value[:39] + '…'!r}"
    if value is None or isinstance(value, bool):
        return write(value)
    return f"the number {tree.raw if tree.raw and len(tree.raw) <= 24 else write(cast(float, value))}"


def is_absent(tree: Tree | None) -> bool:
    """Whether nothing is said: no key, or an explicit null (an empty value is no null but a mistake)."""
    return tree is None or (isinstance(tree, Scalar) and tree.value is None)


def is_empty(tree: Tree) -> bool:
    """`key:` with nothing after it."""
    return isinstance(tree, Scalar) and tree.value is None and tree.plain and tree.raw == ""


def unknown_key(key: str, span: Span, where: str, allowed: Iterable[str], diagnostics: Diagnostics,
                hints: Map[str, str] | None = None, given: Container[str] = ()) -> str | None:
    """The one message for a key that does not exist, at every level. Gives the key that was meant.

    given: the keys that are there: none of them can be meant for sure.
    """
    names = list(allowed)
    head, colon, rest = key.partition(":")
    if colon and head in names:
        diagnostics.error("unknown-key", f"{where} has no key {key!r}", span,
                          f"a space is missing after the colon: '{head}: {rest}'")
        return head
    help = (hints or {}).get(key)
    if help is None:
        near = nearest(key, names)
        fallback = (hints or {}).get("*")
        help = fallback if near is None and fallback else did_you_mean(key, names)
    elif (meant := next((name for name in names if help == f"did you mean {name!r}?"), None)) is not None:
        help = means(key, meant)
    diagnostics.error("unknown-key", f"{where} has no key {key!r}", span, help or None,
                      fixes=hinted(help, span, given))
    return nearest(key, names) or next((name for name in names if f"{name!r}" in (help or "")), None)


def check_name(name: str, span: Span, what: str, diagnostics: Diagnostics,
               reserved: Iterable[str] = ()) -> bool:
    """Whether a name that the author chose can be used; `what` is such as `an op`."""
    usual = name if name.isascii() else unicodedata.normalize("NFKC", name)
    if name.isidentifier() and not iskeyword(name) and name not in reserved and name == usual:
        return True
    if name.isidentifier() and name != usual:  # expressions are read by Python's parser, which does this to names
        diagnostics.error("bad-name", f"{what} cannot be called {name!r}: an expression reads that as {usual!r}", span,
                          hint(f"write {usual}, in Unicode's usual form", usual))
    elif name in reserved:
        diagnostics.error("reserved-name", f"{what} cannot be called {name!r}: it has a meaning of its own", span,
                          f"call it {name}_ or anything else")
    elif iskeyword(name):
        diagnostics.error("bad-name", f"{what} cannot be called {name!r}: it is a keyword of Python", span,
                          f"call it {name}_ or anything else")
    else:
        better = "".join(c if c.isidentifier() or c.isdigit() else "_" for c in name).strip("_")
        better = better if better.isidentifier() else f"n{better}"
        diagnostics.error("bad-name", f"{what} cannot be called {name!r}: names have letters, digits and '_' "
                          "and begin with no digit", span, f"call it {better}" if name and len(name) < 60
                          else None)
    return False


OP_NAMES_NOT_FREE = frozenset((*RESERVED, *_WORDS))


class Fields:
    """The keys of one mapping. Says what is wrong, and gives defaults in its place.

    `where` names the mapping in messages: `data 'train'`, `'run'`.
    """

    __slots__ = ("allowed", "diagnostics", "mapping", "meant", "where")

    def __init__(self, mapping: Mapping, where: str, allowed: Iterable[str], diagnostics: Diagnostics,
                 hints: Map[str, str] | None = None) -> None:
        self.mapping = mapping
        self.where = where
        self.diagnostics = diagnostics
        self.allowed = frozenset(allowed)
        self.meant: set[str | None] = set()  # keys that misspelt ones stand for
        for key, entry in mapping.entries.items():
            if key not in self.allowed:
                self.meant.add(unknown_key(key, entry.span, where, allowed, diagnostics, hints,
                                           mapping.entries))

    def error(self, code: str, key: str, message: str, help: str | None = None) -> None:
        """An error at the value of a key."""
        tree = self.mapping.get(key)
        if tree is None:
            self.diagnostics.error(code, message, self.mapping.span, help)
        else:
            self.diagnostics.error(code, message, tree.span, help, origin(tree))

    def get(self, key: str) -> Tree | None:
        """The value; None where it is absent, null or reported already."""
        entry = self.mapping.entries.get(key)
        if entry is None:
            return None
        tree = entry.value
        if isinstance(tree, Scalar) and tree.value is None:
            if not isinstance(tree, Broken) and is_empty(tree):
                self.diagnostics.error("missing-value", f"{key!r} of {self.where} has no value", entry.span,
                                       "write a value after the ':', or remove the key")
            return None
        return tree

    def has(self, key: str) -> bool:
        return key in self.mapping.entries

    def key_span(self, key: str) -> Span:
        entry = self.mapping.entries.get(key)
        return self.mapping.span if entry is None else entry.span

    def require(self, key: str, help: str | None = None) -> Tree | None:
        """The value of a key that must be there."""
        if key not in self.mapping.entries:
            if key not in self.meant:
                self.diagnostics.error("missing-key", f"{self.where} needs the key {key!r}",
                                       first_line(self.mapping.span), help)
            return None
        tree = self.get(key)
        entry = self.mapping.entries[key]
        if tree is None and not isinstance(entry.value, Broken) and not is_empty(entry.value):
            self.diagnostics.error("missing-value", f"{key!r} of {self.where} cannot be null",
                                   entry.value.span, help)
        return tree

    def wrong(self, key: str, tree: Tree, expected: str, help: str | None = None) -> None:
        self.report("wrong-type", tree, f"{key!r} of {self.where} is {describe(tree)}; expected {expected}",
                    help)

    def report(self, code: str, tree: Tree, message: str, help: str | None = None) -> None:
        self.diagnostics.error(code, message, first_line(tree.span), help, origin(tree))

    # -- scalars -----------------------------------------------------------------------------------

    def integer(self, key: str, minimum: int | None = None, maximum: int | None = None) -> int | None:
        tree = self.get(key)
        return None if tree is None else self.as_integer(key, tree, minimum, maximum)

    def as_integer(self, key: str, tree: Tree, minimum: int | None = None,
                   maximum: int | None = None) -> int | None:
        expected = _range("a whole number", minimum, maximum)
        value = tree.value if isinstance(tree, Scalar) else None
        if isinstance(tree, Broken):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 1e5 is a whole number
        if isinstance(value, float):
            self.report("out-of-range" if math.isfinite(value) else "not-finite", tree,
                        f"{key!r} of {self.where} is {write(value)}; expected {expected}")
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(key, tree, expected, _unquote(value))
            return None
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            if maximum is not None and value > maximum >= HUGE:
                expected = f"a whole number of at most {maximum}"
            self.report("out-of-range", tree, f"{key!r} of {self.where} is {value}; expected {expected}")
            return None
        return value

    def number(self, key: str, minimum: float | None = None, above: float | None = None) -> float | None:
        """A finite number."""
        tree = self.get(key)
        if tree is None:
            return None
        expected = "a number"
        if above is not None:
            expected = f"a number above {above:g}"
        elif minimum is not None:
            expected = f"a number of at least {minimum:g}"
        value = tree.value if isinstance(tree, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(key, tree, expected, _unquote(value))
            return None
        if not math.isfinite(value):
            self.report("not-finite", tree, f"{key!r} of {self.where} is {write(value)}; expected {expected}")
            return None
        if (minimum is not None and value < minimum) or (above is not None and value <= above):
            self.report("out-of-range", tree, f"{key!r} of {self.where} is {write(value)}; expected {expected}")
            return None
        return float(value)

    def flag(self, key: str, default: bool = False) -> bool:
        tree = self.get(key)
        if tree is None:
            return default
        if isinstance(tree, Scalar) and isinstance(tree.value, bool):
            return tree.value
        word = tree.value.lower() if isinstance(tree, Scalar) and isinstance(tree.value, str) else ""
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(word)
        help = hint(f"write {meant}", meant) if meant else None
        if word in ("true", "false"):
            help = hint("write it without quotes", word)
        self.wrong(key, tree, "true or false", help)
        return default

    def text(self, key: str, empty: bool = False) -> str | None:
        tree = self.get(key)
        if tree is None:
            return None
        if not isinstance(tree, Scalar) or not isinstance(tree.value, str):
            quoted = f'"{tree.raw}"' if isinstance(tree, Scalar) else ""
            self.wrong(key, tree, "a text", hint(f"in quotes it is one: {quoted}", quoted) if quoted else None)
            return None
        if not empty and not tree.value.strip():
            self.report("missing-value", tree, f"{key!r} of {self.where} is an empty text")
            return None
        return tree.value

    def choice(self, key: str, options: tuple[_Choice, ...]) -> _Choice | None:
        """One of a few words."""
        tree = self.get(key)
        if tree is None:
            return None
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            if tree.value in options:
                return next(option for option in options if option == tree.value)
            self.report("bad-value", tree, f"{key!r} of {self.where} cannot be {tree.value!r}",
                        did_you_mean(tree.value, options) or None)
        else:
            self.wrong(key, tree, _either(options))
        return None

    # -- names and parts ---------------------------------------------------------------------------

    def name(self, key: str) -> Name | None:
        tree = self.get(key)
        return None if tree is None else self.as_name(key, tree)

    def as_name(self, key: str, tree: Tree, expected: str = "a name") -> Name | None:
        if isinstance(tree, Scalar) and isinstance(tree.value, str) and tree.value.strip():
            return Name(tree.value, tree.span)
        if not isinstance(tree, Broken):
            self.wrong(key, tree, expected)
        return None

    def names(self, key: str) -> tuple[Name, ...]:
        """One name or a list of them."""
        tree = self.get(key)
        if tree is None:
            return ()
        items = tree.items if isinstance(tree, Sequence) else [tree]
        found = [self.as_name(key, item, "a name or a list of names") for item in items]
        return tuple(name for name in found if name is not None)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of names, without their places."""
        return tuple(name.text for name in self.names(key))

    def part(self, key: str, help: str | None = None) -> Mapping | None:
        """A mapping."""
        tree = self.get(key)
        if tree is None or isinstance(tree, Mapping):
            return tree
        self.wrong(key, tree, "a mapping of keys and values", help)
        return None

    def exclusive(self, *keys: str) -> bool:
        """Whether at most one of these keys is given."""
        given = [key for key in keys if not is_absent(self.mapping.get(key))]
        if len(given) > 1:
            first = (f"{given[0]!r} is here", self.key_span(given[0]))
            self.diagnostics.error("exclusive-keys", f"{self.where} has both {given[0]!r} and {given[1]!r}",
                                   self.key_span(given[1]), "keep one of them", (first,))
        return len(given) <= 1


def first_line(span: Span) -> Span:
    """The span, or what of it is on its first line."""
    if span.end_line == span.line:
        return span
    end = max(len(span.source.line(span.line).rstrip()) + 1, span.column + 1)
    return Span(span.source, span.line, span.column, span.line, end)


def _range(what: str, minimum: int | None, maximum: int | None) -> str:
    if minimum is not None and maximum is not None and maximum < HUGE:
        return f"{what} from {minimum} to {maximum}"
    return f"{what} of at least {minimum}" if minimum is not None else what


def _unquote(value: object) -> str | None:
    """Help for a number that was written in quotes."""
    meant = number_meant(value) if isinstance(value, str) else None
    if meant is None:
        return None
    return hint("write the number without quotes" + (", and without '_'" if "_" in str(value) else ""), meant)


def _either(options: Iterable[str]) -> str:
    *rest, last = options
    return f"{', '.join(rest)} or {last}" if rest else last
