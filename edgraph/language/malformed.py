"""Expressions as Python's syntax trees, and what is wrong with those that have none."""

from __future__ import annotations

import ast
import re
import warnings

from edgraph.language.grammar import FROM_OTHER_LANGUAGES
from edgraph.language.places import Places
from edgraph.text.source import Span


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
    for wrong, right in FROM_OTHER_LANGUAGES:
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
