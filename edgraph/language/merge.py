"""One tree laid over another: includes and overrides."""

from __future__ import annotations

from edgraph.text.source import Entry, Mapping, Scalar, Tree

# An entry that says what it is stands for itself: nothing of the one below shows through.
_IDENTITY = ("op", "use", "copy")
# Values, not collections of settings: the upper one replaces the lower one.
_VALUES = ("every", "schedule", "weights", "from", "at", "during", "after")


def lay_over(upper: Tree, lower: Tree) -> Tree:
    """`upper` with what only `lower` says. Mappings are merged key by key; a null removes what is below."""
    if not isinstance(upper, Mapping) or not isinstance(lower, Mapping):
        return upper
    return _merge(upper, lower, literal=False)


def _merge(upper: Mapping, lower: Mapping, literal: bool) -> Mapping:
    entries = dict(lower.entries)
    for key, entry in upper.entries.items():
        below = entries.get(key)
        if _is_null(entry.value) and not literal:
            entries.pop(key, None)
            if below is None:
                entries[key] = entry
        elif below is None or key in _VALUES or literal or not _both_open(entry.value, below.value):
            entries[key] = entry
        else:
            assert isinstance(entry.value, Mapping) and isinstance(below.value, Mapping)
            # what `params` and `with` hold is the author's: null is a value there, and a mapping is one
            inner = key in ("params", "with", "fixed_examples")
            entries[key] = Entry(entry.span, _merge(entry.value, below.value, inner))
    return Mapping(entries, upper.span)


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.value is None


def _both_open(upper: Tree, lower: Tree) -> bool:
    return (isinstance(upper, Mapping) and isinstance(lower, Mapping)
            and not any(key in upper.entries for key in _IDENTITY))
