"""Causality: every cycle passes through a `previous`."""

from __future__ import annotations

from itertools import pairwise

from edgraph.graph.ir import EdgeKind, Graph
from edgraph.graph.toposort import shortest_cycles, toposort
from edgraph.text.diagnostics import Diagnostics

WITHIN_STEP = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION, EdgeKind.FREQUENCY, EdgeKind.ORDER)


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    """Leaves a first topological order, without the state edges, in `graph.order`."""
    edges = [(source, target) for source, target, kind in graph.edges if kind is not EdgeKind.PREVIOUS]
    nodes = graph.nodes
    graph.order, left = toposort(nodes, edges, lambda name: (nodes[name].index, name))
    if not left:
        return True
    for cycle in shortest_cycles(left, graph.successors(WITHIN_STEP)):
        report_cycle(graph, cycle, "cycle", diagnostics, _way_out(graph, cycle))
    return False


def _way_out(graph: Graph, cycle: list[str]) -> str:
    links = set(pairwise([*cycle, cycle[0]]))
    kinds = {kind for source, target, kind in graph.edges if (source, target) in links}
    waits = next(((source, target) for source, target, kind in graph.edges
                  if kind is EdgeKind.ORDER and (source, target) in links), None)
    if waits is not None and kinds & {EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION}:
        return f"'{waits[1]}' waits for '{waits[0]}', which is made from it: drop that `after`, or let another op of " \
            "the same kind wait"
    if kinds & {EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION}:
        return "an edge to the step before breaks a cycle: use previous(…, initial value) on one of them"
    return "they wait for each other: drop one `after`, or the clock that counts the other's firings"


def report_cycle(graph: Graph, cycle: list[str], code: str, diagnostics: Diagnostics, help: str) -> None:
    """Names every op of a cycle, at the first of them in the file."""
    cycle = [name for name in cycle if graph.nodes[name].visible] or cycle
    start = min(range(len(cycle)), key=lambda i: graph.nodes[cycle[i]].index)
    cycle = cycle[start:] + cycle[:start]
    first = graph.nodes[cycle[0]]
    text = " -> ".join([*cycle, cycle[0]])
    if code == "order-cycle":
        text = _with_reasons(graph, cycle)
    what = f"'{first.name}' needs itself" if code == "cycle" else "these ops must each come before the next"
    related = tuple((f"'{name}' is here", graph.nodes[name].span) for name in cycle[1:6])
    diagnostics.error(code, f"{what}: {text}", first.span, help, related)


def _with_reasons(graph: Graph, cycle: list[str]) -> str:
    """`a, then b (data), then a (state: a reads 'net', which b updates)`."""
    kinds: dict[tuple[str, str], EdgeKind] = {}
    for source, target, kind in graph.edges:
        kinds.setdefault((source, target), kind)
    text = f"'{cycle[0]}'"
    for source, target in pairwise([*cycle, cycle[0]]):
        why = kinds.get((source, target))
        text += f", then '{target}'" + (f" ({REASONS.get(why, str(why))})" if why is not None else "")
    return text


REASONS = {EdgeKind.DATA: "reads it", EdgeKind.HOLD: "holds it", EdgeKind.CONDITION: "depends on it",
           EdgeKind.FREQUENCY: "fires with it", EdgeKind.ORDER: "says after", EdgeKind.STATE: "updates what it reads"}
