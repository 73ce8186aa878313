"""Ops that never fire, clocks that never meet, and values that nobody reads."""

from __future__ import annotations

from edgraph.graph.availability import available
from edgraph.graph.clocks import Clock, union
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.lints.warner import Warner, first_step
from edgraph.graph.refs import uses
from edgraph.graph.surface import find_stage, stage_clock
from edgraph.language.expressions import Either, Expr, walk
from edgraph.text.diagnostics import Diagnostics

READS = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.PREVIOUS, EdgeKind.CONDITION, EdgeKind.FREQUENCY)


def never_fires(graph: Graph, warner: Warner) -> None:
    """An op whose own clock has no step in this run. Said of that op, not of all that follows it."""
    last = graph.facts.last_step
    for node in _ops(graph):
        own = _window(node, graph) if node.declared is None else node.declared
        if own is None or not node.visible:  # `run.checkpoint` also saves at the end
            continue
        first = first_step(own)
        if first is None:
            warner.op(node, "never-fires", f"'{node.name}' never fires: its clock has no step",
                      "its `every`, with its bounds, and its `during` leave none: change one of them")
        elif last is not None and first > last:
            unit, whole = ("step", "run") if graph.use is None else ("iteration", "loop")
            warner.op(node, "never-fires", f"'{node.name}' never fires in this {whole}: its first {unit} would be "
                      f"{first}, and the {whole} ends at {unit} {last}",
                      f"let it fire more often, or let the {whole} be longer")


def never_meet(graph: Graph, warner: Warner) -> None:
    """An op whose inputs and conditions each have their steps, but none together."""
    last = graph.facts.last_step
    for node in _ops(graph):
        if node.declared is not None:
            continue
        first = first_step(node.clock)
        if first is not None and (last is None or first <= last):
            continue
        needs = _needs(node, graph)
        if len(needs) < 2:
            continue
        firsts = [first_step(clock) for clock in needs]
        if any(step is None or (last is not None and step > last) for step in firsts):
            continue  # said of what it needs
        when = "" if first is None else f" in this run: they would on step {first}, and the run ends at step {last}"
        warner.op(node, "clocks-never-meet", f"'{node.name}' never fires: the clocks of what it needs never meet{when}",
                  "change one of the clocks, or take an older value with hold(…)")


def unread(graph: Graph, warner: Warner) -> None:
    """An op that only makes a value, and nothing reads it."""
    readers = graph.successors(READS)
    named = {target.node for target in graph.targets.values()}
    for node in graph.nodes.values():
        if node.kind != "op" or node.entry is None:
            continue
        of_pattern = node.entry.origin is not None  # a pattern may make more than a use of it needs
        if not node.sink and not readers[node.name] and node.name not in named and not of_pattern:
            warner.op(node, "unread-value", f"nothing reads '{node.name}', so it never runs",
                      "read it, log it, or remove it")


def _ops(graph: Graph) -> list[Node]:
    """The ops that fire at steps."""
    return [node for node in graph.nodes.values() if node.kind == "op" and node.entry is not None
            and not node.events and not node.metric]


def _needs(node: Node, graph: Graph) -> list[Clock]:
    """The clocks of what an op needs."""
    parts = [node, *(graph.nodes[name] for name in node.conditions)]
    gradients = graph.nodes.get(f"{node.name}.gradients")
    if gradients is not None and gradients.kind == "gradients":
        parts = [gradients, *parts[1:]]
    window = _window(node, graph)
    return ([] if window is None else [window]) + [available(expr, graph) for part in parts for argument in part.inputs
                     for expr in _references(argument.value.root)]


def _window(node: Node, graph: Graph) -> Clock | None:
    """The stages that an op is limited to."""
    stages = [find_stage(name, graph, Diagnostics()) for name in node.entry.during] if node.entry is not None else []
    return union([stage_clock(stage) for stage in stages if stage is not None]) if stages else None


def _references(expr: Expr) -> list[Expr]:
    """What all must be there for an expression: its references, or the whole where there is a choice."""
    if any(isinstance(part, Either) for part in walk(expr)):
        return [expr]
    return [use.ref for use in uses(expr) if use.kind is EdgeKind.DATA]
