"""`# edgraph: ignore[CODE]`: a comment that silences warnings at its line, or at the next one if it stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import LINE_END, Mapping, Scalar, Source, Span, Tree
from edgraph.text.suggest import did_you_mean

_REMARK = re.compile(r"(?:^|(?<=\s))#\s*edgraph:\s*(?P<what>[A-Za-z]*)(?:\s*\[(?P<codes>[^\]\n]*)\])?", re.MULTILINE)
_CODE = re.compile(r"[^\s,]+")


def has_remarks(text: str) -> bool:
    return "edgraph:" in text and _REMARK.search(text) is not None


def note(source: Source, tree: Tree, diagnostics: Diagnostics) -> None:
    """Keep with a source what its comments silence; warn of those that silence nothing."""
    texts = list(_texts(tree))
    for number, line in enumerate(LINE_END.split(source.text), 1):
        for match in _REMARK.finditer(line):
            at = Span(source, number, match.start() + 1, number, match.end() + 1)
            if not any(span[1:3] <= at[1:3] < span[3:] for span in texts):
                codes = _codes(source, at, match, diagnostics)
                about = number if line[:match.start()].strip() else _next(source, number)
                source.ignores.setdefault(about, set()).update(codes)


def _codes(source: Source, at: Span, match: re.Match[str], diagnostics: Diagnostics) -> list[str]:
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
        code, start = found[0], match.start("codes") + found.start()
        if code in WARNINGS:
            known.append(code)
            continue
        span = Span(source, at.line, start + 1, at.line, start + len(code) + 1)
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


def _texts(tree: Tree) -> Iterator[Span]:
    """Where keys and values stand: a '#' in them begins no comment."""
    if isinstance(tree, Scalar):
        yield tree.span
    elif isinstance(tree, Mapping):
        for entry in tree.entries.values():
            yield entry.span
            yield from _texts(entry.value)
    else:
        for item in tree.items:
            yield from _texts(item)
