"""Expressions that stand alone: learning rates by updates, step and epoch, filters by step and epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from edgraph.language.expressions import (
    Binary,
    Builtin,
    Call,
    Choice,
    Const,
    Expr,
    Expression,
    Logic,
    Param,
    Unary,
)
from edgraph.run.evaluate import OPERATORS

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "cos": math.cos,
    "clip": lambda value, low, high: min(max(value, low), high), "round": round, "isfinite": math.isfinite,
}


def schedule(expression: Expression, params: dict[str, Any]) -> Callable[[int, int, int], float]:
    """`f(updates, step, epoch)`. `params` is read anew at every call."""
    def learning_rate(updates: int, step: int, epoch: int) -> float:
        return float(value(expression.root, {"updates": updates, "step": step, "epoch": epoch}, params))
    return learning_rate


def value(expr: Expr, names: Mapping[str, int], params: Mapping[str, Any]) -> Any:
    """An expression of plain numbers, without ops. names: what it may name besides parameters."""
    def go(part: Expr) -> Any:
        return value(part, names, params)
    match expr:
        case Const(constant):
            return constant
        case Builtin(name, _):
            return names[name]
        case Param(name, _):
            return params[name]
        case Unary(sign, operand):
            return (not go(operand)) if sign == "not" else -go(operand) if sign == "-" else go(operand)
        case Binary(sign, left, right):
            return OPERATORS[sign](go(left), go(right))
        case Logic(sign, operands):
            values = [go(operand) for operand in operands]
            return all(values) if sign == "and" else any(values)
        case Choice(test, then, otherwise):
            return go(then) if go(test) else go(otherwise)
        case Call(function, arguments):
            return FUNCTIONS[function](*map(go, arguments))
    raise TypeError(f"a schedule has no {type(expr).__name__.lower()}")
