"""Places as editors count them, in every encoding, and back."""

from __future__ import annotations

import pytest

from edgraph.lsp.positions import Area, Place, Text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.source import Mapping, Source

WILD = 'a: "😀é" # ü\r\nkey: "\u2028😀", \nlast: 名前\n'


@pytest.mark.parametrize(("encoding", "units"), [("utf-16", 2), ("utf-8", 4), ("utf-32", 1)])
def test_a_character_beyond_the_plane(encoding: str, units: int) -> None:
    text = Text(Source("x", "😀b\nc"), encoding)
    assert text.place(1) == Place(0, units)
    assert text.at(Place(0, units)) == 1
    assert text.place(3) == Place(1, 0)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-32"])
def test_there_and_back(encoding: str) -> None:
    text = Text(Source("x", WILD), encoding)
    for offset in range(len(WILD) + 1):
        if WILD[offset - 1:offset + 1] != "\r\n":  # inside a line end there is no place
            assert text.at(text.place(offset)) == offset


def test_lines_of_editors_are_not_those_of_yaml() -> None:
    """U+2028 ends a line in YAML, but not in an editor: what comes after it is on the same line there."""
    source = Source("x", 'a: "x\u2028y"\nb: 1\n')
    tree = read(source, Diagnostics())
    assert isinstance(tree, Mapping)
    text = Text(source)
    assert tree.entries["b"].span.line == 3
    assert text.area(tree.entries["b"].span) == Area(Place(1, 0), Place(1, 1))


def test_places_outside_are_moved_inside() -> None:
    text = Text(Source("x", "ab\ncd"))
    assert text.at(Place(0, 99)) == 2
    assert text.at(Place(99, 0)) == 5
    assert text.at(Place(-1, 0)) == 0
    assert text.offset(99, 1) == 5


def test_spans_and_their_text() -> None:
    source = Source("x", WILD)
    text = Text(source)
    tree = read(Source("y", "a: 1"), Diagnostics())
    assert isinstance(tree, Mapping)
    span = text.span(WILD.index("名"), WILD.index("名") + 2)
    assert text.slice(span) == "名前"
    assert text.area(span) == Area(Place(2, 6), Place(2, 8))
