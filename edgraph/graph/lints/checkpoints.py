"""Checkpoints that leave out the end of the run."""

from __future__ import annotations

from edgraph.graph.clocks import Clock
from edgraph.graph.ir import Graph
from edgraph.graph.lints.warner import Warner


def misses_last_step(graph: Graph, warner: Warner) -> None:
    """Only ops save, and none of them at the end. One with a condition saves what it finds good, which says nothing
    about the end."""
    policy, last = graph.pipeline.run.checkpoint, graph.facts.last_step
    if last is None or policy is None or policy.enabled:
        return
    savers = [node for node in graph.nodes.values() if node.op == "checkpoint" and not node.conditions]
    if any(not node.clock.is_pure or node.clock.due(last) or "end" in (node.events or ()) for node in savers):
        return
    latest = [(step, node) for node in savers if (step := _latest(node.clock, last)) is not None]
    if latest:
        step, node = max(latest, key=lambda found: (found[0], -found[1].index))
        lost = f"{last - step} step{'s' if last - step > 1 else ''}"
        warner.op(node, "misses-last-step", f"'{node.name}' saves last on step {step}, and the run ends at {last}: as "
                  f"`run.checkpoint` is off, the training of {lost} is in no checkpoint",
                  "add `last` to its `every`, or let the run save itself with run.checkpoint")


def _latest(clock: Clock, last: int) -> int | None:
    """The last firing up to a step."""
    reach, found = 64, None
    while found is None:
        step = clock.next(max(0, last - reach))
        while step is not None and step <= last:
            found, step = step, clock.next(step)
        if reach >= last:
            break
        reach *= 8
    return found
