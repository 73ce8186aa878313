"""The message of the clock rule: which step, which input, and the ways out."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.availability import available
from edgraph.graph.clocks import Clock, words
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.refs import uses
from edgraph.language.expressions import Expression, Ref
from edgraph.text.diagnostics import Diagnostics


def report(node: Node, promise: Clock, step: int, expression: Expression, graph: Graph,
           diagnostics: Diagnostics) -> None:
    """Blames the reference that is not available, where it is one; else the whole expression."""
    ref = _culprit(promise, expression, graph)
    text = ref.text() if ref is not None else expression.text
    span = ref.span if ref is not None else expression.span
    made, first, source = "made at other steps", None, None
    if ref is not None:
        source = graph.nodes[graph.targets[ref.path].node]
        made = words(source.clock)
        first = clocks.first(source.clock) if source.clock.is_pure else None
    when = f" (first: step {first})" if first is not None and first != step else ""
    diagnostics.error("stale-input", f"'{node.name}' fires on {_step(promise, step)}, but '{text}' is made only "
                      f"{_on(made)}{when}", span, _ways_out(node, text, source))


def _culprit(promise: Clock, expression: Expression, graph: Graph) -> Ref | None:
    for use in uses(expression.root):
        if use.kind is EdgeKind.DATA and use.ref.path in graph.targets:
            clock = available(use.ref, graph)
            if clocks.includes(clock, promise, graph.facts.last_step) is not None:
                return use.ref
    return None


def _step(promise: Clock, step: int) -> str:
    return f"step {step}" if promise.is_pure else words(promise)


def _on(made: str) -> str:
    return made if made.startswith(("on ", "when ", "at ", "in ", "made ", "every ", "while ")) else f"on {made}"


def _ways_out(node: Node, text: str, source: Node | None) -> str:
    name = source.name if source is not None and source.visible else text
    if node.entry is not None and node.entry.every is not None:
        verb = "log" if node.op.startswith("log_") else "run"
        # A pattern may have another word for it, and its ops are changed by their names.
        drop = f"write ops: {{{node.name}: {{every: null}}}}" if "." in node.name else "drop 'every'"
        return f"{drop} to {verb} whenever '{name}' runs, or use \"hold({text}, nan)\""
    return f"use \"hold({text}, nan)\" to take the latest value"
