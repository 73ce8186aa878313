"""The lines of one call: what stands to its right, and whether its value is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edgraph.graph.ir import Graph, Node
from edgraph.language.expressions import Ref
from edgraph.plan.code import Names, Writer
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.regions import Traces
from edgraph.plan.timetable import ALWAYS_GUARD, Timetable

Passes = Callable[[Call], tuple[str, ...]]


class Line(NamedTuple):
    """A line of source, and the node that runs there."""

    text: str
    node: str | None = None


@dataclass(slots=True)
class Shared:
    """What the plans in one function share: its local variables, and what it takes from outside."""

    graph: Graph
    timetable: Timetable
    passes: Passes
    records: bool  # see edgraph.plan.codegen.generate
    keep: bool
    traces: Traces | None = None
    tape: bool = False
    names: Names = field(default_factory=Names)
    calls: dict[str, Call] = field(default_factory=dict)  # name in the source -> the call it makes
    _bound: dict[tuple[object, ...], str] = field(default_factory=dict)

    def bound(self, call: Call, names: Names) -> str:
        """The name of a node's work. Patterns in which it is the same work share it."""
        key = call.binding
        if key not in self._bound:
            name = first = f"do_{names.variable(call.node.name)}"
            number = 2
            while name in self.calls:
                name, number = f"{first}_{number}", number + 1
            self._bound[key] = name
            self.calls[name] = call
        return names.need(self._bound[key], "call", call.node.name)


class CallWriter:
    """Writes the calls of a plan into the function at hand, whose needs are in `names`."""

    def __init__(self, shared: Shared, plan: Plan, names: Names, writer: Writer) -> None:
        self.shared = shared
        self.graph = shared.graph
        self.plan = plan
        self.names = names
        self.writer = writer
        self.lines: list[Line] = []
        self._recording = False
        self._read = {name for call in plan.calls for name in call.frees} | {slot.node for slot, _ in plan.slots}

    def _line(self, text: str, node: str | None = None) -> None:
        self.lines.append(Line(text, node))

    def _record(self, on: bool) -> None:
        """Turns the recording of gradients on or off, where that is not how it is."""
        if self.shared.records and on != self._recording:
            self._line(f'{self.names.need("_record", "record")}({on})')
            self._recording = on

    def _lines(self, call: Call) -> list[Line]:
        """What one call does, whatever its guard."""
        node = call.node
        variable = self.names.variable(node.name)
        work = self._work(call)
        comment = f"  # {node.name}  {node.place}" + ("  (needed or not is known only later)" if call.early else "")
        text = (f"{variable} = {work}" if self._is_read(call) else work) + comment
        lines = [Line(text, node.name)]
        if call.leaf:
            lines.append(Line(f'{variable} = {self.names.need("_leaf", "leaf")}({variable})'))
        return lines

    def _is_read(self, call: Call) -> bool:
        node = call.node
        if self.shared.keep and node.kind == "op" and not self._is_measured(node):
            return True
        return node.name in self._read or node.kind == "condition" or node.name in self.shared.timetable.verdicts

    def _is_measured(self, node: Node) -> bool:
        """Whether its value is made when the loop ends."""
        return node.spec.metric and self.graph.use is not None

    def _work(self, call: Call) -> str:
        """The right-hand side: what a node does."""
        node = call.node
        arguments = [self.writer.expression(argument.value.root) for argument in node.inputs]
        if node.kind == "condition":
            if node.counts is not None:
                return f'{self.names.need(f"do_{self.names.variable(node.name)}", "counter", node.name)}()'
            if node.settings.get("value") is not None:
                return arguments[0]
            return f'{self.names.need("_truth", "truth")}({arguments[0]})'
        if node.op == "expr":
            return arguments[0]
        extra = [self._extra(extra) for extra in self.shared.passes(call)]
        return f"{self._callee(call)}({', '.join([*extra, *self._arguments(node, arguments)])})"

    def _callee(self, call: Call) -> str:
        """What is called: for a call that moves something only under a condition it is one of two."""
        name = self.shared.bound(call, self.names)
        if not call.moves or call.moves_when == ALWAYS_GUARD or call.moves_when == call.guard:
            return name
        still = self.shared.bound(replace(call, moves=False), self.names)
        return f"({name} if {self.writer.test(call.moves_when)} else {still})"

    def _extra(self, name: str) -> str:
        """An extra argument of a call (see edgraph.ops.spec.Passes)."""
        if name == "count":
            return f'{self.names.need("_count", "count")}(step)'
        if name == "epoch":
            return self.writer.builtin("epoch")
        # outside of loops the step of the run is all there is
        return "step" if self.graph.use is None else name

    def _arguments(self, node: Node, texts: list[str]) -> list[str]:
        return [f"{argument.port}={text}" if keyword else text
                for argument, text, keyword in zip(node.inputs, texts, by_name(node), strict=True)]


def differentiates_inline(node: Node) -> bool:
    """Whether a node differentiates its inputs itself, or what it differentiates is computed in its own input:
    `optimize` of `loss * 2`."""
    if node.kind == "op" and node.spec.differentiates:
        return True
    return (node.kind == "gradients" or node.op == "gradient") and any(
        not isinstance(argument.value.root, Ref) or len(argument.value.root.path) > 1 for argument in node.inputs)


def by_name(node: Node) -> list[bool]:
    """For each input of a node whether it is passed by name: after an optional one that is left out, and where the
    author named the arguments of a function."""
    if node.kind == "gradients" or node.op in ("optimize", "forward"):
        return [False] * len(node.inputs)
    return named(node)


def named(node: Node) -> list[bool]:
    """For each input whether the op gets it by name. (A model gets so what the backend passes on to it.)"""
    names = [item.name for item in node.spec.inputs if not item.variadic]
    found: list[bool] = []
    in_place = True
    for position, argument in enumerate(node.inputs):
        if position < len(names):
            in_place = in_place and names[position] == argument.port
            found.append(not in_place)
        else:
            found.append(node.op in ("forward", "call") and _is_named(node))
    return found


def _is_named(node: Node) -> bool:
    return node.entry is not None and any(item.name is not None for item in node.entry.inputs)
