"""References inside expressions: what an expression needs, along which kind of edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edgraph.graph.ir import EdgeKind
from edgraph.language.expressions import (
    Binary,
    Builtin,
    Call,
    Choice,
    Const,
    Detach,
    Either,
    Expr,
    Hold,
    Index,
    Logic,
    Param,
    Previous,
    Ref,
    Unary,
    children,
)


class Use(NamedTuple):
    """One reference in an expression."""

    ref: Ref
    kind: EdgeKind
    gradient: bool  # a gradient may flow back along it


LEAVES = (Ref, Const, Builtin, Param)


def uses(expr: Expr) -> list[Use]:
    """All references of an expression, from left to right."""
    if type(expr) is Ref:  # most expressions are one reference
        return [Use(expr, EdgeKind.DATA, True)]
    found: list[Use] = []
    _collect(expr, EdgeKind.DATA, True, found)
    return found


def _collect(expr: Expr, kind: EdgeKind, gradient: bool, found: list[Use]) -> None:
    head = type(expr)
    if isinstance(expr, Ref):
        found.append(Use(expr, kind, gradient))
    elif isinstance(expr, Hold | Previous):
        _collect(expr.value, EdgeKind.HOLD if head is Hold else EdgeKind.PREVIOUS, False, found)
        if expr.initial is not None:
            _collect(expr.initial, kind, gradient, found)
    elif head not in LEAVES:
        for child in children(expr):
            _collect(child, kind, gradient and head is not Detach, found)


def memories(expr: Expr) -> list[Hold | Previous]:
    """The `hold` and `previous` of an expression."""
    if type(expr) in LEAVES:
        return []
    found: list[Hold | Previous] = []
    _collect_memories(expr, found)
    return found


def _collect_memories(expr: Expr, found: list[Hold | Previous]) -> None:
    if isinstance(expr, Hold | Previous):
        found.append(expr)
    for child in children(expr):
        if type(child) not in LEAVES:
            _collect_memories(child, found)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with every part replaced by what `change` makes of it, innermost first."""
    def go(part: Expr) -> Expr:
        return rewrite(part, change)
    match expr:
        case Unary(operator, operand):
            expr = Unary(operator, go(operand))
        case Binary(operator, left, right):
            expr = Binary(operator, go(left), go(right))
        case Logic(operator, operands):
            expr = Logic(operator, tuple(map(go, operands)))
        case Choice(test, then, otherwise):
            expr = Choice(go(test), go(then), go(otherwise))
        case Index(value, index):
            expr = Index(go(value), go(index))
        case Call(function, arguments):
            expr = Call(function, tuple(map(go, arguments)))
        case Either(arguments, span):
            expr = Either(tuple(map(go, arguments)), span)
        case Hold(value, initial, span):
            expr = Hold(go(value), None if initial is None else go(initial), span)
        case Previous(value, initial, span):
            expr = Previous(go(value), None if initial is None else go(initial), span)
        case Detach(value):
            expr = Detach(go(value))
        case _:
            pass
    return change(expr)


def show(expr: Expr) -> str:
    """The expression as text, in one canonical form: equal texts mean equal expressions."""
    match expr:
        case Const(value):
            return repr(value)
        case Ref():
            return expr.text()
        case Builtin(name, _):
            return name
        case Param(name, _):
            return f"params.{name}"
        case Unary(operator, operand):
            return f"not {_part(operand)}" if operator == "not" else f"{operator}{_part(operand)}"
        case Binary(operator, left, right):
            first = _part(left)
            if operator == "**" and first.startswith("-"):  # a negative number: -2 ** x would be another expression
                first = f"({first})"
            return f"{first} {operator} {_part(right)}"
        case Logic(operator, operands):
            return f" {operator} ".join(map(_part, operands))
        case Choice(test, then, otherwise):
            return f"{_part(then)} if {_part(test)} else {_part(otherwise)}"
        case Index(value, index):
            return f"{_part(value)}[{show(index)}]"
        case Call(function, arguments):
            return f"{function}({', '.join(map(show, arguments))})"
        case Either(arguments, _):
            return f"either({', '.join(map(show, arguments))})"
        case Hold(value, initial, _):
            return f"hold({', '.join(show(part) for part in (value, initial) if part is not None)})"
        case Previous(value, initial, _):
            return f"previous({', '.join(show(part) for part in (value, initial) if part is not None)})"
        case Detach(value):
            return f"detach({show(value)})"


def _part(expr: Expr) -> str:
    text = show(expr)
    return f"({text})" if isinstance(expr, Unary | Binary | Logic | Choice) else text
