"""The plan of one firing pattern: what runs, in which order, under which conditions, and what must record."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgraph.graph.availability import available, decider, value_condition
from edgraph.graph.ir import EdgeKind, Graph, Node, Slot
from edgraph.graph.models import acts, leaves
from edgraph.language.expressions import Either, Expr, Hold, Previous, Ref, children
from edgraph.plan.timetable import ALWAYS_GUARD, NEVER_GUARD, Flags, Guard, Timetable, absorb, both_guards


@dataclass(slots=True)
class Call:
    """One node of a plan. `guard` is what must hold for it to run, as far as that is known at its place."""

    node: Node
    guard: Guard
    records: bool = False  # under the recording of gradients
    leaf: bool = False  # a `gradient` op differentiates with respect to this value
    trains: frozenset[str] = frozenset()  # of a model's call: the optimizers whose gradients pass through it
    # Of a model's call in train mode, and of a source that training shares with observers: whether it may change
    # the buffers, or advance, and what must hold for that.
    moves: bool = False
    moves_when: Guard = ALWAYS_GUARD
    retain: bool = False  # of gradients: a later one goes through the same graph
    ports: frozenset[str] = frozenset()  # that somebody reads
    frees: tuple[str, ...] = ()  # nodes whose value is used here for the last time
    early: bool = False  # demanded under a condition that is known only later, so it runs all the same

    @property
    def binding(self) -> tuple[object, ...]:
        """Calls that agree in this do the same work."""
        if self.node.body is not None:
            return self.node.name, self.trains, self.moves, self.records
        return self.node.name, self.trains, self.moves, self.retain, self.ports


@dataclass(slots=True)
class Plan:
    """What a step of one firing pattern does."""

    mask: int
    calls: list[Call]
    effects: list[str]
    slots: list[tuple[Slot, Guard]] = field(default_factory=list)  # committed when the step ends
    epilogue: bool = False  # of a loop: what runs once, when it has ended


def plan_pattern(graph: Graph, timetable: Timetable, mask: int, *, epilogue: bool = False) -> Plan:
    """Plans a pattern: a slice of the static order, found backwards from what is due."""
    return Planner(graph, timetable, mask, epilogue).plan()


class Planner:
    """Plans a firing pattern: what is due, and what that needs."""

    def __init__(self, graph: Graph, timetable: Timetable, mask: int, epilogue: bool) -> None:
        self.graph = graph
        self.timetable = timetable
        self.mask = mask
        self.epilogue = epilogue
        self.place = timetable.place
        self.demand: dict[str, set[Flags]] = {}
        self.training: dict[str, set[Flags]] = {}  # the demand of the training slice alone, where that matters

    def plan(self) -> Plan:
        calls = self.calls()
        effects = [call.node.name for call in calls if call.node.visible and acts(call.node)]
        plan = Plan(self.mask, calls, effects, epilogue=self.epilogue)
        self._gradients(plan)
        self._ports(plan)
        slots: dict[str, list[Slot]] = {}
        for slot in self.graph.slots:
            slots.setdefault(slot.node, []).append(slot)
        plan.slots = [(slot, self._kept_when(slot, call)) for call in plan.calls
                      for slot in slots.get(call.node.name, ())
                      if not (call.node.spec.metric and self.graph.use is not None)]
        plan.slots += [(slot, ALWAYS_GUARD) for slot in self.graph.slots  # of what came in with a loop
                       if self.graph.nodes[slot.node].kind == "argument"]
        self._frees(plan)
        return plan

    def calls(self) -> list[Call]:
        """What runs, in order, and under which conditions; found backwards from what is due."""
        found: list[Call] = []
        for name in reversed(self.graph.order):
            node = self.graph.nodes[name]
            if not node.sink and name not in self.demand:
                continue
            if self._has_place(node) and (call := self._call(node)) is not None:
                found.append(call)
        found.reverse()
        return found

    def _kept_when(self, slot: Slot, call: Call) -> Guard:
        condition = value_condition(call.node, slot.field, self.graph)
        return call.guard if condition is None else both_guards(call.guard, frozenset({frozenset({condition})}))

    def _has_place(self, node: Node) -> bool:
        """What is computed of metrics runs when the loop has ended, and conditions are looked at where they are asked
        for; everything else in each iteration."""
        return node.metric == self.epilogue or (self.epilogue and node.kind == "condition" and not node.sink)

    def _call(self, node: Node) -> Call | None:
        if node.kind == "argument":  # it comes in with the loop
            return None
        wants = self.demand.get(node.name, set())
        own = self.guard(node)
        if node.sink:
            wants = wants | own
        if not wants or not own:
            return None
        full = both_guards(absorb(wants), own)
        self._pass_on(node, full, self.demand)
        call = Call(node, full)
        if full != ALWAYS_GUARD:
            known = self._known_part(full, node)
            call.guard, call.early = both_guards(known, own), known != full
        if self.timetable.shares and node.training:
            self._train(call, own)
        return call

    def _train(self, call: Call, own: Guard) -> None:
        """What the training slice demands, whoever else does."""
        node = call.node
        wants = self.training.get(node.name, set()) | (own if node.drives else NEVER_GUARD)
        full = both_guards(absorb(wants), own) if wants else NEVER_GUARD
        if full:
            self._pass_on(node, full, self.training)
        if node.shares and full:
            call.moves, call.moves_when = True, self._known_part(full, node)

    def _known_part(self, guard: Guard, node: Node) -> Guard:
        """What of a guard has been decided before a node's place."""
        place = self.place[node.name]
        return absorb(frozenset(flag for flag in flags if self.known(flag, place)) for flags in guard)

    def known(self, flag: str, place: int) -> bool:
        """Whether a condition has been decided before a place of the order."""
        return self.place[flag if flag in self.place else decider(flag)] < place

    def guard(self, node: Node) -> Guard:
        return self.timetable.guard(node.clock, self.mask)

    def _pass_on(self, node: Node, full: Guard, demand: dict[str, set[Flags]]) -> None:
        """Demands what a node needs: its inputs under its own conditions, and those conditions."""
        if node.name in self.timetable.choosing:
            for argument in node.inputs:
                self._demand(argument.value.root, full, demand)
        else:
            for read in node.reads:
                if read.kind is EdgeKind.DATA:
                    demand.setdefault(read.node, set()).update(full)
        if full == ALWAYS_GUARD:
            return
        for flag in {flag for alternative in full for flag in alternative}:
            if flag in self.place:
                demand.setdefault(flag, set()).update(
                    alternative - {flag} for alternative in full if flag in alternative)

    def _demand(self, expr: Expr, full: Guard, demand: dict[str, set[Flags]]) -> None:
        match expr:
            case Ref(path, _):
                if path in self.graph.targets:
                    demand.setdefault(self.graph.targets[path].node, set()).update(full)
            case Hold(_, initial, _) | Previous(_, initial, _):
                if initial is not None:
                    self._demand(initial, full, demand)
            case Either(arguments, _):
                for argument in arguments:
                    guard = self._available(argument)
                    if guard != NEVER_GUARD:
                        self._demand(argument, both_guards(full, guard), demand)
                    if guard == ALWAYS_GUARD:
                        break
            case _:
                for child in children(expr):
                    self._demand(child, full, demand)

    def _available(self, expr: Expr) -> Guard:
        """What must hold for an expression to be made."""
        return self.timetable.guard(available(expr, self.graph), self.mask)

    def _gradients(self, plan: Plan) -> None:
        calls = {call.node.name: call for call in plan.calls}
        active = [(call, self.graph.gradients[name]) for name, call in calls.items() if name in self.graph.gradients]
        later: set[str] = set()  # what the differentiations after this one go through
        for call, path in reversed(active):
            here = [calls[name] for name in path.records if name in calls]
            call.retain = any(other.node.name in later for other in here)
            later.update(other.node.name for other in here)
            for other in here:
                other.records = True
            if path.optimizer is None:
                for name in leaves(call.node):
                    if name in calls:
                        calls[name].leaf = True
                continue
            for name in path.through:
                if name in calls:
                    calls[name].trains |= {path.optimizer}
                    self._update_buffers(calls[name], call)

    def _update_buffers(self, forward: Call, gradients: Call) -> None:
        """A call in train mode changes buffers only where an update that is due needs it, as far as that is known."""
        if forward.node.shares:  # a loop: what training demands of it says more
            return
        when = self._known_part(gradients.guard, forward.node)
        forward.moves_when = absorb(forward.moves_when | when) if forward.moves else when
        forward.moves = True

    def _ports(self, plan: Plan) -> None:
        """Which ports of updates anybody reads: nothing else is computed."""
        asked: dict[str, set[str]] = {}
        for call in plan.calls:
            for read in call.node.reads:
                if read.field:
                    asked.setdefault(read.node, set()).add(str(read.field[0]))
            if call.node.op == "optimize" and call.node.name in self.timetable.verdicts:
                asked.setdefault(call.node.name, set()).add("applied")
        for slot in self.graph.slots:
            if slot.field:
                asked.setdefault(slot.node, set()).add(str(slot.field[0]))
        for call in plan.calls:
            if call.node.name in asked and call.node.body is None:
                call.ports = frozenset(asked[call.node.name])

    def _frees(self, plan: Plan) -> None:
        last: dict[str, Call] = {}
        kept = {slot.node for slot, _ in plan.slots}
        for call in plan.calls:
            for read in call.node.reads:
                if read.kind is not EdgeKind.PREVIOUS:
                    last[read.node] = call
        made = {call.node.name for call in plan.calls if call.node.kind != "condition"}
        for name, call in last.items():
            if name in made and name not in kept:
                call.frees = (*call.frees, name)
