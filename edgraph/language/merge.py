"""One tree laid over another: includes and overrides."""

from __future__ import annotations

from typing import Literal

from edgraph.text.source import Entry, Mapping, Scalar, Tree

# What the keys of a mapping are: words of the language, names of entries, or parameters, whose values are the
# author's: null is a value there, and a mapping is one.
_Keys = Literal["words", "entries", "values"]
# An entry that says what it is stands for itself: nothing of the one below shows through.
_IDENTITY = ("op", "use", "copy")
# Values, not collections of settings: the upper one replaces the lower one.
_VALUES = ("every", "schedule", "weights", "from", "at", "during", "after")
_KEYS: dict[str, _Keys] = {
    **dict.fromkeys(("params", "with", "fixed_examples"), "values"),
    **dict.fromkeys(("data", "models", "optimizers", "stages", "ops", "patterns", "graphs", "loggers", "inputs",
                     "outputs"), "entries")}


def lay_over(upper: Tree, lower: Tree) -> Tree:
    """`upper` with what only `lower` says. Mappings are merged key by key; a null removes what is below.

    Both are a pipeline, or an entry of it.
    """
    if not isinstance(upper, Mapping) or not isinstance(lower, Mapping):
        return upper
    return _merge(upper, lower, "words")


def _merge(upper: Mapping, lower: Mapping, keys: _Keys, ops: bool = False) -> Mapping:
    entries = dict(lower.entries)
    for key, entry in upper.entries.items():
        below = entries.get(key)
        if _is_null(entry.value) and keys != "values":
            entries.pop(key, None)
            if below is None:
                entries[key] = entry
        elif below is None or keys == "values" or (keys == "words" and key in _VALUES):
            entries[key] = entry
        else:
            inner: _Keys = "words" if keys == "entries" else _KEYS.get(key, "words")
            value = _over(entry.value, written_out(below.value) if ops else below.value, inner, key == "ops")
            entries[key] = Entry(entry.span, value)
    return Mapping(entries, upper.span)


def _over(upper: Tree, lower: Tree, keys: _Keys, ops: bool) -> Tree:
    if not isinstance(upper, Mapping) or not isinstance(lower, Mapping):
        return upper
    if keys == "words" and any(key in upper.entries for key in _IDENTITY):
        return upper
    return _merge(upper, lower, keys, ops)


def written_out(op: Tree) -> Tree:
    """`total: a + b` is short for an op `expr`."""
    if not isinstance(op, Scalar) or op.value is None:
        return op
    kind = Entry(op.span, Scalar("expr", op.span))
    return Mapping({"op": kind, "inputs": Entry(op.span, op)}, op.span)


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.value is None
