"""Checks of annotations that edgraph does not know itself, by pydantic, imported when the first is needed.

One that pydantic does not know either (a class of a framework) is taken on trust. torch's own classes, such as
torch.Size, are known to be none that it knows: they are not worth its import, which takes 7 MB.
"""

from __future__ import annotations

from typing import Any

from edgraph.ops.mismatch import Checker, Convert, Mismatch, anything, describe, holds_use
from edgraph.text.source import Mapping, Sequence, Tree, plain


def foreign(annotation: Any) -> Checker:
    """By pydantic, which is imported when the first such parameter is checked."""
    name = getattr(annotation, "__name__", str(annotation))
    of_torch = isinstance(annotation, type) and annotation.__module__.partition(".")[0] == "torch"
    made: list[Convert] = [anything] if of_torch else []

    def convert(tree: Tree) -> Any:
        if holds_use(tree):
            return tree
        if not made:
            made.append(_pydantic(annotation, name))
        return made[0](tree)

    return Checker(f"a value for {name}", convert)


def _pydantic(annotation: Any, name: str) -> Convert:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeError):
        return anything

    def convert(tree: Tree) -> Any:
        try:
            return adapter.validate_python(plain(tree))
        except ValidationError as error:
            first = error.errors()[0]
            part = _inside(tree, first["loc"])
            raise Mismatch("wrong-type", part, f"a value for {name}",
                           message=f"{first['msg']}, found {describe(part)}") from None

    return convert


def _inside(tree: Tree, path: tuple[int | str, ...]) -> Tree:
    for step in path:
        if isinstance(tree, Mapping) and isinstance(step, str) and step in tree.entries:
            tree = tree.entries[step].value
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
    return tree
