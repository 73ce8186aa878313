"""Changes of a text's layout that leave its meaning: the order of keys, spaces, empty lines. Each is text to text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import yaml

from edgraph.text.comments import comments, scalars
from edgraph.text.source import LINE_END, Entry, Mapping, Source, Tree

_MAX_EMPTY = 1  # lines between two others


def reordered(source: Source, mappings: Sequence[tuple[Mapping, Sequence[str]]], tree: Tree) -> str:
    """Each mapping with its keys in the order given; the mappings do not overlap. Keys that are not in the order stay
    behind the one before them. A comment above a key goes with it; so does one beside its value."""
    lines = _Lines(source, tree)
    found = (_flow(mapping, order, lines) or _block(mapping, order, lines, mapping is not tree)
             for mapping, order in mappings)
    edits = [edit for edit in found if edit is not None]
    text = source.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def ranked(keys: Sequence[str], order: Sequence[str]) -> list[int]:
    """The positions of keys in their new order."""
    places = {key: place for place, key in enumerate(order)}
    rank, ranks = -1, []
    for position, key in enumerate(keys):
        rank = places.get(key, rank)
        ranks.append((rank, key not in places, position))
    return [position for _, _, position in sorted(ranks)]


class _Lines:
    """Offsets of lines, and which of them hold only a comment or nothing."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self.source = source
        self.starts = [0, *(match.end() for match in re.finditer(LINE_END, source.text))]
        self.comments = {at.line: at.column for at, _ in comments(source, tree)}

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column - 1 if line <= len(self.starts) else len(self.source.text)

    def end(self, entry: Entry) -> tuple[int, int]:
        """Where an entry's value ends; a block of text ends at the beginning of the next line."""
        span = entry.value.span
        if span.end_column == 1 and span.end_line > span.line:
            line = span.end_line - 1
            while line > span.line and not self.source.line(line).strip():
                line -= 1
            return line, len(self.source.line(line)) + 1
        return max((span.end_line, span.end_column), entry.span[3:])

    def is_beside(self, line: int) -> bool:
        """Whether nothing of the tree stands there."""
        return not self.source.line(line).strip() or self.comments.get(line, 0) == _indent(self.source.line(line)) + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _flow(mapping: Mapping, order: Sequence[str], lines: _Lines) -> tuple[int, int, str] | None:
    """In braces on one line. None where it is not, or is in order; lines that were broken by hand stay."""
    entries = list(mapping.entries.values())
    places = ranked(list(mapping.entries), order)
    text = lines.source.text
    if not entries or text[lines.offset(*mapping.span[1:3]):][:1] != "{" or places == sorted(places):
        return None
    if mapping.span.line != mapping.span.end_line:
        return None
    spots = [(lines.offset(*entry.span[1:3]), lines.offset(*lines.end(entry))) for entry in entries]
    parts = [text[start:end] for start, end in spots]
    gaps = [text[before[1]:after[0]] for before, after in pairwise(spots)]
    new = parts[places[0]] + "".join(gap + parts[place] for gap, place in zip(gaps, places[1:], strict=True))
    return spots[0][0], spots[-1][1], new


def _block(mapping: Mapping, order: Sequence[str], lines: _Lines, inner: bool) -> tuple[int, int, str] | None:
    """On lines of their own. inner: it is no whole file, at whose head the comments above its first key stay."""
    entries = list(mapping.entries.values())
    places = ranked(list(mapping.entries), order)
    if places == sorted(places):
        return None
    source = lines.source
    if any(source.line(entry.span.line)[:entry.span.column - 1].strip() for entry in entries):
        return None  # in braces with comments, say
    begins: list[int] = []
    ends: list[int] = []
    for entry in entries:
        first = entry.span.line
        above = ends[-1] if ends else 0 if inner else first
        while first - 1 > above and source.line(first - 1).strip() and lines.is_beside(first - 1):
            first -= 1
        begins.append(first)
        ends.append(lines.end(entry)[0])
    if any(begin <= end for begin, end in zip(begins[1:], ends, strict=False)):
        return None
    parts = [source.text[lines.offset(begin, 1):lines.offset(end + 1, 1)]
             for begin, end in zip(begins, ends, strict=True)]
    if not parts[-1].endswith("\n"):
        parts[-1] += "\n"
    gaps = [source.text[lines.offset(end + 1, 1):lines.offset(begin, 1)]
            for end, begin in zip(ends, begins[1:], strict=False)]
    new = parts[places[0]] + "".join(gap + parts[place] for gap, place in zip(gaps, places[1:], strict=True))
    return lines.offset(begins[0], 1), lines.offset(ends[-1] + 1, 1), new


def spaced(source: Source, tree: Tree) -> str:
    """In braces and brackets: a space after each comma, none before it, none at the edges. Wider gaps stay: they are
    columns."""
    starts = [0, *(match.end() for match in re.finditer(LINE_END, source.text))]
    text, edits, depth, before = source.text, [], 0, None
    loader: Any = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader
    for token in yaml.scan(text, Loader=loader):
        opens = isinstance(token, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken))
        closes = isinstance(token, (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken))
        comma = isinstance(token, yaml.FlowEntryToken)
        if before is not None and depth:
            start, end = _offset(before.end_mark, starts), _offset(token.start_mark, starts)
            gap = text[start:end]
            if not gap.strip(" ") and "\n" not in gap:
                tight = closes or comma or isinstance(before, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken))
                if tight and gap:
                    edits.append((start, end, ""))
                elif isinstance(before, yaml.FlowEntryToken) and not tight and not gap:
                    edits.append((start, end, " "))
        depth += opens - closes
        before = token
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


def _offset(mark: Any, starts: list[int]) -> int:
    return starts[int(mark.line)] + int(mark.column)


def tidy_lines(source: Source, tree: Tree) -> str:
    """No spaces at the ends of lines, no two empty lines together, one line end at the end."""
    inside = {line for span in scalars(tree) for line in range(span.line, span.end_line + (span.end_column > 1))
              if span.end_line > span.line}
    kept: list[str] = []
    empty = 0
    for number, line in enumerate(source.text.split("\n"), 1):
        line = line if number in inside else line.rstrip(" \t")
        empty = empty + 1 if not line and number not in inside else 0
        if empty <= _MAX_EMPTY and (line or kept):
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n"
