"""The passes, in the order in which they run. Each reads the graph, derives one thing, and reports what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from edgraph.graph.ir import Graph
from edgraph.graph.passes import causality, clocking, gradients, initialisation, lints, order, slices, state
from edgraph.text.diagnostics import Diagnostics

PASSES: tuple[tuple[str, Callable[[Graph, Diagnostics], bool]], ...] = (
    ("causality", causality.run),  # every cycle goes through a `previous`
    ("gradients", gradients.run),  # what each update differentiates, and which forwards train
    ("clocking", clocking.run),  # the clock of every node; nothing is stale
    ("slices", slices.run),  # first training, then observing
    ("initialisation", initialisation.run),  # what `hold` and `previous` read has a value
    ("state", state.run),  # every op sees each state as it stood when the step began
    ("order", order.run),  # the one static order
    ("lints", lints.run),
)
LOCAL = ("causality", "clocking", "slices", "initialisation")


def run_passes(graph: Graph, diagnostics: Diagnostics) -> bool:
    """Runs all passes on a graph, its loops' bodies first. A pass that returns False ends them: what comes
    after would only repeat its errors. In a graph with errors already, only what does not depend on them is
    looked at."""
    broken = diagnostics.failed
    for node in graph.nodes.values():
        if node.body is not None and not run_passes(node.body, diagnostics) and not broken:
            return False
    return all(run(graph, diagnostics) for name, run in PASSES if name in LOCAL or not diagnostics.failed)
