"""Expressions and references as Python source."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgraph.graph.availability import available, value_condition
from edgraph.graph.ir import KEYED, Graph, Node, Slot, Target
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
    walk,
)
from edgraph.plan.timetable import ALWAYS_GUARD, NEVER_GUARD, Guard, Timetable, both_guards

SIGNS = {"+": "_add", "-": "_subtract", "*": "_multiply", "/": "_divide", "//": "_floor_divide", "%": "_modulo",
         "**": "_power", "<": "_less", "<=": "_at_most", ">": "_greater", ">=": "_at_least", "==": "_equal",
         "!=": "_differs"}


class Names:
    """Python names of nodes, and what the source needs from outside: name in the source -> what it is."""

    def __init__(self) -> None:
        self.outside: dict[str, tuple[str, ...]] = {}
        self._variables: dict[str, str] = {}
        self._used: set[str] = set()
        self._locals: set[str] = set()

    def reserve(self, names: Iterable[str]) -> None:
        """Names that no node's value may have."""
        self._used.update(names)

    def variable(self, node: str) -> str:
        """The local variable of a node's value."""
        found = self._variables.get(node)
        if found is None:
            base = "".join(c if c.isascii() and c.isalnum() else "_" for c in node)
            if not base.isidentifier() or base.startswith(("_", "do_")):  # those are names from outside
                base = f"n_{base}"
            found = self._variables[node] = self._free(base)
            self._used.add(found)
        return found

    def variables(self) -> dict[str, str]:
        """Node -> local variable, of all that were asked for."""
        return dict(self._variables)

    def local(self, base: str) -> str:
        """A name of this function alone, which is no node's."""
        found = self._free(base)
        self._locals.add(found)
        return found

    def within(self) -> Names:
        """Names for a function within the same source: the same variables, and needs of its own."""
        made = Names()
        made._variables, made._used = self._variables, self._used
        return made

    def _free(self, base: str) -> str:
        found, number = base, 2
        while found in self._used or found in self._locals:
            found, number = f"{base}_{number}", number + 1
        return found

    def need(self, name: str, *what: str) -> str:
        """A name that the source takes from outside."""
        self.outside[name] = what
        return name


class Writer:
    """Writes the expressions of one plan. `made` says under which guard a node runs in it, before this place."""

    def __init__(self, graph: Graph, timetable: Timetable, mask: int, names: Names, slots: dict[Slot, int],
                 made: dict[str, Guard], recorded: frozenset[str] = frozenset(), signs: bool = False) -> None:
        self.graph = graph
        self.timetable = timetable
        self.mask = mask
        self.names = names
        self.slots = slots
        self.made = made
        self.recorded = recorded  # nodes that are made under the recording of gradients
        self.signs = signs  # those between values are the backend's functions
        self.remembered: set[int] = set()  # the slots that are read

    def expression(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return self._constant(value)
            case Ref(path, _):
                target = self.graph.targets[path]
                return self.value(target.node, target.field)
            case Builtin(name, _):
                return self.builtin(name)
            case Param(name, _):
                return f'{self.names.need("_params", "params")}[{name!r}]'
            case Unary(operator, operand):
                return f"({'not ' if operator == 'not' else operator}{self.expression(operand)})"
            case Binary(operator, left, right):
                if self.signs and any(isinstance(part, Ref) for part in walk(expr)):
                    sign = self.names.need(SIGNS[operator], "operator", operator)
                    return f"{sign}({self.expression(left)}, {self.expression(right)})"
                return f"({self.expression(left)} {operator} {self.expression(right)})"
            case Logic(operator, operands):
                return "(" + f" {operator} ".join(map(self.expression, operands)) + ")"
            case Choice(test, then, otherwise):
                return f"({self.expression(then)} if {self.expression(test)} else {self.expression(otherwise)})"
            case Index(value, index):
                return f"{self.expression(value)}[{self.expression(index)}]"
            case Call(function, arguments):
                name = self.names.need(f"_{function}", "function", function)
                return f"{name}({', '.join(map(self.expression, arguments))})"
            case Detach(value):
                return f'{self.names.need("_detach", "detach")}({self.expression(value)})'
            case Hold(value, initial, _):
                return self._memory(value, initial, fresh=True)
            case Previous(value, initial, _):
                return self._memory(value, initial, fresh=False)
            case Either(arguments, _):
                return self._either(arguments)

    def value(self, node: str, path: tuple[str | int, ...]) -> str:
        """A node's value, or a part of it."""
        source = self.graph.nodes[node]
        if source.kind == "argument":
            text = f'{self.names.need("_arguments", "arguments")}[{node!r}]'
        elif source.spec.metric and self.graph.use is not None:
            text = f'{self.names.need("_metrics", "metrics")}[{node!r}]'
        else:
            text = self.names.variable(node)
        for position, part in enumerate(path):
            text = self._part(source, text, part, position)
        return text

    def fresh(self, target: Target) -> str:
        """A value of this step, as `hold` gives it: without gradient."""
        made = self.value(target.node, target.field)
        if target.node in self.recorded or self.graph.nodes[target.node].kind == "argument":
            made = f'{self.names.need("_detach", "detach")}({made})'
        return made

    def _part(self, source: Node, text: str, part: str | int, position: int) -> str:
        if isinstance(part, int):
            return f"{text}[{part}]"
        if position == 0 and source.kind == "op":
            port = source.spec.port(part)
            if port is not None and port.derived:
                return f'{self.names.need(f"_port_{source.op}_{part}", "port", source.op, part)}({text})'
            if source.op in KEYED:
                return f"{text}[{part!r}]"
        return f'{self.names.need("_field", "field")}({text}, {part!r})'

    def _constant(self, value: object) -> str:
        if isinstance(value, float) and not math.isfinite(value):
            name = self.names.need("_nan" if math.isnan(value) else "_inf", "constant",
                                   "nan" if math.isnan(value) else "inf")
            return f"(-{name})" if value < 0 else name
        text = repr(value)
        return f"({text})" if text.startswith("-") else text  # else -2 ** x would be -(2 ** x)

    def builtin(self, name: str) -> str:
        """`step`, `epoch`, `stage`."""
        if name == "step":
            return "step"
        if name == "epoch" and not self.graph.pipeline.run.evaluates:
            length = self.graph.facts.epoch_length  # of the run, also in a loop
            return f"(({'step' if self.graph.use is None else 'global_step'} - 1) // {length} + 1)" if length else "1"
        return f'{self.names.need(f"_{name}", "builtin", name)}()'

    def _memory(self, value: Expr, initial: Expr | None, *, fresh: bool) -> str:
        assert isinstance(value, Ref)
        target = self.graph.targets[value.path]
        slot = Slot(target.node, target.field)
        index = self.slots[slot]
        kept = f'{self.names.need("_held", "held")}[{index}]'
        held = kept if initial is None else f"_h{index}"
        if slot in self.graph.output_slots:  # outputs of loops are kept with their gradient
            held = f'{self.names.need("_detach", "detach")}({held})'
        if initial is not None:
            start = self.expression(initial)
            held = f'({held} if (_h{index} := {kept}) is not {self.names.need("_unset", "unset")} else {start})'
        guard = self.made.get(target.node, NEVER_GUARD) if fresh else NEVER_GUARD
        condition = value_condition(self.graph.nodes[target.node], target.field, self.graph)
        if condition is not None:
            guard = both_guards(guard, frozenset({frozenset({condition})}))
        if guard != ALWAYS_GUARD:
            self.remembered.add(index)
        if guard == NEVER_GUARD:
            return held
        made = self.fresh(target)
        return made if guard == ALWAYS_GUARD else f"({made} if {self.test(guard)} else {held})"

    def _either(self, arguments: tuple[Expr, ...]) -> str:
        parts: list[tuple[str, Guard]] = []
        for argument in arguments:
            guard = self.timetable.guard(available(argument, self.graph), self.mask)
            if guard != NEVER_GUARD:
                parts.append((self.expression(argument), guard))
            if guard == ALWAYS_GUARD:
                break
        text = parts[-1][0]  # whoever reads this knows that one of them is available
        for value, guard in reversed(parts[:-1]):
            text = f"({value} if {self.test(guard)} else {text})"
        return text

    def test(self, guard: Guard) -> str:
        """A guard as a condition."""
        alternatives = [" and ".join(self.names.variable(flag) for flag in sorted(flags))
                        for flags in sorted(guard, key=sorted)]
        return alternatives[0] if len(alternatives) == 1 else " or ".join(f"({part})" for part in alternatives)
