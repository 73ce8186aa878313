"""Initialisation: what `hold` and `previous` read without an initial value has provably been made before."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.graph import clocks
from edgraph.graph.availability import value_clock
from edgraph.graph.clocks import Clock, TooComplex
from edgraph.graph.ir import EdgeKind, Graph, Node, Target
from edgraph.graph.refs import memories, uses
from edgraph.language.expressions import Either, Expr, Expression, Hold, Previous, Ref, children
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span

NEVER = float("inf")
START = 0.0  # moments: a step by its number, the event before step 1 is 0, others half a step after a step
FIRST_EPOCH = 0.5
DEMANDS = (EdgeKind.DATA, EdgeKind.CONDITION, EdgeKind.FREQUENCY)


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    readers = [(memory, node) for node in graph.nodes.values() for argument in node.inputs
               for memory in memories(argument.value.root) if memory.initial is None]
    if readers:
        earliest = Moments(graph)
        for memory, node in readers:
            _check(memory, node, earliest, graph, diagnostics)
    for name, output in graph.outputs.items():
        _check_output(name, output.root, graph, diagnostics)
    for expression, what in _between_steps(graph):
        _check_between(expression, what, graph, diagnostics)
    return True


class Moments:
    """The earliest moment at which each node may run: when it may be made, and somebody may ask for it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.demanded: dict[str, float] = {}
        self.end = iterations(graph) + 0.5  # of a loop
        after = graph.successors(DEMANDS)
        for name in reversed(graph.order):
            node = graph.nodes[name]
            if node.metric:  # made when the loop has ended
                self.demanded[name] = self.end
                continue
            asked = min((self.demanded[reader] for reader in after[name]), default=NEVER)
            able = min(_first(node.clock), START if node.events is None else self._events(node.events))
            due = min(_first(node.clock), self._events(node.events or ())) if node.sink else NEVER
            self.demanded[name] = min(due, max(asked, able))

    def _events(self, events: Iterable[str]) -> float:
        """The first of some events."""
        later = {"epoch_start": FIRST_EPOCH, "epoch_end": (self.graph.facts.steps_per_epoch or 1) + 0.5, "end": 1.5}
        return min((later.get(event, START) for event in events), default=NEVER)


def _first(clock: Clock) -> float:
    try:
        step = clocks.first(clock)
    except TooComplex:
        return 1
    return NEVER if step is None else step


def iterations(graph: Graph) -> int:
    """How many iterations a loop has at least, where it has any."""
    use = graph.use
    if use is None or use.condition is not None or any(node.op == "stop" for node in graph.nodes.values()):
        return 1
    return graph.facts.last_step or 1


def _made(target: Target, graph: Graph) -> float | None:
    """The first moment at which a value is certainly made; None where only the run will tell."""
    source = graph.nodes[target.node]
    if source.events and _certain(source, graph):
        if "start" in source.events:
            return START
        if "epoch_start" in source.events:
            return FIRST_EPOCH
    clock = value_clock(source, target.field, graph)
    return _first(clock) if clock.is_pure else None


def _certain(node: Node, graph: Graph) -> bool:
    """Whether no condition decides on a node, or on what it is made of."""
    sources = [source for source, target, kind in graph.edges if target == node.name and kind is EdgeKind.DATA]
    return not node.conditions and all(_certain(graph.nodes[source], graph) for source in sources)


def _check(memory: Hold | Previous, reader: Node, earliest: Moments, graph: Graph, diagnostics: Diagnostics) -> None:
    if not isinstance(memory.value, Ref) or memory.value.path not in graph.targets:
        return
    source = graph.nodes[graph.targets[memory.value.path].node]
    word = "hold" if isinstance(memory, Hold) else "previous"
    text = memory.value.text() if source.visible else source.name.removeprefix("value ")
    made, read = _made(graph.targets[memory.value.path], graph), earliest.demanded[reader.name]
    if made is None:
        why = f"whether '{source.name}' has run by then is known only at run time"
    elif made < read or (made == read and word == "hold"):
        return
    elif made == NEVER:
        why = f"'{source.name}' never runs at a step"
    else:
        when = f"on step {int(read)}" if read >= 1 else "before step 1"
        why = f"'{reader.name}' may read it {when}, and '{source.name}' first runs on step {int(made)}"
    _report(f"{word}({text}) has no initial value: {why}", memory.span, f"{word}({text}, 0.0)", diagnostics)


def _report(message: str, span: Span, example: str, diagnostics: Diagnostics) -> None:
    diagnostics.error("no-initial-value", message, span, f'give one: "{example}"')


def _check_output(name: str, expr: Expr, graph: Graph, diagnostics: Diagnostics) -> None:
    """Where a loop has run, every output has a value: the latest of what it is computed from."""
    match expr:
        case Ref(path, span):
            target = graph.targets.get(path)
            if target is None or graph.nodes[target.node].kind == "argument":
                return
            made, end = _made(target, graph), iterations(graph)
            if made is None or made > end:
                why = (f"'{expr.text()}' first runs on step {int(made)}" if made is not None and made != NEVER
                       else f"whether '{expr.text()}' has run by then is known only at run time")
                diagnostics.error("no-initial-value", f"output '{name}' of the loop '{graph.name}' may have no value: "
                                  f"{why}", span, f'give one: "hold({expr.text()}, 0.0)"')
        case Hold(_, initial, _) | Previous(_, initial, _) if initial is not None:
            _check_output(name, initial, graph, diagnostics)
        case Either(arguments, _):
            for argument in arguments:
                found = Diagnostics()
                _check_output(name, argument, graph, found)
                if not found.failed:
                    return
            diagnostics.extend(found)
        case _:
            for child in children(expr):
                _check_output(name, child, graph, diagnostics)


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
