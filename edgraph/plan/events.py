"""What runs at an event between steps: `at: start`, `at: end`."""

from __future__ import annotations

from edgraph.graph.clocks import Clock
from edgraph.graph.ir import Graph, Node
from edgraph.language.pipeline import EVENTS
from edgraph.plan.listing import Listing, listing
from edgraph.plan.outlook import Outlook, OutlookPlanner
from edgraph.plan.timetable import ALWAYS_GUARD, NEVER_GUARD, Guard


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
    def __init__(self, table: EventOutlook, event: str) -> None:
        super().__init__(table, 0, False)
        self.event = event

    def guard(self, node: Node) -> Guard:
        if node.events is not None and self.event not in node.events:
            return NEVER_GUARD
        return frozenset({frozenset(node.conditions)})

    def _due(self, node: Node) -> bool:
        return node.sink and node.events is not None and self.event in node.events
