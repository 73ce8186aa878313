"""The static order: the training slice, then the observing slice, each topological, ties as in the file."""

from __future__ import annotations

from edgraph.graph.ir import EdgeKind, Graph
from edgraph.graph.passes.causality import report_cycle
from edgraph.graph.toposort import shortest_cycles, toposort
from edgraph.text.diagnostics import Diagnostics


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    """Postcondition: every edge within a step goes forward in `graph.order`."""
    nodes = graph.nodes
    for source, target, kind in graph.edges:
        if kind is EdgeKind.ORDER and nodes[target].training and not nodes[source].training:
            entry = nodes[target].entry
            span = next((name.span for name in entry.after if name.text == source), entry.span) if entry else None
            diagnostics.error("order-cycle", f"'{target}' trains and '{source}' observes: what observes comes after "
                              "every update of the step", span,
                              "drop this `after`, or let an update depend on the value")
            return False
    # conditions stand as early as they can, so that what only they demand need not run
    rank = {name: (not node.training, node.kind != "condition" or node.metric, node.index,
                   node.kind != "gradients", name) for name, node in nodes.items()}
    edges = [(source, target) for source, target, kind in graph.edges if kind is not EdgeKind.PREVIOUS]
    graph.order, left = toposort(nodes, edges, rank.__getitem__)
    if left:
        successors: dict[str, list[str]] = {name: [] for name in nodes}
        for source, target in edges:
            successors[source].append(target)
        for cycle in shortest_cycles(left, successors):
            report_cycle(graph, cycle, "order-cycle", diagnostics,
                         "each op sees the weights as they stood when the step began unless `after` says otherwise: "
                         "one of these `after` or data edges must go")
        return False
    return True
