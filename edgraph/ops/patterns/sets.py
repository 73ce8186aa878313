"""`list_trainer`: sets of losses, one set a step, in turn."""

from __future__ import annotations

from typing import TypedDict

from edgraph.ops.markers import Count, Positive
from edgraph.ops.pattern import Expansion, Mistakes
from edgraph.ops.patterns.updates import (
    Losses,
    Made,
    Optimizers,
    Per,
    check_length,
    check_losses,
    check_optimizers,
    counted,
    positions,
    update,
)
from edgraph.ops.registry import pattern


class _Set(TypedDict):
    losses: Losses
    optimizers: Optimizers


class LossSet(_Set, total=False):
    """Losses that are updated together, with optimizers of their own."""

    lr_multiplier: Positive
    repeat: Count


@pattern
def list_trainer(*, sets: list[LossSet], per: Per = "step") -> Expansion:
    """A list of sets of losses, one after the other in turn: step s trains set (s - 1) mod n.

    The losses of a set are updated together: all gradients are taken before the first update. Every set has
    optimizers of its own; a loss may be in several sets. Ops: one update a loss and set, named `NAME_1`, `NAME_2`
    by the number of the set.

    sets: the sets in their order. Each has `losses`, by name; `optimizers`, for each of them an entry of
    `optimizers`; and maybe `lr_multiplier`, by which the learning rates of these optimizers are multiplied, and
    `repeat`: `repeat: 5` is the same set five times in the list, one after the other.
    per: what the optimizers' schedules count: `step`, every step of the run, or `update`, their own updates.
    """
    mistakes = Mistakes()
    if not sets:
        mistakes.add("'sets' is empty: there is nothing to train", None,
                     "write sets: [{losses: {…}, optimizers: {…}}, …]")
    owners: dict[str, str] = {}
    check_length(sum(one.get("repeat", 1) for one in sets), None, mistakes)
    for number, one in enumerate(sets, 1):
        check_losses(one["losses"], (), mistakes)
        check_optimizers(one["losses"], one["optimizers"], mistakes, owners, f" of set {number}")
    mistakes.check()
    turns = [[str(number)] for number, one in enumerate(sets, 1) for _ in range(one.get("repeat", 1))]
    ops: Made = {}
    multipliers: dict[str, float] = {}
    counts: dict[str, Made] = {}
    for number, one in enumerate(sets, 1):
        for name, loss in one["losses"].items():
            ops[f"{name}_{number}"] = update(loss, one["optimizers"][name], **positions(turns, str(number)))
        factor = one.get("lr_multiplier", 1.0)
        multipliers |= {optimizer: factor for optimizer in one["optimizers"].values() if factor != 1.0}
        counts |= counted(one["optimizers"], per)
    return Expansion(ops, counts, multipliers)
