"""Lints: what is legal and most likely not meant. Each is a warning with a code, silenced by `ignore: [CODE]`."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.clocks import TooComplex
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.text.diagnostics import Diagnostics

READS = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.PREVIOUS, EdgeKind.CONDITION, EdgeKind.FREQUENCY)


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    readers = graph.successors(READS)
    outputs = {target.node for target in graph.targets.values()}
    for node in graph.nodes.values():
        if node.kind != "op" or node.entry is None:
            continue
        _never_fires(node, graph, diagnostics)
        of_pattern = node.entry.origin is not None  # a pattern may make more than a use of it needs
        if not node.sink and not readers[node.name] and node.name not in outputs and not of_pattern:
            _warn(node, "unread-value", f"nothing reads '{node.name}', so it never runs",
                  "read it, log it, or remove it", diagnostics)
    return True


def _never_fires(node: Node, graph: Graph, diagnostics: Diagnostics) -> None:
    declares = node.declared is not None
    if not (node.sink or declares) or node.events or not node.clock.is_pure:
        return
    try:
        first = clocks.first(node.clock)
    except TooComplex:
        return
    last = graph.facts.last_step
    if first is None:
        _warn(node, "never-fires", f"'{node.name}' never fires: the clocks of its inputs and its own never meet",
              "change one of the clocks, or take an older value with hold(…)", diagnostics)
    elif last is not None and first > last and declares:  # said once, not of all that follows it
        _warn(node, "never-fires", f"'{node.name}' never fires in this run: its first step would be {first}, and the "
              f"run ends at step {last}", "let it fire more often, or let the run be longer", diagnostics)


def _warn(node: Node, code: str, message: str, help: str, diagnostics: Diagnostics) -> None:
    assert node.entry is not None
    if code not in node.entry.ignore:
        diagnostics.warning(code, message, node.span, help)
