"""A run over checkpoints: each step loads the models of one and runs the step's ops on them.

Clocks count evaluated checkpoints. Everything else that an op or an expression knows as the step (what is logged, what
random numbers are keyed by) is the step of the checkpoint, so that one gives the same whichever came before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgraph.backends.base import StateTree
from edgraph.data.construct import reason
from edgraph.graph.build import CHECKPOINT
from edgraph.graph.clocks import Atom
from edgraph.language.pipeline import EvaluationEntry
from edgraph.run.checkpoints import did_you_mean
from edgraph.run.clockwork import Alarms
from edgraph.run.context import Context
from edgraph.run.engine import Engine
from edgraph.run.graphrun import GraphRun
from edgraph.run.live import LiveParams
from edgraph.run.series import Loaded, Series
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.source import Span

KEPT = 2  # states of the evaluation itself


class Evaluation(Engine):
    """Runs the main graph once for each checkpoint of a series."""

    def __init__(self, run: GraphRun, context: Context, alarms: Alarms, live: LiveParams, series: Series, *,
                 interpret: bool = False) -> None:
        super().__init__(run, context, alarms, live, last=None, interpret=interpret)
        self.series = series
        self.at = Loaded(0, 0, None)  # the one in progress, or the latest
        self.ahead: Loaded | None = None  # read already
        context.epoch = self.epoch
        models = run.graph.pipeline.models
        self._own = frozenset(name for name, entry in models.items() if entry.weights is not None)
        self._in_progress = False

    def begin(self) -> None:
        self.ahead = self.series.next(waits=self.series.wanted.which != "new")
        if self.ahead is None and self._finds_nothing():
            entry = self._entry()
            named = entry.which is not None and entry.which.text == "best"
            raise _error("no-checkpoint", self.series.missing(), (entry.which or entry.of).span,
                         "what trains saves it by an op: {op: checkpoint, with: {name: best}}" if named else None)
        if self.ahead is not None:
            self._check(self.ahead.tree["models"])

    def _entry(self) -> EvaluationEntry:
        entry = self.run.graph.pipeline.run.evaluation
        assert entry is not None
        return entry

    def _finds_nothing(self) -> bool:
        """Whether there is not and will not be anything to evaluate."""
        run, wanted = self.series.run, self.series.wanted
        if self.series.done or wanted.which != "new":
            return not self.series.done
        ending = run.ended()
        return ending is not None and (ending.final or wanted.timeout is None) and not run.list()

    def current(self) -> int:
        return self.done + self._in_progress

    def epoch(self) -> int:
        return self.at.epoch

    # -- the loop --------------------------------------------------------------------------------------

    def _is_over(self) -> str | None:
        reason = super()._is_over()
        if reason is None and self.ahead is None:
            self.ahead = self.series.next(self._stopped)
            if self.ahead is None and not self._stopped():
                return self.series.reason
        return reason

    def _stopped(self) -> bool:
        return self.signal is not None or self.alarms.over()

    def _advance(self) -> None:
        one, self.ahead = self.ahead, None
        if one is None:  # stopped while waiting
            return
        self.live.settle(self.done)
        self.at, self._in_progress = one._replace(tree=None), True
        try:
            self._load(one.tree["models"])
            del one  # its memory is free for the evaluation
            alarms, began = self.alarms.due(), self.alarms.now()
            undo = self.alarms.fired(alarms, began)
            if self._evaluate(self.done + 1, self.at.step, alarms):
                self.done += 1
                self.passed = ""
                self.series.finished(self.at)
                self.context.request(CHECKPOINT, KEPT)
            else:
                undo()
        finally:
            self._in_progress = False
        self.context.snapshot(self.done)

    def _evaluate(self, number: int, step: int, ticks: frozenset[Atom]) -> bool:
        """The ops that are due for the checkpoint of a step; False where a signal came first."""
        function = None if self.interpret else self.run.function(self.run.timetable.mask(number, ticks), keep=True)
        while self.signal is None:  # what else rings before it begins is settled after it
            self._steps = iter(range(step, step + 1))
            if self._interpreted(number, ticks) if function is None else function(self._steps) is not None:
                return True
        return False

    def _interpreted(self, number: int, ticks: frozenset[Atom]) -> bool:
        self.interpreter.ticks = ticks
        for step in self._steps:
            self.interpreter.run_step(step, number=number)
            self.run.values.update(self.interpreter.made)
            self.context.settle()
            return True
        return False

    def _run_event(self, event: str) -> None:
        if event in self.events:
            self.interpreter.run_event(event, self.at.step)
            self.context.settle()

    def _stands_before(self, step: int) -> None:
        """What was evaluated before stands."""

    # -- state -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """No weights: those of the next step are another's."""
        return {"models": {"models": {}}, "evaluated": self.series.state(), "at": [self.at.step, self.at.epoch]}

    def load_state(self, state: dict[str, Any]) -> None:
        before, now = state["evaluated"]["of"], self.series.state()["of"]
        if before != now:
            raise _error("resume-mismatch", f"the run evaluates the checkpoints of {before}, not of {now}",
                         self._entry().of.span, "put it back as it was, or start a new run")
        self.series.load_state(state["evaluated"])
        step, epoch = state["at"]
        self.at = Loaded(step, epoch, None)

    # -- models ----------------------------------------------------------------------------------------

    def _load(self, state: StateTree, only: Collection[str] | None = None) -> None:
        """The models of a checkpoint, but for those that say themselves where their weights come from. only: the others
        stay as they are too. Raises ValueError where one does not fit."""
        backend, names = self.context.backend, self.run.graph.pipeline.models.keys()
        kept = self._own if only is None else names - only
        mine = backend.state()["models"] if kept else {}
        models = {name: where[name] for name in names if name in (where := mine if name in kept else state["models"])}
        backend.load_state({**state, "models": models}, only="models")

    def _check(self, state: StateTree) -> None:
        """Before anything runs: the run's models are those of the pipeline. Raises PipelineError."""
        found = Diagnostics()
        mine = self.context.backend.state()["models"]
        for name, entry in self.run.graph.pipeline.models.items():
            if name in self._own:
                continue
            if name not in state["models"]:
                near = did_you_mean(name, list(state["models"])).removeprefix("; ")
                if name not in mine and not near:
                    continue  # an object without state, which a backend does not save
                found.error("other-model", f"the checkpoints of {self.series.run} have no model '{name}'", entry.span,
                            near or "give it weights of its own, `weights: …`, or remove it")
                continue
            try:
                self._load(state, (name,))
            except (ValueError, LookupError, TypeError) as error:
                found.error("other-model", f"model '{name}' is not that of {self.series.run}: {reason(error)}",
                            entry.span, "declare it as the pipeline of that run does, such as by "
                            "`include: [{file: …, only: [models]}]`")
        if found.failed:
            raise PipelineError(found)


def _error(code: str, message: str, span: Span, help: str | None) -> PipelineError:
    diagnostics = Diagnostics()
    diagnostics.error(code, message, span, help)
    return PipelineError(diagnostics)
