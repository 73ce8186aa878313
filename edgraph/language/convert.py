"""From Python's syntax tree to edgraph's expressions, node by node; what is not listed is an error."""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable
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
from edgraph.language.places import Places
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean

LARGEST = 2**63 - 1
MAX_EXPONENT = 1000
MAX_DEPTH = 100  # also of a sum, which leans to the left: everything that walks expressions may recurse
_MANY = 1000
# name -> fewest and most arguments
ARGUMENTS: dict[str, tuple[int, int]] = {
    "abs": (1, 1), "min": (2, _MANY), "max": (2, _MANY), "sqrt": (1, 1), "exp": (1, 1), "log": (1, 1),
    "cos": (1, 1), "clip": (3, 3), "round": (1, 2), "isfinite": (1, 1), "mean": (1, 1), "sum": (1, 1),
    "hold": (1, 2), "previous": (1, 2), "either": (2, _MANY), "detach": (1, 1),
}
_USAGE = {
    "hold": "hold(x) or hold(x, initial)", "previous": "previous(x) or previous(x, initial)",
    "either": "either(x, y, …)", "clip": "clip(x, lowest, highest)", "round": "round(x) or round(x, digits)",
    "min": "min(x, y, …)", "max": "max(x, y, …)",
}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**"}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.add, "*": operator.mul, "/": operator.truediv, "//": operator.truediv,
    "%": min, "**": operator.pow}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_NO_OPERATOR: dict[type[ast.AST], tuple[str, str]] = {
    ast.BitAnd: ("&", "write 'and'"), ast.BitOr: ("|", "write 'or'"),
    ast.BitXor: ("^", "for a power write '**'"),
    ast.LShift: ("<<", "multiply by a power of 2"), ast.RShift: (">>", "divide by a power of 2 with '//'"),
    ast.MatMult: ("@", "a product of matrices is the work of an op of its own"),
    ast.In: ("in", "compare with '==' and join with 'or'"),
    ast.NotIn: ("not in", "compare with '!=' and join with 'and'"),
    ast.Is: ("is", "write '=='"), ast.IsNot: ("is not", "write '!='"), ast.Invert: ("~", "write 'not'"),
}
_FROM_OTHER_LANGUAGES = (("&&", "and"), ("||", "or"), ("===", "=="), ("<>", "!="), ("=>", ">="), ("=<", "<="))
_FORBIDDEN: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment ':='", ast.Dict: "a dictionary", ast.Set: "a set", ast.List: "a list",
    ast.Tuple: "a list of values with commas", ast.Starred: "a '*' argument", ast.Await: "'await'",
    ast.Yield: "'yield'", ast.YieldFrom: "'yield'", ast.Slice: "a slice",
}


class Mistake(Exception):
    """An error inside an expression."""

    def __init__(self, message: str, span: Span, help: str | None = None) -> None:
        self.message, self.span, self.help = message, span, help
        super().__init__(message)


def parse_python(text: str, places: Places) -> ast.expr:
    """The syntax tree of an expression (positions are those of `text` without outer blanks)."""
    if "\n" in text or "\r" in text:
        text = re.sub(r"[\r\n]", " ", text)
    stripped = text.lstrip()
    offset = len(text) - len(stripped)
    try:
        if "\\" in text or re.search(r"\d[A-Za-z]", text):
            with warnings.catch_warnings():  # Python warns of '\d' and '1if'; that is not the author's Python
                warnings.simplefilter("ignore")
                tree = ast.parse(stripped.rstrip(), mode="eval").body
        else:
            tree = ast.parse(stripped.rstrip(), mode="eval").body
    except SyntaxError as error:
        raise _syntax(error, text, offset, places) from None
    except (ValueError, MemoryError, RecursionError):
        raise Mistake("the expression cannot be read", places.whole) from None
    if "#" in text and "#" in re.sub(r"\"[^\"]*\"|'[^']*'", "", text):
        raise Mistake("a comment inside an expression", places.whole, "put it behind the value, after ' #'")
    return tree


def _syntax(error: SyntaxError, text: str, offset: int, places: Places) -> Mistake:
    for wrong, right in _FROM_OTHER_LANGUAGES:
        if wrong in text:
            at = text.index(wrong)
            return Mistake(f"{wrong!r} is not an operator here", places.span(at, at + len(wrong)),
                           f"write {right!r}")
    if (match := re.search(r"(?<![=!<>])=(?!=)", text)) is not None:
        return Mistake("'=' is not an operator here", places.span(*match.span()),
                       "to compare write '=='; arguments have no names")
    if (match := re.search(r"!(?!=)", text)) is not None:
        return Mistake("'!' is not an operator here", places.span(*match.span()), "write 'not'")
    if "?" in text:
        at = text.index("?")
        return Mistake("'?' is not an operator here", places.span(at, at + 1),
                       "write 'x if condition else y'")
    if "too many nested" in error.msg:
        return Mistake("the expression has too many parentheses inside each other", places.whole,
                       "split it into ops of their own")
    for opening, closing in (("(", ")"), ("[", "]")):
        if text.count(opening) != text.count(closing):
            missing = closing if text.count(opening) > text.count(closing) else opening
            help = None
            if places.after().startswith(","):
                help = 'inside brackets or braces an expression with a comma needs quotes: "hold(x, 0)"'
            return Mistake(f"a {missing!r} is missing", places.whole, help)
    at = offset + max((error.offset or 1) - 1, 0)
    if not text[at:].strip() or re.search(r"([-+*/%<>=,.]|\b(and|or|not|if|else))\s*$", text):
        return Mistake("the expression ends too early", places.whole, "is the last operand missing?")
    return Mistake("not an expression", places.span(at, max(at + 1, _word_end(text, at))),
                   "an operator is missing here, or one too many")


def _word_end(text: str, at: int) -> int:
    match = re.compile(r"\w+").match(text, at)
    return match.end() if match else at + 1


class Converter:
    """Converts one syntax tree. Collects what it meets, so that names can be checked afterwards."""

    def __init__(self, places: Places, schedule: bool, constants: dict[str, bool | float | None]) -> None:
        self.places = places
        self.schedule = schedule
        self.constants = constants
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
                what = _FORBIDDEN.get(type(node), "this")
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
        if name in ("step", "epoch", "stage") or (name == "updates" and self.schedule):
            return Builtin(name, self.span(node))
        if name == "params":
            self.fail(node, "'params' is no value by itself", "write params.NAME")
        if name == "run":
            self.fail(node, "'run' is reserved and no value")
        return self._ref((name,), node)

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
            param = Param(path[1], self.span(node))
            self.params.append(param)
            return param
        if head in ("step", "epoch", "stage", "run") or head in self.constants:
            self.fail(node, f"{head!r} has no parts" if head != "run" else "'run' is reserved and no value")
        return self._ref(path, node)

    def subscript(self, node: ast.Subscript) -> Expr:
        path = self._path(node)
        if path is not None and path[0] != "params":
            if path[0] in ("step", "epoch", "stage", "run") or path[0] in self.constants:
                self.fail(node, f"{path[0]!r} has no parts")
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
        sign = _BINARY.get(type(node.op))
        if sign is None:
            self._no_operator(node, node.op)
        left, right = self.each([node.left, node.right])
        if sign == "**" and ((_constant(right) or 0) > MAX_EXPONENT or _constant(left) == math.inf):
            # `9**9**9` would be computed at run time, and never be done
            self.fail(node, "a power of this size is not possible", f"a constant exponent is at most {MAX_EXPONENT}")
        return Binary(sign, left, right)

    def compare(self, node: ast.Compare) -> Expr:
        for comparison in node.ops:
            if type(comparison) not in _COMPARE:
                self._no_operator(node, comparison)
        parts = self.each([node.left, *node.comparators])
        tests = [Binary(_COMPARE[type(comparison)], left, right)
                 for comparison, left, right in zip(node.ops, parts, parts[1:], strict=False)]
        return tests[0] if len(tests) == 1 else Logic("and", tuple(tests))

    def _no_operator(self, node: ast.expr, kind: ast.AST) -> NoReturn:
        sign, instead = _NO_OPERATOR[type(kind)]
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
        if node.keywords:
            raise Mistake(f"arguments of {name!r} have no names", self.span(node.keywords[0]),
                          f"write {_USAGE.get(name, f'{name}(x)')}")
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.fail(argument, "a '*' argument is not possible in an expression")
        fewest, most = ARGUMENTS[name]
        if not fewest <= len(node.args) <= most:
            self.fail(node, f"{name!r} takes {_count(fewest, most)}, not {len(node.args)}",
                      f"write {_USAGE.get(name, f'{name}(x)')}")
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
        case Binary(sign, left, right) if sign in _ARITHMETIC:
            x, y = _constant(left), _constant(right)
            if x is None or y is None:
                return None
            try:
                return _ARITHMETIC[sign](abs(x), abs(y))
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
    return f"{fewest} or more arguments" if most == _MANY else f"{fewest} or {most} arguments"


_HANDLERS: dict[type[ast.expr], Callable[[Converter, Any], Expr]] = {
    ast.Constant: Converter.constant, ast.Name: Converter.name, ast.Attribute: Converter.attribute,
    ast.Subscript: Converter.subscript, ast.UnaryOp: Converter.unary, ast.BinOp: Converter.binary,
    ast.Compare: Converter.compare, ast.BoolOp: Converter.logic, ast.IfExp: Converter.choice,
    ast.Call: Converter.call,
}
