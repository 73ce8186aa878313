"""`edgraph diff`: what two pipelines do differently. Not how they are written: two texts with the same meaning are the
same."""

from __future__ import annotations

from edgraph.graph.ir import Graph
from edgraph.plan.compare import entries, ops, order
from edgraph.plan.compare.difference import Difference, as_json, as_text
from edgraph.plan.compare.matching import match
from edgraph.plan.compare.timing import Counts, consequences

__all__ = ["Difference", "as_json", "as_text", "compare"]


def compare(before: Graph, now: Graph) -> list[Difference]:
    """The differences between two checked graphs: settings, ops, order and gradients, how often things run.

    In the order of a file's sections, and in each of them in that of the later pipeline.
    """
    found, names = entries.compare(before, now)
    pairs, counts = match(before, now, names), (Counts(before), Counts(now))
    found += ops.compare(before, now, pairs, counts)
    found += order.compare(before, now, pairs)
    retimed = {difference.name for difference in found if difference.what == "clock"}
    return found + consequences(pairs, counts, retimed)
