"""Plans as Python source: straight-line calls, values in local variables, conditions as `if`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edgraph.graph.ir import Graph, Node
from edgraph.language.expressions import Ref
from edgraph.plan.code import Names, Writer
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.timetable import ALWAYS_GUARD, Guard, Timetable

Passes = Callable[[Call], tuple[str, ...]]
ENGINE_PASSES = {"load_batch": ("step",), "optimize": ("global_step", "epoch"), "loop": ("global_step", "key")}


@dataclass(slots=True)
class StepSource:
    """The source of one pattern's function, and what it needs from outside.

    outside: name in the source -> what it is, for the binder (edgraph/run/bind.py).
    lines: line number -> the node that runs there, so that an error is attributed at no cost.
    """

    name: str
    text: str
    outside: dict[str, tuple[str, ...]]
    lines: dict[int, str]
    calls: dict[str, Call] = field(default_factory=dict)  # name in the source -> the call it makes


def static_passes(call: Call) -> tuple[str, ...]:
    """The extra arguments of a call as far as they are known without a backend."""
    if call.node.kind == "gradients":
        return ()
    return ENGINE_PASSES.get(call.node.op, call.node.spec.passes)


def generate(graph: Graph, timetable: Timetable, plan: Plan, name: str, *, passes: Passes = static_passes,
             records: bool = True, keep: bool = False) -> StepSource:
    """The function of a pattern: `NAME(steps)` runs the pattern once for each step of an iterator.

    records: whether the backend has a recording of gradients to be turned on and off.
    keep: leave every value in `_values` (the last step of a run).
    """
    return Generator(graph, timetable, plan, name, passes, records, keep).generate()


class Generator:
    def __init__(self, graph: Graph, timetable: Timetable, plan: Plan, name: str, passes: Passes, records: bool,
                 keep: bool) -> None:
        self.graph = graph
        self.plan = plan
        self.passes = passes
        self.records = records
        self.keep = keep
        self.names = Names()
        for reserved in ("step", "steps", "key", "outer", "global_step"):
            self.names.taken[f"\0{reserved}"] = reserved
        self.made: dict[str, Guard] = {}
        slots = {slot: index for index, slot in enumerate(graph.slots)}
        self.writer = Writer(graph, timetable, plan.mask, self.names, slots, self.made)
        self.body: list[tuple[str, str | None]] = []
        self.source = StepSource(name, "", self.names.outside, {})
        self.slots = slots

    def generate(self) -> StepSource:
        recording = False
        for call in self.plan.calls:
            wanted = call.records or _differentiates_inline(call.node)
            if self.records and wanted != recording and call.node.kind != "condition":
                self._line(f'{self.names.need("_record", "record")}({wanted})')
                recording = wanted
            self._call(call)
        if recording:
            self._line(f'{self.names.need("_record", "record")}(False)')
        self._end_of_step()
        self._assemble()
        return self.source

    def _line(self, text: str, node: str | None = None) -> None:
        self.body.append((text, node))

    def _call(self, call: Call) -> None:
        node = call.node
        flag = node.kind == "condition" and node.settings.get("value") is None
        variable = self.names.variable(node.name)
        work = self._work(call)
        comment = f"  # {node.name}  {node.place}" + ("  (needed or not is known only later)" if call.early else "")
        text = f"{variable} = {work}" if self._is_read(call) else work
        applied = f"{variable}['applied']" if "applied" in call.ports and node.op == "optimize" else None
        if call.guard == ALWAYS_GUARD:
            self._line(text + comment, node.name)
            if applied is not None:
                self._line(f"{self.names.variable(node.name + '.applied')} = {applied}")
        else:
            if flag:
                self._line(f"{variable} = False")
            if applied is not None:
                self._line(f"{self.names.variable(node.name + '.applied')} = False")
            self._line(f"if {self.writer.test(call.guard)}:")
            self._line(f"    {text}{comment}", node.name)
            if applied is not None:
                self._line(f"    {self.names.variable(node.name + '.applied')} = {applied}")
        if call.leaf:
            self._line(f'{variable} = {self.names.need("_leaf", "leaf")}({variable})')
        self.made[node.name] = call.guard
        for freed in () if self.keep else call.frees:
            self._line(f"{self.names.variable(freed)} = None")

    def _is_read(self, call: Call) -> bool:
        node = call.node
        if self.keep and node.kind == "op" and not (node.spec.metric and self.graph.use is not None):
            return True
        read = {name for other in self.plan.calls for name in other.frees}
        kept = {slot.node for slot, _ in self.plan.slots}
        return node.name in read or node.name in kept or node.kind == "condition" or "applied" in call.ports

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
        name = self.names.need(f"do_{self.names.variable(node.name)}", "call", node.name)
        self.source.calls[name] = call
        extra = [self._extra(extra) for extra in self.passes(call)]
        return f"{name}({', '.join([*extra, *self._arguments(node, arguments)])})"

    def _extra(self, name: str) -> str:
        """An extra argument of a call (see edgraph.ops.spec.Passes)."""
        if name == "count":
            return f'{self.names.need("_count", "count")}()'
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
            keep = "keep_output" if slot in self.graph.output_slots else "keep"
            text = f'{self.names.need("_held", "held")}[{self.slots[slot]}] = {self.names.need(f"_{keep}", keep)}({value})'
            self._line(text if guard == ALWAYS_GUARD else f"if {self.writer.test(guard)}: {text}")
        if self.keep:
            for call in self.plan.calls:
                if call.node.visible and not (call.node.spec.metric and self.graph.use is not None):
                    text = f'{self.names.need("_values", "values")}[{call.node.name!r}] = {self.names.variable(call.node.name)}'
                    self._line(text if call.guard == ALWAYS_GUARD else f"if {self.writer.test(call.guard)}: {text}")
        ops = {call.node.op for call in self.plan.calls}
        if "set_learning_rate" in ops:
            self._line(f'{self.names.need("_settle", "settle")}()')
        if "checkpoint" in ops:
            self._line(f'{self.names.need("_snapshot", "snapshot")}(step)')
        if "stop" in ops or "loop" in ops or ("optimize" in ops and self.graph.pipeline.run.num_updates is not None):
            self._line(f'if {self.names.need("_halt", "halt")}: break')
        if self.graph.use is None and any(stage.condition is not None for stage in self.graph.stages):
            self._line(f'if {self.names.need("_stage_ends", "stage_ends")}(step): break')

    def _assemble(self) -> None:
        loop = self.graph.use is not None
        if loop:
            self.names.need("_mix", "mix")
        taken = "".join(f", {name}={name}" for name in sorted(self.names.outside))
        signature = "steps, global_step, outer, step=None" if loop else "steps, step=None"
        lines: list[tuple[str, str | None]] = [(f"def {self.source.name}({signature}{taken}):", None),
                                               ("    for step in steps:", None)]
        if loop:
            lines.append(("        key = _mix(outer, step)", None))
        body = self.body or [("pass", None)]
        lines += [(f"        {text}", node) for text, node in body]
        lines.append(("    return step", None))
        self.source.text = "\n".join(text for text, _ in lines) + "\n"
        self.source.lines = {number: node for number, (_, node) in enumerate(lines, 1) if node is not None}


def _differentiates_inline(node: Node) -> bool:
    """Whether what a node differentiates is computed in its own input: `optimize` of `loss * 2`."""
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
