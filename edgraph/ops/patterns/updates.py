"""What the trainers have in common: losses, an optimizer for each, and the updates that train them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from edgraph.ops.pattern import Mistakes
from edgraph.text.suggest import did_you_mean

Per = Literal["step", "update"]
Losses = dict[str, str]
Optimizers = dict[str, str]
Made = dict[str, Any]
GROWING = {"steps": 1, "grow": 2, "max": 1000}  # 1, 2, 4, …, 512, 1000, 2000, …

LONGEST = 4096  # of a cycle; a longer one would make the clock algebra slow


def check_losses(losses: Mapping[str, str], taken: Collection[str], mistakes: Mistakes) -> None:
    """There are losses, and each has a name that its update can have: `train.critic`.

    taken: names of the trainer's other ops.
    """
    if not losses:
        mistakes.add("'losses' is empty: there is nothing to train", None, "write losses: {NAME: LOSS}")
    for name in losses:
        if not name.isidentifier():
            mistakes.add(f"the loss '{name}' cannot be the name of an op", name, "write letters, digits and _")
        elif name in taken:
            mistakes.add(f"a loss cannot be called '{name}': that is an op of the trainer", name, "rename the loss")


def check_optimizers(losses: Mapping[str, str], optimizers: Mapping[str, str], mistakes: Mistakes,
                     owners: dict[str, str] | None = None, of: str = "") -> None:
    """Each loss has an optimizer, and no two share one: its moments and its schedule would be those of both.

    owners: the losses of the optimizers that were seen before.  of: what these losses belong to: ` of set 2`.
    """
    owners = {} if owners is None else owners
    for name in optimizers:
        if name not in losses:
            mistakes.add(f"'optimizers' names the loss '{name}', which is not one of 'losses'", name,
                         did_you_mean(name, losses))
    misspelt = any(name not in losses for name in optimizers)
    for name in losses:
        if name not in optimizers and not misspelt:
            mistakes.add(f"the loss '{name}' has no optimizer", name, f"write optimizers: {{{name}: OPTIMIZER}}")
    for name, optimizer in optimizers.items():
        if optimizer in owners:
            mistakes.add(f"the losses {owners[optimizer]} and '{name}'{of} share the optimizer '{optimizer}'",
                         optimizer, "each needs one of its own: add another entry to 'optimizers'")
        owners.setdefault(optimizer, f"'{name}'{of}")


def check_known(name: str, losses: Mapping[str, str], where: str, mistakes: Mistakes) -> bool:
    """Whether a loss that is named somewhere exists."""
    if name in losses:
        return True
    mistakes.add(f"{where} names the loss '{name}', which is not one of 'losses'", name, did_you_mean(name, losses))
    return False


def check_trained(losses: Mapping[str, str], trained: Collection[str], where: str, mistakes: Mistakes) -> None:
    """Every loss trains at some time."""
    for name in losses:
        if name not in trained:
            mistakes.add(f"the loss '{name}' never trains: {where}", name, "name it there, or remove it")


def check_length(steps: int, at: object, mistakes: Mistakes) -> None:
    """A cycle is no longer than clocks can be."""
    if steps > LONGEST:
        mistakes.add(f"a cycle of {steps:,} steps is too long; {LONGEST:,} is the longest", at,
                     "for longer turns there are stages: stage_trainer")


def update(loss: str, optimizer: str, **edges: Any) -> Made:
    """The op that trains one loss."""
    return {"op": "optimize", "inputs": loss, "with": {"optimizer": optimizer}, **edges}


def positions(cycle: list[list[str]], name: str) -> Made:
    """The clock of a loss in a cycle of steps; no clock at all where it trains on each."""
    found = [position for position, names in enumerate(cycle, 1) if name in names]
    return {} if len(found) == len(cycle) else {"every": {"cycle": len(cycle), "positions": found}}


def counted(optimizers: Mapping[str, str], per: Per) -> dict[str, Made]:
    """What schedules count."""
    return {name: {"per": per} for name in optimizers.values()} if per == "step" else {}
