"""Values and expressions in one form, so that equal texts mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgraph.graph.ir import Graph
from edgraph.graph.refs import rewrite, show
from edgraph.language.expressions import Const, Expr, Param, Ref
from edgraph.ops.check import check_settings
from edgraph.ops.registry import Kind, Registered, registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping as MappingTree
from edgraph.text.source import Scalar, Sequence, plain

Names = Mapping[str, str]  # of what was renamed: the name before, and the name now
SELF = "itself"


def expression(root: Expr, graph: Graph, names: Names, own: str = "") -> str:
    """The canonical text of an expression: parameters as their values, ops under their present names, parts that were
    made nodes of their own put back. own: the op whose input it is."""
    def change(part: Expr) -> Expr:
        if isinstance(part, Param) and part.name in graph.pipeline.params:
            value = graph.pipeline.params[part.name]
            return Const(value) if value is None or isinstance(value, bool | int | float | str) else part
        if isinstance(part, Ref) and part.path in graph.targets:
            target = graph.targets[part.path]
            node = graph.nodes[target.node]
            if node.kind == "condition" and node.inputs:
                return rewrite(node.inputs[0].value.root, change)
            name = SELF if target.node == own else names.get(target.node, target.node)
            return Ref((name, *target.field), part.span)
        return part
    return show(rewrite(root, change))


def bare(value: Any) -> Any:
    """A setting without places: trees as plain values, tuples as lists."""
    if isinstance(value, MappingTree | Sequence | Scalar):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list | tuple) else value


def written(value: Any) -> str | None:
    """A value in words; None for none."""
    if value is None:
        return None
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(str(written(item)) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same(one: Any, two: Any) -> bool:
    """Whether two values are the same and of one kind: 1 is not true, and mappings have no order. Where a number is
    meant, 1 is 1.0."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    return bool(one == two or (one != one and two != two))


def settings_of(kind: Kind, name: str, tree: MappingTree | None) -> dict[str, Any]:
    """What `with` gives an entry, with the defaults of what is registered, so that a default that is spelt out is the
    same as one that is not."""
    known = registry.table(kind).get(name)
    params = known.params if isinstance(known, Registered) else None
    found = check_settings(params, tree, Diagnostics(), what=name, span=None, is_open=True)
    return {key: bare(value) for key, value in found.items()}
