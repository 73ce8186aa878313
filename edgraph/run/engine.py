"""The run loop: stretches of steps between whatever has to be looked at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Literal

from edgraph.graph.clocks import Atom
from edgraph.plan.cycles import Cycle, spans
from edgraph.run.clockwork import Alarms
from edgraph.run.context import Context
from edgraph.run.failure import Failure, attribute
from edgraph.run.graphrun import GraphRun
from edgraph.run.interpreter import Interpreter, OpError
from edgraph.run.live import LiveParams
from edgraph.run.signals import EXIT_CODES
from edgraph.run.stages import Stages

End = Literal["finished", "interrupted", "failed"]
HORIZON = 1 << 62
RUNS = 1024  # of patterns, that one call goes through


@dataclass(slots=True)
class Outcome:
    """How a run ended."""

    end: End
    step: int
    reason: str = ""
    exit_code: int = 0
    failure: Failure | None = None
    values: dict[str, Any] = field(default_factory=dict)


class Engine:
    """Runs the main graph from one step to the last."""

    def __init__(self, run: GraphRun, context: Context, alarms: Alarms, live: LiveParams, *, last: int | None,
                 interpret: bool = False) -> None:
        self.run = run
        self.context = context
        self.alarms = alarms
        self.live = live
        self.last = last
        self.done = 0  # the global step: completed steps
        self.resumed = False
        self.passed = ""  # the latest event that has run since step `done`: where exactly a run is resumed
        self.interpreter = Interpreter(run)
        self.interpret = context.interpret = interpret
        self.stages = Stages(run.graph, Interpreter(run))
        self.events = frozenset(event for node in run.graph.nodes.values() if node.sink for event in node.events or ())
        self.signal: int | None = None
        self._steps: Iterator[int] = iter(range(0))
        self._stop = 0
        self._rung = False

    # -- interruptions ---------------------------------------------------------------------------------

    def ring(self) -> None:
        """Let the current step be the last of its stretch. Safe from signal handlers and other threads: the
        iterator of steps is moved to its end, so that looking for this costs a step nothing."""
        self._rung = True
        self._stop = self.current()
        self._steps.__setstate__(HORIZON)  # type: ignore[attr-defined]

    def current(self) -> int:
        """The step in progress, or the last one. Read by other threads; a step costs nothing for it."""
        left: int = self._steps.__length_hint__()  # type: ignore[attr-defined]
        return max(self._stop - left, self.done)

    def epoch(self) -> int:
        """The epoch of the step in progress, counted from 1; 0 for a run over no data set."""
        length = self.run.graph.facts.steps_per_epoch
        return (max(self.current(), 1) - 1) // length + 1 if length else 0

    def on_signal(self, signum: int) -> None:
        self.signal = signum
        self.ring()

    # -- the loop --------------------------------------------------------------------------------------

    def go(self) -> Outcome:
        """Runs to the end, a stop, a signal or an error."""
        try:
            return self._go()
        except OpError as error:
            return self._failed(error.error, error.node)
        except (Exception, SystemExit) as error:  # an op that calls sys.exit has failed like any other
            return self._failed(error, None)
        finally:
            self.alarms.disarm()
            self.context.backend.record(True)  # as it was before the run

    def _go(self) -> Outcome:
        self.context.backend.record(False)
        before = self.stages.name()
        self._enter(self.done + 1)
        if not self.resumed or (self.done == 0 and not self.passed):  # a checkpoint from before it had begun
            self._event("start")
        else:
            self._run_event("resume")
            self.context.snapshot(self.done)
            self.context.current_stage = before  # what is left of the last step is in its stage
            if self._ends_epoch() and self.passed not in ("epoch_end", "epoch_start", "end"):
                self._event("epoch_end")  # the checkpoint was taken before it
        while True:
            if self.signal is not None:
                return Outcome("interrupted", self.done, signal.Signals(self.signal).name, EXIT_CODES[self.signal])
            reason = self._is_over()
            if reason is not None:
                if self.passed != "end":
                    self._event("end")
                return Outcome("finished", self.done, reason, values=dict(self.run.values))
            self._advance()

    def _enter(self, step: int) -> None:
        self.stages.enter(step)
        self.context.current_stage = self.stages.name()

    def _is_over(self) -> str | None:
        pipeline = self.run.graph.pipeline
        bound = pipeline.run.num_updates
        if bound is not None and sum(map(self.context.backend.updates, pipeline.optimizers)) >= bound:
            return f"{bound} updates"
        if self.run.halt:
            return f"stopped by '{self.run.halt[0]}'"
        if self.last is not None and self.done >= self.last:
            return f"{self.last} steps"
        if self.alarms.over():
            return "max_time"
        return None

    def _advance(self) -> None:
        """Steps until the ticks change, an epoch with events ends, or something rings."""
        step = self.done + 1
        self._rung = False
        self.live.settle(self.done, begun=self.passed == "epoch_start")
        self._enter(step)
        length = self.run.graph.facts.steps_per_epoch
        if length and (step - 1) % length == 0 and self.passed != "epoch_start":
            self._event("epoch_start")
        ticks = self.stages.ticks(step)
        alarms = self.alarms.due()
        began = self.alarms.now()
        before, self.passed = self.passed, ""
        if alarms:
            undo = self.alarms.fired(alarms, began)  # before the step: a checkpoint that it takes is to know
            self._single(step, ticks | alarms)
            if self.done < step:
                undo()
        else:
            self.alarms.arm()
            self._spans(step, ticks)
        if self.done < step:  # a signal came first
            self.passed = before
        elif self._ends_epoch():
            self._event("epoch_end")

    def _ends_epoch(self) -> bool:
        length = self.run.graph.facts.steps_per_epoch
        return bool(length and self.done and self.done % length == 0)

    def _spans(self, step: int, ticks: frozenset[Atom]) -> None:
        """Stretches of one pattern, and cycles of a few. The last step of the run is apart: its values are kept."""
        bounds = (self.last, self.stages.limit(step), self._epoch_end(step), self.live.limit(step))
        limits = [limit for limit in bounds if limit is not None]
        stop = min(limits) if limits else None
        before = stop - 1 if stop is not None and stop == self.last else stop
        for span in spans(self.run.timetable, step, before, ticks):
            if isinstance(span, Cycle):
                self._rounds(span, ticks)
            else:
                self._stretch((span.mask,), span.start, span.stop, ticks)
            if self.done != span.stop or self._is_interrupted():
                return
        if stop is not None and stop == self.last:
            self._single(stop, ticks)

    def _epoch_end(self, step: int) -> int | None:
        length = self.run.graph.facts.steps_per_epoch
        if not length or not self.events & {"epoch_start", "epoch_end"}:
            return None
        return -(-step // length) * length

    def _is_interrupted(self) -> bool:
        """Whether the next step must be looked at before it runs."""
        return bool(self._rung or self.signal is not None or self.run.halt
                    or (self.stages.dynamic and self.stages.ends(self.done)))

    def _single(self, step: int, ticks: frozenset[Atom]) -> None:
        self._stretch((self.run.timetable.mask(step, ticks),), step, step, ticks)

    def _rounds(self, cycle: Cycle, ticks: frozenset[Atom]) -> None:
        """A cycle, a limited number of rounds at a time: when the steps are at their end, the function goes through
        what is left of the runs for nothing."""
        at_once = max(1, RUNS // len(cycle.runs))
        start = cycle.start
        while start <= cycle.stop:
            rounds = min(at_once, (cycle.stop - start + 1) // cycle.length)
            stop = start + rounds * cycle.length - 1
            self._stretch(cycle.masks, start, stop, ticks, chain.from_iterable(repeat(cycle.runs, rounds)))
            if self.done != stop or self._is_interrupted():
                return
            start = stop + 1

    def _stretch(self, masks: tuple[int, ...], start: int, stop: int, ticks: frozenset[Atom], *runs: object) -> None:
        function = None if self.interpret else self.run.function(*masks, keep=start == stop == self.last)
        steps = iter(range(start, stop + 1))
        self._steps, self._stop = steps, stop
        if self._rung or self.signal is not None:  # before the steps could be moved to their end
            return
        if function is None:
            self._interpret(steps, ticks)
        elif (done := function(steps, *runs)) is not None:
            self.done = done

    def _interpret(self, steps: Iterator[int], ticks: frozenset[Atom]) -> None:
        self.interpreter.ticks = ticks
        for step in steps:
            self.interpreter.run_step(step)
            self.run.values.update(self.interpreter.made)
            self.context.settle()
            self.context.snapshot(step)
            self.done = step
            if self._is_interrupted():
                return

    def _event(self, event: str) -> None:
        if event in self.events:
            self._run_event(event)
            self.passed = event
            self.context.snapshot(self.done)

    def _run_event(self, event: str) -> None:
        if event in self.events:
            self.interpreter.run_event(event, self.done)
            self.context.settle()

    # -- state -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Whatever must be there before the first step, or the next one, can begin. Raises PipelineError."""

    def state(self) -> dict[str, Any]:
        """What the run trains, for a checkpoint."""
        return {"models": self.context.backend.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Raises ValueError, or another error of its kind, where it is the state of another pipeline."""
        self.context.backend.load_state(state["models"])

    # -- errors ----------------------------------------------------------------------------------------

    def _failed(self, error: BaseException, node: str | None) -> Outcome:
        self.context.drop_requests()
        failure = attribute(error, self.run, self.context, node, self.interpreter)
        if failure.step is not None:
            self._stands_before(failure.step)
        try:
            self.context.backend.record(False)
            self._run_event("exception")
            if not failure.written:  # else the state is not that of a step
                self.context.snapshot(self.done)
        except Exception as second:  # the first error is the one to show
            failure.notes.append(f"an op of `at: exception` failed too: {second}")
        return Outcome("failed", self.done, str(error), 1, failure)

    def _stands_before(self, step: int) -> None:
        """A step failed: the last completed one is that before it."""
        self.done = max(self.done, step - 1)
        self.passed = "epoch_start"  # if there was one
