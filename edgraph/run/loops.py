"""Loops within a step: a graph run over a data set or a value, a number of times, or while a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import Bound
from edgraph.graph.clocks import Atom
from edgraph.ops.random import loop_key
from edgraph.plan.pattern import Call
from edgraph.plan.timetable import Stretch
from edgraph.run.evaluate import Evaluator
from edgraph.run.graphrun import GraphRun
from edgraph.run.interpreter import Interpreter

if TYPE_CHECKING:
    from edgraph.run.context import Context

LAST = Atom("last", None)


class LoopRun(GraphRun):
    """The graph of one `loop` node."""

    def __init__(self, call: Call, context: Context) -> None:
        node = call.node
        assert node.body is not None and node.body.use is not None
        super().__init__(node.body, context)
        self.node = node
        self.call = call
        self.use = node.body.use
        self.names = [argument.port for argument in node.inputs]
        self.evaluator = Evaluator(self)
        self.interpreter = Interpreter(self) if context.interpret else None
        self.fresh: dict[str, Any] = {}
        self.source: Any = None  # of the batches that it is over

    def bound(self) -> Bound:
        return Bound(self, ("global_step", "key"))

    @property
    def passes_gradients(self) -> bool:
        """Gradients pass through a loop that updates nothing."""
        return self.call.records and not self.graph.appliers

    def prepare(self, call: Call) -> None:
        """Where gradients pass through the loop all of it records."""
        if self.passes_gradients:
            call.records, call.trains = True, self.call.trains
            if call.node.op == "forward":
                call.moves = self.call.moves

    def keep_output(self, value: Any) -> Any:
        return value if self.call.records else super().keep_output(value)

    def batch_count(self, step: int) -> int:
        return 1 if self.source is None else int(self.source.size(step))

    def __call__(self, global_step: int, key: int, *inputs: Any) -> dict[str, Any] | None:
        """Runs the loop and returns its outputs; None without an iteration."""
        looks = self.node.shares and not self.call.moves
        tape = None if self.passes_gradients else self.context.backend.tape
        with (self.context.sources.untouched(f"{self.graph.name}.") if looks else nullcontext(),
              tape.apart() if tape is not None else nullcontext()):
            self._enter(dict(zip(self.names, inputs, strict=True)), global_step, key)
            done = self._iterate(global_step, key)
            return self._leave(done, global_step, key)

    def _enter(self, inputs: dict[str, Any], global_step: int, key: int) -> None:
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
        self.evaluator.global_step = global_step
        self.source = self.context.sources.enter(self, inputs.get("over"), key)
        self.context.backend.record(False)

    # -- iterations ------------------------------------------------------------------------------------

    def _iterate(self, global_step: int, key: int) -> int:
        """The number of iterations that were completed."""
        done = 0
        for mask, start, stop in self._stretches(self._length()):
            for first, until in self._pieces(start, stop):
                if not self._goes_on(first):
                    return done
                done = self._steps(mask, first, until, global_step, key)
                if self.halt:
                    return done
        return done

    def _length(self) -> int | None:
        settings = self.node.settings
        lengths = [settings.get("repeat") or self.use.repeat, self.use.maximum,
                   self.source.steps if self.source is not None else None]
        known = [length for length in lengths if length is not None]
        return min(known) if known else None

    def _stretches(self, last: int | None) -> Iterator[Stretch]:
        """The last one is apart where a clock asks for it and its number was not known before the run."""
        if last is None or LAST not in self.timetable.ticks:
            yield from self.timetable.stretches(1, last)
        elif last:
            yield from self.timetable.stretches(1, last - 1)
            yield Stretch(self.timetable.mask(last, frozenset({LAST})), last, last)

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

    def _steps(self, mask: int, start: int, stop: int, global_step: int, key: int) -> int:
        """Some iterations of one pattern; the last one that was completed."""
        if self.interpreter is None:
            done = self.function(mask)(iter(range(start, stop + 1)), global_step, key)
            assert done is not None
            return done
        for step in range(start, stop + 1):
            self.interpreter.ticks = frozenset({LAST}) if step == self._length() else frozenset()
            self.interpreter.run_step(step, key=loop_key(key, step), global_step=global_step)
            self.context.settle(self)
            if self.halt:
                return step
        return stop

    # -- the end ---------------------------------------------------------------------------------------

    def _leave(self, done: int, global_step: int, key: int) -> dict[str, Any] | None:
        if not done:
            return None
        for node in self.graph.nodes.values():
            if node.spec.metric and node.name in self.binder.instances:
                self.metrics[node.name] = self.binder.instances[node.name].compute()
        if any(node.metric for node in self.graph.nodes.values()):
            self._epilogue(done, global_step, key)
        self.context.backend.record(self.call.records)  # an output may be computed: `loss * 2`
        outputs = {name: self.evaluator.latest(output.root, done) for name, output in self.graph.outputs.items()}
        self.reset()  # nothing is kept until the next entry
        return outputs

    def _epilogue(self, done: int, global_step: int, key: int) -> None:
        """What is computed of metrics."""
        if self.interpreter is None:
            self.function(self.timetable.mask(done), epilogue=True)(iter((done,)), global_step, key)
        else:
            self.interpreter.run_step(done, key=loop_key(key, done), global_step=global_step, epilogue=True)
