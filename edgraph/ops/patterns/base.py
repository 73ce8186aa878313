"""`base_trainer`: all losses at every step, and what goes around a training."""

from __future__ import annotations

from typing import Any, TypedDict

from edgraph.ops.markers import Clock, Count, NonNegative, Positive
from edgraph.ops.pattern import Expansion, Mistakes
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

# `from` is no name in Python, so that this cannot be written as a class
Decay = TypedDict("Decay", {"from": Count, "to": Count})


@pattern
def base_trainer(*, losses: Losses, optimizers: Optimizers, lr: Positive | None = None, lr_end: NonNegative = 0.0,
                 decay: Decay | None = None, run_once: dict[str, Any] | None = None, log: dict[str, str] | None = None,
                 log_every: Clock = GROWING, checkpoint_every: Clock | None = None, keep: Count = 2,
                 per: Per = "step") -> Expansion:
    """All losses at every step, each with an optimizer of its own.

    All gradients are taken before the first update. The losses, the learning rates and whatever else is named are
    logged at a growing interval. Ops: one update a loss, under its name; `log`; `run_once` where it is given.

    losses: each loss by a name, as an expression.
    optimizers: for each loss the entry of `optimizers` that trains it.
    lr: the learning rate of all of them, for entries that say none.
    lr_end: the learning rate after the decay.
    decay: `{from: 1000, to: 5000}`: the learning rate is `lr` up to the first of these steps, `lr_end` from the
    second one on, and on a straight line between the two.
    run_once: an op that runs once, before the first step: `{op: my_init, with: {model: net}}`. A resumed run does
    not repeat it.
    log: more values to log, by name.
    log_every: when; by default on steps 1, 2, 4, …, 512, 1000, 2000, …
    checkpoint_every: when all state is saved, besides the end of the run; by default as `run.checkpoint` says.
    keep: how many of these checkpoints to keep.
    per: what the optimizers' own schedules count: `step`, every step of the run, or `update`, their own updates.
    """
    mistakes = Mistakes()
    check_losses(losses, ("log", "run_once"), mistakes)
    check_optimizers(losses, optimizers, mistakes)
    for name in log or {}:
        if name in losses:
            mistakes.add(f"'log' has the name '{name}' of a loss, which is logged as it is", name, "rename it")
    ops: Made = {} if run_once is None else {"run_once": _once(run_once, mistakes)}
    settings = counted(optimizers, per)
    if decay is not None or lr is not None:
        for name in optimizers.values():
            settings[name] = {**settings.get(name, {}), **_rate(lr, lr_end, decay, mistakes)}
    mistakes.check()
    ops |= {name: update(loss, optimizers[name]) for name, loss in losses.items()}
    rates = {f"{name}_lr": f"{name}.lr" for name in losses}
    ops["log"] = {"op": "log_scalars", "inputs": {**losses, **rates, **(log or {})}, "every": log_every}
    return Expansion(ops, settings, run=checkpoints(checkpoint_every, keep))


def checkpoints(every: Any, keep: int) -> Made:
    """`run.checkpoint`, where a trainer says something of it."""
    return {} if every is None else {"checkpoint": {"every": every, "keep": keep}}


def _once(op: dict[str, Any], mistakes: Mistakes) -> Made:
    for key in op:
        if key in ("every", "at", "during", "when"):
            mistakes.add(f"'run_once' says when it runs itself: it takes no '{key}'", key, "remove it")
    if "op" not in op:
        mistakes.add("'run_once' is no op", next(iter(op), None), "write run_once: {op: TYPE, with: {…}}")
    return {**op, "at": "start"}


def _rate(lr: float | None, lr_end: float, decay: Decay | None, mistakes: Mistakes) -> Made:
    """The learning rate of an optimizer, and its schedule: an expression, that one can read in `edgraph expand`."""
    if lr is None:
        mistakes.add("'decay' needs 'lr', the learning rate that it starts from", next(iter(decay or ()), None),
                     "write lr: 1e-3")
        return {}
    if decay is None:
        return {"with": {"lr": lr}}
    first, last = decay["from"], decay["to"]
    if last <= first:
        mistakes.add(f"'decay' ends at step {last}, not after step {first} where it begins",
                     next(key for key in decay if key == "to"), f"let 'to' be more than {first}")
        return {}
    line = f"{lr!r} + ({lr_end!r} - {lr!r}) * clip((step - {first}) / {last - first}, 0, 1)"
    return {"with": {"lr": lr}, "schedule": line, "per": "step"}
