"""What of a plain object a checkpoint holds: its own `state_dict`, or its attributes. Nothing is pickled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from edgraph.backends import trees
from edgraph.backends.base import ArrayBlob, CannotSave, StateTree

EVERYTHING = ("*",)
# What cannot change within: as long as the constructor's value is there, it is a setting and no state.
_SIMPLE = (type(None), bool, int, float, complex, str, bytes)
_FIXED = (*_SIMPLE, type, FunctionType, BuiltinFunctionType, np.ufunc)
_GENERATOR, _COLUMNS = "numpy generator", "columns"


def pack(value: Any) -> StateTree:
    """A value as a tree. Raises TypeError for what cannot be restored exactly."""
    if isinstance(value, np.random.RandomState):
        return {trees.MARK: _GENERATOR, "state": pack(value.get_state(legacy=False))}
    if isinstance(value, np.random.Generator):
        return {trees.MARK: _GENERATOR, "state": pack(value.bit_generator.state), "new": True}
    if isinstance(value, np.ndarray) and value.flags.f_contiguous and not value.flags.c_contiguous:
        return {trees.MARK: _COLUMNS, "value": trees.pack(value.T, _no_blob)}  # sums depend on how memory is laid out
    return trees.pack(value, _no_blob)


def unpack(tree: StateTree) -> Any:
    """The value that `pack` was given; arrays have memory of their own."""
    if isinstance(tree, Mapping) and tree.get(trees.MARK) == _GENERATOR:
        return _generator(unpack(tree["state"]), bool(tree.get("new")))
    if isinstance(tree, Mapping) and tree.get(trees.MARK) == _COLUMNS:
        return np.array(tree["value"]).T
    return _owned(trees.unpack(tree, _from_blob))


def _generator(state: dict[str, Any], new: bool) -> Any:
    if not new:
        old = np.random.RandomState()
        old.set_state(state)
        return old
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)


def _no_blob(value: Any) -> ArrayBlob | None:
    return None


def _from_blob(blob: ArrayBlob) -> Any:
    raise ValueError("it is the state of a framework's tensors")


def _owned(value: Any) -> Any:
    """With arrays that may be written to."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _owned(item) for key, item in value.items()}
    return type(value)(map(_owned, value)) if type(value) in (list, tuple) else value


class ObjectState:
    """The state of one model.

    patterns: names of attributes, `*` for any part of one; `!NAME` takes out what the model makes anew by itself; the
    last one that fits decides. Attributes with simple values that stay as the constructor set them are settings and no
    state, so that a resumed run follows the pipeline as it is now.
    """

    def __init__(self, name: str, model: Any, patterns: tuple[str, ...] = ()) -> None:
        self.name = name
        self.model = model
        self.patterns = patterns or EVERYTHING
        self.own = callable(getattr(model, "state_dict", None)) and callable(getattr(model, "load_state_dict", None))
        self.made = dict(getattr(model, "__dict__", {}))  # as the constructor left it
        self.saved = self.own  # else only where it is trained, or comes from a checkpoint
        self.trained = False

    def capture(self) -> StateTree:
        """Raises CannotSave."""
        if self.own:
            try:
                return {"state": pack(self.model.state_dict())}
            except TypeError as error:
                raise CannotSave(f"the state_dict of model '{self.name}' has {_found(error)}") from None
        names = self._kept()
        first: dict[int, str] = {}  # one object under two names stays one
        same = {name: other for name in names if (other := first.setdefault(self._identity(name), name)) != name}
        return {"attributes": {name: self._packed(name) for name in names if name not in same}, "same": same}

    def restore(self, state: StateTree) -> None:
        """Raises ValueError where it is the state of another kind of model."""
        if ("state" in state) != self.own:
            raise ValueError(f"model '{self.name}' was saved {'by' if 'state' in state else 'without'} a state_dict of "
                             "its own")
        if self.own:
            self.model.load_state_dict(unpack(state["state"]))
            return
        attributes = vars(self.model)
        for name in [name for name in attributes if self._keeps(name) and name not in state["attributes"]]:
            if name in self.made:
                setattr(self.model, name, self.made[name])
            else:
                delattr(self.model, name)
        for name, tree in state["attributes"].items():
            setattr(self.model, name, unpack(tree))
        for name, other in state["same"].items():
            setattr(self.model, name, attributes[other])

    def check(self) -> None:
        """All state can be saved, and nothing that training made was forgotten. Raises CannotSave."""
        self.capture()
        if self.own:
            return
        forgotten = [name for name in vars(self.model) if self._moves(name) and self._verdict(name) is None]
        if forgotten:
            whole = ", ".join(map(_quoted, [*self.patterns, *map(self._proposed, forgotten)]))
            raise CannotSave(f"model '{self.name}' has {_listed(forgotten)}, of which its `state` says nothing; add "
                             f"{'it' if len(forgotten) == 1 else 'them'}, or with a ! in front what the model makes "
                             f"anew by itself: state: [{whole}]")

    def _proposed(self, name: str) -> str:
        """How an attribute could be named in `state`."""
        try:
            pack(vars(self.model)[name])
        except TypeError:
            return f"!{name}"
        return name

    def _kept(self) -> list[str]:
        """The attributes that are state."""
        if not hasattr(self.model, "__dict__"):
            raise CannotSave(f"model '{self.name}' is a {type(self.model).__name__}, which has no attributes to save; "
                             "give its class state_dict and load_state_dict")
        return [name for name in vars(self.model) if self._keeps(name) and self._moves(name)]

    def _moves(self, name: str) -> bool:
        """Whether an attribute may be another one than the constructor left."""
        value = vars(self.model)[name]
        return not (isinstance(value, _FIXED) and name in self.made and self.made[name] is value)

    def _keeps(self, name: str) -> bool:
        return self._verdict(name) is True

    def _verdict(self, name: str) -> bool | None:
        """Whether an attribute is state; None where no pattern fits."""
        found = None
        for pattern in self.patterns:
            if fnmatchcase(name, pattern.removeprefix("!")):
                found = not pattern.startswith("!")
        return found

    def _identity(self, name: str) -> int:
        value = vars(self.model)[name]
        return -hash(name) - 1 if type(value) in _SIMPLE or isinstance(value, np.generic) else id(value)

    def _packed(self, name: str) -> StateTree:
        try:
            return pack(vars(self.model)[name])
        except TypeError:
            kind = type(vars(self.model)[name])
            others = [*map(_quoted, self.patterns), _quoted(f"!{name}")]
            raise CannotSave(
                f"attribute '{name}' of model '{self.name}' is a {kind.__module__}.{kind.__qualname__}, which a "
                f"checkpoint cannot hold; if the model makes it anew by itself, say state: [{', '.join(others)}], else "
                "give its class state_dict and load_state_dict") from None


def _found(error: TypeError) -> str:
    return str(error).split(";")[0].removesuffix(" cannot be kept in a checkpoint") + ", which cannot be kept in a " \
        "checkpoint"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _quoted(pattern: str) -> str:
    """As YAML wants it: ! and * mean something at the start of a plain word."""
    return f'"{pattern}"' if pattern[:1] in "!*[" else pattern
