"""The Python API: load a pipeline, validate it, plan it, run it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgraph.text.diagnostics import Diagnostic, Diagnostics, PipelineError

if TYPE_CHECKING:
    from edgraph.compile import Checked
    from edgraph.run.failure import Failure
    from edgraph.run.folder import RunFolder


@dataclass(slots=True)
class Run:
    """A run that has ended.

    step: completed steps.  values: of the ops of the last step, by name.  metrics: one mapping for each logged
    row.  folder: the run folder.  end: `finished`, `interrupted` or `failed`, for `reason`.
    """

    step: int
    folder: Path
    end: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int = 0
    failure: Failure | None = None


class LoadedPipeline:
    """A pipeline that was read; nothing is imported or opened before it is run."""

    def __init__(self, source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> None:
        self.source = source
        self.overrides = tuple(overrides)

    def validate(self, *, imports: bool = False, data: bool = False) -> list[Diagnostic]:
        """Everything there is to say about it, errors and warnings, in the order of the file."""
        return self.check(imports=imports, data=data).diagnostics.sorted()

    def check(self, *, imports: bool = False, data: bool = False) -> Checked:
        """The checked graph with its diagnostics (edgraph.compile.Checked)."""
        from edgraph.compile import check
        return check(self.source, self.overrides, imports=imports, data=data)

    def plan(self, first: int = 1, last: int | None = None) -> dict[str, Any]:
        """What runs at each step, as `edgraph plan --json` prints it. Raises PipelineError."""
        from edgraph.plan.show import json
        return json(self.check().require(), first, last)

    def run(self, folder: str | Path | None = None, resume: str | Path | None = None, *,
            start_from: str | None = None, interpret: bool = False, quiet: bool = True) -> Run:
        """Runs it to the end.

        folder: the run folder, empty or new; by default a new one under `run.root`.
        resume: a run (its folder, or its name under `run.root`) to go on with.
        start_from: a checkpoint whose weights the models start from, as `RUN@best`.
        Raises PipelineError for a pipeline that is wrong, FolderError and NoCheckpoint for a folder that is. A failing
        op is in `failure`, not raised.
        """
        return run_pipeline(self, folder=folder, resume=resume, start_from=start_from, interpret=interpret,
                            quiet=quiet)


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
                 start_from: str | None, interpret: bool, quiet: bool) -> Run:
    """See LoadedPipeline.run."""
    checked = loaded.check(data=True)
    pipeline = checked.require().pipeline
    if len(checked.diagnostics) and not quiet:
        from edgraph.text.render import render_text
        print(render_text(checked.diagnostics), file=sys.stderr)
    from edgraph.backends.load import load_backend
    from edgraph.run.find import find_run
    from edgraph.run.folder import RunFolder
    from edgraph.run.ready import bind_everything
    from edgraph.run.start import Job, Runner, build_backend
    backend = load_backend(pipeline, checked.diagnostics)
    root = Path(pipeline.run.root)
    warm = None if start_from is None else read_checkpoint(start_from, root)
    params = build_backend(backend, pipeline, checked.folder, lambda text: read_checkpoint(text, root)["models"])
    graph = same_objects(checked, backend).require()
    if resume is not None:
        opened = RunFolder.open(find_run(str(resume), root), writing=True)
    else:
        opened = RunFolder.create(root, pipeline.name, time.time(), None if folder is None else Path(folder))
    with opened:
        if resume is None:
            describe_run(opened, checked)
        loggers = open_loggers(checked, opened)
        job = Job(graph, backend, params, checked.data, opened, loggers, resume is not None, warm, interpret, quiet)
        try:
            runner = Runner(job)
            bind_everything(runner.run)
        except PipelineError:
            if resume is None:
                opened.discard()
            raise
        if not quiet:
            print(f"run folder: {opened.path}", flush=True)
        outcome = runner.go()
        metrics = opened.metrics()
    return Run(outcome.step, opened.path, outcome.end, outcome.reason, outcome.values, metrics, outcome.exit_code,
               outcome.failure)


def same_objects(checked: Checked, backend: Any) -> Checked:
    """Models that share a parameter tensor are one state object; that is known once they are constructed."""
    from edgraph.compile import check_pipeline
    shared = backend.shared_parameters()
    if not shared:
        return checked
    assert checked.pipeline is not None
    return check_pipeline(checked.pipeline, Diagnostics(), checked.folder, imports=True, opened=checked.data,
                          shared=shared)


def read_checkpoint(text: str, root: Path) -> Any:
    """The state tree of a checkpoint named as `RUN@best`."""
    from edgraph.run.find import find_checkpoint
    from edgraph.run.statefile import read_state
    return read_state(find_checkpoint(text, root)).tree


def describe_run(folder: RunFolder, checked: Checked) -> None:
    """The pipeline as written and as resolved, its plan, and the environment."""
    from edgraph.language.expand import expand
    from edgraph.plan.show import text
    from edgraph.run.environment import environment
    assert checked.pipeline is not None
    folder.write_pipeline(checked.pipeline.source.text)
    folder.write_text("resolved.yaml", expand(checked.pipeline))
    folder.write_text("plan.txt", text(checked.require()))
    folder.write_environment(environment(sys.argv, checked.folder, {"base": str(checked.folder.resolve())}))


def open_loggers(checked: Checked, folder: RunFolder) -> dict[str, Any]:
    """The loggers of the pipeline besides the run folder."""
    from edgraph.data.construct import Constructor, Failed
    from edgraph.ops.registry import registry
    assert checked.pipeline is not None
    diagnostics = Diagnostics()
    found = {}
    make = Constructor(registry.table("logger"), folder.path, diagnostics, "logger")  # type: ignore[arg-type]
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
