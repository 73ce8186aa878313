"""Conditions are nodes: each part of a `when` once, and one for each clock that counts firings."""

from __future__ import annotations

from collections.abc import Callable

from edgraph.graph.ir import Argument, Graph, Node
from edgraph.graph.models import acts
from edgraph.graph.refs import show
from edgraph.graph.surface import counter_name, only_optimizer
from edgraph.language.expressions import Expr, Expression, Logic
from edgraph.language.pipeline import Every, EveryFirings, EveryUnion, EveryUpdates
from edgraph.ops.spec import OpSpec
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


def add_conditions(graph: Graph, condition: OpSpec, counter: OpSpec, lift: Callable[[Expression], Expression],
                   diagnostics: Diagnostics) -> None:
    """Conditions are compared as text, split at top-level `and`: two ops that state the same share a node."""
    for node in [node for node in graph.nodes.values() if node.entry is not None and node.kind == "op"]:
        assert node.entry is not None
        if node.entry.when is not None:
            node.conditions = tuple(_condition(part, node.entry.when, node, graph, condition, lift)
                                    for part in _conjuncts(node.entry.when.root))
        if node.entry.every is not None:
            _add_counters(node.entry.every, node, graph, counter, diagnostics)


def _conjuncts(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, Logic) and expr.operator == "and":
        return tuple(part for operand in expr.operands for part in _conjuncts(operand))
    return (expr,)


def _condition(part: Expr, when: Expression, owner: Node, graph: Graph, spec: OpSpec,
               lift: Callable[[Expression], Expression]) -> str:
    name = f"when {show(part)}"
    if name not in graph.nodes:
        value = lift(Expression(show(part), when.span, part))
        graph.nodes[name] = Node(name, "condition", spec, owner.index, when.span, None, (Argument("value", value),))
    return name


def _add_counters(every: Every, owner: Node, graph: Graph, spec: OpSpec, diagnostics: Diagnostics) -> None:
    match every:
        case EveryUnion(parts):
            for part in parts:
                _add_counters(part, owner, graph, spec, diagnostics)
        case EveryUpdates(updates, of):
            optimizers = graph.pipeline.optimizers
            if of is None and not optimizers:
                diagnostics.error("which-optimizer", "updates of which optimizer? There is none", every.span,
                                  f"declare one under `optimizers`, or count steps: '{updates} steps'")
            elif of is None and len(optimizers) != 1:
                diagnostics.error("which-optimizer", f"updates of which optimizer? There are {len(optimizers)}",
                                  every.span, f"say {{updates: {updates}, of: {next(iter(optimizers))}}}")
            elif of is not None and of.text not in optimizers:
                diagnostics.error("unknown-optimizer", f"there is no optimizer '{of.text}'", of.span,
                                  did_you_mean(of.text, list(optimizers)))
            else:
                _counter("updates", only_optimizer(of, graph), updates, owner, every, graph, spec)
        case EveryFirings(firings, of):
            target = graph.nodes.get(of.text)
            if target is None:
                diagnostics.error("unknown-name", f"there is no op '{of.text}'", of.span,
                                  did_you_mean(of.text, [n.name for n in graph.nodes.values() if n.visible]))
            elif not acts(target):
                diagnostics.error("not-an-effect", f"'{of.text}' is no effect: it runs when something needs it, so its "
                                  "firings are no clock", of.span, "count the firings of an effect, or of an update")
            else:
                _counter("firings", of.text, firings, owner, every, graph, spec)


def _counter(kind: str, of: str, number: int, owner: Node, every: Every, graph: Graph, spec: OpSpec) -> None:
    name = counter_name(kind, of, number)
    if name not in graph.nodes:
        graph.nodes[name] = Node(name, "condition", spec, owner.index, every.span, counts=(of, number),
                                 settings={"kind": kind})
