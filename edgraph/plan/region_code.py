"""Regions as functions: arrays and numbers come in as arguments, what is needed outside is returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edgraph.graph.ir import Slot, Target
from edgraph.language.expressions import Choice, Const, Either, Expr, Hold, Index, Logic, Previous, Ref, Unary, walk
from edgraph.plan.call_code import CallWriter, Line, Shared, differentiates_inline
from edgraph.plan.code import Writer
from edgraph.plan.pattern import Plan
from edgraph.plan.regions import Region, marked, reaches
from edgraph.plan.timetable import ALWAYS_GUARD

GIVEN = ("step", "global_step", "key", "epoch")  # reserved: no node has such a name


class Given(NamedTuple):
    """An argument of a region: its name, what the host writes for it, and the value that it is a part of."""

    name: str
    text: str
    source: Target | None = None


@dataclass(slots=True)
class RegionCode:
    """A region as source. line: what the host writes to run it."""

    name: str
    region: Region
    given: list[Given]
    lines: list[Line]
    line: str
    needs: dict[str, tuple[str, ...]]  # from outside, besides its arguments


def write_region(shared: Shared, plan: Plan, region: Region, outputs: list[str], name: str,
                 host: Writer) -> RegionCode:
    """The function of a region. host: writes what stands outside, at the place of the region."""
    return _RegionWriter(shared, plan, region, host).write(outputs, name)


class _RegionWriter(CallWriter):
    def __init__(self, shared: Shared, plan: Plan, region: Region, host: Writer) -> None:
        self.inner = _Expressions(host)
        super().__init__(shared, plan, self.inner.names, self.inner)
        self.region = region

    def write(self, outputs: list[str], name: str) -> RegionCode:
        marks = marked(self.region)
        for call in self.region.calls:
            self._record(call.records or differentiates_inline(call.node))
            lines = self._lines(call)
            if self._recording and marks:
                self._mark(marks)
            self.lines += lines
            self.inner.made[call.node.name] = ALWAYS_GUARD
        self._record(False)
        variables = [self.names.variable(node) for node in outputs]
        self._line(f"return {', '.join(variables) or None}")
        given = self.inner.given
        body = [Line(f"def {name}({', '.join(one.name for one in given)}):"),
                *(Line(f"    {text}", node) for text, node in self.lines)]
        line = f"{name}({', '.join(one.text for one in given)})  # {', '.join(self.region.names)}"
        return RegionCode(name, self.region, given, body, f"{', '.join(variables)} = {line}" if variables else line,
                          self.names.outside)

    def _mark(self, marks: set[str]) -> None:
        """Values from outside that gradients are taken with respect to."""
        for name, _, source in self.inner.given:
            if source is not None and source.node in marks:
                self._line(f'{name} = {self.names.need("_leaf", "leaf")}({name})')
        marks.clear()

    def _extra(self, name: str) -> str:
        if name == "count":
            return self.inner.give("examples", f'{self.inner.host.names.need("_count", "count")}(step)')
        if name == "epoch":
            return self.inner.give("epoch", self.inner.host.builtin("epoch"))
        name = super()._extra(name)
        return self.inner.give(name, name)


class _Expressions(Writer):
    """Expressions within a region. What does not depend on its values is an argument."""

    def __init__(self, host: Writer) -> None:
        super().__init__(host.graph, host.timetable, host.mask, host.names.within(), host.slots, {}, host.recorded,
                         host.signs)
        self.host = host
        self.given: list[Given] = []
        self._known: dict[str, str] = {}  # text of an argument -> its name
        self._nested = False

    def give(self, base: str, text: str, source: Target | None = None) -> str:
        """The name of an argument for which the host writes this."""
        if text not in self._known:
            self._known[text] = base if base in GIVEN else self.names.local(base)
            self.given.append(Given(self._known[text], text, source))
        return self._known[text]

    def expression(self, expr: Expr) -> str:
        nested, self._nested = self._nested, True
        try:
            return self._written(expr, nested)
        finally:
            self._nested = nested

    def _written(self, expr: Expr, nested: bool) -> str:
        match expr:
            case Const():
                return super().expression(expr)
            case Ref(path, _):
                target = self.graph.targets[path]
                return super().expression(expr) if target.node in self.made else self._outside(target, nested)
            case Hold(Ref(path, _), _, _) if self.graph.targets[path].node in self.made:
                return self.fresh(self.graph.targets[path])
            case Index(value, index) if not reaches(index, self.made.keys(), self.graph):
                return f"{self.expression(value)}[{self.give('index', self.host.expression(index))}]"
            case Hold() | Previous() | Choice() | Logic() | Unary("not") | Either() if self._is_of_host(expr):
                return self._number("given", self.host.expression(expr), nested)
        if not any(isinstance(part, Ref) for part in walk(expr)):
            return self._number("number", self.host.expression(expr), True)
        return super().expression(expr)

    def _is_of_host(self, expr: Expr) -> bool:
        return not reaches(expr, self.made.keys(), self.graph)

    def _outside(self, target: Target, nested: bool) -> str:
        """A value from outside; a part that is computed of it is computed here."""
        source, path = self.graph.nodes[target.node], target.field
        port = source.spec.port(str(path[0])) if path and source.kind == "op" else None
        head = () if port is not None and port.derived else path
        base = "".join(c if c.isascii() and c.isalnum() else "_" for c in Slot(target.node, head).text())
        text = self._number(base, self.host.value(target.node, head), nested, Target(target.node, head))
        for position, part in enumerate(path[len(head):], len(head)):
            text = self._part(source, text, part, position)
        return text

    def _number(self, base: str, text: str, nested: bool, source: Target | None = None) -> str:
        """An argument. Within an expression whole numbers are given as any others, so that they go together with every
        array, and there is no compiling anew where `min(1, step / 100)` becomes 1."""
        return self.give(base, f'{self.host.names.need("_number", "number")}({text})' if nested else text, source)
