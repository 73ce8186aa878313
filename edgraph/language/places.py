"""Where a piece of an expression's text stands in the file."""

from __future__ import annotations

from edgraph.text.source import Span

_SIMPLE = {"\\": "\\", '"': '"', "/": "/", "n": "\n", "t": "\t", "0": "\0", " ": " ", "r": "\r", "e": "\x1b",
           "a": "\a", "b": "\b", "v": "\v", "f": "\f", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}


class Places:
    """Maps offsets in the value of a scalar to spans. Scalars over several lines are one place."""

    __slots__ = ("_columns", "_span", "text")

    def __init__(self, text: str, span: Span) -> None:
        self.text = text
        self._span = span
        self._columns: list[int] | range | None = None

    def span(self, start: int, end: int) -> Span:
        """The place of text[start:end]."""
        if self._columns is None:
            self._columns = _columns(self.text, self._span)
        if not self._columns:
            return self._span
        start = min(start, len(self.text))
        end = min(max(end, start), len(self.text))
        line = self._span.line
        return Span(self._span.source, line, self._columns[start], line, self._columns[end])

    def after(self) -> str:
        """The rest of the line behind the scalar."""
        return self._span.source.line(self._span.end_line)[self._span.end_column - 1:]

    @property
    def whole(self) -> Span:
        return self._span


def _columns(text: str, span: Span) -> list[int] | range:
    """The column of each character, and of the end; empty where they cannot be told."""
    if span.line != span.end_line:
        return []
    written = span.source.line(span.line)[span.column - 1:span.end_column - 1]
    if written == text:
        return range(span.column, span.column + len(text) + 1)
    if written[1:-1] == text:
        return range(span.column + 1, span.column + len(text) + 2)
    columns: list[int] = []
    value: list[str] = []
    at, last = 1, len(written) - 1
    quote = written[:1]
    while at < last:
        columns.append(span.column + at)
        character, width = written[at], 1
        if character == quote == "'":
            width = 2
        elif character == "\\" and quote == '"':
            if written[at + 1] in "xuU":
                width = {"x": 4, "u": 6, "U": 10}[written[at + 1]]
                character = chr(int(written[at + 2:at + width], 16))
            else:
                character, width = _SIMPLE.get(written[at + 1], ""), 2
        value.append(character)
        at += width
    columns.append(span.column + last)
    return columns if "".join(value) == text else []
