"""`stage_trainer`: which losses train in each stage of the run."""

from __future__ import annotations

from typing import Any, TypedDict

from edgraph.ops.pattern import Expansion, Mistakes
from edgraph.ops.patterns.updates import (
    Losses,
    Optimizers,
    Per,
    check_known,
    check_losses,
    check_optimizers,
    check_trained,
    counted,
    update,
)
from edgraph.ops.registry import pattern

# `for` is no name in Python, so that this cannot be written as a class
_Ends = TypedDict("_Ends", {"until": Any, "for": Any, "ignore": list[str]}, total=False)


class Stage(_Ends):
    """A window of the run, and what trains in it."""

    losses: list[str]


@pattern
def stage_trainer(*, losses: Losses, optimizers: Optimizers, stages: dict[str, Stage], per: Per = "step") -> Expansion:
    """Stages of the run, and the losses that train in each.

    The losses of a stage are updated together at each of its steps: all gradients are taken before the first
    update. A stage may train nothing. The stages become entries of `stages`, under the same names, so that other
    ops can say `during` too. Ops: one update a loss, under its name.

    losses: each loss by a name, as an expression.
    optimizers: for each loss the entry of `optimizers` that trains it.
    stages: in their order. Each has `losses`, a list of names, maybe an empty one; and, the last one maybe
    excepted, `until`, the step or epoch at which it ends (`1000 steps`, `5 epochs`) or a condition
    (`{when: "hold(score.accuracy, 0) > 0.9"}`), or `for`, how long it is.
    per: what the optimizers' schedules count: `step`, every step of the run, or `update`, their own updates.
    """
    mistakes = Mistakes()
    check_losses(losses, (), mistakes)
    check_optimizers(losses, optimizers, mistakes)
    if not stages:
        mistakes.add("'stages' is empty", None, "write stages: {NAME: {until: 1000 steps, losses: [NAME]}, …}")
    during: dict[str, list[str]] = {name: [] for name in losses}
    misspelt = False
    for stage, entry in stages.items():
        for place, name in enumerate(entry["losses"]):
            if not check_known(name, losses, f"stage '{stage}'", mistakes):
                misspelt = True
            elif name in entry["losses"][:place]:
                mistakes.add(f"stage '{stage}' names the loss '{name}' twice", name)
            else:
                during[name].append(stage)
    if stages and not misspelt:
        check_trained(losses, [name for name, found in during.items() if found], "no stage names it", mistakes)
    mistakes.check()
    ops = {name: update(loss, optimizers[name], during=during[name]) for name, loss in losses.items()}
    windows = {stage: {key: value for key, value in entry.items() if key != "losses"}
               for stage, entry in stages.items()}
    return Expansion(ops, counted(optimizers, per), stages=windows)
