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
from edgraph.plan.tables import GRID, Rows, grid, wrapped
from edgraph.plan.tally import Firings, Tally
from edgraph.plan.window import NoSuchSteps, window
from edgraph.plan.wording import EVENTS, pattern_words, step_list

__all__ = ["NoSuchSteps", "code", "json", "text"]

SHOWN = 40  # patterns that are written out in full


def text(graph: Graph, first: int | None = None, last: int | None = None) -> str:
    """The timetable of a checked graph, for reading.

    first, last: only these steps. Raises NoSuchSteps.
    """
    table = Outlook(without_default_checkpoint(graph))
    whole = Survey(table, 1, graph.facts.last_step)
    lines = header(graph, len(whole.tally.kinds), whole.tally.complete)
    graph, rows = table.graph, Rows()
    for event in events(graph):
        if event in ("start", "resume"):
            lines += _event(graph, event, rows)
    if first is None and last is None:
        lines += _patterns(whole, whole, rows)
    else:
        low, high = window(graph, first, last)
        part = Survey(table, low, high)
        if high - low < GRID:
            lines += ["", f"Steps {low} to {high}    ● runs   ◐ may run: it depends on a condition", "",
                      *grid(part, low, high)]
        lines += _patterns(part, whole, rows)
    for event in events(graph):
        if event not in ("start", "resume"):
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


def code(graph: Graph, first: int | None = None, last: int | None = None) -> str:
    """The Python source of every pattern's step function, and of the loops in them. Raises NoSuchSteps."""
    if first is None and last is None:
        return sources.text(graph, 1, graph.facts.last_step)
    return sources.text(graph, *window(graph, first, last))


# -- text -------------------------------------------------------------------------------------------

def _patterns(part: Survey, whole: Survey, rows: Rows) -> Iterator[str]:
    number = {found: position for position, found in enumerate(whole.tally.kinds, 1)}
    patterns = part.patterns()
    for pattern in patterns[:SHOWN]:
        rows.title = f"pattern {number[pattern.listing]}" if pattern.listing in number else "above"
        head = f"{rows.title.capitalize()}  "
        yield ""
        words = pattern_words(part.table, pattern.masks)
        counts = _counts(pattern.firings, part.tally)
        if part is not whole:
            run = whole.tally.kinds.get(pattern.listing)
            counts = f"{counts} here" + (f", {_counts(run, whole.tally)} of the run" if run is not None else "")
        yield from wrapped(head, words or f"steps {step_list(pattern.firings)}")
        yield from wrapped(" " * len(head), f"{counts}: {step_list(pattern.firings)}")
        yield from wrapped(" " * len(head), f"due: {', '.join(pattern.listing.effects) or 'nothing'}")
        yield from rows.of(pattern.listing, part.table)
    if len(patterns) > SHOWN:
        yield ""
        yield (f"… and {len(patterns) - SHOWN} more patterns: `--steps A..B` shows those of some steps, "
               "`--json` all of them")


def _counts(firings: Firings, tally: Tally[Any]) -> str:
    if firings.rate is not None:
        number, period = firings.rate
        return "every step" if period == 1 else f"{number} of every {period} steps"
    if tally.until is None:  # only at the beginning of a run without a known end
        return f"{firings.number} steps" if firings.number > 1 else "1 step"
    length = tally.until - tally.since + 1
    return f"{firings.number} of {'the first ' if not tally.complete else ''}{length} steps"


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
