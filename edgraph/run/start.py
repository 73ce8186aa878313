"""From a checked graph, opened data and a backend to a run in its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgraph.backends.base import Backend, StateTree
from edgraph.data.construct import reason
from edgraph.graph.build import CHECKPOINT
from edgraph.graph.ir import Graph
from edgraph.language.expressions import Expression
from edgraph.language.pipeline import Pipeline
from edgraph.run.checkpoints import NoCheckpoint
from edgraph.run.clockwork import Alarms
from edgraph.run.context import Context
from edgraph.run.engine import Engine, Outcome
from edgraph.run.evaluation import Evaluation
from edgraph.run.failure import Failure
from edgraph.run.fixed import fixed_examples
from edgraph.run.folder import FolderError, RunFolder
from edgraph.run.graphrun import GraphRun
from edgraph.run.live import LiveParams, parameters
from edgraph.run.loggers import FileLogger, Loggers
from edgraph.run.progress import Progress, ProgressDisplay
from edgraph.run.schedules import schedule
from edgraph.run.series import Series
from edgraph.run.signals import stop_signals
from edgraph.run.sources import Sources
from edgraph.text.diagnostics import Diagnostics, PipelineError

FORMAT = 1  # of the state in checkpoints
ANEW = "to start a new run from its weights: --from RUN"
SOME = "to take the weights of some models only: models.NAME.from=RUN, without --from"


@dataclass(slots=True)
class Job:
    """What a run needs."""

    graph: Graph
    backend: Backend
    params: dict[str, Any]  # what `params.NAME` reads
    data: Mapping[str, Any]  # edgraph.data.source.DataSource by name
    folder: RunFolder
    loggers: dict[str, Any] = field(default_factory=dict)
    resume: bool = False
    warm: StateTree = None  # the state of the models in a checkpoint that they start from
    replay: Path | None = None  # a run whose changes of parameters are made again
    extended: bool = False  # the run had ended by itself, and goes on
    interpret: bool = False
    quiet: bool = False
    series: Series | None = None  # of checkpoints, that the run is over

    @property
    def pipeline(self) -> Pipeline:
        return self.graph.pipeline


def build_backend(backend: Backend, pipeline: Pipeline, base: Path,
                  checkpoint: Callable[[str], StateTree]) -> dict[str, Any]:
    """Construct the models and optimizers; returns the parameters that schedules and expressions read.

    base: what relative paths of the pipeline start at. checkpoint: the state of `RUN@best`, for `weights`.
    Raises PipelineError.
    """
    params = dict(pipeline.params)
    schedules = {name: schedule(entry.schedule, params, backend) for name, entry in pipeline.optimizers.items()
                 if isinstance(entry.schedule, Expression)}
    backend.build(pipeline.models, pipeline.optimizers, seed=pipeline.run.seed, schedules=schedules,
                  checkpoint=checkpoint, folder=base)
    return params


class Runner:
    """Assembles a run, saves and restores it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        pipeline = job.pipeline
        policy = pipeline.run.checkpoint
        self.store = job.folder.checkpoints(policy.keep if policy else 2, self.warn)
        self.display: ProgressDisplay | None = None
        self.files = FileLogger(job.folder.path, lambda: self.engine.epoch())
        self.loggers = Loggers({"files": self.files, **job.loggers}, line=self.line, warn=self.warn,
                               strict=frozenset({"files"}))
        self.context = Context(job.backend, seed=pipeline.run.seed, params=job.params, loggers=self.loggers,
                               save=self.save_request)
        self.context.sources = Sources(dict(job.data), job.backend, job.graph.facts.over, pipeline.run.seed,
                                       fixed_examples(job.graph, job.data, job.folder))
        self.run = GraphRun(job.graph, self.context)
        self.context.main = self.run
        self.alarms = Alarms(self.run.timetable.ticks, pipeline.run.max_time, lambda: self.engine.ring())
        self.live = LiveParams(job.folder, job.params, parameters(job.graph), self.line, lambda: self.engine.ring(),
                               self.context.compile_anew)
        self.engine = Engine(self.run, self.context, self.alarms, self.live, last=job.graph.facts.last_step,
                             interpret=job.interpret) if job.series is None else Evaluation(
                                 self.run, self.context, self.alarms, self.live, job.series, interpret=job.interpret)
        if job.series is not None:
            job.series.warn = self.warn
        self.context.stage_ends = self.engine.stages.ends
        self.saved_at: tuple[int, str] | None = None

    def begin(self) -> None:
        """Restore what the run begins with. Raises NoCheckpoint, and PipelineError where a checkpoint is of another
        pipeline."""
        self._begin()
        self.engine.begin()

    def _begin(self) -> None:
        job = self.job
        if job.resume and self.store.list():
            self._resume()
            return
        if job.resume:  # it was killed before the first checkpoint
            if job.extended or not self._keeps():
                raise NoCheckpoint(f"{job.folder} has no checkpoint to go on from")
            self.line("no checkpoint yet: the run starts from the beginning")
        self._live(None)
        self.loggers.restore(None)
        if job.warm is not None:
            self._warm_up(job.warm)
        given = any(entry.weights and entry.weights.checkpoint for entry in job.pipeline.models.values())
        if self._keeps() and job.series is None and (given or job.warm is not None):
            self.save(None, 0)  # if the run is killed, it can be resumed without that checkpoint
        job.warm = None  # it need not stay in memory

    def _warm_up(self, state: StateTree) -> None:
        """Models that say where their weights come from keep those."""
        backend, own = self.job.backend, [name for name, entry in self.job.pipeline.models.items() if entry.weights]
        models = {**state["models"], **{name: backend.state()["models"][name] for name in own}}
        try:
            with fitting("the checkpoint to start from", SOME):
                backend.load_state({**state, "models": models}, only="models")
        except PipelineError as error:  # the backend knows which models a checkpoint must have
            [found] = error.diagnostics
            if found.code != "unknown-model":
                raise
            raise mismatch(f"in the checkpoint to start from {found.message}; it has {', '.join(models)}",
                           SOME) from None

    def _live(self, state: StateTree) -> None:
        try:
            self.live.begin(state, resumed=self.job.resume, replayed=self.job.replay)
        except ValueError as error:
            raise FolderError(str(error)) from None

    def go(self) -> Outcome:
        """The run, from its first step or from where it stood, after `begin`."""
        folder = self.job.folder
        folder.write_status("running", self.engine.done, self.engine.epoch())
        folder.log(f"goes on after step {self.engine.done}" if self.engine.resumed else "starts")
        run = self.job.pipeline.run
        progress = Progress(self.engine.current, self.engine.epoch, lambda: self.loggers.latest,
                            self.engine.last, run.num_epochs if run.num_steps is None else None, self.engine.done)
        self.live.watch()
        try:
            with (stop_signals(self.engine.on_signal),
                  ProgressDisplay(progress, quiet=self.job.quiet) as self.display):
                outcome = self._finish(self.engine.go())
        except KeyboardInterrupt:  # a second signal
            newest = "no checkpoint yet" if self.saved_at is None else f"the checkpoint of step {self.saved_at[0]}"
            self.line(f"stopped at once; there is {newest}")
            raise
        finally:
            self.display = None
            self.live.unwatch()
            self.loggers.close()
            self.context.sources.close()
        return outcome

    def newest(self) -> int | None:
        """The step of the newest checkpoint that is whole."""
        found = self.store.latest()
        return None if found is None else found.step

    def _finish(self, outcome: Outcome) -> Outcome:
        """The last checkpoint: of the last completed step, unless a failed step has written on it."""
        if self._keeps() and self.saved_at != (outcome.step, self.engine.passed) and not (
                outcome.failure is not None and outcome.failure.written):
            outcome = self._save_last(outcome)
        if outcome.failure is not None and outcome.failure.step is not None:
            self._blame_samples(outcome)
        try:
            self._say(outcome)
        except OSError as error:  # a full disk
            return spoiled(outcome, error, f"how the run ended could not be written: {error}")
        return outcome

    def _say(self, outcome: Outcome) -> None:
        """What is known of the end, to the run folder."""
        failure = outcome.failure
        if failure is not None:
            self.job.folder.log(failure.text() + "\n" + failure.traceback())
        self.loggers.flush()
        self.live.close(outcome.step, outcome.end)
        self.job.folder.write_status("failed" if failure is not None else outcome.end, outcome.step,
                                     self.engine.epoch(), outcome.reason)
        self.job.folder.log(f"{outcome.end} after step {outcome.step}"
                            + (f": {outcome.reason}" if outcome.reason else ""))

    def _save_last(self, outcome: Outcome) -> Outcome:
        """Without it the run has failed: what it did since the checkpoint before is lost when the process ends."""
        try:
            self.save(None, outcome.step)
        except Exception as error:  # a full disk, or a state that cannot be saved
            return spoiled(outcome, error, f"the last checkpoint could not be written: {error}",
                           "the one before it stands")
        return outcome

    def _keeps(self) -> bool:
        policy = self.job.pipeline.run.checkpoint
        return policy is None or policy.enabled

    def _blame_samples(self, outcome: Outcome) -> None:
        """Which examples the failed step had."""
        failure, over = outcome.failure, self.job.graph.facts.over
        if failure is None or failure.step is None or over is None or over not in self.job.data or failure.full:
            return
        try:
            indices = self.job.data[over].stream().indices(failure.step - 1)
        except ValueError:  # the sampler itself may be what failed
            return
        shown = ", ".join(map(str, indices[:16])) + (", …" if len(indices) > 16 else "")
        failure.notes.append(f"the batch had the examples {shown} of '{over}' ({len(indices)} in all)")

    # -- saving ----------------------------------------------------------------------------------------

    def save_request(self, step: int, name: str, keep: int) -> None:
        """A `checkpoint` op's, or that of `run.checkpoint`."""
        self.save(None if name == CHECKPOINT else name, step, None if name == CHECKPOINT else keep)

    def save(self, name: str | None, step: int, keep: int | None = None) -> None:
        self.loggers.flush()
        self.store.save(name, step, self.state(step), keep, self.engine.epoch())
        if name is None:
            self.saved_at = step, self.engine.passed

    def state(self, step: int) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {"edgraph": FORMAT, "step": step, "passed": self.engine.passed, "halt": list(self.run.halt),
                "seed": self.job.pipeline.run.seed, **self.engine.state(), "graph": self.run.state(),
                "streams": self.context.sources.state(), "alarms": self.alarms.state(),
                "stages": self.engine.stages.state(), "params": self.live.state(),
                "loggers": self.loggers.position()}

    def _resume(self) -> None:
        state, step = self.store.load()
        last = self.engine.last
        if last is not None and last < step:
            raise mismatch(f"the run has {step} steps already, and is to end after {last}",
                           "raise its bound, such as run.num_steps")
        if state["seed"] != self.job.pipeline.run.seed:
            raise mismatch(f"the run's seed is {state['seed']}, not {self.job.pipeline.run.seed}", ANEW)
        with fitting("the run's checkpoint"):
            self.engine.load_state(state)
            self.run.load_state(state["graph"])
        self.context.sources.load_state(state["streams"])
        self.alarms.load_state(state["alarms"])
        self.engine.stages.load_state(state["stages"])
        self._live(state.get("params"))
        self.store.rewind(step)
        try:
            self.loggers.restore(state["loggers"])
        except ValueError as error:
            raise FolderError(f"{error}: the run folder was changed since its last checkpoint; {ANEW}") from None
        self.engine.done = step
        self.engine.passed = state["passed"]
        if not self.job.extended:
            self.run.halt.extend(state["halt"])
        self.engine.resumed = True
        self.saved_at = step, state["passed"]

    # -- lines -----------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        self.job.folder.log(text)
        if self.display is not None:
            self.display.print(text)
        elif not self.job.quiet:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        self.line(f"warning: {text}")


def spoiled(outcome: Outcome, error: Exception, problem: str, *notes: str) -> Outcome:
    """What went wrong when the run had ended is added to what went wrong before, or is a failure by itself."""
    if outcome.failure is not None:
        outcome.failure.notes.append(problem)
        return outcome
    return Outcome("failed", outcome.step, problem, 1, Failure(error, notes=[problem, *notes]), outcome.values)


def mismatch(message: str, help: str | None = None) -> PipelineError:
    """A run cannot go on with this pipeline."""
    diagnostics = Diagnostics()
    diagnostics.error("resume-mismatch", message, None, help)
    return PipelineError(diagnostics)


@contextmanager
def fitting(what: str, help: str = ANEW) -> Iterator[None]:
    """A state that is another pipeline's is the pipeline's mistake, and no crash."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise mismatch(f"{what} does not fit this pipeline: {reason(error)}", help) from error
