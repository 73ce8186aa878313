"""What all graphs of a run share: the backend, the data, the loggers, and what is asked for at the end of a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import Backend, Bound
from edgraph.plan.pattern import Call
from edgraph.run.loops import LoopRun

if TYPE_CHECKING:
    from edgraph.run.graphrun import GraphRun
    from edgraph.run.loggers import Loggers
    from edgraph.run.sources import Sources


class Context:
    """Shared by the run's graph and the graphs of its loops."""

    def __init__(self, backend: Backend, *, seed: int, params: dict[str, Any], loggers: Loggers,
                 save: Callable[[int, str, int], None]) -> None:
        self.backend = backend
        self.seed = seed
        self.params = params
        self.loggers = loggers
        self.sources: Sources
        self.main: GraphRun
        self.loops: list[LoopRun] = []
        self.current_stage = ""
        self.epoch: Callable[[], int] = lambda: 0  # of the checkpoint, in a run over checkpoints
        self.stage_ends: Callable[[int], bool] = lambda step: False
        self._save = save
        self._deferred: dict[GraphRun, list[Callable[[], None]]] = {}
        self.interpret = False  # graphs of loops too
        self._requests: list[tuple[str, int]] = []

    def stage(self) -> str:
        return self.current_stage

    def compile_anew(self) -> None:
        """A parameter has changed. What a backend has compiled may hold it, where a schedule reads it."""
        if self.backend.compiler is not None:
            for run in (self.main, *self.loops):
                run.forget()

    # -- the end of a step -----------------------------------------------------------------------------

    def defer(self, run: GraphRun, work: Callable[[Any], None], value: Any) -> None:
        """Settings take effect when the step ends: in a loop, the iteration."""
        self._deferred.setdefault(run, []).append(partial(work, value))

    def settle(self, run: GraphRun | None = None) -> None:
        for work in self._deferred.pop(run or self.main, ()):
            work()

    def request(self, name: str, keep: int) -> None:
        """A checkpoint, taken when everything else of the step is done."""
        self._requests.append((name, keep))

    def snapshot(self, step: int) -> None:
        for name, keep in self._requests:
            self._save(step, name, keep)
        self._requests.clear()

    def drop_requests(self) -> None:
        """The step failed."""
        self._requests.clear()
        self._deferred.clear()

    def stop(self, run: GraphRun, node: str, whole: bool) -> None:
        """End the innermost loop, or the run."""
        run.halt.append(node)
        if whole and run is not self.main:
            self.main.halt.append(node)
            for loop in self.loops:
                loop.halt.append(node)

    def bound_updates(self, run: GraphRun) -> None:
        """End the run at `run.num_updates`, which counts those of all optimizers."""
        pipeline = run.graph.pipeline
        bound = pipeline.run.num_updates
        if bound is not None and sum(map(self.backend.updates, pipeline.optimizers)) >= bound:
            self.stop(run, "run.num_updates", True)

    # -- loops -----------------------------------------------------------------------------------------

    def loop(self, call: Call) -> Bound:
        loop = LoopRun(call, self)
        self.loops.append(loop)
        return loop.bound()
