"""Clocks, and how often things run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property

from edgraph.graph.clocks import Clock, TooComplex, both, includes, union, words
from edgraph.graph.ir import Graph, Node
from edgraph.graph.surface import clock_of, find_stage, stage_clock
from edgraph.language.pipeline import Every, EveryFirings, EveryUnion, EveryUpdates, OpEntry
from edgraph.plan.compare.difference import Difference
from edgraph.plan.compare.matching import Pairs
from edgraph.plan.listing import Survey
from edgraph.plan.outlook import Outlook, without_default_checkpoint
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Name


class Counts:
    """How often each op of a graph runs; looked up when first asked for."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def of(self, name: str) -> int | None:
        """How many steps it runs on, those included on which it may; None: not known."""
        return None if self._all is None else self._all.get(name, (0, False))[0]

    def said(self, name: str) -> str:
        """"9", "at most 20"."""
        number, maybe = (self._all or {}).get(name, (0, False))
        return f"at most {number}" if maybe else f"{number}"

    def note(self, name: str) -> str:
        """" (9 times)", " (at most 20 times)"; empty where that is not known."""
        if self._all is None:
            return ""
        return f" ({self.said(name)} time{'' if self.of(name) == 1 else 's'})"

    @cached_property
    def _all(self) -> dict[str, tuple[int, bool]] | None:
        """For each op that ever runs the number of steps, and whether it depends on conditions."""
        last = self.graph.facts.last_step
        if last is None or Outlook(self.graph).open_stages:
            return None
        survey = Survey(Outlook(without_default_checkpoint(self.graph)), 1, last)
        found: dict[str, tuple[int, bool]] = {}
        for pattern in survey.patterns():
            for row in pattern.listing.ops:
                number, maybe = found.get(row.name, (0, False))
                found[row.name] = number + pattern.firings.number, maybe or row.when is not None
        return found if survey.tally.complete else None


def clock_words(node: Node, graph: Graph) -> str:
    """When an op fires, by its own clock."""
    clock = own_clock(node.entry, graph)
    events = [f"at {event}" for event, _ in node.entry.at] if node.entry is not None else []
    if clock is None:
        texts = [] if events else ["whenever its inputs are made" if node.sink else "when something needs it"]
    else:
        texts = [words(clock)] if clock.terms or not events else []
    return ", ".join([*texts, *events])


def own_clock(entry: OpEntry | None, graph: Graph) -> Clock | None:
    """What `every` and `during` say; None where they say nothing."""
    if entry is None or (entry.every is None and not entry.during):
        return None
    stages = [find_stage(name, graph, Diagnostics()) for name in entry.during]
    window = [union([stage_clock(stage) for stage in stages if stage is not None])] if stages else []
    return both(*([clock_of(entry.every, graph, Diagnostics())] if entry.every is not None else []), *window)


def clock_change(old: Node, new: Node, before: Graph, now: Graph, pairs: Pairs) -> tuple[str, str] | None:
    """The two clocks in words, where an author has said something else. What says the same, and means other steps only
    because an epoch, a stage or the run has another length, is reported there."""
    mine, yours = own_clock(old.entry, before), own_clock(new.entry, now)
    events = [tuple(event for event, _ in node.entry.at) if node.entry is not None else () for node in (old, new)]
    if set(events[0]) == set(events[1]):
        if mine is None and yours is None:
            return None
        if mine is None or yours is None:
            if equal(old.clock, new.clock):
                return None
        elif equal(mine, yours) or _said_the_same(old, new, before, now, pairs):
            return None
    return clock_words(old, before), clock_words(new, now)


def equal(one: Clock, two: Clock) -> bool:
    """Whether two clocks hold on the same steps."""
    try:
        return one == two or (includes(one, two) is None and includes(two, one) is None)
    except TooComplex:
        return False


def _said_the_same(old: Node, new: Node, before: Graph, now: Graph, pairs: Pairs) -> bool:
    """Whether the texts mean the same in either pipeline."""
    assert old.entry is not None and new.entry is not None
    if not _equal_in(now, _present(old.entry, pairs), new.entry):
        return False
    return bool(pairs.renamed) or _equal_in(before, old.entry, new.entry)


def _equal_in(graph: Graph, one: OpEntry, two: OpEntry) -> bool:
    known = {stage.name for stage in graph.stages}
    if not {name.text for name in (*one.during, *two.during)} <= known:
        return False
    first, second = own_clock(one, graph), own_clock(two, graph)
    return first is not None and second is not None and equal(first, second)


def _present(entry: OpEntry, pairs: Pairs) -> OpEntry:
    """An op whose clock names others, under their present names."""
    def change(every: Every) -> Every:
        if isinstance(every, EveryUnion):
            return EveryUnion(tuple(map(change, every.parts)), every.span)
        if isinstance(every, EveryFirings):
            return replace(every, of=Name(pairs.now(every.of.text), every.of.span))
        if isinstance(every, EveryUpdates) and every.of is not None:
            name = pairs.sections.get("optimizers", {}).get(every.of.text, every.of.text)
            return replace(every, of=Name(name, every.of.span))
        return every
    return entry if entry.every is None else replace(entry, every=change(entry.every))


def consequences(pairs: Pairs, counts: tuple[Counts, Counts], reported: Collection[str]) -> list[Difference]:
    """Ops that run more or less often, although their clocks say the same. In a run of another length all do."""
    if counts[0].graph.facts.last_step != counts[1].graph.facts.last_step:
        return []
    found = []
    for old, new in pairs.common:
        was, its = counts[0].of(old.name), counts[1].of(new.name)
        if new.name not in reported and was is not None and its is not None and was != its:
            found.append(Difference("counts", new.name, "", counts[0].said(old.name),
                                    f"{counts[1].said(new.name)} times"))
    return found
