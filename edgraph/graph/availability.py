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


def always_applies(node: Node, graph: Graph) -> bool:
    """Whether every firing of an `optimize` applies an update. In fp16 none is applied where gradients overflow."""
    accumulate, run = node.settings.get("accumulate"), graph.pipeline.run
    return accumulate in (None, 1) and run.nonfinite != "skip" and run.precision != "fp16"


def verdict(node: Node, graph: Graph) -> str | None:
    """The name of a condition that a node decides by running: `update.applied`, as accumulation, `nonfinite:
    skip` and fp16 put updates off, and `inner.ran` of a loop that may have no iteration."""
    if node.op == "optimize" and node.kind == "op" and not always_applies(node, graph):
        return f"{node.name}.applied"
    if node.body is not None and may_have_no_iteration(node):
        return f"{node.name}.ran"
    return None


def decider(name: str) -> str:
    """The node that decides such a condition."""
    return name.rpartition(".")[0]


def may_have_no_iteration(node: Node) -> bool:
    """Whether a loop goes through a value, which may have no rows, or has a `while`."""
    use = node.body.use if node.body is not None else None
    return use is not None and (use.condition is not None or any(argument.port == "over" for argument in node.inputs))


def value_condition(node: Node, field: tuple[str | int, ...], graph: Graph) -> str | None:
    """What must hold, besides that it runs, for a part of a node's value to be there."""
    return verdict(node, graph) if node.body is not None or field == ("applied",) else None


def value_clock(node: Node, field: tuple[str | int, ...], graph: Graph) -> Clock:
    """The steps on which a part of a node's value is there. Metrics of a loop are there when it has ended."""
    if graph.use is not None and node.spec.metric:
        return ALWAYS
    condition = value_condition(node, field, graph)
    return node.clock if condition is None else both(node.clock, clocks.atom(Atom("condition", condition)))


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
