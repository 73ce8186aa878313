"""The patterns of a plan as text: those of the run, or of each stage where only the run will know when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgraph.graph.ir import Graph, StageWindow
from edgraph.plan.header import stage_words
from edgraph.plan.listing import Listing, Pattern, Survey
from edgraph.plan.outlook import Outlook
from edgraph.plan.tables import Rows, wrapped
from edgraph.plan.tally import Firings, Tally
from edgraph.plan.wording import pattern_words, step_list

SHOWN = 40  # patterns of a section that are written out in full


@dataclass(slots=True)
class Section:
    """Some steps of a run and their patterns."""

    title: str
    whole: Survey
    part: Survey | None  # of the steps that were asked for; None: all
    counts: bool  # whether it is known how many steps there are
    start: int = 0  # how many patterns come before it


class Sections:
    """All patterns of a run, numbered."""

    def __init__(self, graph: Graph, asked: tuple[int, int] | None) -> None:
        self.graph = graph
        self.asked = asked
        self.parts: list[Section] = []
        if not Outlook(graph).open_stages:
            self._add("", Outlook(graph), 1, graph.facts.last_step, True)
        else:
            for stage in graph.stages:
                self._stage(stage)

    @property
    def number(self) -> int:
        return sum(len(part.whole.tally.kinds) for part in self.parts)

    @property
    def complete(self) -> bool:
        return all(part.whole.tally.complete for part in self.parts)

    def _stage(self, stage: StageWindow) -> None:
        table = Outlook(self.graph, stage.name)
        known = stage.name not in table.open_stages
        first = (stage.start or 1) if known else table.open_stages[stage.name]
        title = f"{stage.title[0].upper()}{stage.title[1:]}: {stage_words(stage, self.graph)}"
        self._add(title, table, first, stage.until if known else self.graph.facts.last_step, known)

    def _add(self, title: str, table: Outlook, first: int, last: int | None, counts: bool) -> None:
        end = self.graph.facts.last_step
        last = last if end is None else end if last is None else min(last, end)
        if last is not None and first > last:
            return
        part = None
        if self.asked is not None:
            low, high = max(first, self.asked[0]), self.asked[1] if last is None else min(last, self.asked[1])
            if low > high:
                return
            part = Survey(table, low, high)
        self.parts.append(Section(title, Survey(table, first, last), part, counts, self.number))

    def lines(self, rows: Rows) -> Iterator[str]:
        """The sections, one after the other."""
        for section in self.parts:
            if section.title:
                yield ""
                yield from wrapped("", section.title)
            yield from _section(section, rows)


def _section(section: Section, rows: Rows) -> Iterator[str]:
    survey = section.part or section.whole
    number = {found: section.start + at for at, found in enumerate(section.whole.tally.kinds, 1)}
    patterns = survey.patterns()
    for pattern in patterns[:SHOWN]:
        rows.title = f"pattern {number[pattern.listing]}" if pattern.listing in number else "above"
        yield ""
        yield from _pattern(pattern, section, survey, f"{rows.title.capitalize()}  ")
        yield from rows.of(pattern.listing, survey.table)
    if len(patterns) > SHOWN:
        yield ""
        yield (f"… and {len(patterns) - SHOWN} more patterns: `--steps A..B` shows those of some steps, "
               "`--json` all of them")


def _pattern(pattern: Pattern, section: Section, survey: Survey, head: str) -> Iterator[str]:
    steps = step_list(pattern.firings)
    yield from wrapped(head, pattern_words(survey.table, pattern.masks) or f"steps {steps}")
    indent = " " * len(head)
    yield from wrapped(indent, f"{_counts(pattern.listing, pattern.firings, section)}: {steps}")
    yield from wrapped(indent, f"due: {', '.join(pattern.listing.effects) or 'no effect'}")


def _counts(listing: Listing, firings: Firings, section: Section) -> str:
    if not section.counts:
        return "as long as the stage lasts, on steps"
    if section.part is None:
        return counted(firings, section.whole.tally)
    run = section.whole.tally.kinds.get(listing)
    return counted(firings, section.part.tally) + " here" + (
        f", {counted(run, section.whole.tally)} of the run" if run is not None else "")


def counted(firings: Firings, tally: Tally[Any]) -> str:
    """How many steps: "430 of 460 steps", "5 of every 6 steps"."""
    if firings.rate is not None:
        number, period = firings.rate
        return "every step" if period == 1 else f"{number} of every {period} steps"
    if tally.until is None:  # only at the beginning of a run without a known end
        return f"{firings.number} steps" if firings.number > 1 else "1 step"
    length = tally.until - tally.since + 1
    return f"{firings.number} of {'the first ' if not tally.complete else ''}{length} steps"
