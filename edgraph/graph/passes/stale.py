"""The message of the clock rule: which step, which input, and the ways out."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.availability import available
from edgraph.graph.clocks import Clock, words
from edgraph.graph.ir import Graph, Node
from edgraph.graph.refs import show
from edgraph.language.expressions import Either, Expr, Expression, Hold, Previous, Ref, children
from edgraph.text.diagnostics import Diagnostics


def report(node: Node, promise: Clock, step: int, expression: Expression, graph: Graph,
           diagnostics: Diagnostics) -> None:
    """Blames the part that is not available, where it is one; else the whole expression."""
    part = _culprit(promise, expression.root, graph)
    text = show(part) if part is not None else expression.text
    span = part.span if part is not None else expression.span
    made, first, source = "made at other steps", None, None
    if part is not None:
        source = graph.nodes[graph.targets[part.path].node] if isinstance(part, Ref) else None
        clock = available(part, graph)
        made = words(clock)
        first = clocks.first(clock) if clock.is_pure else None
    when = f" (first: step {first})" if first is not None and first != step else ""
    help = f'give it a last argument that is always there: "{text[:-1]}, nan)"' if isinstance(part, Either) \
        else _ways_out(node, text, source)
    diagnostics.error("stale-input", f"'{node.name}' fires on {_step(promise, step)}, but '{text}' is made only "
                      f"{_on(made)}{when}", span, help)


def _culprit(promise: Clock, expr: Expr, graph: Graph) -> Ref | Either | None:
    """The reference that is not available, or the choice of which no part is."""
    match expr:
        case Ref() | Either():
            missing = clocks.includes(available(expr, graph), promise, graph.facts.last_step) is not None
            return expr if missing else None
        case Hold(_, initial, _) | Previous(_, initial, _):
            return None if initial is None else _culprit(promise, initial, graph)
    found = (_culprit(promise, part, graph) for part in children(expr))
    return next((part for part in found if part is not None), None)


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
