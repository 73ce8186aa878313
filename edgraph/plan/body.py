"""The lines of one plan: straight-line calls, values in local variables, conditions as `if`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edgraph.graph.ir import Graph, Node
from edgraph.language.expressions import Ref
from edgraph.plan.code import Names, Writer
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.timetable import ALWAYS_GUARD, Guard, Timetable

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
    names: Names = field(default_factory=Names)
    calls: dict[str, Call] = field(default_factory=dict)  # name in the source -> the call it makes
    _bound: dict[tuple[object, ...], str] = field(default_factory=dict)

    def bound(self, call: Call) -> str:
        """The name of a node's work. Patterns in which it is the same work share it."""
        key = call.binding
        if key not in self._bound:
            name = first = f"do_{self.names.variable(call.node.name)}"
            number = 2
            while name in self.calls:
                name, number = f"{first}_{number}", number + 1
            self._bound[key] = self.names.need(name, "call", call.node.name)
            self.calls[name] = call
        return self._bound[key]


class Body:
    """Writes the lines that one step of a plan runs."""

    def __init__(self, shared: Shared, plan: Plan) -> None:
        self.shared = shared
        self.graph = shared.graph
        self.names = shared.names
        self.plan = plan
        self.made: dict[str, Guard] = {}
        if plan.epilogue:  # metrics have been made when it runs, and not before
            self.made = {name: ALWAYS_GUARD for name, node in self.graph.nodes.items() if self._is_measured(node)}
        self.slots = {slot: index for index, slot in enumerate(self.graph.slots)}
        self.writer = Writer(self.graph, shared.timetable, plan.mask, self.names, self.slots, self.made)
        self.lines: list[Line] = []
        self.unused: list[str] = []  # nodes whose values nobody needs any more, and which are not freed yet
        self._read = {name for call in plan.calls for name in call.frees} | {slot.node for slot, _ in plan.slots}

    def write(self) -> list[Line]:
        recording = False
        for call in self.plan.calls:
            if _is_heavy(call.node):
                self._free()
            wanted = call.records or _differentiates_inline(call.node)
            if self.shared.records and wanted != recording and call.node.kind != "condition":
                self._line(f'{self.names.need("_record", "record")}({wanted})')
                recording = wanted
            self._call(call)
        if recording:
            self._line(f'{self.names.need("_record", "record")}(False)')
        self._end_of_step()
        if any(_is_heavy(call.node) for call in self.plan.calls):
            self._free()
        return self.lines or [Line("pass")]

    def _line(self, text: str, node: str | None = None) -> None:
        self.lines.append(Line(text, node))

    def _call(self, call: Call) -> None:
        node = call.node
        variable = self.names.variable(node.name)
        work = self._work(call)
        comment = f"  # {node.name}  {node.place}" + ("  (needed or not is known only later)" if call.early else "")
        text = (f"{variable} = {work}" if self._is_read(call) else work) + comment
        lines = [Line(text, node.name)]
        verdict = self.shared.timetable.verdicts.get(node.name)
        if verdict is not None:
            holds = f"{variable}['applied']" if node.op == "optimize" else f"{variable} is not None"
            lines.append(Line(f"{self.names.variable(verdict)} = {holds}"))
        if call.leaf:
            lines.append(Line(f'{variable} = {self.names.need("_leaf", "leaf")}({variable})'))
        if call.guard == ALWAYS_GUARD:
            self.lines += lines
        else:
            decided = node.name if node.kind == "condition" and node.settings.get("value") is None else verdict
            if decided is not None:
                self._line(f"{self.names.variable(decided)} = False")
            self._line(f"if {self.writer.test(call.guard)}:")
            self.lines += [Line(f"    {line}", name) for line, name in lines]
        if not self._is_measured(node):
            self.made[node.name] = call.guard
        if not self.shared.keep:
            self.unused += call.frees

    def _free(self) -> None:
        for name in self.unused:
            self._line(f"{self.names.variable(name)} = None")
        self.unused.clear()

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
        name = self.shared.bound(call)
        if not call.moves or call.moves_when == ALWAYS_GUARD or call.moves_when == call.guard:
            return name
        return f"({name} if {self.writer.test(call.moves_when)} else {self.shared.bound(replace(call, moves=False))})"

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

    def _end_of_step(self) -> None:
        for slot, guard in self.plan.slots:
            value = self.writer.value(slot.node, slot.field)
            what = "keep_output" if slot in self.graph.output_slots else "keep"
            held, keep = self.names.need("_held", "held"), self.names.need(f"_{what}", what)
            self._guarded(f"{held}[{self.slots[slot]}] = {keep}({value})", guard)
        for call in self.plan.calls:  # a graph of gradients would live until the variable is used again
            kept = any(slot.node == call.node.name for slot, _ in self.plan.slots)
            if call.records and kept and not self.shared.keep:
                self._line(f"{self.names.variable(call.node.name)} = None")
        if self.shared.keep:
            for call in self.plan.calls:
                if call.node.visible and not self._is_measured(call.node):
                    values, variable = self.names.need("_values", "values"), self.names.variable(call.node.name)
                    self._guarded(f"{values}[{call.node.name!r}] = {variable}", call.guard)
        ops = {call.node.op for call in self.plan.calls}
        if "set_learning_rate" in ops:
            self._line(f'{self.names.need("_settle", "settle")}()')
        if "checkpoint" in ops:
            self._line(f'{self.names.need("_snapshot", "snapshot")}(step)')
        if "stop" in ops or "loop" in ops or ("optimize" in ops and self.graph.pipeline.run.num_updates is not None):
            self._line(f'if {self.names.need("_halt", "halt")}: return step')
        if self.graph.use is None and any(stage.condition is not None for stage in self.graph.stages):
            self._line(f'if {self.names.need("_stage_ends", "stage_ends")}(step): return step')

    def _guarded(self, text: str, guard: Guard) -> None:
        self._line(text if guard == ALWAYS_GUARD else f"if {self.writer.test(guard)}: {text}")


def _is_heavy(node: Node) -> bool:
    """Whether a node may need much memory: what is unused is freed before. Where there is no such node, values are
    freed as in any loop, by those of the next step; freeing each would take longer than a call."""
    return (node.spec.engine and node.op != "expr" and node.kind != "condition") or bool(node.spec.backends)


def _differentiates_inline(node: Node) -> bool:
    """Whether a node differentiates its inputs itself, or what it differentiates is computed in its own input:
    `optimize` of `loss * 2`."""
    if node.kind == "op" and node.spec.differentiates:
        return True
    return (node.kind == "gradients" or node.op == "gradient") and any(
        not isinstance(argument.value.root, Ref) or len(argument.value.root.path) > 1 for argument in node.inputs)


def by_name(node: Node) -> list[bool]:
    """For each input of a node whether it is passed by name: after an optional one that is left out, and where the
    author named the arguments of a model or a function."""
    names = [item.name for item in node.spec.inputs if not item.variadic]
    if node.kind == "gradients" or node.op == "optimize":
        return [False] * len(node.inputs)
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
