"""The reference interpreter: a slow, obvious execution of the language, straight from the clocked graph.

It shares the bound ops with the generated code, and nothing of the planner. It is the oracle of the tests, runs
`edgraph run --interpret`, and runs the ops of events between steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgraph.graph.availability import available, verdict
from edgraph.graph.clocks import Atom, Clock
from edgraph.graph.ir import EdgeKind, Node, Target
from edgraph.graph.models import leaves
from edgraph.graph.refs import uses
from edgraph.graph.surface import atom_node
from edgraph.language.expressions import Either, Expr, Hold, Previous, Ref, children
from edgraph.plan.pattern import Call
from edgraph.plan.timetable import ALWAYS_GUARD
from edgraph.run.evaluate import Evaluator

if TYPE_CHECKING:
    from edgraph.run.graphrun import GraphRun


class OpError(Exception):
    """Wraps what an op raised, with the node."""

    def __init__(self, node: str, error: BaseException) -> None:
        super().__init__(str(error))
        self.node = node
        self.error = error


class Interpreter(Evaluator):
    """Runs one step, or one event, node by node in the static order."""

    def __init__(self, run: GraphRun) -> None:
        super().__init__(run)
        self.ticks: frozenset[Atom] = frozenset()  # of what is known before the step
        self.event: str | None = None
        self.number = 0  # the step by which clocks go
        self.epilogue = False
        self.fired: list[str] = []  # what ran, in order
        self.decided: set[str] = set()  # whether it runs is known by now
        self.readers = self._readers()
        self._memo: dict[str, bool] = {}

    def run_step(self, step: int, *, key: int | None = None, global_step: int | None = None,
                 number: int | None = None, epilogue: bool = False) -> None:
        """One step: everything that is due, and what it needs. number: what clocks count, if not the step."""
        self.step, self.event, self.epilogue, self.late = step, None, epilogue, False
        self.number = step if number is None else number
        self._run(step if key is None else key, step if global_step is None else global_step)

    def run_event(self, event: str, step: int) -> None:
        """The ops of an event between steps; `step` is the last completed one."""
        self.step, self.event, self.epilogue, self.late = step, event, False, False
        self._run(step, step)

    # -- what runs -------------------------------------------------------------------------------------

    def _run(self, key: int, global_step: int) -> None:
        self.made, self.flags, self.fired, self.global_step = {}, {}, [], global_step
        self.decided.clear()
        if self.backend.tape is not None and not self.run.passes_gradients:
            self.backend.tape.fresh()
        for name in self.graph.order:
            node = self.graph.nodes[name]
            self._memo.clear()  # what is known changes from place to place
            if node.kind == "argument":
                self.run.arguments[name] = self._as_leaf(node, self.run.arguments[name])
                continue
            if self._has_place(node) and self._holds(node.clock, node) and self._wanted(node):
                self.fired.append(name)
                try:
                    self._node(node, {"step": self.step, "key": key, "global_step": global_step})
                except OpError as error:  # of a loop
                    raise OpError(name, error.error) from error
                except Exception as error:
                    raise OpError(name, error) from error
            elif (decides := name if node.kind == "condition" else verdict(node, self.graph)) is not None:
                self.flags[decides] = False
            self.decided.add(name)
        for slot, index in self.slots.items():
            target = Target(*slot)
            if self._is_made(target.node) and self.is_fresh(target):
                keep = self.run.keep_output if slot in self.graph.output_slots else self.backend.detach
                self.run.held[index] = keep(self.part(target))
        self.backend.record(False)

    def _is_made(self, node: str) -> bool:
        return node in self.made or self.graph.nodes[node].kind == "argument"

    def is_fresh(self, target: Target) -> bool:
        node = self.graph.nodes[target.node]
        if node.spec.metric and self.graph.use is not None:
            return self.epilogue
        return super().is_fresh(target)

    def _has_place(self, node: Node) -> bool:
        """What is computed of metrics runs when the loop has ended; conditions wherever they are asked for."""
        return node.metric == self.epilogue or (self.epilogue and node.kind == "condition" and not node.sink)

    def _holds(self, clock: Clock, node: Node | None = None) -> bool:
        """Whether a clock allows this step; a condition that is not decided yet may still hold."""
        if self.event is not None:
            assert node is not None
            return self._at_event(node)
        return any(all(factor.due(self.number) for factor in term.factors)
                   and all(self._atom(atom) is not False for atom in term.atoms) for term in clock.terms)

    def _at_event(self, node: Node) -> bool:
        during = [name.text for name in node.entry.during] if node.entry is not None else []
        return ((node.events is None or self.event in node.events)
                and (not during or self.run.context.stage() in during)
                and all(self.flags.get(name) is not False for name in node.conditions)
                and all(self._made_at_event(argument.value.root) for argument in node.inputs))

    def _made_at_event(self, expr: Expr, surely: bool = False) -> bool:
        """Whether an expression can be made at this event, as far as is known; `surely`: whatever comes."""
        match expr:
            case Ref(path, _):
                node = self.graph.nodes[self.graph.targets[path].node]
                if node.name in self.decided:
                    return node.name in self.made
                return self._at_event(node) and not (surely and node.conditions) and all(
                    self._made_at_event(argument.value.root, surely) for argument in node.inputs)
            case Hold(_, initial, _) | Previous(_, initial, _):
                return initial is None or self._made_at_event(initial, surely)
            case Either(arguments, _):
                return any(self._made_at_event(argument, surely) for argument in arguments)
        return all(self._made_at_event(child, surely) for child in children(expr))

    def _atom(self, atom: Atom) -> bool | None:
        name = atom_node(atom)
        return atom in self.ticks if name is None else self.flags.get(name)

    def _wanted(self, node: Node) -> bool:
        """Whether something that is due, as far as is known here, needs this node."""
        if node.name not in self._memo:
            self._memo[node.name] = self._is_wanted(node)
        return self._memo[node.name]

    def _is_wanted(self, node: Node) -> bool:
        fires = self.event is None or (node.events is not None and self.event in node.events)
        if node.sink and self._has_place(node) and fires:
            return True
        for name, expr in self.readers.get(node.name, ()):
            reader = self.graph.nodes[name]
            if (self._has_place(reader) and self._holds(reader.clock, reader)
                    and (expr is None or self._asks(expr, node.name)) and self._wanted(reader)):
                return True
        return False

    def _asks(self, expr: Expr, node: str) -> bool:
        """Whether an expression needs a node at this step: of an `either`, what comes after the first argument
        that is certainly available is not asked for."""
        match expr:
            case Ref(path, _):
                return path in self.graph.targets and self.graph.targets[path].node == node
            case Hold(_, initial, _) | Previous(_, initial, _):
                return initial is not None and self._asks(initial, node)
            case Either(arguments, _):
                for argument in arguments:
                    if self._possible(argument) and self._asks(argument, node):
                        return True
                    if self._certain(argument):
                        return False
                return False
        return any(self._asks(child, node) for child in children(expr))

    def _possible(self, expr: Expr) -> bool:
        """Whether an expression may be available, as far as is known here."""
        if self.event is not None:
            return self._made_at_event(expr)
        return self._holds(available(expr, self.graph))

    def _certain(self, expr: Expr) -> bool:
        """Whether an expression is available whatever the conditions of this step say."""
        if self.event is not None:
            return self._made_at_event(expr, surely=True)
        return any(all(factor.due(self.number) for factor in term.factors)
                   and all(atom_node(atom) is None and atom in self.ticks for atom in term.atoms)
                   for term in available(expr, self.graph).terms)

    def available(self, expr: Expr) -> bool:
        if self.event is not None:
            return self._made_at_event(expr)
        return any(all(factor.due(self.number) for factor in term.factors)
                   and all(self._atom(atom) for atom in term.atoms) for term in available(expr, self.graph).terms)

    def _readers(self) -> dict[str, list[tuple[str, Expr | None]]]:
        """Who demands a node: its consumers (with the expression), and whom it is a condition of."""
        found: dict[str, list[tuple[str, Expr | None]]] = {}
        for node in self.graph.nodes.values():
            for argument in node.inputs:
                for use in uses(argument.value.root):
                    if use.kind is EdgeKind.DATA and use.ref.path in self.graph.targets:
                        target = self.graph.targets[use.ref.path].node
                        found.setdefault(target, []).append((node.name, argument.value.root))
            flags = {name for atom in node.clock.atoms if (name := atom_node(atom)) is not None}
            for name in flags | set(node.conditions):
                if name in self.graph.nodes:
                    found.setdefault(name, []).append((node.name, None))
        return found

    # -- how it runs -----------------------------------------------------------------------------------

    def _node(self, node: Node, moment: dict[str, int]) -> None:
        call = self._call(node)
        self.backend.record(node.kind == "gradients" or node.op == "gradient" or node.spec.differentiates
                            or call.records)
        values = [self.value(argument.value.root) for argument in node.inputs]
        if node.kind == "condition":
            if node.counts is not None:
                self.flags[node.name] = self.run.count(node.name)
            elif node.settings.get("value") is not None:
                self.made[node.name] = values[0]
            else:
                self.flags[node.name] = bool(values[0])
            return
        if node.op == "expr":
            self.made[node.name] = self._as_leaf(node, values[0])
            return
        bound = self.run.binder.bound(call)
        moment["count"] = self.run.batch_count(self.step) if "count" in bound.passes else 1
        moment["epoch"] = self._builtin("epoch")
        extra = [moment[name] for name in bound.passes]
        positional, named = self._arguments(node, values)
        made = self._as_leaf(node, bound.call(*extra, *positional, **named))
        if not (node.spec.metric and self.graph.use is not None):
            self.made[node.name] = made
        if (decides := verdict(node, self.graph)) is not None:
            self.flags[decides] = bool(made["applied"]) if node.op == "optimize" else made is not None

    def _call(self, node: Node) -> Call:
        """What a node's work is bound by at this step."""
        call = Call(node, ALWAYS_GUARD, records=self._records(node), trains=self._trains(node),
                    moves=self._moves(node), retain=True, ports=self._ports(node))
        self.run.prepare(call)
        return call

    def _builtin(self, name: str) -> Any:
        length = self.graph.facts.epoch_length
        if name == "epoch" and length and self.event in ("start", "resume", "epoch_start"):
            return self.step // length + 1  # that of the step that follows
        return super()._builtin(name)

    def _as_leaf(self, node: Node, value: Any) -> Any:
        """A value that a `gradient` op differentiates with respect to."""
        of = any(node.name in leaves(self.graph.nodes[name]) for name in self.graph.gradients)
        return self.backend.leaf(value) if of else value

    def _arguments(self, node: Node, values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        from edgraph.plan.call_code import by_name
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for argument, value, keyword in zip(node.inputs, values, by_name(node), strict=True):
            if keyword:
                named[argument.port] = value
            else:
                positional.append(value)
        return positional, named

    def _records(self, node: Node) -> bool:
        return any(node.name in path.records for path in self.graph.gradients.values())

    def _trains(self, node: Node) -> frozenset[str]:
        return frozenset(path.optimizer for path in self.graph.gradients.values()
                         if path.optimizer is not None and node.name in path.through)

    def _moves(self, node: Node) -> bool:
        """A source of training advances only where training wants it; a train-mode call changes buffers only where
        an update that is due needs it."""
        if node.shares:
            return self._trained(node)
        return any(node.name in path.through and path.optimizer is not None
                   and self._holds(self.graph.nodes[name].clock, self.graph.nodes[name])
                   and self._wanted(self.graph.nodes[name])
                   for name, path in self.graph.gradients.items())

    def _trained(self, node: Node) -> bool:
        """Whether the training slice needs this node at this step, as far as is known here, whoever else does."""
        if node.drives and self.event is None:
            return True
        return any(reader.training and self._holds(reader.clock, reader)
                   and (expr is None or self._asks(expr, node.name)) and self._trained(reader)
                   for name, expr in self.readers.get(node.name, ()) for reader in (self.graph.nodes[name],))

    def _ports(self, node: Node) -> frozenset[str]:
        if node.op != "optimize":
            return frozenset()
        return frozenset(port.name for port in node.spec.ports)
