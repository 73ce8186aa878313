"""The source line of a span, cut to a width, and where its carets go."""

from __future__ import annotations

import unicodedata

from edgraph.text.source import Span

WIDTH = 110  # columns of a terminal that a source line may take
_TAB = 4
_AROUND = 30  # columns kept on each side of a span in the middle of a long line


def excerpt(span: Span) -> tuple[str, str, int, int] | None:
    """(line number, text, columns before the carets, number of carets) for the first line of a span.

    Columns are those of a terminal: tabs are expanded, wide characters count twice. None for an empty source.
    """
    line = span.source.line(span.line)
    if not line and not span.source.text.strip():
        return None
    start = min(max(span.column - 1, 0), len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    end = min(max(end, start + 1), max(len(line), start + 1))
    cells = [_cell(c) for c in line]
    widths = [_width(c) for c in cells]
    first, last = _window(widths, start, end)
    text = "".join(cells[first:last])
    before = sum(widths[first:start])
    carets = max(sum(widths[start:min(end, last)]), 1)
    if first > 0:
        text, before = "…" + text, before + 1
    if last < len(cells):
        text += "…"
    return str(span.line), text, before, carets


def _window(widths: list[int], start: int, end: int) -> tuple[int, int]:
    """Which characters of a line to show."""
    if sum(widths) <= WIDTH:
        return 0, len(widths)
    first = start
    room = WIDTH - 2
    used = 0
    while end > first and used < room - 2 * _AROUND and first < len(widths) and first < end:
        used += widths[first]
        first += 1
    last = first  # as much of the span as leaves a margin on both sides
    first = start
    left = 0
    while first > 0 and left + widths[first - 1] <= _AROUND:
        first -= 1
        left += widths[first]
    right = sum(widths[first:last])
    while last < len(widths) and right + widths[last] <= room:
        right += widths[last]
        last += 1
    while first > 0 and right + widths[first - 1] <= room:  # the line ends early: show more before
        first -= 1
        right += widths[first]
    return first, last


def _cell(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    return character if character.isprintable() or unicodedata.combining(character) else "\ufffd"


def _width(cell: str) -> int:
    if len(cell) > 1:
        return len(cell)
    if cell.isascii():
        return 1
    if unicodedata.combining(cell):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1
