"""From Python's syntax tree to edgraph's expressions, node by node; what is not listed is an error."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any, NoReturn

from edgraph.language.expressions import (
    FUNCTIONS,
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
)
from edgraph.language.grammar import (
    ARGUMENTS,
    ARITHMETIC,
    BINARY,
    COMPARE,
    FORBIDDEN,
    LARGEST,
    MANY,
    MAX_DEPTH,
    MAX_EXPONENT,
    NO_OPERATOR,
    OF_VALUES,
    USAGE,
)
from edgraph.language.malformed import Mistake
from edgraph.language.places import Places
from edgraph.text.source import Plain, Span
from edgraph.text.suggest import did_you_mean

_RUN = "what the pipeline and its `run` share can be a parameter: params.NAME"


class Converter:
    """Converts one syntax tree. Collects what it meets, so that names can be checked afterwards."""

    def __init__(self, places: Places, alone: str | None, constants: Map[str, bool | float | None],
                 fixed: Map[str, Plain]) -> None:
        self.places = places
        self.alone = alone  # what an expression without ops is, such as "schedule"
        self.constants = constants
        self.fixed = fixed
        self.params: list[Param] = []
        self.refs: list[Ref] = []
        self.mistakes: list[Mistake] = []
        text = places.text
        self._offset = len(text) - len(text.lstrip())
        self._bytes = None if text.isascii() else text.lstrip().encode()
        self._depth = 0

    def convert(self, node: ast.expr) -> Expr:
        """Raises Mistake; further mistakes in other branches are in `mistakes`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistake(f"the expression is nested more than {MAX_DEPTH} deep", self.places.whole,
                          "split it into ops of their own")
        try:
            handler = _HANDLERS.get(type(node))
            if handler is None:
                what = FORBIDDEN.get(type(node), "this")
                self.fail(node, f"{what} is not possible in an expression",
                          "expressions have numbers, references, operators and a few functions; "
                          "anything else is the work of an op")
            return handler(self, node)
        finally:
            self._depth -= 1

    def span(self, node: ast.expr | ast.keyword) -> Span:
        start, end = node.col_offset, node.end_col_offset or node.col_offset
        if self._bytes is not None:
            start = len(self._bytes[:start].decode(errors="replace"))
            end = len(self._bytes[:end].decode(errors="replace"))
        return self.places.span(start + self._offset, end + self._offset)

    def fail(self, node: ast.expr, message: str, help: str | None = None) -> NoReturn:
        raise Mistake(message, self.span(node), help)

    def each(self, nodes: list[ast.expr]) -> list[Expr]:
        """All parts; a mistake in one does not hide those of the others."""
        parts: list[Expr] = []
        for node in nodes:
            try:
                parts.append(self.convert(node))
            except Mistake as mistake:
                self.mistakes.append(mistake)
                parts.append(Const(None))
        return parts

    # -- one method a kind of node -----------------------------------------------------------------

    def constant(self, node: ast.Constant) -> Expr:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            kind = "bytes" if isinstance(value, bytes) else "a complex number"
            self.fail(node, f"{'...' if value is Ellipsis else kind} is not possible in an expression")
        if isinstance(value, int) and abs(value) > LARGEST:
            self.fail(node, "a whole number of this size is not possible", f"{LARGEST:,} is the largest")
        return Const(value)

    def name(self, node: ast.Name) -> Expr:
        name = node.id
        if name in self.constants:
            return Const(self.constants[name])
        if name == "stage" and self.alone is not None:
            self.fail(node, f"'stage' is not known in a {self.alone}", "use 'step' or 'epoch'")
        if name in ("step", "epoch", "stage") or (name == "updates" and self.alone == "schedule"):
            return Builtin(name, self.span(node))
        if name == "params":
            self.fail(node, "'params' is no value by itself", "write params.NAME")
        if name == "run":
            self.fail(node, "'run' is reserved and no value", _RUN)
        return self._ref((name,), node)

    def _fixed(self, name: str, node: ast.expr) -> Const:
        value = self.fixed[name]
        if isinstance(value, (list, dict)):
            what = "a list" if isinstance(value, list) else "a mapping"
            self.fail(node, f"the parameter {name!r} is {what}", "expressions take numbers, texts and truth values")
        return Const(value)

    def _ref(self, path: tuple[str | int, ...], node: ast.expr) -> Ref:
        ref = Ref(path, self.span(node))
        self.refs.append(ref)
        return ref

    def attribute(self, node: ast.Attribute) -> Expr:
        path = self._path(node)
        if path is None:
            self.fail(node, f"'.{node.attr}' is possible only after a name",
                      "give the part before it an op of its own")
        head = path[0]
        if head == "params":
            if len(path) != 2 or not isinstance(path[1], str):
                self.fail(node, "a parameter is one name after 'params.'", f"write params.{path[1]}")
            if path[1] in self.fixed:
                return self._fixed(path[1], node)
            param = Param(path[1], self.span(node))
            self.params.append(param)
            return param
        if head in ("step", "epoch", "stage", "run") or head in self.constants:
            if head == "run":
                self.fail(node, "'run' is reserved and no value", _RUN)
            self.fail(node, f"{head!r} has no parts", f"write {head}")
        return self._ref(path, node)

    def subscript(self, node: ast.Subscript) -> Expr:
        path = self._path(node)
        if path is not None and path[0] != "params":
            if path[0] in ("step", "epoch", "stage", "run") or path[0] in self.constants:
                self.fail(node, f"{path[0]!r} has no parts", f"write {path[0]}")
            return self._ref(path, node)
        if isinstance(node.slice, (ast.Slice, ast.Tuple)):
            what = "a slice" if isinstance(node.slice, ast.Slice) else "an index with a comma"
            self.fail(node, f"{what} is not possible in an expression",
                      "take parts of arrays in an op of your own")
        value, index = self.each([node.value, node.slice])
        if isinstance(index, Const) and (isinstance(index.value, (bool, float)) or index.value is None):
            self.fail(node.slice, "an index is a whole number or a text")
        return Index(value, index)

    def _path(self, node: ast.expr) -> tuple[str | int, ...] | None:
        """`x.a[0]["b"]` as one path; None for anything else."""
        parts: list[str | int] = []
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
            elif isinstance(node, ast.Subscript):
                part = _literal_index(node.slice)
                if part is None:
                    return None
                parts.append(part)
            else:
                return None
            node = node.value
        parts.append(node.id)
        return tuple(reversed(parts))

    def unary(self, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.Invert):
            self._no_operator(node, node.op)
        sign = {ast.USub: "-", ast.UAdd: "+", ast.Not: "not"}[type(node.op)]
        operand = self.convert(node.operand)
        if isinstance(operand, Const) and type(operand.value) in (int, float) and sign != "not":
            return Const(-operand.value if sign == "-" else operand.value)  # type: ignore[operator]
        return Unary(sign, operand)

    def binary(self, node: ast.BinOp) -> Expr:
        sign = BINARY.get(type(node.op))
        if sign is None:
            self._no_operator(node, node.op)
        left, right = self.each([node.left, node.right])
        if sign == "**" and ((_constant(right) or 0) > MAX_EXPONENT or _constant(left) == math.inf):
            # `9**9**9` would be computed at run time, and never be done
            self.fail(node, "a power of this size is not possible", f"a constant exponent is at most {MAX_EXPONENT}")
        return Binary(sign, left, right)

    def compare(self, node: ast.Compare) -> Expr:
        for comparison in node.ops:
            if type(comparison) not in COMPARE:
                self._no_operator(node, comparison)
        parts = self.each([node.left, *node.comparators])
        tests = [Binary(COMPARE[type(comparison)], left, right)
                 for comparison, left, right in zip(node.ops, parts, parts[1:], strict=False)]
        return tests[0] if len(tests) == 1 else Logic("and", tuple(tests))

    def _no_operator(self, node: ast.expr, kind: ast.AST) -> NoReturn:
        sign, instead = NO_OPERATOR[type(kind)]
        self.fail(node, f"{sign!r} is not an operator here", instead)

    def logic(self, node: ast.BoolOp) -> Expr:
        return Logic("and" if isinstance(node.op, ast.And) else "or", tuple(self.each(node.values)))

    def choice(self, node: ast.IfExp) -> Expr:
        then, test, otherwise = self.each([node.body, node.test, node.orelse])
        return Choice(test, then, otherwise)

    def call(self, node: ast.Call) -> Expr:
        if not isinstance(node.func, ast.Name):
            help = None
            if isinstance(node.func, ast.Attribute):
                name = node.func.attr
                help = f"write {name}(…)" if name in ARGUMENTS else "call it in an op of your own"
            self.fail(node, "values have no methods to call", help)
        name = node.func.id
        if name not in ARGUMENTS:
            help = did_you_mean(name, ARGUMENTS)
            self.fail(node.func, f"there is no function {name!r}",
                      help or "anything else is the work of an op: {op: call, …}")
        if self.alone is not None and name in OF_VALUES:
            self.fail(node.func, f"{name!r} is for values of ops, and there are none in a {self.alone}",
                      "it may name 'step', 'epoch' and 'params.NAME'" if self.alone == "filter"
                      else "it may name 'updates', 'step', 'epoch' and 'params.NAME'")
        if node.keywords:
            raise Mistake(f"arguments of {name!r} have no names", self.span(node.keywords[0]),
                          f"write {USAGE.get(name, f'{name}(x)')}")
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.fail(argument, "a '*' argument is not possible in an expression")
        fewest, most = ARGUMENTS[name]
        if not fewest <= len(node.args) <= most:
            self.fail(node, f"{name!r} takes {_count(fewest, most)}, not {len(node.args)}",
                      f"write {USAGE.get(name, f'{name}(x)')}")
        arguments = self.each(node.args)
        if name in FUNCTIONS:
            return Call(name, tuple(arguments))
        if name == "either":
            return Either(tuple(arguments), self.span(node))
        if name == "detach":
            return Detach(arguments[0])
        initial = arguments[1] if len(arguments) == 2 else None
        if name == "hold":
            return Hold(arguments[0], initial, self.span(node))
        return Previous(arguments[0], initial, self.span(node))


def _constant(expr: Expr) -> float | None:
    """Roughly the value of a constant, in floats that cannot grow without end; None for a value of the run."""
    match expr:
        case Const(value):
            return float(value) if isinstance(value, (int, float)) else 0.0
        case Unary(_, operand):
            return _constant(operand)
        case Binary(sign, left, right) if sign in ARITHMETIC:
            x, y = _constant(left), _constant(right)
            if x is None or y is None:
                return None
            try:
                return ARITHMETIC[sign](abs(x), abs(y))
            except ArithmeticError:
                return math.inf
    return None


def _literal_index(node: ast.expr) -> str | int | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sign * node.value
    text = node.value if isinstance(node, ast.Constant) and sign == 1 else None
    return text if isinstance(text, str) else None


def _count(fewest: int, most: int) -> str:
    if most == fewest:
        return "1 argument" if fewest == 1 else f"{fewest} arguments"
    return f"{fewest} or more arguments" if most == MANY else f"{fewest} or {most} arguments"


_HANDLERS: dict[type[ast.expr], Callable[[Converter, Any], Expr]] = {
    ast.Constant: Converter.constant, ast.Name: Converter.name, ast.Attribute: Converter.attribute,
    ast.Subscript: Converter.subscript, ast.UnaryOp: Converter.unary, ast.BinOp: Converter.binary,
    ast.Compare: Converter.compare, ast.BoolOp: Converter.logic, ast.IfExp: Converter.choice,
    ast.Call: Converter.call,
}
