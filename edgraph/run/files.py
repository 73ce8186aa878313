"""Files that are either as they were or complete: written beside, flushed, renamed. And append-only ones."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

Bytes: TypeAlias = bytes | bytearray | memoryview
PARTIAL = ".partial"  # how the names of files in the making end


def replace_file(path: Path, chunks: Iterable[Bytes], *, durable: bool = True,
                 verify: Callable[[BinaryIO], None] | None = None) -> None:
    """Make `path` hold `chunks`, or leave it as it is and raise.

    The bytes go to a new file in the same folder, which is flushed to the disk, read back by `verify`
    (which raises when it does not like what it finds), and only then takes the name.
    durable: also survive a power failure.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        with naming(path), open(partial, "xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if verify is not None:
            with open(partial, "rb") as file:
                _forget_cached(file)
                verify(file)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if durable:
        flush_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A write that fails names its file: by itself only the opening of one does."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def replace_text(path: Path, text: str) -> None:
    """`replace_file` for small text files, without the wait for the disk."""
    replace_file(path, [text.encode("utf-8", "surrogateescape")], durable=False)


def flush_folder(folder: Path) -> None:
    """Make new names in a folder survive a power failure, where the file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot flush folders; the file itself is safe
        pass
    finally:
        os.close(handle)


def remove_partial(folder: Path) -> list[Path]:
    """Delete what killed processes left half written, here and below. Only for the one that writes here."""
    left = sorted(folder.rglob(f".*{PARTIAL}"))
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return left


def safe_name(name: str) -> str:
    """A name as one part of a path: whatever is not a letter, digit, `.`, `_` or `-` becomes `-`, and
    a name too long for a file system ends in a digest of the whole."""
    safe = re.sub(r"[^\w.\-]+", "-", name).strip(".-") or "unnamed"
    if len(safe.encode("utf-8", "replace")) > 200:
        safe = f"{safe[:40]}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"
    return safe


class AppendFile:
    """A file that only grows, and shrinks back to a known length when a run is resumed.

    Every `append` is one system call, so a killed process loses nothing that it has appended; `sync` is
    for power failures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    @property
    def length(self) -> int:
        """In bytes."""
        return os.fstat(self._open).st_size

    @property
    def _open(self) -> int:
        if self._handle is None:
            raise ValueError(f"{self.path} is closed")
        return self._handle

    def append(self, data: Bytes) -> None:
        rest = memoryview(data)
        with naming(self.path):
            while rest:
                rest = rest[os.write(self._open, rest):]

    def truncate(self, length: int) -> None:
        """Cut to `length` bytes. Raises ValueError where the file is shorter than that."""
        if length > self.length:
            raise ValueError(f"{self.path} has {self.length} bytes, fewer than the {length} to cut it to")
        os.ftruncate(self._open, length)

    def sync(self) -> None:
        os.fsync(self._open)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _forget_cached(file: BinaryIO) -> None:
    """Ask that what follows is read from the disk and not from memory, where the system takes such wishes."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
