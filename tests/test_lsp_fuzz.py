"""Whatever a text holds, every feature has an answer for every place in it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgraph.lsp.actions import actions
from edgraph.lsp.analysis import Analysis, analyse
from edgraph.lsp.completion import complete
from edgraph.lsp.definition import definition, references
from edgraph.lsp.hints import hints
from edgraph.lsp.hover import hover
from edgraph.lsp.rename import Refused, rename
from edgraph.lsp.symbols import folds, symbols
from tests.lsp_tools import TEXT
from tests.test_lsp_names import PIPELINES

PIECES = ["", "\n", "  ", ": ", "{", "}", "[", "]", ",", '"', "'", "#", "- ", "${", "${lr}", "batch.", "hold(", "|\n", "\t",
          "\u2028", "😀", "*a ", "&a ", "!", "null", "op: ", "every: ", "\r\n", "\0", "<<: ", "1e999", "é", "? "]


def broken(text: str, chance: random.Random) -> str:
    """A text after some slips: pieces lost, doubled, moved, or typed in the wrong place."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 3, 20, 200]))
        text = text[:start] + chance.choice([*PIECES, text[start:end] * 2]) + text[end:]
    return text


def ask_everything(analysis: Analysis, offset: int) -> None:
    for span in references(analysis, offset):
        assert analysis.text.slice(span) or span.source is not analysis.source
    definition(analysis, offset)
    hover(analysis, offset)
    complete(analysis, analysis.source.text, offset)
    actions(analysis, offset, offset + 3)
    try:
        rename(analysis, offset, "another")
    except Refused as reason:
        assert str(reason)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_after_slips(path: Path) -> None:
    chance = random.Random(path.name)
    text = path.read_text(encoding="utf-8")
    good = analyse(str(path), text)
    for _ in range(6):
        analysis = analyse(str(path), broken(text, chance), good)
        symbols(analysis)
        folds(analysis)
        hints(analysis)
        for item in analysis.diagnostics:
            if item.span is not None:
                analysis.text.area(item.span)
        for _ in range(10):
            ask_everything(analysis, chance.randrange(len(analysis.source.text) + 1))


def test_at_every_place_of_a_pipeline_while_it_is_typed() -> None:
    """The file as it grows, a few characters at a time."""
    before: Analysis | None = None
    for end in range(0, len(TEXT), 97):
        analysis = before = analyse("<test>", TEXT[:end], before)
        complete(analysis, TEXT[:end], end)
        hover(analysis, end)
        symbols(analysis)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from([*"ops: {}[]'\"#-,|>&*!?$\n\t .a1\\é😀\u2028\r\x00"]), max_size=60), st.integers(0, 60))
def test_any_text(text: str, offset: int) -> None:
    analysis = analyse("<test>", text)
    offset = min(offset, len(text))
    ask_everything(analysis, offset)
    symbols(analysis)
    folds(analysis)
    hints(analysis)
    assert analysis.text.at(analysis.text.place(offset)) <= len(text)
