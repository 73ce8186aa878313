"""The lines of one plan: straight-line calls, values in local variables, conditions as `if`."""

from __future__ import annotations

from edgraph.graph.ir import Node
from edgraph.graph.models import leaves
from edgraph.plan.call_code import CallWriter, Line, Shared, differentiates_inline
from edgraph.plan.code import Writer
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.region_code import RegionCode, write_region
from edgraph.plan.regions import Region, cut, needed
from edgraph.plan.timetable import ALWAYS_GUARD, Guard


class Body(CallWriter):
    """Writes the lines that one step of a plan runs. name: of its function."""

    def __init__(self, shared: Shared, plan: Plan, name: str) -> None:
        self.made: dict[str, Guard] = {name: ALWAYS_GUARD for name, node in shared.graph.nodes.items()
                                       if node.kind == "argument"}
        self.slots = {slot: index for index, slot in enumerate(shared.graph.slots)}
        recorded = frozenset(call.node.name for call in plan.calls if call.records)
        writer = Writer(shared.graph, shared.timetable, plan.mask, shared.names, self.slots, self.made, recorded,
                        shared.traces is not None)
        super().__init__(shared, plan, shared.names, writer)
        if plan.epilogue:  # metrics have been made when it runs, and not before
            self.made |= {name: ALWAYS_GUARD for name, node in self.graph.nodes.items() if self._is_measured(node)}
        self.name = name
        self.regions: list[RegionCode] = []
        self.unused: list[str] = []  # nodes whose values nobody needs any more, and which are not freed yet
        self.items: list[Call | Region] = [*plan.calls]
        if shared.traces is not None and not plan.epilogue:  # metrics are the host's
            self.items = cut(plan, shared.graph, shared.timetable, shared.traces)
            self._needed = needed(self.items, plan, shared.timetable)

    def write(self) -> list[Line]:
        if self.shared.tape and any(item.records for item in self.items if not isinstance(item, Region)):
            self._line(f'{self.names.need("_fresh", "fresh")}()')
        self._mark_arguments()
        for item in self.items:
            if isinstance(item, Region):
                self._record(False)
                self._free()
                self._region(item)
            else:
                if _is_heavy(item.node):
                    self._free()
                if item.node.kind != "condition":
                    self._record(item.records or differentiates_inline(item.node))
                self._call(item)
        self._record(False)
        self._end_of_step()
        if any(_is_heavy(call.node) for call in self.plan.calls):
            self._free()
        return self.lines or [Line("pass")]

    def _mark_arguments(self) -> None:
        """What comes into a loop, and gradients are taken with respect to; regions do that themselves."""
        for name in dict.fromkeys(name for item in self.items if not isinstance(item, Region)
                                  for name in leaves(item.node) if self.graph.nodes[name].kind == "argument"):
            value = self.writer.value(name, ())
            self._line(f'{value} = {self.names.need("_leaf", "leaf")}({value})')

    def _call(self, call: Call) -> None:
        node = call.node
        lines = self._lines(call)
        verdict = self.shared.timetable.verdicts.get(node.name)
        decided = node.name if node.kind == "condition" and node.settings.get("value") is None else verdict
        if verdict is not None:
            lines.append(self._verdict(call, verdict))
        self._when(call.guard, lines, [] if decided is None else [decided])
        if not self._is_measured(node):
            self.made[node.name] = call.guard
        if not self.shared.keep:
            self.unused += call.frees

    def _verdict(self, call: Call, verdict: str) -> Line:
        """What a call decides by running."""
        variable = self.names.variable(call.node.name)
        holds = f"{variable}['applied']" if call.node.op == "optimize" else f"{variable} is not None"
        return Line(f"{self.names.variable(verdict)} = {holds}")

    def _when(self, guard: Guard, lines: list[Line], decided: list[str]) -> None:
        """Lines under a guard. decided: the conditions that they decide."""
        if guard == ALWAYS_GUARD:
            self.lines += lines
            return
        for name in decided:
            self._line(f"{self.names.variable(name)} = False")
        self._line(f"if {self.writer.test(guard)}:")
        self.lines += [Line(f"    {text}", node) for text, node in lines]

    def _region(self, region: Region) -> None:
        """One call for all calls of a region."""
        outputs = [call.node.name for call in region.calls if call.node.name in self._needed or (
            self.shared.keep and call.node.visible)]
        written = write_region(self.shared, self.plan, region, outputs, f"{self.name}_{len(self.regions) + 1}",
                               self.writer)
        self.regions.append(written)
        self.names.need(written.name, "region", written.name)
        lines = [Line(written.line)]
        verdicts = self.shared.timetable.verdicts
        deciding = [call for call in region.calls if call.node.name in verdicts]
        lines += [self._verdict(call, verdicts[call.node.name]) for call in deciding]
        self._when(region.guard, lines, [verdicts[call.node.name] for call in deciding])
        inner = set(region.names).difference(outputs)
        for call in region.calls:
            self.made[call.node.name] = region.guard
            if not self.shared.keep:
                self.unused += [name for name in call.frees if name not in inner]

    def _free(self) -> None:
        for name in self.unused:
            self._line(f"{self.names.variable(name)} = None")
        self.unused.clear()

    def _end_of_step(self) -> None:
        for slot, guard in self.plan.slots:
            value = self.writer.value(slot.node, slot.field)
            what = "keep_output" if slot in self.graph.output_slots else "keep"
            held, keep = self.names.need("_held", "held"), self.names.need(f"_{what}", what)
            self._guarded(f"{held}[{self.slots[slot]}] = {keep}({value})", guard)
        kept = {slot.node for slot, _ in self.plan.slots}
        for call in self.plan.calls:  # a graph of gradients would live until the variable is used again
            if call.records and call.node.name in kept and not self.shared.keep:
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
        bounded = "optimize" in ops and self.graph.pipeline.run.num_updates is not None
        if bounded and self.shared.traces is not None:
            self._line(f'{self.names.need("_bound_updates", "bound_updates")}()')
        if "stop" in ops or "loop" in ops or bounded:
            self._line(f'if {self.names.need("_halt", "halt")}: return step')
        if self.graph.use is None and any(stage.condition is not None for stage in self.graph.stages):
            self._line(f'if {self.names.need("_stage_ends", "stage_ends")}(step): return step')

    def _guarded(self, text: str, guard: Guard) -> None:
        self._line(text if guard == ALWAYS_GUARD else f"if {self.writer.test(guard)}: {text}")


def _is_heavy(node: Node) -> bool:
    """Whether a node may need much memory: what is unused is freed before. Where there is no such node, values are
    freed as in any loop, by those of the next step; freeing each would take longer than a call."""
    return (node.spec.engine and node.op != "expr" and node.kind != "condition") or bool(node.spec.backends)
