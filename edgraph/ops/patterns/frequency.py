"""`frequency_trainer`: losses that take turns in a cycle of steps."""

from __future__ import annotations

from edgraph.ops.markers import Count
from edgraph.ops.pattern import Expansion, Mistakes
from edgraph.ops.patterns.updates import (
    LONGEST,
    Losses,
    Optimizers,
    Per,
    check_known,
    check_length,
    check_losses,
    check_optimizers,
    check_trained,
    counted,
    positions,
    update,
)
from edgraph.ops.registry import pattern

Frequency = dict[str, Count] | list[str | list[str]]


@pattern
def frequency_trainer(*, losses: Losses, optimizers: Optimizers, frequency: Frequency, per: Per = "step") -> Expansion:
    """Losses that take turns: so many steps of one, then so many of the next, over and over.

    The cycle is one over the global step, so a resumed run goes on with it where it stopped. Each step of it has a
    batch of its own and counts towards num_steps. Losses of the same step are updated together: all gradients are
    taken before the first update. Each loss has an optimizer of its own. Ops: one update a loss, under its name.

    losses: each loss by a name, as an expression.
    optimizers: for each loss the entry of `optimizers` that trains it.
    frequency: how many steps each loss has in a cycle, in this order, as `{critic: 5, generator: 1}`; or what each
    step of the cycle trains, a loss or a list of them, as `[critic, critic, [critic, generator]]`.
    per: what the optimizers' schedules count: `step`, every step of the run, or `update`, their own updates.
    """
    mistakes = Mistakes()
    check_losses(losses, (), mistakes)
    check_optimizers(losses, optimizers, mistakes)
    steps = _cycle(frequency, losses, mistakes)
    mistakes.check()
    ops = {name: update(loss, optimizers[name], **positions(steps, name)) for name, loss in losses.items()}
    return Expansion(ops, counted(optimizers, per))


def _cycle(frequency: Frequency, losses: Losses, mistakes: Mistakes) -> list[list[str]]:
    """The losses of each step of the cycle."""
    if not frequency:
        mistakes.add("'frequency' is empty", None, "write such as {critic: 5, generator: 1}")
        return []
    if isinstance(frequency, dict):
        length = sum(frequency.values())
        longest = max(frequency, key=lambda name: frequency[name])
        steps = [[name] for name, number in frequency.items() for _ in range(min(number, LONGEST))]
        known = [check_known(name, losses, "'frequency'", mistakes) for name in frequency]
    else:
        length, longest = len(frequency), ""
        steps = [[item] if isinstance(item, str) else list(item) for item in frequency]
        known = [_check_step(number, names, losses, mistakes) for number, names in enumerate(steps, 1)]
    check_length(length, longest, mistakes)
    if all(known):
        check_trained(losses, {name for names in steps for name in names}, "'frequency' does not name it", mistakes)
    return steps


def _check_step(number: int, names: list[str], losses: Losses, mistakes: Mistakes) -> bool:
    """Whether all losses of one step of the cycle exist; none is named twice."""
    where = f"step {number} of 'frequency'"
    known = [check_known(name, losses, where, mistakes) for name in names]
    for place, name in enumerate(names):
        if name in names[:place]:
            mistakes.add(f"{where} names the loss '{name}' twice", name)
    return all(known)
