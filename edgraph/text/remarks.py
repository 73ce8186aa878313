"""`# edgraph: ignore[CODE]`: a comment that silences warnings at its line, or at the next one if it stands alone."""

from __future__ import annotations

import re

from edgraph.text.comments import comments
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import LINE_END, Source, Span, Tree
from edgraph.text.suggest import did_you_mean

_REMARK = re.compile(r"(?:^|(?<=\s))#\s*edgraph:\s*(?P<what>[A-Za-z]*)(?:\s*\[(?P<codes>[^\]\n]*)\])?", re.MULTILINE)
_CODE = re.compile(r"[^\s,]+")


def has_remarks(text: str) -> bool:
    return "edgraph:" in text and _REMARK.search(text) is not None


def note(source: Source, tree: Tree, diagnostics: Diagnostics) -> None:
    """Keep with a source what its comments silence; warn of those that silence nothing."""
    for at, text in comments(source, tree):
        match = _REMARK.match(text)
        if match is not None:
            codes = _codes(at._replace(end_column=at.column + match.end()), match, diagnostics)
            alone = not source.line(at.line)[:at.column - 1].strip()
            source.ignores.setdefault(_next(source, at.line) if alone else at.line, set()).update(codes)


def _codes(at: Span, match: re.Match[str], diagnostics: Diagnostics) -> list[str]:
    """The warnings that a comment names; what it names else is reported."""
    from edgraph.text.codes import WARNINGS
    example = "write # edgraph: ignore[CODE]"
    if match["what"] != "ignore":
        diagnostics.warning("unknown-warning", "comments that begin with 'edgraph:' silence warnings", at, example)
        return []
    if not (match["codes"] or "").strip():
        diagnostics.warning("unknown-warning", "the comment does not say which warning it silences", at, example)
        return []
    known = []
    for found in _CODE.finditer(match["codes"]):
        code, start = found[0], at.column + match.start("codes") + found.start()
        if code in WARNINGS:
            known.append(code)
            continue
        span = at._replace(column=start, end_column=start + len(code))
        what, help = not_a_warning(code)
        diagnostics.warning("unknown-warning", f"'{code}' {what}", span, help)
    return known


def not_a_warning(code: str) -> tuple[str, str]:
    """What to say of a code that silences nothing, and what to do."""
    from edgraph.text.codes import CODES, WARNINGS
    if code in CODES:
        return "is an error: errors cannot be silenced", f"'edgraph explain {code}' says what to do about it"
    return "is no warning", did_you_mean(code, WARNINGS) or f"there are: {', '.join(WARNINGS)}"


def _next(source: Source, number: int) -> int:
    """The next line that holds something."""
    lines = LINE_END.split(source.text)
    return next((n for n, line in enumerate(lines[number:], number + 1) if line.strip()[:1] not in ("", "#")), number)
