"""A run over checkpoints: from what a pipeline says of them to the series that the engine goes through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgraph.text.diagnostics import Diagnostics, PipelineError

if TYPE_CHECKING:
    from edgraph.language.pipeline import Pipeline
    from edgraph.run.series import Series


def evaluated_run(pipeline: Pipeline, diagnostics: Diagnostics) -> Path | None:
    """The folder of the run that a pipeline evaluates; None where it evaluates none, or there is no such run.

    It is found as everything that is called RUN: a path from where the program runs, a name under `run.root`, or the
    beginning of one.
    """
    from edgraph.run.checkpoints import NoCheckpoint
    from edgraph.run.find import find_run
    entry = pipeline.run.evaluation
    if entry is None:
        return None
    try:
        return find_run(entry.of.text, Path(pipeline.run.root))
    except NoCheckpoint as error:
        run, at, which = entry.of.text.rpartition("@")
        help = f"which checkpoint is said by `which`: of: {run}, which: {which}" if at and run else \
            "runs are named by their folder, from where edgraph is started, or by their name"
        diagnostics.error("no-run", str(error), entry.of.span, help)
        return None


def open_series(pipeline: Pipeline, params: Mapping[str, Any]) -> Series:
    """The checkpoints that a run goes through. params: what `params.NAME` reads. Raises PipelineError."""
    from edgraph.run.schedules import value
    from edgraph.run.series import Series, Wanted
    from edgraph.run.watched import WatchedFolder
    diagnostics = Diagnostics()
    folder, entry = evaluated_run(pipeline, diagnostics), pipeline.run.evaluation
    if folder is None or entry is None:
        raise PipelineError(diagnostics)
    condition = entry.filter

    def passes(step: int, epoch: int) -> bool:
        if condition is None:
            return True
        try:
            return bool(value(condition.root, {"step": step, "epoch": epoch}, params))
        except (ArithmeticError, TypeError, ValueError) as error:
            diagnostics.error("bad-expression", f"the filter cannot be computed for the checkpoint of step {step}: "
                              f"{error}", condition.span)
            raise PipelineError(diagnostics) from None
    wanted = Wanted("latest" if entry.which is None else entry.which.text, passes,
                    "" if condition is None else condition.text, entry.timeout)
    return Series(WatchedFolder(folder.resolve()), wanted)
