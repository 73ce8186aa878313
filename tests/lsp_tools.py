"""Texts with a cursor, for the tests of the language server."""

from __future__ import annotations

from pathlib import Path

from edgraph.lsp.analysis import Analysis, analyse

ROOT = Path(__file__).parent.parent
CURSOR = "‸"
DIGITS = ROOT / "pipelines" / "digits.yaml"
TEXT = DIGITS.read_text(encoding="utf-8")


def cursor(text: str) -> tuple[str, int]:
    """The text without its cursor, and where that is."""
    assert text.count(CURSOR) == 1, "one cursor is needed"
    at = text.index(CURSOR)
    return text.replace(CURSOR, ""), at


def at(marked: str, name: str = "<test>", before: Analysis | None = None) -> tuple[Analysis, int]:
    """The analysis of a text, and the offset of its cursor."""
    text, offset = cursor(marked)
    return analyse(name, text, before), offset


def digits(old: str, new: str) -> str:
    """pipelines/digits.yaml with one change."""
    assert TEXT.count(old) == 1, f"{TEXT.count(old)} times: {old}"
    return TEXT.replace(old, new)
