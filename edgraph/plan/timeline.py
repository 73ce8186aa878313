"""The steps on which one op runs."""

from __future__ import annotations

from enum import Enum

from edgraph.graph.clocks import Clock
from edgraph.plan.outlook import Outlook
from edgraph.plan.pattern import Call
from edgraph.plan.tally import WALKED, Tally, tally
from edgraph.plan.timetable import ALWAYS_GUARD


class Status(Enum):
    """What a step does with an op."""

    RUNS = "runs"
    MAY = "may run"
    RESTS = "does not run"


class Timeline:
    """One op in the plans of a graph."""

    def __init__(self, table: Outlook, name: str) -> None:
        self.table = table
        self.name = name
        self.last = table.graph.facts.last_step
        self._calls: dict[int, Call | None] = {}

    def call(self, mask: int) -> Call | None:
        """The op's call in a pattern; None: it does not run there."""
        if mask not in self._calls:
            calls = self.table.plan(mask).calls
            self._calls[mask] = next((call for call in calls if call.node.name == self.name), None)
        return self._calls[mask]

    def status(self, mask: int) -> Status:
        call = self.call(mask)
        if call is None:
            return Status.RESTS
        return Status.RUNS if call.guard == ALWAYS_GUARD else Status.MAY

    def tally(self) -> Tally[Status]:
        """How often it runs, and where first."""
        return tally(self.table, self.status, 1, self.last)

    def firings(self) -> Tally[bool]:
        """The steps on which it runs, for certain or maybe, apart from the others."""
        return tally(self.table, lambda mask: self.status(mask) is not Status.RESTS, 1, self.last)

    def around(self, step: int) -> tuple[int | None, int | None]:
        """The nearest steps before and after one on which it runs, or may run."""
        return self._before(step), self._after(step)

    def _after(self, step: int) -> int | None:
        if self.last is not None and step >= self.last:
            return None
        for number, (mask, start, _) in enumerate(self.table.stretches(step + 1, self.last)):
            if self.status(mask) is not Status.RESTS:
                return start
            if number > WALKED or start > step + (1 << 40):
                return None
        return None

    def _before(self, step: int) -> int | None:
        reach = 64
        while True:
            low, found = max(1, step - reach), None
            for mask, _, stop in self.table.stretches(low, step - 1):
                if self.status(mask) is not Status.RESTS:
                    found = stop
            if found is not None or low == 1 or reach > WALKED:
                return found
            reach *= 8


def may_fire(clock: Clock, step: int) -> bool:
    """Whether a clock allows a step, as far as is known before the run."""
    return any(term.due(step) for term in clock.terms)


def around(clock: Clock, step: int, last: int | None) -> tuple[int | None, int | None]:
    """The nearest firings of a clock before and after a step, run-time parts holding."""
    after = _next(clock, step)
    reach, before = 64, None
    while before is None and reach <= WALKED * 8:
        at = _next(clock, max(0, step - 1 - reach))
        while at is not None and at < step:
            before, at = at, _next(clock, at)
        if step - 1 <= reach:
            break
        reach *= 8
    return before, None if after is None or (last is not None and after > last) else after


def _next(clock: Clock, after: int) -> int | None:
    return min((step for term in clock.terms if (step := term.next(after)) is not None), default=None)
