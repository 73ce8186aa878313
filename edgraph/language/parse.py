"""Text to expressions: Python's `ast` against an allow-list. Nothing is evaluated."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Map
from keyword import kwlist
from typing import Literal, NamedTuple

from edgraph.language.convert import Converter
from edgraph.language.expressions import BUILTINS, RESERVED, Builtin, Const, Expr, Expression, Param, Ref
from edgraph.language.malformed import Mistake, parse_python
from edgraph.language.places import Places
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Plain, Span
from edgraph.text.suggest import did_you_mean

MAX_CHARACTERS = 4000
CONSTANTS: dict[str, bool | float | None] = {
    "nan": float("nan"), "inf": float("inf"), "pi": 3.141592653589793,
    "true": True, "false": False, "null": None, "none": None, "True": True, "False": False, "None": None,
}
_KEYWORDS = frozenset(kwlist)
_NOT_REFERENCES = frozenset([*CONSTANTS, *BUILTINS, *RESERVED, *kwlist])


# What an expression that stands alone may name besides parameters: an optimizer's schedule, a filter of checkpoints.
ALONE = {"schedule": ("updates", "step", "epoch"), "filter": ("step", "epoch")}


class Scope(NamedTuple):
    """What an expression may name besides ops."""

    params: Collection[str] | None = None  # None: not known yet, so not checked
    fixed: Map[str, Plain] = {}  # parameters of a graph: their values are inserted
    alone: Literal["schedule", "filter"] | None = None  # there are no ops, only a few numbers


EVERYWHERE = Scope()


def parse_expression(text: str, span: Span, diagnostics: Diagnostics,
                     scope: Scope = EVERYWHERE) -> Expression | None:
    """The meaning of an expression that stands at `span`, quotes included; None after an error.

    References are not looked up: the graph does that, which knows the names of ops.
    """
    # Most expressions are one reference: these need no parser.
    if len(text) < 200 and text.isascii() and text.replace(".", "").isidentifier():
        path = tuple(text.split("."))
        if path[0] not in _NOT_REFERENCES and (
                len(path) == 1 or (all(map(str.isidentifier, path)) and _KEYWORDS.isdisjoint(path))):
            if scope.alone is not None:
                _no_ops(text, scope.alone, span, diagnostics)
                return None
            return Expression(text, span, Ref(path, _inside(text, span)))
    if not text.strip():
        diagnostics.error("bad-expression", "an expression is missing", span,
                          "write the name of an op, such as 'loss'")
        return None
    if len(text) > MAX_CHARACTERS:
        diagnostics.error("bad-expression",
                          f"an expression of {len(text):,} characters; {MAX_CHARACTERS:,} is the limit",
                          span, "split it into ops of their own")
        return None
    places = Places(text, span)
    if "${" in text:
        _interpolated(text, places, diagnostics)
        return None
    try:
        tree = parse_python(text, places)
        converter = Converter(places, scope.alone, CONSTANTS, scope.fixed)
        root = converter.convert(tree)
    except Mistake as mistake:
        diagnostics.error("bad-expression", mistake.message, mistake.span, mistake.help)
        return None
    for error in converter.mistakes:
        diagnostics.error("bad-expression", error.message, error.span, error.help)
    known = _known(converter, scope, diagnostics)
    return Expression(text, span, root) if known and not converter.mistakes else None


def constant(value: bool | int | float | str | None, text: str, span: Span) -> Expression:
    """A YAML number or truth value where an expression is expected."""
    root: Expr = Const(value)
    return Expression(text, span, root)


def _inside(text: str, span: Span) -> Span:
    """The span of a text within its quotes, if it has some."""
    if span.end_column - span.column == len(text) + 2 and span.line == span.end_line:
        return Span(span.source, span.line, span.column + 1, span.line, span.end_column - 1)
    return span


def _known(converter: Converter, scope: Scope, diagnostics: Diagnostics) -> bool:
    """Whether every parameter that is named exists, and no op is named where there are none."""
    fine = True
    for param in converter.params:
        if scope.params is not None and param.name not in scope.params:
            help = did_you_mean(param.name, scope.params) or "add it to 'params'"
            diagnostics.error("unknown-parameter", f"there is no parameter {param.name!r}", param.span, help)
            fine = False
    if scope.alone is not None:
        for ref in converter.refs:
            _no_ops(ref.text(), scope.alone, ref.span, diagnostics)
            fine = False
    return fine


def _no_ops(text: str, where: Literal["schedule", "filter"], span: Span, diagnostics: Diagnostics) -> None:
    near = did_you_mean(text, ALONE[where])
    known = ", ".join(f"'{name}'" for name in ALONE[where])
    diagnostics.error("bad-expression", f"{text!r} is not known in a {where}", span,
                      near if near.startswith("did") else f"a {where} may name {known} and 'params.NAME'")


def _interpolated(text: str, places: Places, diagnostics: Diagnostics) -> None:
    start = text.index("${")
    end = text.find("}", start) + 1 or len(text)
    name = text[start + 2:end - 1]
    help = (f"write params.{name}" if name.isidentifier() else
            "give the variable to a parameter first, then write params.NAME" if name.startswith("env:")
            else "write params.NAME")
    diagnostics.error("interpolated-expression", "'${…}' is not possible inside an expression",
                      places.span(start, end), help)


__all__ = ["BUILTINS", "Builtin", "Param", "Scope", "constant", "parse_expression"]
