"""The meaning of expressions, evaluated as they stand: for the interpreter, and between steps."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgraph.graph.availability import value_condition
from edgraph.graph.ir import Slot, Target
from edgraph.language.expressions import (
    Binary,
    Builtin,
    Call,
    Choice,
    Const,
    Detach,
    Either,
    Expr,
    Hold,
    Index,
    Logic,
    Param,
    Previous,
    Ref,
    Unary,
    children,
)
from edgraph.run.values import UNSET, field

if TYPE_CHECKING:
    from edgraph.run.graphrun import GraphRun

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}


class Evaluator:
    """Evaluates expressions of one graph. `made` holds the values of this step, by node."""

    def __init__(self, run: GraphRun) -> None:
        self.run = run
        self.graph = run.graph
        self.backend = run.context.backend
        self.compiler = self.backend.compiler
        self.slots = {slot: index for index, slot in enumerate(run.graph.slots)}
        self.made: dict[str, Any] = {}
        self.step = 0
        self.global_step = 0
        self.flags: dict[str, bool] = {}  # what is decided in this step
        self.late = False  # a bare reference means the latest value

    def between(self, expr: Expr, step: int) -> Any:
        """A condition that is looked at before a step."""
        self.made, self.flags, self.step, self.late = {}, {}, step, False
        return self.value(expr)

    def latest(self, expr: Expr, step: int) -> Any:
        """An output of a loop, when the loop has ended."""
        self.made, self.flags, self.step, self.late = {}, {}, step, True
        return self.value(expr)

    def value(self, expr: Expr) -> Any:
        match expr:
            case Const(value):
                return value
            case Ref(path, _):
                return self.part(self.graph.targets[path])
            case Builtin(name, _):
                return self._builtin(name)
            case Param(name, _):
                return self.run.context.params[name]
            case Unary(sign, operand):
                value = self.value(operand)
                return (not value) if sign == "not" else -value if sign == "-" else +value
            case Binary(sign, left, right):
                apply = self.compiler.operator(sign) if self.compiler else OPERATORS[sign]
                return apply(self.value(left), self.value(right))
            case Logic(sign, operands):
                return self._logic(sign, operands)
            case Choice(test, then, otherwise):
                return self.value(then if self.value(test) else otherwise)
            case Index(value, index):
                return self.value(value)[self.value(index)]
            case Call(function, arguments):
                return self.backend.function(function)(*map(self.value, arguments))
            case Detach(value):
                return self.backend.detach(self.value(value))
            case Hold(value, initial, _):
                return self._memory(value, initial, fresh=True)
            case Previous(value, initial, _):
                return self._memory(value, initial, fresh=False)
            case Either(arguments, _):
                return self.value(next(a for a in arguments if self.available(a)))

    def part(self, target: Target) -> Any:
        """A node's value of this step, or a part of it."""
        node = self.graph.nodes[target.node]
        if node.kind == "argument":
            value = self.run.arguments[target.node]
        elif node.spec.metric and self.graph.use is not None:
            value = self.run.metrics[target.node]
        elif self.late:
            return self.run.held[self.slots[Slot(*target)]]
        else:
            value = self.made[target.node]
        for position, part in enumerate(target.field):
            port = node.spec.port(part) if isinstance(part, str) and position == 0 and node.kind == "op" else None
            if isinstance(part, int):
                value = value[part]
            elif port is not None and port.derived:
                value = self.backend.port(node.op, part)(value)
            else:
                value = field(value, part)
        return value

    def available(self, expr: Expr) -> bool:
        """Whether an argument of `either` has a value: of this step, or in an output the latest. The interpreter
        goes by clocks instead."""
        match expr:
            case Ref(path, _):
                target = self.graph.targets[path]
                node = self.graph.nodes[target.node]
                if node.kind == "argument" or (node.spec.metric and self.graph.use is not None):
                    return True
                return self.late and self.run.held[self.slots[Slot(*target)]] is not UNSET
            case Hold(value, initial, _) | Previous(value, initial, _):
                return self.available(value if initial is None else initial)
            case Either(arguments, _):
                return any(map(self.available, arguments))
        return all(map(self.available, children(expr)))

    def _memory(self, value: Expr, initial: Expr | None, *, fresh: bool) -> Any:
        assert isinstance(value, Ref)
        target = self.graph.targets[value.path]
        if fresh and self.is_fresh(target):
            return self.backend.detach(self.part(target))
        slot = Slot(*target)
        held = self.run.held[self.slots[slot]]
        if held is UNSET and initial is not None:
            return self.value(initial)
        return self.backend.detach(held) if slot in self.graph.output_slots else held  # those have their gradient

    def is_fresh(self, target: Target) -> bool:
        """Whether a value was made at this step; a metric of a loop is when the loop has ended."""
        node = self.graph.nodes[target.node]
        if node.kind == "argument":
            return True
        if node.spec.metric and self.graph.use is not None:
            return self.late
        condition = value_condition(node, target.field, self.graph)
        return target.node in self.made and (condition is None or self.flags.get(condition) is True)

    def _builtin(self, name: str) -> Any:
        if name == "step":
            return self.step
        if name == "epoch" and self.graph.pipeline.run.evaluates:
            return self.run.context.epoch()
        if name == "epoch":
            length = self.graph.facts.epoch_length  # of the run, also in a loop
            step = self.step if self.graph.use is None else self.global_step
            return (step - 1) // length + 1 if length else 1
        return self.run.context.stage()

    def _logic(self, sign: str, operands: tuple[Expr, ...]) -> Any:
        """As in Python: what decides is the value, and nothing after it is computed."""
        result = None
        for operand in operands:
            result = self.value(operand)
            if bool(result) == (sign == "or"):
                break
        return result
