"""State trees as JSON plus a list of arrays, and back, exactly. Nothing is pickled."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from edgraph.backends.base import ArrayBlob, StateTree

# What JSON does not have is written as an object with one key that starts with "!".
_NATIVE = {"|b1": "BOOL", "|u1": "U8", "|i1": "I8", "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32",
           "<u8": "U64", "<i8": "I64", "<f2": "F16", "<f4": "F32", "<f8": "F64", "<c8": "C64"}
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
         "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4,
         "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8}  # bytes of an item
_NUMPY = {name: code for code, name in _NATIVE.items()}


TREE = "edgraph.tree"  # the name of an array that holds a tree too long for the header


class Unsaveable(TypeError):
    """A value in a state tree is of a kind that a checkpoint cannot hold."""


class Tensor(NamedTuple):
    """One array of a state tree: its name in the file, and its bytes (C order, little endian)."""

    name: str
    dtype: str  # as safetensors calls it
    shape: tuple[int, ...]
    data: memoryview


def flatten(tree: StateTree) -> tuple[Any, list[Tensor]]:
    """Split a state tree into what JSON can hold and its arrays.

    An array is named by its path in the tree: `models.classifier.0.weight`. Raises Unsaveable, which
    names the path too.
    """
    work = _Flatten()
    try:
        return work.encode(tree, ()), work.tensors
    except RecursionError:
        raise Unsaveable("the state is nested too deeply, or contains itself") from None


def unflatten(encoded: Any, tensors: Mapping[str, Tensor]) -> StateTree:
    """What `flatten` took apart. Raises LookupError or ValueError where the parts do not fit together.

    Arrays are views of the given memory: they can be written to where it can.
    """
    if isinstance(encoded, list):
        return [unflatten(part, tensors) for part in encoded]
    if not isinstance(encoded, dict):
        return encoded
    if len(encoded) == 1:
        (tag, content), = encoded.items()
        if tag.startswith("!"):
            return _untag(tag, content, tensors)
    return {key: unflatten(part, tensors) for key, part in encoded.items()}


class _Flatten:
    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self._names: set[str] = {"", "__metadata__", TREE}

    def encode(self, value: Any, path: tuple[str, ...]) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -2 ** 63 <= value < 2 ** 64 else {"!int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"!float": struct.pack(">d", value).hex()}
        if kind is ArrayBlob:
            return {"!blob": self._add(value.dtype, value.shape, value.data, path)}
        if kind is list:
            return [self.encode(part, (*path, str(i))) for i, part in enumerate(value)]
        if kind is tuple:
            return {"!tuple": [self.encode(part, (*path, str(i))) for i, part in enumerate(value)]}
        if isinstance(value, dict):
            return self._mapping(value, path)
        if kind.__module__ == "numpy":
            return self._numpy(value, path)
        raise _unsaveable(value, path)

    def _mapping(self, value: dict[Any, Any], path: tuple[str, ...]) -> Any:
        for key in value:
            if type(key) not in (str, int, bool, type(None)):
                raise Unsaveable(f"the state at {_place(path)} has a key of type {type(key).__name__}, "
                                 f"{key!r:.60}; keys must be str or int")
        parts = [(key, self.encode(part, (*path, str(key)))) for key, part in value.items()]
        if all(type(key) is str and not key.startswith("!") for key in value):
            return dict(parts)
        return {"!dict": [[self.encode(key, path), part] for key, part in parts]}

    def _numpy(self, value: Any, path: tuple[str, ...]) -> Any:
        import numpy as np

        if not isinstance(value, np.ndarray | np.generic) or value.dtype.hasobject or value.dtype.kind == "V":
            raise _unsaveable(value, path)
        array = np.asarray(value)
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        code = array.dtype.str
        data = array.reshape(-1).view(np.uint8).data
        if code in _NATIVE:
            tag = "!array" if isinstance(value, np.ndarray) else "!scalar"
            return {tag: self._add(_NATIVE[code], value.shape, data, path)}
        name = self._add("U8", (array.nbytes,), data, path)  # complex128, datetime64, text and so on
        return {"!raw": [name, code, list(value.shape), isinstance(value, np.generic)]}

    def _add(self, dtype: str, shape: tuple[int, ...], data: Any, path: tuple[str, ...]) -> str:
        view = memoryview(data)
        view = view.cast("B") if view.nbytes and view.c_contiguous else memoryview(view.tobytes())
        if dtype not in SIZES or view.nbytes != math.prod(shape) * SIZES[dtype]:
            raise Unsaveable(f"the array at {_place(path)} has {view.nbytes} bytes, which is not an array of "
                             f"type {dtype} and shape {tuple(shape)}")
        base = name = ".".join(path).encode("utf-8", "replace").decode()
        number = 2
        while name in self._names:
            name, number = f"{base}~{number}", number + 1
        self._names.add(name)
        self.tensors.append(Tensor(name, dtype, tuple(shape), view))
        return name


def _untag(tag: str, content: Any, tensors: Mapping[str, Tensor]) -> Any:
    if tag == "!int":
        return int(content, 16)
    if tag == "!float":
        return struct.unpack(">d", bytes.fromhex(content))[0]
    if tag == "!tuple":
        return tuple(unflatten(part, tensors) for part in content)
    if tag == "!dict":
        return {key: unflatten(part, tensors)
                for key, part in ((unflatten(k, tensors), part) for k, part in content)}
    if tag == "!blob":
        _, dtype, shape, data = tensors[content]
        return ArrayBlob(dtype, shape, data)
    if tag == "!raw":
        name, code, shape, scalar = content
        return _view(tensors[name].data, code, shape, scalar)
    if tag in ("!array", "!scalar"):
        _, dtype, shape, data = tensors[content]
        return _view(data, _NUMPY[dtype], shape, tag == "!scalar")
    raise ValueError(f"unknown kind of value {tag!r}")


def _view(data: memoryview, code: str, shape: Any, scalar: bool) -> Any:
    import numpy as np

    array: Any = np.frombuffer(data, np.dtype(code)).reshape(shape)
    return array[()] if scalar else array


def _place(path: tuple[str, ...]) -> str:
    return repr(".".join(path)) if path else "its top"


def _unsaveable(value: Any, path: tuple[str, ...]) -> Unsaveable:
    kind = type(value)
    found = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return Unsaveable(f"the state at {_place(path)} is a value of type {found}, which a checkpoint "
                      "cannot hold; use None, bool, int, float, str, numpy arrays, and lists, tuples and "
                      "dicts of these")
