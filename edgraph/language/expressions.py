"""The expression language as data. `parse.py` makes these from text; nothing is ever evaluated here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

from edgraph.text.source import Span

FUNCTIONS = ("abs", "min", "max", "sqrt", "exp", "log", "cos", "clip", "round", "isfinite", "mean", "sum")
BUILTINS = ("step", "epoch", "stage", "updates")  # `updates` only in an optimizer's schedule
RESERVED = ("step", "epoch", "stage", "params", "run")


@dataclass(frozen=True, slots=True)
class Const:
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Ref:
    """A value or a part of it: `batch.views[0]` is ("batch", "views", 0). The split into op name and
    field is made by the graph, which knows the names of ops."""

    path: tuple[str | int, ...]
    span: Span

    def text(self) -> str:
        head = str(self.path[0])
        return head + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" if part.isidentifier() else f'["{part}"]'
            for part in self.path[1:])


@dataclass(frozen=True, slots=True)
class Builtin:
    """`step`, `epoch`, `stage`, `updates`."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    """`params.lr`."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str  # "-", "+", "not"
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str  # + - * / // % ** < <= > >= == !=
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Logic:
    """Strict `and` / `or`: every reference is demanded, whatever branch is taken."""

    operator: str  # "and", "or"
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if test else otherwise`."""

    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Index:
    """`(a + b)[0]`: an index of something that is not a reference."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function of FUNCTIONS."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    value: Expr
    initial: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Previous:
    value: Expr
    initial: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Either:
    arguments: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Detach:
    value: Expr


Expr: TypeAlias = (Const | Ref | Builtin | Param | Unary | Binary | Logic | Choice | Index | Call | Hold
                   | Previous | Either | Detach)


@dataclass(frozen=True, slots=True)
class Expression:
    """What an author wrote, and its meaning."""

    text: str
    span: Span
    root: Expr

    @property
    def is_reference(self) -> bool:
        return isinstance(self.root, Ref)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, from left to right."""
    parts = _PARTS.get(type(expr))
    return () if parts is None else parts(expr)


def _kept(memory: Any) -> tuple[Expr, ...]:
    return (memory.value,) if memory.initial is None else (memory.value, memory.initial)


# A table, since nearly every pass goes through all expressions.
_PARTS: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Unary: lambda expr: (expr.operand,),
    Binary: attrgetter("left", "right"),
    Logic: attrgetter("operands"),
    Choice: attrgetter("test", "then", "otherwise"),
    Index: attrgetter("value", "index"),
    Call: attrgetter("arguments"),
    Either: attrgetter("arguments"),
    Hold: _kept,
    Previous: _kept,
    Detach: lambda expr: (expr.value,),
}


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all its parts, parents first."""
    stack = [expr]
    while stack:
        head = stack.pop()
        yield head
        stack.extend(reversed(children(head)))
