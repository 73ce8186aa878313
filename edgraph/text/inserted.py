"""Scalars that know more than what the author wrote."""

from __future__ import annotations

from edgraph.text.source import Plain, Scalar, Span, Tree


class Broken(Scalar):
    """Stands for a value that was reported already: nothing more is said about it."""

    __slots__ = ()


class Inserted(Scalar):
    """A parameter's value where it is used: `text` stands there, `defined` is where the value is given."""

    __slots__ = ("defined", "text")

    def __init__(self, value: Plain, span: Span, raw: str, plain: bool, text: str, defined: Span) -> None:
        super().__init__(value, span, raw, plain)
        self.text = text
        self.defined = defined


def origin(tree: Tree) -> tuple[tuple[str, Span], ...]:
    """For a message about a value that came in through `${…}`: where it was given."""
    if isinstance(tree, Inserted) and tree.defined != tree.span:
        return ((f"{tree.text} is given here", tree.defined),)
    return ()
