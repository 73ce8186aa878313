"""References in the text of an expression, found by looking at its words: so each part has its place, also where the
expression stands on several lines or is not finished yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from keyword import kwlist
from typing import NamedTuple

from edgraph.language.expressions import BUILTINS, RESERVED
from edgraph.language.parse import CONSTANTS

NAME = r"[^\W\d]\w*"
_WORDS = re.compile(
    rf"""(?P<string>"(?:[^"\\]|\\.)*"|'[^']*')"""
    rf"""|(?P<path>(?<![\w.]){NAME}(?:\s*\.\s*{NAME}|\s*\[\s*(?:\d+|\\?"[^"]*"|'[^']*')\s*\])*)(?P<call>\s*\()?""")
_PART = re.compile(rf"(?P<index>\[[^\]]*\])|{NAME}")
_INSERT = re.compile(r"\$\{([^{}]*)\}")
NOT_REFERENCES = frozenset([*CONSTANTS, *BUILTINS, *RESERVED, *kwlist]) - {"params"}


class Part(NamedTuple):
    """A name in a path, and the offset at which it stands."""

    name: str
    at: int

    @property
    def end(self) -> int:
        return self.at + len(self.name)


def paths(text: str, start: int, end: int) -> Iterator[list[Part]]:
    """The references in text[start:end], a scalar with its quotes; each as its names up to the first index."""
    quote = text[start:start + 1]
    if quote in ("|", ">"):  # a block of text begins on the next line
        start = text.find("\n", start, end) + 1 or end
    elif quote in ("'", '"') and end - start >= 2:
        start, end = start + 1, end - 1
    yielded = start
    while (match := _WORDS.search(text, yielded, end)) is not None:
        yielded = match.end()
        if match["string"] is not None or match["call"] is not None:
            continue
        found: list[Part] = []
        for part in _PART.finditer(text, match.start("path"), match.end("path")):
            if part["index"] is not None:
                break
            found.append(Part(part[0], part.start()))
        if found and found[0].name not in NOT_REFERENCES:
            yield found


def insertions(text: str, start: int, end: int) -> Iterator[Part]:
    """The parameters that `${name}` inserts in text[start:end]."""
    for match in _INSERT.finditer(text, start, end):
        if not match[1].startswith("env:"):
            yield Part(match[1], match.start(1))
