"""What is known before the run: how long an epoch is, where the run ends, where its stages begin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from edgraph.graph.ir import Facts, StageWindow
from edgraph.language.pipeline import Pipeline
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


def facts_of(pipeline: Pipeline, steps_per_epoch: Mapping[str, int | None],
             fields: Mapping[str, tuple[str, ...] | None], diagnostics: Diagnostics) -> Facts:
    """steps_per_epoch, fields: of each data set, None where not known."""
    over = run_over(pipeline, diagnostics)
    length = steps_per_epoch.get(over) if over else None
    return Facts(over, length, _last_step(pipeline, over, length, diagnostics), dict(fields),
                 lengths=dict(steps_per_epoch), epoch_length=length)


def run_over(pipeline: Pipeline, diagnostics: Diagnostics) -> str | None:
    """The data set that the loop is over."""
    over = pipeline.run.over
    if over is None:
        return "train" if "train" in pipeline.data else None
    if over.text == "none" or pipeline.run.evaluates:
        return None
    if over.text not in pipeline.data:
        diagnostics.error("unknown-data", f"the run is over '{over.text}', but there is no such data set", over.span,
                          did_you_mean(over.text, [*pipeline.data, "none"]))
        # not None: what asks for epochs or batches is no further mistake
    return over.text


def _last_step(pipeline: Pipeline, over: str | None, length: int | None, diagnostics: Diagnostics) -> int | None:
    run = pipeline.run
    if run.evaluates:
        return None
    if run.num_steps is not None:
        return run.num_steps  # num_steps wins over num_epochs
    if run.num_epochs is None:
        return None
    if over is None:
        diagnostics.error("no-epochs", "num_epochs bounds the run, but it is over no data set",
                          run.spans.get("num_epochs"), "name a data set with run.over, or use num_steps")
        return None
    return None if length is None else math.ceil(Fraction(str(run.num_epochs)) * length)


def stage_windows(pipeline: Pipeline, facts: Facts, diagnostics: Diagnostics) -> list[StageWindow]:
    """The run's consecutive windows. No stage that comes after one that ends by a condition, or in epochs of unknown
    length, has a start yet: also not after an absolute `until`, at which its stage may have been left out. What comes
    after a last stage that has an end is a stage without a name, in which nothing is `during` anything."""
    if pipeline.run.evaluates:
        for stage in pipeline.stages.values():
            diagnostics.error("not-in-evaluation", "a run over checkpoints has no stages", stage.span,
                              f"remove '{stage.name}'")
        return []
    windows: list[StageWindow] = []
    start: int | None = 1
    earliest = 1
    for stage in pipeline.stages.values():
        until, length = None, None
        if stage.until is not None:
            until = _steps(*stage.until, facts)
        elif stage.length is not None:
            length = _steps(*stage.length, facts)
            until = None if start is None or length is None else start + length - 1
        in_epochs = [amount for amount in (stage.until, stage.length) if amount is not None and amount[1] == "epochs"]
        if in_epochs and facts.over is None:
            diagnostics.error("no-epochs", f"stage '{stage.name}' lasts for epochs, but the run is over no data set",
                              stage.span, "name a data set with run.over, or use steps")
        if until is not None and start is not None and until < start and f"stages.{stage.name}" not in pipeline.broken:
            diagnostics.error("empty-stage", f"stage '{stage.name}' would end at step {until}, before it begins "
                              f"at step {start}", stage.span,
                              "`until` is a step of the run; for a length write `for`")
        windows.append(StageWindow(stage.name, start, until, stage.condition, length, start or earliest))
        earliest = max(start or earliest, until + 1 if until is not None else 1)
        start = until + 1 if start is not None and until is not None else None
    if windows and (stage.until or stage.length or stage.condition) and (
            start is None or facts.last_step is None or start <= facts.last_step):
        windows.append(StageWindow("", start, None, None, None, start or earliest))
    return windows


def _steps(amount: Fraction, unit: str, facts: Facts) -> int | None:
    if unit == "steps":
        return int(amount)
    return None if facts.steps_per_epoch is None else math.ceil(amount * facts.steps_per_epoch)
