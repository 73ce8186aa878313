"""The Python API: load a pipeline, validate it, plan it, run it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgraph.text import source as text
from edgraph.text.diagnostics import Diagnostic, Diagnostics, PipelineError

if TYPE_CHECKING:
    from edgraph.compile import Checked
    from edgraph.language.pipeline import Pipeline
    from edgraph.run.failure import Failure
    from edgraph.run.folder import RunFolder
    from edgraph.run.start import Job, Runner
    from edgraph.run.warm import WarmStart
    from edgraph.text.source import Tree


@dataclass(slots=True)
class Run:
    """A run that has ended.

    step: completed steps.  values: of the ops of the last step, by name.  metrics: one mapping for each logged
    row, with its `step`, `epoch` and `time` (seconds since 1970), and each number under its name, `report.loss`.
    folder: the run folder.  end: `finished`, `interrupted` or `failed`, for `reason`.  exit_code: what `edgraph run`
    exits with, 0, 1, 130 or 143.  failure: the op that raised, and its error.  saved: the step of the newest
    checkpoint, from which the run can be resumed; None where there is none.  evaluates: it was over checkpoints, and a
    step is one of them.
    """

    step: int
    folder: Path
    end: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int = 0
    failure: Failure | None = None
    saved: int | None = None
    evaluates: bool = False


class LoadedPipeline:
    """A pipeline that was read; nothing is imported or opened before it is run."""

    def __init__(self, source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> None:
        self.source = source
        self.overrides = tuple(overrides)

    def validate(self, *, imports: bool = False, data: bool = False) -> list[Diagnostic]:
        """Everything there is to say about it, errors and warnings, in the order of the file.

        imports: import the pipeline's own modules, so that their ops are checked too. data: open the data sets as well,
        so that what depends on their length is checked too.
        """
        return self.check(imports=imports, data=data).diagnostics.sorted()

    def check(self, *, imports: bool = False, data: bool = False) -> Checked:
        """The checked graph with its diagnostics (edgraph.compile.Checked); see `validate`."""
        from edgraph.compile import check
        return check(self.source, self.overrides, imports=imports, data=data)

    def plan(self, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        """What runs at each step, and the firing patterns: what `edgraph plan --json` prints.

        first, last: only these steps, counted from 1; without them the patterns are those of the whole run.
        Raises PipelineError, and ValueError for steps that the run does not have.
        """
        from edgraph.plan.show import json
        from edgraph.text.collector import collector_paused
        with collector_paused():
            return json(self.check(imports=True).require(), first, last)

    def run(self, folder: str | Path | None = None, resume: str | Path | None = None, *,
            start_from: str | None = None, replay: str | Path | None = None, interpret: bool = False,
            quiet: bool = True) -> Run:
        """Runs it to the end.

        folder: the run folder, empty or new; by default a new one under `run.root`.
        resume: a run (its folder, or its name under `run.root`) to go on with.
        start_from: a checkpoint whose weights the models start from, as `RUN@best`.
        replay: a run whose changes of live parameters are made again, at the same steps.
        Raises PipelineError for a pipeline that is wrong, FolderError and NoCheckpoint for a folder that is. A failing
        op is in `failure`, not raised.
        """
        return run_pipeline(self, folder=folder, resume=resume, start_from=start_from, replay=replay,
                            interpret=interpret, quiet=quiet)


def load(path_or_mapping: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> LoadedPipeline:
    """A pipeline from a YAML file, or from a mapping of the same shape. Raises PipelineError if it cannot be read.

    overrides: as on the command line, `lr=3e-4` or `run.num_steps=100`.
    """
    from edgraph import language
    diagnostics = Diagnostics()
    if language.load(path_or_mapping, list(overrides), diagnostics) is None:
        raise PipelineError(diagnostics)
    return LoadedPipeline(path_or_mapping, overrides)


def run_pipeline(loaded: LoadedPipeline, *, folder: str | Path | None, resume: str | Path | None,
                 start_from: str | None, replay: str | Path | None, interpret: bool, quiet: bool) -> Run:
    """See LoadedPipeline.run."""
    checked = loaded.check(data=True)
    pipeline = checked.require().pipeline
    if len(checked.diagnostics) and not quiet:
        from edgraph.text.render import render_text
        print(render_text(checked.diagnostics), end="", file=sys.stderr)
    from edgraph.backends.load import load_backend
    from edgraph.evaluation import open_series
    from edgraph.resume import resumption
    from edgraph.run.find import find_run
    from edgraph.run.folder import RunFolder
    from edgraph.run.start import Job, build_backend
    from edgraph.run.warm import WarmStart
    root = Path(pipeline.run.root)
    warm = WarmStart(root)
    start = None if start_from is None else warm.all_models(start_from)
    replayed = None if replay is None else find_run(str(replay), root)
    if start is not None and pipeline.run.evaluates:
        checked.diagnostics.error("not-in-evaluation", "a run over checkpoints takes its weights from them, not --from "
                                  f"{start_from}", pipeline.run.spans.get("over"))
        raise PipelineError(checked.diagnostics)
    with ExitStack() as stack:
        again = None if resume is None else stack.enter_context(take_up(str(resume), root))
        going_on = None if again is None else resumption(again, checked.require())
        backend = load_backend(pipeline, checked.diagnostics)
        given = pipeline if again is None else restored(pipeline, again)
        params = build_backend(backend, replace(given, models=warm.entries(given.models)), checked.folder, warm.models)
        warm.forget()
        graph = same_objects(checked, backend).require()
        opened = again or stack.enter_context(
            RunFolder.create(root, pipeline.name, time.time(), None if folder is None else Path(folder)))
        job = Job(graph, backend, params, checked.data, opened, {}, again is not None, start, replayed,
                  going_on is not None and going_on.extended, interpret, quiet,
                  open_series(pipeline, params) if pipeline.run.evaluates else None)
        del start
        runner = prepare(job, checked, loaded, warm)
        if not quiet:
            print(f"run folder: {opened.path}", flush=True)
        for line in warm.shown() if going_on is None else going_on.shown():
            runner.line(line)
        outcome = runner.go()
        metrics = opened.metrics()
    return Run(outcome.step, opened.path, outcome.end, outcome.reason, outcome.values, metrics, outcome.exit_code,
               outcome.failure, runner.newest(), pipeline.run.evaluates)


def prepare(job: Job, checked: Checked, loaded: LoadedPipeline, warm: WarmStart) -> Runner:
    """A run that is ready to go. A new folder is removed again where it does not come to that."""
    from edgraph.run.ready import bind_everything
    from edgraph.run.start import Runner
    try:
        job.loggers.update(open_loggers(checked, job.folder))
        runner = Runner(job)
        bind_everything(runner.run)
        runner.begin()
        if job.resume:
            describe_resumed(job.folder, checked, loaded, runner.engine.done)
        else:
            describe_run(job.folder, checked, warm)
    except BaseException:  # Ctrl-C and a full disk too: the folder can be named again
        if not job.resume:
            job.folder.discard()
        raise
    return runner


def take_up(run: str, root: Path) -> RunFolder:
    """The folder of a run, to write into. Raises NoCheckpoint or FolderError."""
    from edgraph.run.find import find_run
    from edgraph.run.folder import RunFolder
    return RunFolder.open(find_run(run, root), writing=True)


def restored(pipeline: Pipeline, folder: RunFolder) -> Pipeline:
    """The pipeline of a run that is resumed: its own checkpoint has the weights, wherever they came from."""
    if pipeline.run.evaluates or not folder.checkpoints().list():
        return pipeline
    return replace(pipeline, models={name: replace(entry, weights=None) for name, entry in pipeline.models.items()})


def same_objects(checked: Checked, backend: Any) -> Checked:
    """Models that share a parameter tensor are one state object; that is known once they are constructed."""
    from edgraph.compile import check_pipeline
    shared = backend.shared_parameters()
    if not shared:
        return checked
    assert checked.pipeline is not None
    return check_pipeline(checked.pipeline, Diagnostics(), checked.folder, imports=True, opened=checked.data,
                          shared=shared)


def describe_resumed(folder: RunFolder, checked: Checked, loaded: LoadedPipeline, step: int) -> None:
    """The pipeline that the run goes on with, where it is another one; that until now is kept beside it."""
    from edgraph.language.expand import expand
    from edgraph.run.environment import environment
    assert checked.pipeline is not None
    path = folder.path / "resolved.yaml"
    if not path.exists() or path.read_text(encoding="utf-8") != expand(checked.pipeline):
        if path.exists():
            path.replace(folder.path / f"resolved-until-{step:08d}.yaml")
        given = None if isinstance(loaded.source, Mapping) else Path(loaded.source)
        if given is None or given.resolve() != path.resolve():
            folder.write_pipeline(checked.pipeline.source.text, included(checked.pipeline))
        describe_pipeline(folder, checked)
    folder.write_environment(environment(sys.argv, checked.folder, {"base": str(checked.folder.resolve())}))


def describe_run(folder: RunFolder, checked: Checked, warm: WarmStart) -> None:
    """The pipeline as written and as resolved, its plan, and the environment, with the checkpoints it started from."""
    from edgraph.run.environment import environment
    assert checked.pipeline is not None
    folder.write_pipeline(checked.pipeline.source.text, included(checked.pipeline))
    describe_pipeline(folder, checked)
    folder.write_environment(environment(sys.argv, checked.folder, {
        "base": str(checked.folder.resolve()), "weights": [each._asdict() for each in warm.taken]}))


def included(pipeline: Pipeline) -> dict[str, str]:
    """The files that a pipeline includes, by name."""
    from edgraph.language.overrides import SOURCE
    found: dict[str, str] = {}
    trees: list[Tree] = [pipeline.tree]
    while trees:
        tree = trees.pop()
        found.setdefault(tree.span.source.name, tree.span.source.text)
        if isinstance(tree, text.Mapping):
            trees += [entry.value for entry in tree.entries.values()]
        elif isinstance(tree, text.Sequence):
            trees += tree.items
    return {name: found[name] for name in sorted(found) if name not in (SOURCE, pipeline.source.name)}


def describe_pipeline(folder: RunFolder, checked: Checked) -> None:
    """The resolved pipeline and its plan."""
    from edgraph.graph.worked_in import with_tree
    from edgraph.language.expand import expand
    from edgraph.plan.show import text as plan
    assert checked.pipeline is not None
    folder.write_text("resolved.yaml", expand(with_tree(checked.pipeline)))
    folder.write_text("plan.txt", plan(checked.require()))


def open_loggers(checked: Checked, folder: RunFolder) -> dict[str, Any]:
    """The loggers of the pipeline besides the run folder."""
    from edgraph.data.construct import Constructor, Failed
    from edgraph.ops.registry import registry
    assert checked.pipeline is not None
    diagnostics = Diagnostics()
    found = {}
    make = Constructor(registry.loggers, folder.path, diagnostics, "logger")
    for name, use in checked.pipeline.loggers.items():
        try:
            found[name] = logger = make.make(use.use.text, use.use.span, use.settings)
            if hasattr(logger, "attach"):
                logger.attach(folder.path)
        except Failed:
            continue
    if diagnostics.failed:
        raise PipelineError(diagnostics)
    return found
