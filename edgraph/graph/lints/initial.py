"""Initial values that decide something before the real value is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgraph.graph.clocks import Clock, TooComplex, window
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.lints.constants import Known, evaluate
from edgraph.graph.lints.warner import Warner, first_step
from edgraph.graph.passes.slices import updates
from edgraph.graph.refs import memories, show
from edgraph.language.expressions import Builtin, Expr, Hold, Ref, walk

TRIED = 1000  # firings for which a condition that speaks of the step is worked out


class Made(NamedTuple):
    """A held value: what is written, its source, and the first step on which the source is made."""

    text: str
    source: str
    first: int


def decides(graph: Graph, warner: Warner) -> None:
    for node in graph.nodes.values():
        if node.kind == "op" and node.entry is not None and not node.entry.at:
            if node.conditions:
                _condition(node, graph, warner)
            if node.op == "set_learning_rate":
                _learning_rate(node, graph, warner)
    for stage in graph.stages:
        if stage.condition is not None and stage.start is not None:
            for step in _tries(stage.condition.root, window(stage.start), _held(stage.condition.root, graph)):
                if _holds(stage.condition.root, step, graph) is True:
                    made = _held(stage.condition.root, graph)[0]
                    warner.at(stage.condition.span, "initial-value", f"stage '{stage.name}' ends before step {step} "
                              f"by the initial value in '{made.text}'{_real(made)}", HELP,
                              graph.pipeline.stages[stage.name].ignore)
                    break


HELP = "take an initial value with which nothing is decided yet; nan compares false with everything"


def _condition(node: Node, graph: Graph, warner: Warner) -> None:
    """A condition that is certainly true as long as initial values are read."""
    does = _does(node)
    tests = [graph.nodes[name].inputs[0].value.root for name in node.conditions if graph.nodes[name].inputs]
    held = [made for test in tests for made in _held(test, graph)]
    if does is None or not held:
        return
    for step in _tries_all(tests, node.clock, held):
        reads = [made for made in held if made.first > step]
        if reads and all(_holds(test, step, graph) is True for test in tests):
            warner.op(node, "initial-value", f"'{node.name}' {does} on step {step} by the initial value in "
                      f"'{reads[0].text}'{_real(reads[0])}", HELP)
            return


def _learning_rate(node: Node, graph: Graph, warner: Warner) -> None:
    """An initial value that becomes a learning rate, through expressions too."""
    first = first_step(node.clock)
    for test in _expressions(node, graph):
        reads = [made for made in _held(test, graph) if first is not None and made.first > first]
        if reads and not node.conditions:
            warner.op(node, "initial-value", f"'{node.name}' takes the initial value in '{reads[0].text}' as the "
                      f"learning rate on step {first}{_real(reads[0])}",
                      "let it begin on that step, by `every` or `when`")
            return


def _real(made: Made) -> str:
    return f": '{made.source}' is made from step {made.first} on"


def _does(node: Node) -> str | None:
    """What an op does that had better not be decided by an initial value."""
    match node.op:
        case "stop":
            return "ends the run"
        case "checkpoint":
            return "saves a checkpoint"
        case "set_learning_rate":
            return "sets a learning rate"
    return "updates" if updates(node) else None


def _held(expr: Expr, graph: Graph) -> list[Made]:
    """The values that `hold` reads with an initial value, and that are not made on the first step."""
    found = []
    for memory in memories(expr):
        if isinstance(memory, Hold) and memory.initial is not None and isinstance(memory.value, Ref):
            target = graph.targets.get(memory.value.path)
            source = graph.nodes[target.node] if target is not None else None
            if source is None or (source.events is not None and "start" in source.events):
                continue
            first = first_step(source.clock)
            if first is not None and first > 1:
                name = source.name if source.kind == "op" else show(memory.value)
                found.append(Made(show(memory), name, first))
    return found


def _holds(expr: Expr, step: int, graph: Graph) -> Known:
    """A condition at a step, as far as it is known before the run."""
    def initial(memory: Hold) -> bool:
        return any(made.text == show(memory) and made.first > step for made in _held(memory, graph))
    return evaluate(expr, step, graph, initial)


def _tries_all(tests: list[Expr], clock: Clock, held: list[Made]) -> Iterator[int]:
    timed = any(isinstance(part, Builtin) for test in tests for part in walk(test))
    yield from _firings(clock, max(made.first for made in held), TRIED if timed else 1)


def _tries(test: Expr, clock: Clock, held: list[Made]) -> Iterator[int]:
    if held:
        yield from _tries_all([test], clock, held)


def _firings(clock: Clock, before: int, number: int) -> Iterator[int]:
    """The first firings before a step, run-time parts holding."""
    step: int | None = 0
    for _ in range(number):
        try:
            step = min((at for term in clock.terms if (at := term.next(step or 0)) is not None), default=None)
        except TooComplex:
            return
        if step is None or step >= before:
            return
        yield step


def _expressions(node: Node, graph: Graph) -> Iterator[Expr]:
    """What a node reads, with the expressions that it is made of."""
    seen = {node.name}
    stack = [node]
    while stack:
        at = stack.pop()
        for argument in at.inputs:
            yield argument.value.root
        for read in at.reads:
            source = graph.nodes[read.node]
            if read.kind is EdgeKind.DATA and source.op == "expr" and source.name not in seen:
                seen.add(source.name)
                stack.append(source)

