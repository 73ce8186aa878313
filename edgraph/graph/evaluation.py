"""What a run over checkpoints has no use for: it loads weights, and leaves them as they are."""

from __future__ import annotations

from edgraph.language.pipeline import OpEntry
from edgraph.ops.spec import OpSpec
from edgraph.text.diagnostics import Diagnostics


def check_evaluates(spec: OpSpec, entry: OpEntry, diagnostics: Diagnostics) -> None:
    """Reports an op that trains or saves."""
    if spec.update or spec.writes or spec.name == "set_learning_rate":
        diagnostics.error("not-in-evaluation", f"'{entry.name}' ({spec.name}) trains, but the run is over checkpoints "
                          "and only looks at their weights", entry.op.span,
                          "remove it; to train from the weights of a checkpoint: `weights: RUN@NAME` of a model, or "
                          "`edgraph run --from`")
    elif spec.name == "checkpoint":
        diagnostics.error("not-in-evaluation", f"'{entry.name}' saves a checkpoint, but the run is over those of "
                          "another, and only looks at them", entry.op.span,
                          "remove it, or let the run that trains save what is best")
