"""Loops within a step: a graph run over a data set or a value, a number of times, or while a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import Bound
from edgraph.plan.pattern import Call, Plan
from edgraph.run.evaluate import Evaluator
from edgraph.run.graphrun import GraphRun

if TYPE_CHECKING:
    from edgraph.run.context import Context

class LoopRun(GraphRun):
    """The graph of one `loop` node."""

    def __init__(self, call: Call, context: Context, outer: GraphRun) -> None:
        node = call.node
        assert node.body is not None and node.body.use is not None
        super().__init__(node.body, context)
        self.node = node
        self.call = call
        self.outer = outer
        self.use = node.body.use
        self.names = [argument.port for argument in node.inputs]
        self.evaluator = Evaluator(self)
        self.fresh: dict[str, Any] = {}
        self.source: Any = None  # of the batches that it is over
        self.step = 0

    def bound(self) -> Bound:
        return Bound(self, ("global_step", "key"))

    def prepare(self, plan: Plan) -> None:
        """Gradients pass through a loop that updates nothing: then all of it records."""
        if self.call.records and not self.graph.gradients:
            for inner in plan.calls:
                inner.records, inner.trains = True, self.call.trains
                if inner.node.op == "forward":
                    inner.moves = self.call.moves

    def keep_output(self, value: Any) -> Any:
        return value if self.call.records else super().keep_output(value)

    def __call__(self, global_step: int, key: int, *inputs: Any) -> dict[str, Any]:
        """Runs the loop and returns its outputs."""
        if self.node.shares and not self.call.moves:
            with self.context.sources.untouched(f"{self.graph.name}."):
                return self._run(global_step, key, inputs)
        return self._run(global_step, key, inputs)

    def _run(self, global_step: int, key: int, inputs: tuple[Any, ...]) -> dict[str, Any]:
        self._enter(dict(zip(self.names, inputs, strict=True)), key)
        self.context.backend.record(False)
        last = self._length()
        done = 0
        for mask, start, stop in self.timetable.stretches(1, last):
            for first, until in self._pieces(start, stop):
                if not self._goes_on(first):
                    self.halt.append("while")
                    break
                done = self.function(mask)(iter(range(first, until + 1)), global_step, key) or done
                if self.halt:
                    break
            if self.halt:
                break
        return self._leave(done, global_step, key)

    def _enter(self, inputs: dict[str, Any], key: int) -> None:
        self.reset()
        for name, instance in self.binder.stateful():
            if hasattr(instance, "load_state_dict"):
                if name in self.fresh:
                    instance.load_state_dict(deepcopy(self.fresh[name]))
                else:
                    self.fresh[name] = deepcopy(instance.state_dict())
            if hasattr(instance, "reset"):
                instance.reset()
        self.arguments.clear()
        self.arguments.update(inputs)
        self.source = self.context.sources.enter(self, inputs.get("over"), key)
        if self.source is not None:
            self.batch_count = self.source.count

    def _length(self) -> int | None:
        settings = self.node.settings
        lengths = [settings.get("repeat") or self.use.repeat, self.use.maximum,
                   self.source.steps if self.source is not None else None]
        known = [length for length in lengths if length is not None]
        return min(known) if known else None

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """A `while` is looked at before every iteration."""
        if self.use.condition is None:
            yield start, stop
        else:
            for step in range(start, stop + 1):
                yield step, step

    def _goes_on(self, step: int) -> bool:
        condition = self.use.condition
        return condition is None or bool(self.evaluator.between(condition.root, step))

    def _leave(self, done: int, global_step: int, key: int) -> dict[str, Any]:
        if done:
            for node in self.graph.nodes.values():
                if node.spec.metric and node.name in self.binder.instances:
                    self.metrics[node.name] = self.binder.instances[node.name].compute()
            if any(node.metric for node in self.graph.nodes.values()):
                mask = self.timetable.mask(done)
                self.function(mask, epilogue=True)(iter((done,)), global_step, key)
        self.context.backend.record(self.call.records)  # an output may be computed: `loss * 2`
        outputs = {name: self.evaluator.latest(output.root, done) for name, output in self.graph.outputs.items()}
        self.reset()  # nothing is kept until the next entry
        return outputs
