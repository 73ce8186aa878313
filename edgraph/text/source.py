"""Where text came from: sources, spans and the tree in which every key and scalar has a span."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, overload

LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML's marks count; str.splitlines knows more


class Source:
    """One text that an author wrote: a file, or an argument of the command line."""

    __slots__ = ("_lines", "ignores", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name  # as shown in messages: a path relative to where the author is
        self.text = text
        self._lines: list[str] | None = None
        self.ignores: dict[int, set[str]] = {}  # by line: codes of warnings that comments silence there

    def line(self, number: int) -> str:
        """The text of line `number`, counted from 1, without its end."""
        if self._lines is None:
            self._lines = LINE_END.split(self.text)
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


class Span(NamedTuple):
    """A stretch of a source. Lines and columns count from 1, in code points; the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def place(self) -> str:
        """`pipeline.yaml:31:5`."""
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name where the author wrote it."""

    text: str
    span: Span


def join(first: Span, last: Span) -> Span:
    """From the start of one span to the end of another, where both are in one source."""
    if first.source is not last.source or last[1:3] < first[1:3]:
        return last
    return Span(*first[:3], *last[3:])


class Scalar:
    """A value without parts. `value` follows the YAML 1.2 core schema; `raw` is the text."""

    __slots__ = ("plain", "raw", "span", "value")

    def __init__(self, value: Plain, span: Span, raw: str | None = None, plain: bool = True) -> None:
        self.value = value
        self.span = span
        self.raw = str(value) if raw is None else raw
        self.plain = plain  # written without quotes


class Entry(NamedTuple):
    """One key of a mapping: where the key stands, and its value."""

    span: Span
    value: Tree


class Mapping:
    """Keys in the order of the file."""

    __slots__ = ("entries", "span")

    def __init__(self, entries: dict[str, Entry], span: Span) -> None:
        self.entries = entries
        self.span = span

    def get(self, key: str) -> Tree | None:
        entry = self.entries.get(key)
        return None if entry is None else entry.value


class Sequence:
    """A list."""

    __slots__ = ("items", "span")

    def __init__(self, items: list[Tree], span: Span) -> None:
        self.items = items
        self.span = span


Tree: TypeAlias = Scalar | Mapping | Sequence
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


@overload
def plain(tree: Mapping) -> dict[str, Plain]: ...
@overload
def plain(tree: Tree) -> Plain: ...
def plain(tree: Tree) -> Plain:
    """The bare Python value of a tree."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Sequence):
        return [plain(item) for item in tree.items]
    return {key: plain(entry.value) for key, entry in tree.entries.items()}
