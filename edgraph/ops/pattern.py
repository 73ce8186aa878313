"""What a pattern in Python is given and gives: texts that know their place, mistakes, and an expansion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edgraph.text.source import Entry, Scalar, Sequence, Span, Tree
from edgraph.text.source import Mapping as MappingTree


class Text(str):
    """A text, or a key, that an author wrote, with its place. Passed on unchanged it keeps the place, so that what
    is wrong with it is shown where it was written; and names in it are those of the pipeline, not the pattern's."""

    span: Span

    @classmethod
    def at(cls, text: str, span: Span) -> Text:
        found = cls(text)
        found.span = span
        return found


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a pattern makes, where that is more than ops.

    ops: by their names within the pattern, as in YAML.
    optimizers: what it says about entries of `optimizers`, by their names: `{adam: {per: step}}`. Saying what
    the file says otherwise is an error.
    lr_multipliers: factors of the learning rates of entries of `optimizers`.
    stages: entries of `stages`, which follow those of the file.
    run: keys of `run`; what the file says wins.
    """

    ops: Mapping[str, Any]
    optimizers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lr_multipliers: Mapping[str, float] = field(default_factory=dict)
    stages: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)


class Mistake(NamedTuple):
    """What is wrong with the parameters of a pattern, and where: None is the use itself."""

    message: str
    span: Span | None
    help: str | None


class PatternError(Exception):
    """A pattern cannot be used as it was."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(mistake.message for mistake in mistakes))


class Mistakes:
    """Collects what is wrong, so that all of it is reported at once."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    def add(self, message: str, at: object = None, help: str | None = None) -> None:
        """at: the text or the key concerned, as the pattern was given it."""
        span = getattr(at, "span", None)
        self._found.append(Mistake(message, span if isinstance(span, Span) else None, help or None))

    def check(self) -> None:
        """Raises PatternError where there are any."""
        if self._found:
            raise PatternError(self._found)


def placed(tree: Tree) -> Tree:
    """The tree with every text and key as a Text."""
    if isinstance(tree, MappingTree):
        return MappingTree({Text.at(key, entry.span): Entry(entry.span, placed(entry.value))
                            for key, entry in tree.entries.items()}, tree.span)
    if isinstance(tree, Sequence):
        return Sequence([placed(item) for item in tree.items], tree.span)
    if isinstance(tree.value, str):
        return Scalar(Text.at(tree.value, tree.span), tree.span, tree.raw, tree.plain)
    return tree


def to_tree(value: Any, span: Span) -> Tree:
    """A plain value as a tree; what an author did not write stands at `span`. Raises TypeError for what YAML
    cannot say."""
    if isinstance(value, MappingTree | Sequence | Scalar):
        return value
    if isinstance(value, Mapping):
        return MappingTree({str(key): Entry(_place(key, span), to_tree(part, span)) for key, part in value.items()},
                           span)
    if isinstance(value, list | tuple):
        return Sequence([to_tree(part, span) for part in value], span)
    if isinstance(value, Text):
        return Scalar(str(value), value.span)
    if value is None or isinstance(value, bool | int | float | str):
        return Scalar(value, span)
    raise TypeError(f"it made a {type(value).__name__}, which a pipeline cannot hold")


def _place(key: object, span: Span) -> Span:
    return key.span if isinstance(key, Text) else span
