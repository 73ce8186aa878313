"""`template`: a whole training: train, log, evaluate, save."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import Clock, Count, Graph
from edgraph.ops.pattern import Expansion, Mistakes
from edgraph.ops.patterns.base import checkpoints
from edgraph.ops.patterns.updates import (
    GROWING,
    Losses,
    Made,
    Optimizers,
    Per,
    check_losses,
    check_optimizers,
    counted,
    update,
)
from edgraph.ops.registry import pattern

OPS = ("log", "log_validation", "evaluation", "result")


@pattern
def template(*, losses: Losses, optimizers: Optimizers, log: dict[str, str] | None = None,
             log_validation: dict[str, str] | None = None, log_every: Clock = GROWING,
             evaluate: Annotated[str, Graph()] | None = None, evaluate_with: dict[str, Any] | None = None,
             evaluate_every: Clock = "1 epoch", checkpoint_every: Clock | None = "1 epoch", keep: Count = 2,
             per: Per = "step") -> Expansion:
    """A whole training: train all losses at every step, log at a growing interval, evaluate and save after each epoch.

    All gradients are taken before the first update. State is saved when the run is interrupted too, and at its end.
    Ops: one update a loss, under its name; `log` and `log_validation`; `evaluation`, a loop, and `result`, which logs
    what it gives.

    losses: each loss by a name, as an expression.
    optimizers: for each loss the entry of `optimizers` that trains it.
    log: more values of the training batch to log, by name.
    log_validation: values of a validation batch to log, by name. The batch, its forward pass and its losses are ops
    of the file, which run on these steps only.
    log_every: when; by default on steps 1, 2, 4, …, 512, 1000, 2000, …
    evaluate: a graph that is run as a loop.
    evaluate_with: its parameters.
    evaluate_every: when it is run.
    checkpoint_every: when all state is saved, unless `run.checkpoint` says so; null leaves it to that.
    keep: how many of these checkpoints to keep.
    per: what the optimizers' schedules count: `step`, every step of the run, or `update`, their own updates.
    """
    mistakes = Mistakes()
    check_losses(losses, OPS, mistakes)
    check_optimizers(losses, optimizers, mistakes)
    for name in log or {}:
        if name in losses:
            mistakes.add(f"'log' has the name '{name}' of a loss, which is logged as it is", name, "rename it")
    if evaluate is None and evaluate_with:
        mistakes.add("'evaluate_with' gives parameters to no graph", next(iter(evaluate_with)), "write evaluate: GRAPH")
    mistakes.check()
    ops: Made = {name: update(loss, optimizers[name]) for name, loss in losses.items()}
    ops["log"] = {"op": "log_scalars", "inputs": {**losses, **(log or {})}, "every": log_every}
    if log_validation:
        ops["log_validation"] = {"op": "log_scalars", "inputs": log_validation, "every": log_every}
    if evaluate is not None:
        given = {"params": evaluate_with} if evaluate_with else {}
        ops["evaluation"] = {"op": "loop", "with": {"graph": evaluate, **given}, "every": evaluate_every}
        ops["result"] = {"op": "log_scalars", "inputs": {"score": "evaluation"}}
    return Expansion(ops, counted(optimizers, per), run=checkpoints(checkpoint_every, keep))
