"""A text that need not be YAML yet, as mappings, lists and texts: for completion, where something is always missing.

Indentation rules: whatever is not closed ends where a line is indented no deeper than the key that it belongs to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

_KEY = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s\[\]{},#"'&*!|>][^\n#]*?)[ \t]*:(?=[ \t\r\0]|$)""")
_PROPERTY = re.compile(r"[&!]\S*[ \t]*")


@dataclass(slots=True)
class Leaf:
    """Text without parts; start, end: offsets, with quotes."""

    text: str
    start: int
    end: int

    @property
    def quote(self) -> str:
        return self.text[:1] if self.text[:1] in ("'", '"', "|", ">") else ""


@dataclass(slots=True)
class Pair:
    """A key and its value. `colon`: it has one."""

    key: Leaf
    value: Node | None
    colon: bool = True

    @property
    def name(self) -> str:
        return self.key.text.strip("'\"")


@dataclass(slots=True)
class Map:
    pairs: list[Pair] = field(default_factory=list)
    flow: bool = False

    def get(self, name: str) -> Node | None:
        return next((pair.value for pair in self.pairs if pair.name == name), None)

    def text(self, name: str) -> str:
        """The text of a value; empty where it is none."""
        value = self.get(name)
        return value.text.strip("'\"") if isinstance(value, Leaf) else ""


@dataclass(slots=True)
class List:
    items: list[Node] = field(default_factory=list)
    flow: bool = False


Node: TypeAlias = Leaf | Map | List


class _Line(NamedTuple):
    indent: int
    start: int  # of what is written, without indentation
    end: int  # without the line's end


def outline(text: str) -> Node | None:
    """What a text holds, as far as it can be told."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[_Line] = []
        offset = 0
        for line in text.split("\n"):
            bare = line.lstrip(" \t")
            if bare.strip() and not bare.startswith("#"):
                start = offset + len(line) - len(bare)
                self.lines.append(_Line(len(line) - len(bare), start, offset + len(line)))
            offset += len(line) + 1
        self.at = 0  # the line that comes next

    def whole(self) -> Node | None:
        return self.block(0, 0) if self.lines else None

    # -- lines -------------------------------------------------------------------------------------

    def block(self, low: int, depth: int) -> Node | None:
        """What stands on the lines from here that are indented by at least `low`."""
        first = self.lines[self.at]
        if self.is_item(first):
            return self.items(first.indent, depth)
        if _KEY.match(self.text, first.start, first.end) is None and depth and not self.marked(first):
            end = self.region(self.at, low - 1)
            leaf = self.leaf(first.start, self.lines[end - 1].end)
            self.at = end
            return leaf
        found = Map()
        while self.at < len(self.lines) and self.lines[self.at].indent >= low:
            line = self.lines[self.at]
            if line.indent < first.indent or (self.is_item(line) and line.indent == first.indent):
                break
            self.pair(line, found, depth)
        return found

    def marked(self, line: _Line) -> bool:
        return "\0" in self.text[line.start:line.end]

    def is_item(self, line: _Line) -> bool:
        return self.text[line.start] == "-" and self.text[line.start + 1:line.start + 2] in ("", " ", "\n", "\r", "\0")

    def pair(self, line: _Line, into: Map, depth: int) -> None:
        key = _KEY.match(self.text, line.start, line.end)
        if key is None:
            into.pairs.append(Pair(self.leaf(line.start, line.end), None, colon=False))
            self.at += 1
            return
        name = Leaf(key[1], key.start(1), key.end(1))
        into.pairs.append(Pair(name, self.value(key.end(), line, depth)))

    def items(self, indent: int, depth: int) -> List:
        found = List()
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.indent != indent or not self.is_item(line):
                break
            start = line.start + 1
            while start < line.end and self.text[start] in " \t":
                start += 1
            if _KEY.match(self.text, start, line.end) is not None and depth < 50:
                self.lines[self.at] = _Line(indent + start - line.start, start, line.end)
                item = self.block(indent + 1, depth + 1)
            else:
                item = self.value(start, line, depth)
            if item is not None:
                found.items.append(item)
        return found

    def region(self, line: int, indent: int) -> int:
        """The first line after this one that is indented no deeper."""
        line += 1
        while line < len(self.lines) and self.lines[line].indent > indent:
            line += 1
        return line

    def value(self, start: int, line: _Line, depth: int) -> Node | None:
        """What stands behind a colon or dash, and on the deeper lines below."""
        text = self.text
        while start < line.end and text[start] in " \t\r":
            start += 1
        while (match := _PROPERTY.match(text, start, line.end)) is not None:
            start = match.end()
        after = self.region(self.at, line.indent)
        if start >= line.end or text[start] == "#":
            self.at += 1
            if self.at == len(self.lines) or depth > 50:
                self.at = max(self.at, after)
                return None
            below = self.lines[self.at]
            if below.indent > line.indent or (below.indent == line.indent and self.is_item(below)
                                              and not self.is_item(line)):
                return self.block(line.indent if self.is_item(below) else line.indent + 1, depth + 1)
            return None
        limit = self.lines[after - 1].end
        self.at = after
        if text[start] in "{[":
            return self.flow(start, limit, depth)[0]
        if text[start] in "|>":
            return Leaf(text[start:limit], start, limit)
        if text[start] in "'\"":
            end = self.quoted(start, limit)
            return Leaf(text[start:end], start, end)
        return self.leaf(start, limit)

    def leaf(self, start: int, end: int) -> Leaf:
        """Plain text up to a comment."""
        stop = self.text.find(" #", start, end)
        written = self.text[start:end if stop < 0 else stop].rstrip()
        return Leaf(written, start, start + len(written))

    # -- braces and brackets -----------------------------------------------------------------------

    def flow(self, start: int, limit: int, depth: int) -> tuple[Node, int]:
        """A mapping or list in braces or brackets, and where it ends."""
        is_map = self.text[start] == "{"
        found: Map | List = Map(flow=True) if is_map else List(flow=True)
        at = start + 1
        while (at := self.skip(at, limit)) < limit:
            character = self.text[at]
            if character in "}]":
                return found, at + 1 if (character == "}") == is_map else at
            at, key = self.part(at, limit, depth)
            at = self.skip(at, limit, commas=False)
            if at < limit and self.text[at] == ":" and isinstance(key, Leaf):
                at = self.skip(at + 1, limit, commas=False)
                value: Node | None = None
                if at < limit and self.text[at] not in ",}]":
                    at, value = self.part(at, limit, depth)
                pair = Pair(key, value)
            elif isinstance(key, Leaf):
                pair = Pair(key, None, colon=False)
            else:
                pair = None
            if isinstance(found, Map):
                if pair is not None:
                    found.pairs.append(pair)
            else:
                found.items.append(key if pair is None or not pair.colon else Map([pair], flow=True))
        return found, limit

    def part(self, at: int, limit: int, depth: int) -> tuple[int, Node]:
        character = self.text[at]
        if character in "{[" and depth < 50:
            node, end = self.flow(at, limit, depth + 1)
            return end, node
        end = self.quoted(at, limit) if character in "'\"" else self.plain(at, limit)
        end = max(end, at + 1)
        written = self.text[at:end].rstrip() or self.text[at:end]
        return end, Leaf(written, at, at + len(written))

    def skip(self, at: int, limit: int, commas: bool = True) -> int:
        """Past blanks, comments and commas."""
        text = self.text
        while at < limit:
            if text[at] == "#" and text[at - 1] in " \t\n":
                at = text.find("\n", at, limit)
                if at < 0:
                    return limit
            elif text[at] not in (" \t\r\n," if commas else " \t\r\n"):
                break
            at += 1
        return at

    def quoted(self, start: int, limit: int) -> int:
        """The offset behind the closing quote; without one the end of the line."""
        quote, at = self.text[start], start + 1
        while at < limit:
            character = self.text[at]
            if character == quote:
                if quote == "'" and self.text[at + 1:at + 2] == "'":
                    at += 1
                else:
                    return at + 1
            elif character == "\\" and quote == '"':
                at += 1
            at += 1
        end = self.text.find("\n", start, limit)
        return limit if end < 0 else end

    def plain(self, at: int, limit: int) -> int:
        """The end of plain text in braces; commas within parentheses belong to it, as an author means them."""
        text, depth = self.text, 0
        while at < limit:
            character = text[at]
            if character == "$" and text[at + 1:at + 2] == "{":
                close = text.find("}", at, limit)
                line = text.find("\n", at, limit)
                at = close if close >= 0 and (line < 0 or close < line) else at + 1
            elif character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
            elif self.ends(at, depth):
                break
            at += 1
        return at

    def ends(self, at: int, depth: int) -> bool:
        """Whether plain text in braces ends before a character; depth: of its parentheses."""
        before, character, after = self.text[at - 1], self.text[at], self.text[at + 1:at + 2]
        match character:
            case "\n" | "}" | "]":
                return True
            case ",":
                return depth <= 0
            case ":":
                return after in ("", " ", "\n", "\r", "\t", "\0", ",", "}", "]", "{")
            case "#":
                return before in " \t"
            case "{" | "[":
                return depth <= 0 and before in " \t"
        return False
