"""Stages of a run: which one a step is in, also where that is known only as the run goes."""

from __future__ import annotations

from edgraph.graph.clocks import Atom
from edgraph.graph.ir import Graph, StageWindow
from edgraph.run.evaluate import Evaluator


class Stages:
    """Keeps the current stage. Only stages from the first that ends by a condition on need it."""

    def __init__(self, graph: Graph, evaluator: Evaluator) -> None:
        self.windows = graph.stages
        self.last = graph.facts.last_step
        self.evaluator = evaluator
        self.index = 0
        self.started = 1  # the first step of the current stage
        self.dynamic = any(stage.condition is not None for stage in graph.stages)

    def enter(self, step: int) -> None:
        """Go on to the stage that `step` is in."""
        while self.index + 1 < len(self.windows) and self._is_over(self.windows[self.index], step):
            self.index += 1
            self.started = step

    def _is_over(self, stage: StageWindow, step: int) -> bool:
        if stage.condition is not None:
            return step > self.started and bool(self.evaluator.between(stage.condition.root, step))
        if stage.start is None and stage.length is not None:
            return step >= self.started + stage.length
        return stage.until is not None and step > stage.until

    def ends(self, step: int) -> bool:
        """Whether the current stage is over when `step` has ended. Called after each step of a run with stages that
        end by a condition."""
        stage = self.windows[self.index]
        return self.index + 1 < len(self.windows) and self._is_over(stage, step + 1)

    def name(self) -> str:
        return self.windows[self.index].name if self.windows else ""

    def ticks(self, step: int) -> frozenset[Atom]:
        """The atoms of the current stage."""
        if not self.windows:
            return frozenset()
        stage = self.windows[self.index]
        found = {Atom("stage", stage.name)}
        if step == self.started:
            found.add(Atom("stage_first", stage.name))
        if step == self._last(stage):
            found.add(Atom("stage_last", stage.name))
        return frozenset(found)

    def limit(self, step: int) -> int | None:
        """The last step for which the ticks of `step` hold, as far as that is known."""
        if not self.windows:
            return None
        stage = self.windows[self.index]
        if step == self.started:
            return step
        last = self._last(stage)
        return last - 1 if last is not None and step < last else last

    def _last(self, stage: StageWindow) -> int | None:
        """The last step of the current stage: where it ends, or the run; None where that is not known."""
        end = stage.until if stage.length is None else self.started + stage.length - 1
        return min((step for step in (end, self.last) if step is not None), default=None)

    def state(self) -> dict[str, int]:
        return {"index": self.index, "started": self.started}

    def load_state(self, state: dict[str, int]) -> None:
        self.index, self.started = state["index"], state["started"]
