"""The expression language: what it means, what it refuses, and where its parts stand."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

from edgraph.language.expressions import (
    Binary,
    Builtin,
    Call,
    Choice,
    Const,
    Detach,
    Either,
    Expr,
    Expression,
    Hold,
    Index,
    Logic,
    Param,
    Previous,
    Ref,
    Unary,
    walk,
)
from edgraph.language.parse import Scope, parse_expression
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Source, Span


def parse(text: str, scope: Scope | None = None, quoted: str = "") -> tuple[Expression | None, Diagnostics]:
    written = f"{quoted}{text}{quoted}"
    span = Span(Source("f", f"ops: {written} # x\n"), 1, 6, 1, 6 + len(written))
    diagnostics = Diagnostics()
    found = parse_expression(text, span, diagnostics) if scope is None else \
        parse_expression(text, span, diagnostics, scope)
    assert (found is None) == diagnostics.failed
    return found, diagnostics


def shape(expr: Expr) -> Any:
    """An expression as nested tuples, without spans."""
    match expr:
        case Const(value):
            return value
        case Ref(path, _):
            return ("ref", *path)
        case Builtin(name, _) | Param(name, _):
            return (type(expr).__name__.lower(), name)
        case Unary(operator, operand):
            return (operator, shape(operand))
        case Binary(operator, left, right):
            return (operator, shape(left), shape(right))
        case Logic(operator, operands):
            return (operator, *map(shape, operands))
        case Choice(test, then, otherwise):
            return ("if", shape(test), shape(then), shape(otherwise))
        case Index(value, index):
            return ("index", shape(value), shape(index))
        case Call(function, arguments):
            return (function, *map(shape, arguments))
        case Either(arguments, _):
            return ("either", *map(shape, arguments))
        case Detach(value):
            return ("detach", shape(value))
        case Hold(value, initial, _) | Previous(value, initial, _):
            name = type(expr).__name__.lower()
            return (name, shape(value)) if initial is None else (name, shape(value), shape(initial))
    raise AssertionError(expr)


A, B, C = ("ref", "a"), ("ref", "b"), ("ref", "c")


@pytest.mark.parametrize(("text", "meaning"), [
    ("a", A), ("a.b.c", ("ref", "a", "b", "c")), (" a ", A), ("(a)", A), ("_x1", ("ref", "_x1")),
    ('batch.views[0]["class"].x', ("ref", "batch", "views", 0, "class", "x")), ("a[-1]", ("ref", "a", -1)),
    ("1", 1), ("-1", -1), ("1e-3", 1e-3), ("'main'", "main"), ("true", True), ("False", False), ("null", None),
    ("pi", math.pi), ("inf", math.inf), ("-inf", -math.inf),
    ("a + b * c", ("+", A, ("*", B, C))), ("a ** b ** c", ("**", A, ("**", B, C))), ("2 ** 8", ("**", 2, 8)),
    ("a ** (1 / 2)", ("**", A, ("/", 1, 2))), ("(a + b) * c", ("*", ("+", A, B), C)), ("-a ** 2", ("-", ("**", A,
                                                                                                         2))),
    ("a // b % c", ("%", ("//", A, B), C)), ("a / b - c", ("-", ("/", A, B), C)), ("+a", ("+", A)),
    ("a < b", ("<", A, B)), ("a <= b < c", ("and", ("<=", A, B), ("<", B, C))), ("a == b != c", ("and", ("==", A, B),
                                                                                                 ("!=", B, C))),
    ("a and b or not c", ("or", ("and", A, B), ("not", C))), ("a if b else c", ("if", B, A, C)),
    ("(a + b)[0]", ("index", ("+", A, B), 0)), ("a[b]", ("index", A, B)), ("params.lr", ("param", "lr")),
    ("params.sizes[0]", ("index", ("param", "sizes"), 0)), ("step > 5", (">", ("builtin", "step"), 5)),
    ("stage == 'main'", ("==", ("builtin", "stage"), "main")), ("epoch", ("builtin", "epoch")), ("updates", ("ref",
                                                                                                             "updates")),
    ("hold(a)", ("hold", A)), ("hold(a, 0)", ("hold", A, 0)), ("previous(a, -1)", ("previous", A, -1)),
    ("either(a, b, 0)", ("either", A, B, 0)), ("detach(a)", ("detach", A)), ("mean", ("ref", "mean")),
    ("clip(a, 0, 1)", ("clip", A, 0, 1)), ("min(a, b, c)", ("min", A, B, C)), ("round(a)", ("round", A)),
    ("log_x.log", ("ref", "log_x", "log")), ("a +\n b", ("+", A, B)), ("1if a else 2", ("if", A, 1, 2)),
    ("isfinite(a) and not (b or c)", ("and", ("isfinite", A), ("not", ("or", B, C)))), ('a == "x#y"', ("==", A,
                                                                                                       "x#y")),
    ("größe + 名前", ("+", ("ref", "größe"), ("ref", "名前"))),
])
def test_meaning(text: str, meaning: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = parse(text)
    assert found is not None
    assert shape(found.root) == meaning
    assert found.text == text


def test_not_a_number() -> None:
    found, _ = parse("nan")
    # type: ignore[arg-type]
    assert found is not None and isinstance(found.root, Const) and math.isnan(found.root.value)


@pytest.mark.parametrize("text", [
    "", " ", "a b", "a +", "(a", "a)", "a[", "a = b", "a := b", "(a := b)", "lambda: 1", "[a]", "{a: b}", "{a}",
    "a, b", "()",
    "[x for x in a]", "f'{a}'", "a.b()", "a()", "foo(a)", "eval('1')", "__import__('os')", "hold()", "hold(a, b, c)",
    "hold(x=a)",
    "clip(a)", "either(a)", "min(a)", "min(*a)", "mean(**a)", "a & b", "a | b", "a ^ b", "~a", "a @ b", "a << 1",
    "a in b", "a is b",
    "a is not None", "await a", "yield a", "a[0:1]", "a[0, 1]", "(a + b).c", "a.b[c].d", "1j", "b'x'", "...", "a; b",
    "a\x00b",
    "import os", "step.x", "params", "params.a.b", "run", "run.seed", "epoch[0]", "nan.x", "pi[0]", "a # b", "!a",
    "a && b", "a ? b : c",
    "${lr}", "a * ${lr}", "0x", "1 2", "'a", "a.1", "a..b", ".a", "a.", "a.class", "not", "if", "lambda", "(1)(2)",
    "a[true]", "(a+b)[1.5]",
    "(" * 300 + "a" + ")" * 300, "-" * 3000 + "a", "not " * 900 + "a", "+".join(["a"] * 500), "a" * 5000,
    "a[" * 150 + "0" + "]" * 150,
    "1" * 3999, "(a\n)+\\\nb \\", "a if b", "x.__class__.__mro__()", "9**9**9", "(9**999)**999", "a ** 1e9",
    "2 ** (999 * 999)",
])
def test_what_is_refused(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, diagnostics = parse(text)
    assert found is None
    assert all(item.message for item in diagnostics)


def test_no_attribute_of_a_python_object_is_reachable() -> None:
    found, _ = parse("x.__class__.__mro__")
    # type: ignore[union-attr]
    assert found is not None and found.root == Ref(("x", "__class__", "__mro__"), found.root.span)


@pytest.mark.parametrize("quoted", ["", "'", '"'])
def test_spans_of_parts(quoted: str) -> None:
    found, _ = parse("clip(hold(a.b, 0), größe[0], 1)", quoted=quoted)
    assert found is not None
    first = 6 + len(quoted)
    spans = [(type(part).__name__, part.span.column - first, part.span.end_column - first)
             for part in walk(found.root) if isinstance(part, (Ref, Hold))]
    assert spans == [("Hold", 5, 17), ("Ref", 10, 13), ("Ref", 19, 27)]


@pytest.mark.parametrize(("written", "text", "column", "end"), [
    ('"a[\\"x\\"] + foo(1)"', 'a["x"] + foo(1)', 13, 16), ("'a[''x''] + foo(1)'", "a['x'] + foo(1)", 13, 16),
    ('"\\u0061 + foo(1)"', "a + foo(1)", 11, 14), ('"\\x61+foo(1)"', "a+foo(1)", 7, 10),
])
def test_spans_behind_escapes(written: str, text: str, column: int, end: int) -> None:
    span = Span(Source("f", written), 1, 1, 1, len(written) + 1)
    diagnostics = Diagnostics()
    assert parse_expression(text, span, diagnostics) is None
    assert [(d.span.column, d.span.end_column) for d in diagnostics if d.span] == [(column, end)]


def test_a_scalar_of_several_lines_is_one_place() -> None:
    span = Span(Source("f", "a: >\n  x +\n  foo(1)\n"), 1, 4, 4, 1)
    diagnostics = Diagnostics()
    assert parse_expression("x + foo(1)\n", span, diagnostics) is None
    assert [d.span for d in diagnostics] == [span]


def test_all_mistakes_are_reported() -> None:
    _, diagnostics = parse("foo(1) + bar(2) * min(a) if params.x else [a]", Scope(("lr",)))
    assert len(diagnostics) == 5


def test_parameters_are_checked_where_they_are_known() -> None:
    assert parse("params.lr * 2", Scope(("lr",)))[0] is not None
    _, diagnostics = parse("params.lrr * 2", Scope(("lr",)))
    assert [(d.code, d.help) for d in diagnostics] == [("unknown-parameter", "did you mean 'lr'?")]


def test_a_schedule_knows_updates_and_no_ops() -> None:
    found, _ = parse("params.lr * min(1, updates / 500)", Scope(("lr",), alone="schedule"))
    assert found is not None and any(part == Builtin("updates", part.span) for part in walk(found.root)
                                     if isinstance(part, Builtin))
    for text in ("loss", "loss * 2"):
        assert parse(text, Scope((), alone="schedule"))[0] is None


def test_what_stands_alone_has_no_values_of_ops() -> None:
    assert parse("step % 1000 == 0 and epoch > 3", Scope((), alone="filter"))[0] is not None
    for text in ("hold(step, 0)", "mean(step)", "stage == 'main'", "updates", "loss < 3"):
        assert parse(text, Scope((), alone="filter"))[0] is None, text
    for text in ("previous(updates, 0)", "sum(step)", "1 if stage == 'main' else 0"):
        assert parse(text, Scope((), alone="schedule"))[0] is None, text
