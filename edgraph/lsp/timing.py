"""When each op of a graph runs, for all of them at once: hovers and hints ask for many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from edgraph.graph.ir import Graph, Node
from edgraph.plan.outlook import DEFAULT_CHECKPOINT, Outlook, OutlookPlanner, without_default_checkpoint
from edgraph.plan.relations import parts
from edgraph.plan.tally import Counter, Firings
from edgraph.plan.timetable import ALWAYS_GUARD

LISTED = 3  # steps that are named
MOST = 60_000  # firing patterns times nodes; for a pipeline of more the numbers are left out
WALKED = 1 << 14  # stretches of steps that are looked at one by one


@dataclass(frozen=True, slots=True)
class Runs:
    """The steps on which an op runs. rate: of a run without a known end, how much of it. maybe: on some of them it
    depends on what only the run knows."""

    steps: list[int]
    number: int = 0
    rate: Fraction | None = None
    maybe: bool = False

    def hint(self) -> str:
        """`40×`, `≤ 20×`, `every step`, `1 of 5 steps`."""
        most = "≤ " if self.maybe else ""
        if self.rate is not None:
            return f"{most}{_rate_words(self.rate)}"
        return f"{most}{self.number}×"

    def words(self, unit: str) -> str:
        """`fires on steps 50, 100, 150, …: 40 times in this run`."""
        if not self.steps:
            return f"never fires in this {_whole(unit)}"
        verb = "may fire" if self.maybe else "fires"
        more = self.rate is not None or self.number > LISTED
        steps = ", ".join(map(str, self.steps[:LISTED])) + (", …" if more else "")
        plural = "s" if more or len(self.steps) > 1 else ""
        if self.rate is not None:
            return f"{verb} on {unit}{plural} {steps}: {_rate_words(self.rate, unit)}"
        number = f"{'at most ' if self.maybe else ''}{self.number} time{'' if self.number == 1 else 's'}"
        return f"{verb} on {unit}{plural} {steps}: {number} in this {_whole(unit)}"


def _whole(unit: str) -> str:
    return "run" if unit == "step" else "loop"


def _rate_words(rate: Fraction, unit: str = "step") -> str:
    return f"every {unit}" if rate == 1 else f"{rate.numerator} of {rate.denominator} {unit}s"


class Timings:
    """The runs of each op of a checked graph.

    before: those of an earlier version. Most changes of a text change nothing of when things run.
    """

    def __init__(self, graph: Graph, before: Timings | None = None) -> None:
        self.graph = graph
        self._loops: dict[str, Timings] = {}
        if before is not None and "_all" in before.__dict__ and same_times(graph, before.graph):
            self.__dict__["_all"] = before._all

    def inside(self, loop: Node) -> Timings:
        """Of a loop's graph, whose steps are iterations."""
        assert loop.body is not None
        return self._loops.setdefault(loop.name, Timings(loop.body))

    def of(self, name: str) -> Runs | None:
        """When an op runs; None where that cannot be said before the run."""
        return None if self._all is None else self._all.get(name, Runs([]))

    @cached_property
    def _all(self) -> dict[str, Runs] | None:
        graph = without_default_checkpoint(self.graph)
        table = Outlook(graph)
        if table.open_stages:
            return None
        counter: Counter[int] = Counter(table, lambda mask: mask, frozenset())
        counter.left = WALKED
        tally = counter.count(1, graph.facts.last_step)
        if not tally.complete or len(tally.kinds) * len(graph.nodes) > MOST:
            return None
        masks: dict[str, list[tuple[int, bool]]] = {}  # of each op: the patterns in which it runs, and whether maybe
        for mask in tally.kinds:
            for call in OutlookPlanner(table, mask, False).calls():
                if call.node.kind == "op" and call.node.name != DEFAULT_CHECKPOINT:
                    masks.setdefault(call.node.name, []).append((mask, call.guard != ALWAYS_GUARD))
        known: dict[tuple[tuple[int, bool], ...], Runs] = {}  # many ops run in the same patterns
        found: dict[str, Runs] = {}
        for name, patterns in masks.items():
            runs = known.get(key := tuple(patterns))
            if runs is None:
                runs = known[key] = _runs([(tally.kinds[mask], maybe) for mask, maybe in patterns],
                                          graph.facts.last_step is None)
            conditional = any(part.conditions for part in parts(graph.nodes[name], graph))
            found[name] = replace(runs, maybe=True) if conditional else runs
        return found


def same_times(one: Graph, two: Graph) -> bool:
    """Whether all that plans are made of is the same, whatever the text looks like."""
    return (one.order == two.order and one.edges == two.edges and one.slots.keys() == two.slots.keys()
            and one.facts == two.facts and one.stages == two.stages and one.gradients == two.gradients
            and one.pipeline.run.nonfinite == two.pipeline.run.nonfinite and one.outputs.keys() == two.outputs.keys()
            and all(_like(node, two.nodes[name]) for name, node in one.nodes.items()))


def _like(one: Node, two: Node) -> bool:
    return (one.clock == two.clock and one.conditions == two.conditions and one.counts == two.counts
            and one.sink == two.sink and one.drives == two.drives and one.shares == two.shares
            and one.events == two.events and one.metric == two.metric and one.training == two.training
            and one.train_mode == two.train_mode and one.reads == two.reads and one.settings == two.settings
            and (one.spec is two.spec or one.spec == two.spec) and (one.body is None) == (two.body is None)
            and [argument.value.text for argument in one.inputs] == [argument.value.text for argument in two.inputs])


def _runs(patterns: list[tuple[Firings, bool]], endless: bool) -> Runs:
    """The steps of some patterns taken together."""
    steps = sorted(step for firings, _ in patterns for step in firings.listed(LISTED + 1))
    rates = [Fraction(*firings.rate) for firings, _ in patterns if endless and firings.rate is not None]
    return Runs(steps[:LISTED + 1], sum(firings.number for firings, _ in patterns),
                sum(rates, Fraction(0)) if rates else None, any(maybe for _, maybe in patterns))
