"""One graph at work: its functions by firing pattern, its held values, its counts."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgraph.graph.ir import Graph
from edgraph.plan.codegen import StepSource, generate
from edgraph.plan.pattern import Call, Plan, plan_pattern
from edgraph.plan.regions import static_traces
from edgraph.plan.timetable import Timetable
from edgraph.run.bind import Binder
from edgraph.run.regions import Regions
from edgraph.run.values import UNSET

if TYPE_CHECKING:
    from edgraph.run.context import Context

StepFunction = Callable[..., int | None]
CACHED = 4096  # functions kept; a run that meets more patterns plans them again


class GraphRun:
    """The state of a graph in a run, and its step functions, made when a pattern is first met."""

    def __init__(self, graph: Graph, context: Context) -> None:
        self.graph = graph
        self.context = context
        self.timetable = Timetable(graph)
        self.held: list[Any] = [UNSET] * len(graph.slots)
        self.arguments: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.counts: dict[str, int] = {}
        self.halt: list[str] = []
        self.regions = Regions(context.backend)
        self.binder = Binder(self, context)
        self.sources: dict[str, StepSource] = {}  # by the name of the file that tracebacks show
        self._functions: dict[tuple[tuple[int, ...], bool, bool], StepFunction] = {}
        self._plans: dict[tuple[int, bool], Plan] = {}

    # -- step functions --------------------------------------------------------------------------------

    def function(self, *masks: int, keep: bool = False, epilogue: bool = False) -> StepFunction:
        """`f(steps)` runs a pattern for each step and returns the last one; with several patterns `f(steps, runs)`
        (see edgraph.plan.codegen.generate)."""
        key = (masks, keep, epilogue)
        found = self._functions.get(key)
        if found is None:
            if len(self._functions) >= CACHED:
                self.forget()
            found = self._functions[key] = self._compile(masks, keep, epilogue)
        return found

    def _compile(self, masks: tuple[int, ...], keep: bool, epilogue: bool) -> StepFunction:
        plans = [self._plan(mask, epilogue) for mask in masks]
        number = len(self._functions)
        backend = self.context.backend
        source = generate(self.graph, self.timetable, plans, f"pattern_{number}", passes=self.binder.passes,
                          records=backend.records, keep=keep, traces=static_traces if backend.compiler else None,
                          tape=backend.tape is not None and not self.passes_gradients)
        file = f"<edgraph {self.graph.name or 'step'} {number} {id(self)}>"
        self.sources[file] = source
        linecache.cache[file] = (len(source.text), None, source.text.splitlines(keepends=True), file)
        names = {name: self.binder.outside(what, source.calls, name) for name, what in source.outside.items()}
        exec(compile(source.text, file, "exec"), names)  # our own source: no text of the author is in it
        function: StepFunction = names[source.name]
        return function

    def _plan(self, mask: int, epilogue: bool) -> Plan:
        found = self._plans.get((mask, epilogue))
        if found is None:
            found = plan_pattern(self.graph, self.timetable, mask, epilogue=epilogue)
            for call in found.calls:
                self.prepare(call)
            self._plans[mask, epilogue] = found
        return found

    @property
    def passes_gradients(self) -> bool:
        """Whether gradients of a graph outside pass through this one."""
        return False

    def prepare(self, call: Call) -> None:
        """What a loop changes in the calls of its graph."""

    def batch_count(self, step: int) -> int:
        """How many examples the batch of a step has; 1 where there is none."""
        return self.context.sources.size(step)

    def keep_output(self, value: Any) -> Any:
        """How the outputs of a loop are kept."""
        return self.context.backend.detach(value)

    def forget(self) -> None:
        """Makes room, or something has changed that is compiled into functions: what is met again is planned again."""
        for file in self.sources:
            linecache.cache.pop(file, None)
        self.sources.clear()
        self.regions.forget()
        self._functions.clear()
        self._plans.clear()

    # -- values across steps ---------------------------------------------------------------------------

    def count(self, node: str) -> bool:
        """More firings of what a counter counts (updates in a loop are several): whether the n-th is among them."""
        counter = self.graph.nodes[node]
        assert counter.counts is not None
        of, number = counter.counts
        before = self.counts.get(node, 0)
        after = self.context.backend.updates(of) if counter.settings["kind"] == "updates" else before + 1
        self.counts[node] = after
        return after // number > before // number

    def reset(self) -> None:
        """On entry of a loop everything but models and optimizers starts afresh."""
        self.held[:] = [UNSET] * len(self.held)
        self.counts.clear()
        for node in self.graph.nodes.values():
            if node.counts is not None and node.settings["kind"] == "updates":
                self.counts[node.name] = self.context.backend.updates(node.counts[0])
        self.metrics.clear()
        self.halt.clear()

    def state(self) -> dict[str, Any]:
        """Everything of this graph that its next step depends on."""
        slots = [slot.text() for slot in self.graph.slots]
        return {"held": [None if value is UNSET else {"value": self._pack(value, f"the value of '{slot}'")}
                         for slot, value in zip(slots, self.held, strict=True)],
                "slots": slots, "counts": dict(self.counts),
                "ops": {name: self._pack(instance.state_dict(), f"the state of '{name}'")
                        for name, instance in self.binder.stateful() if hasattr(instance, "state_dict")}}

    def _pack(self, value: Any, what: str) -> Any:
        try:
            return self.context.backend.pack(value)
        except TypeError as error:
            raise TypeError(f"{what}: {error}") from None

    def load_state(self, state: dict[str, Any]) -> None:
        unpack = self.context.backend.unpack
        saved = dict(zip(state["slots"], state["held"], strict=True))
        for index, slot in enumerate(self.graph.slots):
            value = saved.get(slot.text())
            self.held[index] = UNSET if value is None else unpack(value["value"])
        self.counts.clear()
        self.counts.update(state["counts"])
        for name, instance in self.binder.stateful():
            if name in state["ops"]:
                instance.load_state_dict(unpack(state["ops"][name]))
