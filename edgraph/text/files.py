"""Files to sources: bytes to text, with what is wrong said in words."""

from __future__ import annotations

from pathlib import Path

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import MAX_CHARACTERS
from edgraph.text.source import Source, Span
from edgraph.text.suggest import did_you_mean

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_file(path: Path, diagnostics: Diagnostics, span: Span | None) -> Source | None:
    """The text of a file, named as the author named it; None after an error.

    span: the include that asked for it, or None for the command line.
    """
    name = str(path)
    try:
        if path.is_file() and path.stat().st_size > 4 * MAX_CHARACTERS:
            diagnostics.error("file-too-large", f"{name!r} has {path.stat().st_size:,} bytes; a pipeline has at most "
                              f"{MAX_CHARACTERS:,} characters", span,
                              "keep data out of the pipeline and give its path instead")
            return None
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        _unreadable(path, name, error, diagnostics, span)
        return None
    return decode(name, data, diagnostics)


def decode(name: str, data: bytes, diagnostics: Diagnostics) -> Source | None:
    """UTF-8, with or without a byte order mark."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return Source(name, data.decode())
    except UnicodeDecodeError as error:
        source = Source(name, data.decode(errors="replace"))
        before = data[:error.start].decode()
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        help = "save the file as UTF-8"
        what = f"the byte 0x{data[error.start]:02x} is no part of UTF-8 text"
        if data.startswith(_UTF16):
            what = "the file is UTF-16, not UTF-8"
        diagnostics.error("not-utf-8", what, Span(source, line, column, line, column + 1), help)
        return None


def _unreadable(path: Path, name: str, error: Exception, diagnostics: Diagnostics, span: Span | None) -> None:
    help = None
    if isinstance(error, FileNotFoundError):
        message = f"there is no file {name!r}"
        try:
            siblings = [p.name for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml")][:1000]
        except OSError:
            siblings = []
        near = did_you_mean(path.name, sorted(siblings))
        help = near if near.startswith("did") else "a file is looked for from the folder of the one that names it" \
            if span is not None else None
    elif isinstance(error, IsADirectoryError):
        message, help = f"{name!r} is a folder, not a file", "name a file in it"
    elif isinstance(error, PermissionError):
        message, help = f"{name!r} may not be read", "change its permissions"
    else:
        message = f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}"
    diagnostics.error("missing-file" if isinstance(error, FileNotFoundError) else "unreadable-file", message,
                      span, help)
