"""A state tree in one file: safetensors with the tree as JSON in its metadata and a checksum over every byte.

It is written here and not by the safetensors library because there the order of the metadata, and so the
bytes of the file, changes from one write to the next, and because it wants bare addresses of memory. The
library's readers (also `safetensors.torch.load_file`) find the arrays under their paths.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from edgraph.backends.base import StateTree
from edgraph.run.files import Bytes, replace_file
from edgraph.run.tree import SIZES, TREE, Tensor, flatten, unflatten

FORMAT = 1
_LONGEST = 1 << 20  # a longer tree is an array of its UTF-8 bytes, because headers are bounded
_HEADER_LIMIT = 100_000_000  # of the safetensors format
_ZEROS = "0" * 64
_CHUNK = 1 << 20


class Damaged(Exception):
    """A file is not a whole state file that this version reads. `reason` says why."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class StateFile(NamedTuple):
    """What is in a file: the tree, and the few things its writer said about it."""

    tree: StateTree
    about: dict[str, Any]


def write_state(path: Path, tree: StateTree, about: Mapping[str, Any] | None = None) -> None:
    """Write a state tree so that `path` is the new file, whole and read back once, or what it was before.

    about: JSON values that `read_about` finds without reading the arrays.
    Raises Unsaveable (before anything is written), OSError, and Damaged where the disk gives back something
    else than was written.
    """
    chunks, digest = encode_state(tree, about)

    def verify(file: BinaryIO) -> None:
        found = _digest_of(file)
        if found != digest:
            raise Damaged(path, f"what was written is not what is read back (sha256 {found[:12]}…, "
                                f"expected {digest[:12]}…); the earlier file is kept")

    replace_file(path, chunks, verify=verify)


def encode_state(tree: StateTree, about: Mapping[str, Any] | None = None) -> tuple[list[Bytes], str]:
    """The bytes of a state file, in pieces that share the arrays' memory, and their checksum."""
    encoded, tensors = flatten(tree)
    text = json.dumps(encoded, separators=(",", ":"), allow_nan=False)
    if len(text) > _LONGEST:
        data = memoryview(text.encode())
        tensors.append(Tensor(TREE, "U8", (len(data),), data))
        text = ""
    tensors.sort(key=lambda tensor: -SIZES[tensor.dtype])  # so that every array is aligned to its items
    header: dict[str, Any] = {"__metadata__": {
        "edgraph": str(FORMAT), "sha256": _ZEROS, "about": json.dumps(dict(about or {})), "tree": text}}
    offset = 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + data.nbytes]}
        offset += data.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > _HEADER_LIMIT:
        raise ValueError(f"the state has {len(tensors)} arrays, more than a state file can name")
    arrays = [tensor.data for tensor in tensors]
    digest = _digest([len(head).to_bytes(8, "little") + head, *arrays])
    head = head.replace(_ZEROS.encode(), digest.encode(), 1)
    return [len(head).to_bytes(8, "little") + head, *arrays], digest


def read_state(path: Path) -> StateFile:
    """Read a state file after checking every byte of it. Raises Damaged, or FileNotFoundError.

    Arrays stay in the file until they are used; writing to them changes the memory and never the file.
    """
    with open(path, "rb") as file:
        header, start = _checked(file, path)
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return _assemble(header, memory[start:], path)


def decode_state(data: bytes, path: Path | str) -> StateFile:
    """`read_state` of bytes in memory. path: for messages."""
    header, start = _checked(io.BytesIO(data), path)
    return _assemble(header, memoryview(bytearray(data))[start:], path)


def read_about(path: Path) -> dict[str, Any]:
    """What the writer said about the state, from the header alone. Raises Damaged, or FileNotFoundError.

    The arrays are not looked at, so a file that passes here may still be damaged.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        header, _ = _header(path, file.read(8), file.read, size)
    try:
        return dict(json.loads(header["__metadata__"]["about"]))
    except (ValueError, TypeError):
        raise Damaged(path, "its header is damaged") from None


def _header(path: Path | str, length: bytes, read: Any, size: int) -> tuple[dict[str, Any], int]:
    """The parsed header, and how many bytes of arrays follow it."""
    if len(length) < 8:
        raise Damaged(path, "the file is empty" if not length else f"cut off: it has only {size} bytes")
    count = int.from_bytes(length, "little")
    if count > _HEADER_LIMIT or count < 2:
        raise Damaged(path, "not a safetensors file")
    if count + 8 > size:
        raise Damaged(path, f"cut off within its header: {size:,} bytes of at least {count + 8:,}")
    try:
        header = json.loads(read(count))
        metadata = header.get("__metadata__", {})
        if "edgraph" not in metadata:
            raise Damaged(path, "a safetensors file, but not a checkpoint of edgraph "
                                "(to load weights from it, use weights: {file: …})")
        if int(metadata["edgraph"]) > FORMAT:
            raise Damaged(path, f"written by a newer edgraph (format {metadata['edgraph']}, this one reads "
                                f"up to {FORMAT}); upgrade edgraph to read it")
        whole = max((e["data_offsets"][1] for name, e in header.items() if name != "__metadata__"), default=0)
        if any(not isinstance(metadata[key], str) for key in ("sha256", "about", "tree")):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Damaged(path, "its header is damaged") from None
    if size != count + 8 + whole:
        what = "cut off" if size < count + 8 + whole else "too long"
        raise Damaged(path, f"{what}: {size:,} bytes instead of {count + 8 + whole:,}")
    return header, whole


def _checked(file: BinaryIO, path: Path | str) -> tuple[dict[str, Any], int]:
    """The header of a file whose every byte is as it was written, and where its arrays start.

    It is read through, not mapped, because a disk that cannot read a mapped page kills the process.
    """
    size = file.seek(0, 2)
    file.seek(0)
    header, whole = _header(path, file.read(8), file.read, size)
    file.seek(0)
    found, written = _digest_of(file), header["__metadata__"]["sha256"]
    if found != written:
        raise Damaged(path, f"its checksum does not fit: {found[:12]}…, but {written[:12]}… was written")
    return header, size - whole


def _assemble(header: dict[str, Any], data: memoryview, path: Path | str) -> StateFile:
    metadata = header.pop("__metadata__")
    try:
        tensors = {name: Tensor(name, e["dtype"], tuple(e["shape"]), data[slice(*e["data_offsets"])])
                   for name, e in header.items()}
        text = metadata["tree"] or bytes(tensors[TREE].data).decode()
        return StateFile(unflatten(json.loads(text), tensors), json.loads(metadata["about"]))
    except (ValueError, LookupError, TypeError) as error:  # whole, but not by this writer
        raise Damaged(path, f"its parts do not fit together ({error})") from None


def _digest(parts: Iterable[Bytes]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def _blank(start: bytes) -> bytes:
    """The start of a file with the place of the checksum, which cannot be part of what it sums up, zeroed."""
    place = re.match(rb'.{8}\{"__metadata__":\{"edgraph":"\d+","sha256":"', start, re.DOTALL)
    return start if place is None else start[:place.end()] + _ZEROS.encode() + start[place.end() + 64:]


def _digest_of(file: BinaryIO) -> str:
    """The checksum of a file's bytes, with little memory."""
    sha = hashlib.sha256(_blank(file.read(_CHUNK)))
    while chunk := file.read(_CHUNK):
        sha.update(chunk)
    return sha.hexdigest()
