"""The timetable: which clocks hold at which steps, as stretches of steps on which nothing changes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edgraph.graph.availability import available, value_condition, verdict
from edgraph.graph.clocks import ALWAYS, Atom, Clock, Term
from edgraph.graph.ir import Graph
from edgraph.graph.surface import atom_node
from edgraph.language.expressions import Either, Expr, Ref, children

Flags = frozenset[str]  # condition nodes that must hold, known only within the step
Guard = frozenset[Flags]  # any of these; {∅}: always; ∅: never
ALWAYS_GUARD: Guard = frozenset({frozenset()})
NEVER_GUARD: Guard = frozenset()


class Item(NamedTuple):
    """One way for something to be due: steps, what must hold before the step, and what within it."""

    clock: Clock  # without atoms
    ticks: frozenset[Atom]  # known before the step: times, stages
    flags: Flags


class Stretch(NamedTuple):
    """Steps start, …, stop on which the same items are due."""

    mask: int
    start: int
    stop: int


class Timetable:
    """The items of a graph. A firing pattern is a mask: which items are due at a step."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.items: list[Item] = []
        self._index: dict[Item, int] = {}
        self._terms: dict[Clock, tuple[int, ...]] = {}
        self.place = {name: position for position, name in enumerate(graph.order)}
        self.choosing: set[str] = set()  # nodes with an `either` among their inputs
        self.shares = any(node.shares for node in graph.nodes.values())
        for node in graph.nodes.values():
            if node.sink or not node.clock.is_pure:
                self._add(node.clock)
            for argument in node.inputs:
                if type(argument.value.root) is not Ref and self._add_eithers(argument.value.root):
                    self.choosing.add(node.name)
        for output in graph.outputs.values():
            self._add_eithers(output.root)
        self.ticks = frozenset(atom for item in self.items for atom in item.ticks)
        flags = {flag for item in self.items for flag in item.flags}
        flags |= {name for slot in graph.slots  # what is held is kept only where it is there
                  if (name := value_condition(graph.nodes[slot.node], slot.field, graph)) is not None}
        self.verdicts = {node.name: name for node in graph.nodes.values()  # node -> the condition that it decides
                         if (name := verdict(node, graph)) is not None and name in flags}

    def _add(self, clock: Clock) -> None:
        if clock not in self._terms:
            self._terms[clock] = tuple(self._item(term) for term in clock.terms)

    def _item(self, term: Term) -> int:
        nodes = {atom: atom_node(atom) for atom in term.atoms}
        flags = frozenset(name for name in nodes.values() if name is not None)
        ticks = frozenset(atom for atom, name in nodes.items() if name is None)
        return self._number(Item(Clock((Term(term.factors),)) if term.factors else ALWAYS, ticks, flags))

    def _number(self, item: Item) -> int:
        if item not in self._index:
            self._index[item] = len(self.items)
            self.items.append(item)
        return self._index[item]

    def _add_eithers(self, expr: Expr) -> bool:
        """The clocks of everything that an `either` chooses from; whether there is one."""
        found = isinstance(expr, Either)
        if isinstance(expr, Either):
            for argument in expr.arguments:
                self._add(available(argument, self.graph))
        for child in children(expr):
            if type(child) is not Ref and self._add_eithers(child):
                found = True
        return found

    def guard(self, clock: Clock, mask: int) -> Guard:
        """What must hold within a step of this pattern for a clock to allow it."""
        terms = self._terms.get(clock)
        if terms is None:  # pure, and asked for by something that is due: the clock rule says that it holds
            return ALWAYS_GUARD
        return absorb(self.items[index].flags for index in terms if mask >> index & 1)

    def mask(self, step: int, ticks: frozenset[Atom] = frozenset()) -> int:
        """The pattern of one step, item by item: the definition that `stretches` is tested against."""
        return sum(1 << index for index, item in enumerate(self.items)
                   if item.clock.due(step) and item.ticks <= ticks)

    def stretches(self, first: int, last: int | None, ticks: frozenset[Atom] = frozenset()) -> Iterator[Stretch]:
        """The steps first, …, last cut where the pattern changes, by a heap of next firings."""
        mask, heap = 0, []
        for index, item in enumerate(self.items):
            if item.ticks <= ticks:
                if item.clock is ALWAYS:
                    mask |= 1 << index
                elif (run := next_run(item.clock, first - 1)) is not None:
                    heap.append((run[0], index, run[1]))
        heapq.heapify(heap)
        step = first
        while last is None or step <= last:
            while heap and heap[0][0] <= step:
                at, index, until = heap[0]
                if mask >> index & 1:  # its run of steps has ended
                    mask &= ~(1 << index)
                    run = next_run(self.items[index].clock, at - 1)
                    if run is None:
                        heapq.heappop(heap)
                        continue
                    if run[0] > step:
                        heapq.heapreplace(heap, (run[0], index, run[1]))
                        continue
                    until = run[1]
                mask |= 1 << index
                if until is None:
                    heapq.heappop(heap)
                else:
                    heapq.heapreplace(heap, (until + 1, index, 0))
            stop = heap[0][0] - 1 if heap else last
            if stop is None:
                stop = step + (1 << 40)
            if last is not None and stop > last:
                stop = last
            yield Stretch(mask, step, stop)
            step = stop + 1


def next_run(clock: Clock, after: int) -> tuple[int, int | None] | None:
    """The next firing after a step, and the end of the unbroken run of firings that it begins, where the clock is
    a window of steps (None: it never ends); else the firing itself."""
    step = clock.next(after)
    if step is None:
        return None
    only = clock.only
    if only is not None:
        return step, only.until if only.period == 1 else step
    terms = clock.terms
    if len(terms) == 1 and len(terms[0].factors) == 1:
        for progression in terms[0].factors[0].progressions:
            if progression.period == 1 and progression.start <= step and (
                    progression.until is None or step <= progression.until):
                return step, progression.until
    return step, step


def absorb(alternatives: Iterable[Flags]) -> Guard:
    """Without the alternatives that ask for more than another."""
    found = set(alternatives)
    if frozenset() in found:
        return ALWAYS_GUARD
    return frozenset(one for one in found if not any(other < one for other in found))


def both_guards(one: Guard, two: Guard) -> Guard:
    if one in (ALWAYS_GUARD, two):
        return two
    if two == ALWAYS_GUARD:
        return one
    return absorb(a | b for a in one for b in two)
