"""Initialisation: what `hold` and `previous` read without an initial value has provably been made before."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.refs import memories, uses
from edgraph.language.expressions import Expression, Hold, Previous, Ref
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    for node in graph.nodes.values():
        for argument in node.inputs:
            for memory in memories(argument.value.root):
                if memory.initial is None:
                    _check(memory, node, graph, diagnostics)
    for expression, what in _between_steps(graph):
        _check_between(expression, what, graph, diagnostics)
    return True


def _check(memory: Hold | Previous, reader: Node, graph: Graph, diagnostics: Diagnostics) -> None:
    if not isinstance(memory.value, Ref) or memory.value.path not in graph.targets:
        return
    source = graph.nodes[graph.targets[memory.value.path].node]
    word = "hold" if isinstance(memory, Hold) else "previous"
    text = memory.value.text()
    if not source.clock.is_pure:
        why = f"whether '{source.name}' has run by then is known only at run time"
    else:
        made = clocks.first(source.clock)
        read = _first(reader, graph)
        if made is not None and read is not None and (made < read or (made == read and word == "hold")):
            return
        if made is None:
            why = f"'{source.name}' never runs at a step"
        else:
            why = f"'{reader.name}' may read it on step {read or 1}, and '{source.name}' first runs on step {made}"
    _report(f"{word}({text}) has no initial value: {why}", memory.span, f"{word}({text}, 0.0)", diagnostics)


def _report(message: str, span: Span, example: str, diagnostics: Diagnostics) -> None:
    diagnostics.error("no-initial-value", message, span, f'give one: "{example}"')


def _first(reader: Node, graph: Graph) -> int | None:
    """The first step on which a node may be made. A clock known only at run time may fire at once."""
    return clocks.first(reader.clock) if reader.clock.is_pure else 1


def _between_steps(graph: Graph) -> list[tuple[Expression, str]]:
    found = [(stage.condition, f"the end of stage '{stage.name}'") for stage in graph.stages if stage.condition]
    if graph.use is not None and graph.use.condition is not None:
        found.append((graph.use.condition, "`while`"))
    return found


def _check_between(expression: Expression, what: str, graph: Graph, diagnostics: Diagnostics) -> None:
    """A condition that is looked at between steps reads what was made before."""
    for use in uses(expression.root):
        target = graph.targets.get(use.ref.path)
        if use.kind is EdgeKind.DATA and target is not None and graph.nodes[target.node].kind != "argument":
            diagnostics.error("between-steps", f"{what} is looked at between steps, where '{use.ref.text()}' is not "
                              "fresh", use.ref.span, f'take the latest value: "hold({use.ref.text()}, 0.0)"')
    for memory in memories(expression.root):
        if memory.initial is None:
            word = "hold" if isinstance(memory, Hold) else "previous"
            text = memory.value.text() if isinstance(memory.value, Ref) else "…"
            _report(f"{word}({text}) has no initial value, and {what} is looked at before the first step", memory.span,
                    f"{word}({text}, 0.0)", diagnostics)
