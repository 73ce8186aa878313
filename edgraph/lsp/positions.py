"""Places in a text: lines and columns of spans, offsets, and the lines and units that editors count."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from edgraph.text.source import LINE_END, Source, Span

_THEIRS = re.compile("\r\n|[\n\r]")  # what ends a line in editors: YAML knows more


class Place(NamedTuple):
    """A place as editors count: lines from 0, and units of the encoding within the line."""

    line: int
    character: int


class Area(NamedTuple):
    """From one place to another; the end is exclusive."""

    start: Place
    end: Place


class Text:
    """A source with its lines.

    encoding: the units of columns in editors, "utf-16" unless both sides agreed on another.
    """

    def __init__(self, source: Source, encoding: str = "utf-16") -> None:
        self.source = source
        self.text = source.text
        self.encoding = encoding
        self._starts = _starts(LINE_END, self.text)
        plain = self.text.isascii() or not any(end in self.text for end in "\x85\u2028\u2029")
        self._lines = self._starts if plain else _starts(_THEIRS, self.text)

    def offset(self, line: int, column: int) -> int:
        """Of a line and column as in spans, counted from 1."""
        if line > len(self._starts):
            return len(self.text)
        offset = self._starts[line - 1] + column - 1
        return offset if offset < len(self.text) else len(self.text)

    def slice(self, span: Span) -> str:
        """What stands at a span of this source."""
        return self.text[self.offset(span.line, span.column):self.offset(span.end_line, span.end_column)]

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        return Span(self.source, *self._point(start), *self._point(end))

    def _point(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    # -- as editors count --------------------------------------------------------------------------

    def place(self, offset: int) -> Place:
        line = bisect_right(self._lines, offset)
        start = self._lines[line - 1]
        return Place(line - 1, self._units(self.text[start:offset]))

    def area(self, span: Span) -> Area:
        """A span as editors count."""
        return Area(self.place(self.offset(span.line, span.column)),
                    self.place(self.offset(span.end_line, span.end_column)))

    def at(self, place: Place) -> int:
        """The offset of a place; one outside of the text is moved into it."""
        if place.line >= len(self._lines) or place.line < 0:
            return len(self.text) if place.line > 0 else 0
        start = self._lines[place.line]
        end = self._lines[place.line + 1] if place.line + 1 < len(self._lines) else len(self.text)
        line = self.text[start:end].rstrip("\r\n")
        if line.isascii():
            return start + min(max(place.character, 0), len(line))
        units = 0
        for number, character in enumerate(line):
            if units >= place.character:
                return start + number
            units += self._units(character)
        return start + len(line)

    def _units(self, text: str) -> int:
        if self.encoding == "utf-32" or text.isascii():
            return len(text)
        if self.encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(character > "\uffff" for character in text)


def _starts(ends: re.Pattern[str], text: str) -> list[int]:
    return [0, *(match.end() for match in ends.finditer(text))]
