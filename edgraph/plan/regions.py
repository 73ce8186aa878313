"""Regions: the work of a plan between what only the host can do, which a backend may compile as one function.

The calls of a region stand side by side in the plan and run under the same guard, so a condition splits it, and so does
everything that needs the host: data, log lines, files, loops, ops of the author's own that name no backend. What comes
from a source, and what is computed of such values alone, is moved before the region that it would split. Training and
observing are apart: what trains is the same function on steps that observe something and on steps that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace

from edgraph.graph.availability import available, value_condition
from edgraph.graph.ir import EdgeKind, Graph
from edgraph.graph.models import leaves
from edgraph.language.expressions import Choice, Either, Expr, Hold, Logic, Previous, Ref, Unary, children
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.timetable import ALWAYS_GUARD, NEVER_GUARD, Guard, Timetable

Traces = Callable[[Call], bool]
DEVICE = frozenset({"forward", "optimize", "gradient", "update_ema", "expr"})
DATA = frozenset({"load_batch", "fixed_examples"})
SOURCES = DATA | {"expr"}


@dataclass(slots=True)
class Region:
    """Calls that run under one guard. Their own guards are what must hold besides: nothing."""

    calls: list[Call]
    guard: Guard

    @property
    def names(self) -> list[str]:
        return [call.node.name for call in self.calls]


def static_traces(call: Call) -> bool:
    """Whether a backend with regions can take a call into one: a call of its own without state on the host."""
    spec = call.node.spec
    if call.node.kind == "gradients":
        return True
    if call.node.kind != "op" or call.node.body is not None:
        return False
    return spec.name in DEVICE or bool(spec.backends and not (spec.state or spec.metric or spec.effect))


def cut(plan: Plan, graph: Graph, timetable: Timetable, traces: Traces) -> list[Call | Region]:
    """The calls of a plan, with regions in place of those that can be together."""
    # a batch that gradients are taken with respect to is marked in the region too, as what comes from outside
    made = {call.node.name for call in plan.calls if call.node.op not in DATA}
    taking = {name: graph.gradients[name].records & made for name in made if name in graph.gradients}
    apart: set[str] = set()
    while True:
        items = list(_Cutter(plan, graph, timetable, traces, apart).cut())
        divided = {name for item in items if isinstance(item, Region) for name in _divided(item, taking)}
        if not divided:
            return items
        apart |= divided


def _divided(region: Region, taking: dict[str, frozenset[str]]) -> Iterator[str]:
    """The calls of a region that belong together with some outside of it: what records gradients, what takes them and
    what applies them are in one region, or in none. taking: what records for whom."""
    here = set(region.names)
    taken = {name for by in taking.keys() & here for name in taking[by]}
    elsewhere = {name for by in taking.keys() - here for name in taking[by]}
    for call in region.calls:
        name = call.node.name
        if call.records and (name not in taken or name in elsewhere):
            yield name
        if not taking.get(name, frozenset()) <= here:
            yield name
        if call.node.kind == "gradients" and name.removesuffix(".gradients") not in here:
            yield name
        if call.node.op == "optimize" and call.node.kind == "op" and f"{name}.gradients" not in here:
            yield name


class _Cutter:
    def __init__(self, plan: Plan, graph: Graph, timetable: Timetable, traces: Traces, apart: set[str]) -> None:
        self.plan = plan
        self.graph = graph
        self.timetable = timetable
        self.traces = traces
        self.apart = apart  # these are in no region
        self.inside: set[str] = set()  # the nodes of the region at hand

    def cut(self) -> Iterator[Call | Region]:
        region: list[Call] = []
        guard = ALWAYS_GUARD
        for call in self.plan.calls:
            if region and call.guard == guard and call.node.training == region[0].node.training and self._fits(call):
                region.append(call)
                self.inside.add(call.node.name)
            elif region and self._can_come_first(call, region[0], guard):
                # what nobody needs after this call, the region may need
                region[-1] = replace(region[-1], frees=region[-1].frees + call.frees)
                yield replace(call, frees=())
            else:
                yield from self._closed(region, guard)
                self.inside, region, guard = set(), [], call.guard
                if self._fits(call):
                    region, self.inside = [call], {call.node.name}
                else:
                    yield call
        yield from self._closed(region, guard)

    def _closed(self, calls: list[Call], guard: Guard) -> Iterator[Call | Region]:
        if all(call.node.op == "expr" for call in calls):  # compiled they would take longer
            yield from calls
        else:
            yield Region([replace(call, guard=ALWAYS_GUARD, moves_when=ALWAYS_GUARD) for call in calls], guard)

    def _fits(self, call: Call) -> bool:
        return (call.node.name not in self.apart and self.traces(call) and not self._is_of_host(call)
                and (not call.moves or call.moves_when in (ALWAYS_GUARD, call.guard))
                and not any(self._asks(argument.value.root) for argument in call.node.inputs))

    def _can_come_first(self, call: Call, first: Call, guard: Guard) -> bool:
        """Whether a call can as well run before the region at hand, which begins with the first."""
        node = call.node
        return (node.op in SOURCES and node.kind == "op" and node.training == first.node.training
                and call.guard in (ALWAYS_GUARD, guard) and (not call.moves or call.moves_when == ALWAYS_GUARD)
                and not node.after and (node.op in DATA or not call.records) and not self._reads_inside(call))

    def _is_of_host(self, call: Call) -> bool:
        """Whether an expression is made of numbers that the host has: steps, parameters, held values."""
        return call.node.op == "expr" and not self._reads_inside(call) and not any(
            read.kind is EdgeKind.DATA for read in call.node.reads)

    def _reads_inside(self, call: Call) -> bool:
        return any(read.node in self.inside and read.kind is not EdgeKind.PREVIOUS for read in call.node.reads)

    def _asks(self, expr: Expr) -> bool:
        """Whether a part of an expression depends on values of the region in a way that only the host can follow: a
        choice between values, or a question whether there is one."""
        if not reaches(expr, self.inside, self.graph):
            return False
        match expr:
            case Choice() | Logic() | Unary("not"):
                return True
            case Hold(Ref(path, _), _, _) if (target := self.graph.targets[path]).node in self.inside:
                return value_condition(self.graph.nodes[target.node], target.field, self.graph) is not None
            case Hold() | Previous():
                return True
            case Either(arguments, _) if any(self.timetable.guard(available(argument, self.graph), self.plan.mask)
                                             not in (ALWAYS_GUARD, NEVER_GUARD) for argument in arguments):
                return True
        return any(map(self._asks, children(expr)))


def reaches(expr: Expr, inside: Container[str], graph: Graph) -> bool:
    """Whether an expression reads something that these nodes make at this step."""
    match expr:
        case Ref(path, _):
            return path in graph.targets and graph.targets[path].node in inside
        case Previous(_, initial, _):
            return initial is not None and reaches(initial, inside, graph)
    return any(reaches(child, inside, graph) for child in children(expr))


def marked(region: Region) -> set[str]:
    """The nodes outside of a region with respect to whose values it takes gradients."""
    here = set(region.names)
    return {name for call in region.calls for name in leaves(call.node)} - here


def needed(items: list[Call | Region], plan: Plan, timetable: Timetable) -> set[str]:
    """The nodes whose values are needed outside of the region, or the call, that makes them."""
    found = {slot.node for slot, _ in plan.slots} | timetable.verdicts.keys()
    for item in items:
        calls = item.calls if isinstance(item, Region) else [item]
        here = {call.node.name for call in calls}
        found |= {read.node for call in calls for read in call.node.reads
                  if read.kind is not EdgeKind.PREVIOUS and read.node not in here}
    return found
