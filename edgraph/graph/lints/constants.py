"""What an expression is before the run, as far as that is known: constants, parameters, the step, initial values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from edgraph.graph.ir import Graph
from edgraph.language.expressions import (
    Binary,
    Builtin,
    Call,
    Choice,
    Const,
    Detach,
    Expr,
    Hold,
    Logic,
    Param,
    Unary,
)


class Unknown:
    """What only the run will know."""


UNKNOWN = Unknown()
Known = bool | int | float | str | None | Unknown
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
    "!=": operator.ne}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "isfinite": math.isfinite, "round": round, "mean": float, "sum": float,
    "clip": lambda value, low, high: min(max(value, low), high)}


def evaluate(expr: Expr, step: int, graph: Graph, initial: Callable[[Hold], bool]) -> Known:
    """The value of an expression on a step. initial: whether a `hold` still has its initial value there."""
    def go(part: Expr) -> Known:
        return evaluate(part, step, graph, initial)

    match expr:
        case Const(value):
            return value
        case Param(name, _):
            found = graph.pipeline.params.get(name, UNKNOWN)
            return found if isinstance(found, bool | int | float | str | Unknown) else UNKNOWN
        case Builtin("step", _):
            return step
        case Hold(_, start, _):
            return go(start) if start is not None and initial(expr) else UNKNOWN
        case Detach(inner):
            return go(inner)
        case Unary(sign, operand):
            return _apply(lambda value: not value if sign == "not" else -value if sign == "-" else value, go(operand))
        case Binary(sign, left, right) if sign in OPERATORS:
            return _apply(OPERATORS[sign], go(left), go(right))
        case Logic(sign, operands):
            return _logic(sign == "and", [go(operand) for operand in operands])
        case Choice(test, then, otherwise):
            taken = go(test)
            return UNKNOWN if isinstance(taken, Unknown) else go(then if taken else otherwise)
        case Call(name, arguments) if name in FUNCTIONS:
            return _apply(FUNCTIONS[name], *map(go, arguments))
    return UNKNOWN


def _logic(every: bool, values: list[Known]) -> Known:
    """One false operand decides an `and`, one true an `or`."""
    known = [bool(value) for value in values if not isinstance(value, Unknown)]
    if (not every) in known:
        return not every
    return every if len(known) == len(values) else UNKNOWN


def _apply(function: Callable[..., Any], *values: Known) -> Known:
    if any(isinstance(value, Unknown) for value in values):
        return UNKNOWN
    try:
        result: Known = function(*values)
    except (ArithmeticError, TypeError, ValueError):
        return UNKNOWN
    return result
