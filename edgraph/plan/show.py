"""`edgraph plan`: the timetable as text, as data for tools, and as the loops that will be generated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgraph.graph.ir import Graph
from edgraph.plan import sources
from edgraph.plan.events import event_listing, events
from edgraph.plan.header import header
from edgraph.plan.listing import Listing, Pattern, Survey
from edgraph.plan.outlook import Outlook, without_default_checkpoint
from edgraph.plan.regions import static_traces
from edgraph.plan.sections import Sections
from edgraph.plan.tables import GRID, Rows, grid
from edgraph.plan.tally import Tally
from edgraph.plan.window import NoSuchSteps, window
from edgraph.plan.wording import EVENTS

__all__ = ["NoSuchSteps", "code", "json", "text"]



def text(graph: Graph, first: int | None = None, last: int | None = None) -> str:
    """The timetable of a checked graph, for reading.

    first, last: only these steps. Raises NoSuchSteps.
    """
    asked = None if first is None and last is None else window(graph, first, last)
    whole = graph
    graph = without_default_checkpoint(graph)
    sections = Sections(graph, asked)
    rows = Rows()
    lines = header(whole, sections.number, sections.complete)
    before = [event for event in events(graph) if event in ("start", "resume")]
    for event in before:
        lines += _event(graph, event, rows)
    if asked is not None and asked[1] - asked[0] < GRID:
        which = f"Step {asked[0]}" if asked[0] == asked[1] else f"Steps {asked[0]} to {asked[1]}"
        lines += ["", f"{which}    ● runs   ◐ may run: it depends on a condition", "",
                  *grid(Survey(Outlook(graph), *asked), *asked)]
    lines += sections.lines(rows)
    for event in events(graph):
        if event not in before:
            lines += _event(graph, event, rows)
    return "\n".join(lines) + "\n"


def json(graph: Graph, first: int | None = None, last: int | None = None) -> dict[str, Any]:
    """The timetable of a checked graph, for tools.

    first, last: only these steps; without them `steps` has the first 100, and `patterns` are those of the whole
    run. A pattern's `count` is null where it is not known: the run has no known end, or too many different steps.
    Raises NoSuchSteps.
    """
    graph = without_default_checkpoint(graph)
    table = Outlook(graph)
    asked = first is not None or last is not None
    low, high = window(graph, first, last)
    survey = Survey(table, low, high) if asked else Survey(table, 1, graph.facts.last_step)
    found: dict[str, Any] = {
        "steps": [{"step": step, **_names(survey.listing(table.mask(step)))} for step in range(low, high + 1)],
        "patterns": [_pattern(pattern, survey.tally) for pattern in survey.patterns()]}
    if events(graph):
        found["events"] = [{"event": event, **_names(event_listing(graph, event)[1])} for event in events(graph)]
    return found


def code(graph: Graph, first: int | None = None, last: int | None = None, *, regions: bool = False) -> str:
    """The Python source of every pattern's step function, and of the loops in them. Raises NoSuchSteps.

    regions: as it is for a backend that compiles them.
    """
    steps = (1, graph.facts.last_step) if first is None and last is None else window(graph, first, last)
    return sources.text(graph, *steps, static_traces if regions else None)


# -- text -------------------------------------------------------------------------------------------

def _event(graph: Graph, event: str, rows: Rows) -> Iterator[str]:
    rows.title = f"at: {event}"
    table, found = event_listing(graph, event)
    yield ""
    yield f"at: {event}  {EVENTS[event]}"
    yield from rows.of(found, table)


# -- data -------------------------------------------------------------------------------------------

def _names(found: Listing) -> dict[str, list[str]]:
    return {"ops": [row.name for row in found.ops],
            "conditional": [row.name for row in found.ops if row.when is not None]}


def _pattern(pattern: Pattern, tally: Tally[Any]) -> dict[str, Any]:
    known = tally.complete and tally.until is not None
    return {"effects": list(pattern.listing.effects),
            "ops": [{"name": row.name, "when": row.when, "gradients": row.records} for row in pattern.listing.ops],
            "first_step": pattern.firings.first, "count": pattern.firings.number if known else None}
