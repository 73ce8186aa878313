"""What the expression language has, and what to write instead of what it has not."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

LARGEST = 2**63 - 1
MAX_EXPONENT = 1000
MAX_DEPTH = 100  # also of a sum, which leans to the left: everything that walks expressions may recurse
MANY = 1000
# name -> fewest and most arguments
ARGUMENTS: dict[str, tuple[int, int]] = {
    "abs": (1, 1), "min": (2, MANY), "max": (2, MANY), "sqrt": (1, 1), "exp": (1, 1), "log": (1, 1),
    "cos": (1, 1), "clip": (3, 3), "round": (1, 2), "isfinite": (1, 1), "mean": (1, 1), "sum": (1, 1),
    "hold": (1, 2), "previous": (1, 2), "either": (2, MANY), "detach": (1, 1),
}
OF_VALUES = ("mean", "sum", "hold", "previous", "either", "detach")  # not for plain numbers
USAGE = {
    "hold": "hold(x) or hold(x, initial)", "previous": "previous(x) or previous(x, initial)",
    "either": "either(x, y, …)", "clip": "clip(x, lowest, highest)", "round": "round(x) or round(x, digits)",
    "min": "min(x, y, …)", "max": "max(x, y, …)",
}
BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**"}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.add, "*": operator.mul, "/": operator.truediv, "//": operator.truediv,
    "%": min, "**": operator.pow}
COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
NO_OPERATOR: dict[type[ast.AST], tuple[str, str]] = {
    ast.BitAnd: ("&", "write 'and'"), ast.BitOr: ("|", "write 'or'"),
    ast.BitXor: ("^", "for a power write '**'"),
    ast.LShift: ("<<", "multiply by a power of 2"), ast.RShift: (">>", "divide by a power of 2 with '//'"),
    ast.MatMult: ("@", "a product of matrices is the work of an op of its own"),
    ast.In: ("in", "compare with '==' and join with 'or'"),
    ast.NotIn: ("not in", "compare with '!=' and join with 'and'"),
    ast.Is: ("is", "write '=='"), ast.IsNot: ("is not", "write '!='"), ast.Invert: ("~", "write 'not'"),
}
FROM_OTHER_LANGUAGES = (("&&", "and"), ("||", "or"), ("===", "=="), ("<>", "!="), ("=>", ">="), ("=<", "<="))
FORBIDDEN: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment ':='", ast.Dict: "a dictionary", ast.Set: "a set", ast.List: "a list",
    ast.Tuple: "a list of values with commas", ast.Starred: "a '*' argument", ast.Await: "'await'",
    ast.Yield: "'yield'", ast.YieldFrom: "'yield'", ast.Slice: "a slice",
}
