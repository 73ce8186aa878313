"""What runs at an event between steps: `at: start`, `at: end`."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from edgraph.graph.clocks import Clock
from edgraph.graph.ir import Graph, Node
from edgraph.language.expressions import Either, Expr, Hold, Previous, Ref, children
from edgraph.language.pipeline import EVENTS
from edgraph.plan.listing import Listing, listing
from edgraph.plan.outlook import Outlook, OutlookPlanner
from edgraph.plan.pattern import Call
from edgraph.plan.timetable import ALWAYS_GUARD, NEVER_GUARD, Guard, absorb, both_guards


def events(graph: Graph) -> list[str]:
    """The events at which anything is due, in the order of a run."""
    found = {event for node in graph.nodes.values() if node.sink for event in node.events or ()}
    return [event for event in EVENTS if event in found]


def event_listing(graph: Graph, event: str) -> tuple[EventOutlook, Listing]:
    """What runs at an event, in order."""
    table = EventOutlook(graph)
    return table, listing(table, EventPlanner(table, event).plan())


class EventOutlook(Outlook):
    """Between steps no clock narrows anything: what can be made there at all can be made at every such moment."""

    def guard(self, clock: Clock, mask: int) -> Guard:
        return ALWAYS_GUARD


class EventPlanner(OutlookPlanner):
    """Plans an event: what may run is told by events and conditions, its own and those of what it reads."""

    def __init__(self, table: EventOutlook, event: str) -> None:
        super().__init__(table, 0, False)
        self.event = event
        self._guards: dict[str, Guard] = {}

    def guard(self, node: Node) -> Guard:
        if node.name not in self._guards:
            self._guards[node.name] = self._guard(node)
        return self._guards[node.name]

    def _guard(self, node: Node) -> Guard:
        if node.events is not None and self.event not in node.events:
            return NEVER_GUARD
        needs = [self._available(argument.value.root) for argument in node.inputs]
        needs += [self.guard(self.graph.nodes[name]) for name in node.conditions]
        if node.entry is not None and node.entry.during:
            needs.append(self.table.in_stages([stage.text for stage in node.entry.during]))
        return reduce(both_guards, needs, frozenset({frozenset(node.conditions)}))

    def _available(self, expr: Expr) -> Guard:
        match expr:
            case Ref(path, _):
                target = self.graph.targets.get(path)
                return ALWAYS_GUARD if target is None else self.guard(self.graph.nodes[target.node])
            case Hold(_, initial, _) | Previous(_, initial, _):
                return ALWAYS_GUARD if initial is None else self._available(initial)
            case Either(arguments, _):
                return absorb(flags for argument in arguments for flags in self._available(argument))
        return reduce(both_guards, map(self._available, children(expr)), ALWAYS_GUARD)

    def _call(self, node: Node) -> Call | None:
        due = node.sink and node.events is not None and self.event in node.events
        return super()._call(replace(node, sink=due))
