"""When the value of an expression is available."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.clocks import ALWAYS, Atom, Clock, both, union
from edgraph.graph.ir import Graph, Node
from edgraph.language.expressions import Const, Either, Expr, Hold, Previous, Ref, children


def available(expr: Expr, graph: Graph) -> Clock:
    """The steps on which an expression can be made: all its references, or with `either` one of them."""
    match expr:
        case Ref(path, _):
            target = graph.targets.get(path)
            return ALWAYS if target is None else value_clock(graph.nodes[target.node], target.field, graph)
        case Hold(_, initial, _) | Previous(_, initial, _):
            return ALWAYS if initial is None else available(initial, graph)
        case Either(arguments, _):
            return union([available(argument, graph) for argument in arguments])
        case Const():
            return ALWAYS
    parts = [available(child, graph) for child in children(expr)]
    return parts[0] if len(parts) == 1 else both(*parts)


def applied_atom(node: Node) -> Atom:
    """That an `optimize` applied its update, which accumulation and `nonfinite: skip` make a condition."""
    return Atom("condition", f"{node.name}.applied")


def always_applies(node: Node, graph: Graph) -> bool:
    """Whether every firing of an `optimize` applies an update."""
    accumulate = node.settings.get("accumulate")
    return accumulate in (None, 1) and graph.pipeline.run.nonfinite != "skip"


def value_clock(node: Node, field: tuple[str | int, ...], graph: Graph) -> Clock:
    """The steps on which a part of a node's value is there."""
    if field == ("applied",) and node.op == "optimize" and not always_applies(node, graph):
        return both(node.clock, clocks.atom(applied_atom(node)))
    return node.clock


def events_of(expr: Expr, graph: Graph) -> frozenset[str] | None:
    """At which events an expression can be made; None: at any."""
    match expr:
        case Ref(path, _):
            return graph.nodes[graph.targets[path].node].events if path in graph.targets else None
        case Hold(_, initial, _) | Previous(_, initial, _):
            return None if initial is None else events_of(initial, graph)
        case Either(arguments, _):
            found = [events_of(argument, graph) for argument in arguments]
            return None if None in found else frozenset().union(*(events for events in found if events is not None))
    return meeting([events_of(child, graph) for child in children(expr)])


def meeting(parts: list[frozenset[str] | None]) -> frozenset[str] | None:
    """The events at which all of them can be made; None: at any."""
    known = [events for events in parts if events is not None]
    return frozenset.intersection(*known) if known else None
