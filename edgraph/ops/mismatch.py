"""What a check of settings is made of: a conversion that gives a value or says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgraph.text.source import Mapping, Sequence, Span, Tree, plain


class Mismatch(Exception):
    """What was found at `tree` is not what was expected. `message` says both."""

    def __init__(self, code: str, tree: Tree, expected: str, help: str | None = None,
                 message: str | None = None, span: Span | None = None) -> None:
        self.code = code
        self.tree = tree
        self.expected = expected
        self.help = help or None
        self.span = span or tree.span
        self.message = message or f"expected {expected}, found {describe(tree)}"
        super().__init__(self.message)


Convert = Callable[[Tree], Any]


@dataclass(frozen=True, slots=True)
class Checker:
    """`convert` gives the value or raises Mismatch; `expected` completes the sentence "expected …"."""

    expected: str
    convert: Convert


def describe(tree: Tree) -> str:
    """What an author wrote, in words: `the text 'fast'`, `a list of 3`."""
    if isinstance(tree, Sequence):
        return f"a list of {len(tree.items)}"
    if isinstance(tree, Mapping):
        keys = ", ".join(list(tree.entries)[:4]) + (", …" if len(tree.entries) > 4 else "")
        return f"a mapping with {keys}" if keys else "an empty mapping"
    match tree.value:
        case None:
            return "nothing"
        case bool():
            return f"{str(tree.value).lower()}"
        case str():
            return f"the text {_shortened(tree.value)!r}"
    return f"the number {tree.raw}"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def holds_use(tree: Tree) -> bool:
    """Whether a tree is or has inside it a `use:` that is to be constructed."""
    if isinstance(tree, Mapping):
        return "use" in tree.entries or any(holds_use(entry.value) for entry in tree.entries.values())
    return isinstance(tree, Sequence) and any(holds_use(item) for item in tree.items)


def anything(tree: Tree) -> Any:
    """The plain value; a tree that holds a `use:` stays as it is, for whoever constructs it."""
    return tree if holds_use(tree) else plain(tree)


ANYTHING = Checker("anything", anything)
