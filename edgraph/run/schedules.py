"""Expressions that stand alone: learning rates by updates, step and epoch, filters by step and epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from edgraph.backends.base import Backend, Compiler
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
    children,
)
from edgraph.run.evaluate import OPERATORS

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "cos": math.cos,
    "clip": lambda value, low, high: min(max(value, low), high), "round": round, "isfinite": math.isfinite,
}


def schedule(expression: Expression, params: dict[str, Any], backend: Backend) -> Callable[[Any, Any, Any], Any]:
    """`f(updates, step, epoch)`. `params` is read anew at every call. With a backend that compiles, these may be
    symbols, and so is the learning rate."""
    compiler = backend.compiler

    def learning_rate(updates: Any, step: Any, epoch: Any) -> Any:
        names = {"updates": updates, "step": step, "epoch": epoch}
        if compiler is not None:
            return _symbol(expression.root, names, params, compiler, backend.function)
        return float(value(expression.root, names, params))
    return learning_rate


def _symbol(expr: Expr, names: Mapping[str, Any], params: Mapping[str, Any], compiler: Compiler,
            function: Callable[[str], Callable[..., Any]]) -> Any:
    """An expression of symbols: all of it is computed, whatever is chosen."""
    parts = [_symbol(part, names, params, compiler, function) for part in children(expr)]
    match expr:
        case Unary(sign):
            return compiler.operator("not")(*parts) if sign == "not" else -parts[0] if sign == "-" else parts[0]
        case Binary(sign) | Logic(sign):
            return compiler.operator(sign)(*parts)
        case Choice():
            return compiler.operator("if")(*parts)
        case Call(name):
            return function(name)(*parts)
    return value(expr, names, params)


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
