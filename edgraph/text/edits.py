"""Changes of a text that were proposed as fixes, and writing a file in one go."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from edgraph.text.diagnostics import Fix
from edgraph.text.source import LINE_END, Source, Span

_BOM = b"\xef\xbb\xbf"


def apply(source: Source, fixes: Iterable[Fix]) -> str:
    """The text with these changes; they do not overlap."""
    starts = [0, *(match.end() for match in re.finditer(LINE_END, source.text))]
    text = source.text
    for fix in sorted(fixes, key=lambda fix: fix.span[1:3], reverse=True):
        start, end = _offsets(fix.span, starts)
        text = text[:start] + fix.text + text[end:]
    return text


def _offsets(span: Span, starts: list[int]) -> tuple[int, int]:
    return starts[span.line - 1] + span.column - 1, starts[span.end_line - 1] + span.end_column - 1


def apart(fixes: Iterable[Fix]) -> list[Fix]:
    """In the order of the text, without those that overlap one before."""
    kept: list[Fix] = []
    for fix in sorted(fixes, key=lambda fix: fix.span[1:]):
        if not kept or kept[-1].span[3:] <= fix.span[1:3]:
            kept.append(fix)
    return kept


def replace_file(path: Path, text: str) -> None:
    """Writes a file that is there whole or not at all; keeps its byte order mark and permissions. Raises OSError."""
    target = path.resolve()
    with target.open("rb") as file:
        mark = _BOM if file.read(len(_BOM)) == _BOM else b""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mark + text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
