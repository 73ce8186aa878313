"""What the page knows: the ops, what runs on which steps, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgraph.graph.clocks import words
from edgraph.graph.ir import Graph, Node
from edgraph.plan.header import length_words
from edgraph.plan.listing import Listing, Survey
from edgraph.plan.outlook import Outlook, without_default_checkpoint
from edgraph.plan.wording import op_words

STRETCHES = 20_000  # of steps with the same pattern: beyond these the page's timetable ends
ENDLESS = 10_000  # steps that are shown of a run without a known end


def facts(graph: Graph) -> dict[str, Any]:
    """A checked graph for the page's script.

    `ops`: what is known of each, by name (`LOOP.NAME` inside loops). `patterns`: the rows that run, in order, as
    [op, part, condition or null, notes]. `stretches`: [first step, pattern] in order; `last` is the last step that
    they tell of, and `more` says whether the run goes on after it.
    """
    graph = without_default_checkpoint(graph)
    survey = Survey(Outlook(graph), 1, graph.facts.last_step)
    numbers: dict[Listing, int] = {}
    stretches: list[tuple[int, int]] = []
    last, more = 0, graph.facts.last_step is None
    for mask, start, stop in survey.table.stretches(1, graph.facts.last_step or ENDLESS):
        if len(stretches) == STRETCHES:
            more = True
            break
        number = numbers.setdefault(survey.listing(mask), len(numbers))
        if not stretches or stretches[-1][1] != number:
            stretches.append((start, number))
        last = stop
    return {"title": graph.pipeline.name, "length": length_words(graph), "last": last, "more": more,
            "ops": dict(_ops(graph, "")), "stretches": stretches,
            "patterns": [[[row.name, row.part, row.when, list(row.notes)] for row in listing.rows]
                         for listing in numbers]}


def _ops(graph: Graph, loop: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in graph.nodes.values():
        if node.visible:
            yield loop + node.name, _op(node, graph)
            if node.body is not None:
                yield from _ops(node.body, f"{loop}{node.name}.")


def _op(node: Node, graph: Graph) -> dict[str, Any]:
    entry, source, line = node.entry, node.span.source, node.span.line
    doc = entry.doc if entry is not None and entry.doc else node.spec.summary
    return {"work": op_words(node, graph), "doc": " ".join(doc.split()), "clock": words(node.clock),
            "place": node.place, "source": source.line(line).strip(), "training": node.training,
            "line": line if source is graph.pipeline.tree.span.source else None}  # of the pipeline's own file
