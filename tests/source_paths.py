"""Goes through generated source on every path that its conditions allow, and looks at each reading of a variable.

The source runs with stand-ins for everything from outside. What decides a path (the truth of a value) is chosen anew
each time, until all choices have been made. A variable may be read only where it was made in the same step.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from edgraph.graph.clocks import Atom
from edgraph.graph.ir import Graph
from edgraph.plan.codegen import StepSource, generate
from edgraph.plan.pattern import Plan, plan_pattern
from edgraph.plan.regions import Traces
from edgraph.plan.timetable import Timetable

PATHS = 64  # of one function; further ones are drawn
PATTERNS = 24  # of a graph


class Paths:
    """Choices between true and false, in every combination: `go` runs what asks for them, again and again."""

    def __init__(self) -> None:
        self.given: list[bool] = []
        self.asked: list[bool] = []
        self.now = 0  # the step in progress: what was made at another one is old

    def choose(self) -> bool:
        place = len(self.asked)
        self.asked.append(self.given[place] if place < len(self.given) else False)
        return self.asked[-1]

    def go(self, work: Callable[[], None]) -> None:
        for _ in range(PATHS):
            self.asked = []
            work()
            while self.asked and self.asked[-1]:
                self.asked.pop()
            if not self.asked:
                return
            self.given = [*self.asked[:-1], True]
        drawn = random.Random(0)
        for _ in range(PATHS):
            self.asked, self.given = [], [drawn.random() < 0.5 for _ in range(256)]
            work()


class Made:
    """A value of some step. Its truth is a choice, made once."""

    def __init__(self, paths: Paths, step: int | None, truth: bool | None = None) -> None:
        self.paths, self.step, self.truth = paths, step, truth

    def __bool__(self) -> bool:
        if self.truth is None:
            self.truth = self.paths.choose()
        return self.truth

    def _new(self, *_: Any) -> Made:
        return Made(self.paths, None)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = _new
    __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __pos__ = __getitem__ = _new
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _new  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def __index__(self) -> int:
        return 0


class Memory(dict[Any, Any]):
    """What is held, the arguments of a loop, metrics: values of any step, some not yet there."""

    def __init__(self, paths: Paths, unset: object = None) -> None:
        super().__init__()
        self.paths, self.unset = paths, unset

    def __missing__(self, key: Any) -> Any:
        absent = self.unset is not None and self.paths.choose()
        return self.setdefault(key, self.unset if absent else Made(self.paths, None))


class Watched(ast.NodeTransformer):
    """Source in which every reading and making of a variable is a call."""

    def __init__(self, variables: set[str]) -> None:
        self.variables = variables

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.variables or not isinstance(node.ctx, ast.Load):
            return node
        return ast.Call(ast.Name("_read_", ast.Load()), [ast.Constant(node.id), node], [])

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        if isinstance(node.targets[0], (ast.Name, ast.Tuple)) and not (
                isinstance(node.value, ast.Constant) and node.value.value is None):
            node.value = ast.Call(ast.Name("_made_", ast.Load()), [node.value], [])
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Whether a loop has made something is a choice like others."""
        self.generic_visit(node)
        if isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None:
            return node.left
        return node


def watched(text: str) -> ast.Module:
    tree = ast.parse(text)
    for function in tree.body:
        assert isinstance(function, ast.FunctionDef)
        names = {name.id for name in ast.walk(function) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        walrus = {name.target.id for name in ast.walk(function) if isinstance(name, ast.NamedExpr)}
        Watched(names - walrus - {"step", "which", "count"}).visit(function)
    return ast.fix_missing_locations(tree)


def run_paths(source: StepSource, patterns: int, loop: bool) -> None:
    """Runs a function on its paths, twice each pattern. Raises AssertionError, or NameError, with the source."""
    paths = Paths()
    code = compile(watched(source.text), source.name, "exec")

    def read(name: str, value: Any) -> Any:
        assert value is not None, f"'{name}' is read, and has been freed"
        if isinstance(value, Made):
            assert value.step in (None, paths.now), f"'{name}' is read, and is of another step"
        return value

    def made(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(made, value))
        if isinstance(value, Made):
            return Made(paths, paths.now, value.truth)
        return Made(paths, paths.now, value if isinstance(value, bool) else None)

    def steps(number: int) -> Iterator[int]:
        for _ in range(number):
            paths.now += 1
            yield paths.now

    def work() -> None:
        paths.now = 0
        names = {name: outside(what, paths) for name, what in source.outside.items()}
        names |= {"_read_": read, "_made_": made}
        exec(code, names)
        runs = [[(which, 1) for which in (*range(patterns), *reversed(range(patterns)))]] if patterns > 1 else []
        names[source.name](steps(2 * patterns), *runs, *([7, 7] if loop else []))
    try:
        paths.go(work)
    except (AssertionError, NameError) as error:
        raise AssertionError(f"{error}\n{source.text}") from error


def outside(what: tuple[str, ...], paths: Paths) -> Any:
    """A stand-in for something that the source takes from outside."""
    match what[0]:
        case "held":
            return Memory(paths, unset=UNSET)
        case "unset":
            return UNSET
        case "arguments" | "metrics" | "params" | "values":
            return Memory(paths)
        case "halt":
            return []
        case "stage_ends":
            return lambda step: False
        case "islice":
            return islice
        case "compiled":
            return lambda region: region
        case "together":
            return several
    return lambda *arguments, **named: Made(paths, None)


UNSET = object()


def several(region: Any, *, rows: dict[str, str], each: tuple[str, ...]) -> Any:
    """Many steps in one call: their arguments are made, and the steps left to the loop."""
    names = region.__code__.co_varnames[:region.__code__.co_argcount]
    assert {*rows, *each} <= set(names)

    def decorate(given: Any) -> Any:
        def go(steps: Iterable[int]) -> Iterator[int]:
            for step in steps:
                assert len(given(step)) == len(names) - len(rows)
                yield step
        return go
    return decorate


def patterns(graph: Graph, table: Timetable, first: int = 1, last: int = 120) -> list[int]:
    """The firing patterns of some steps, with what only the run will know and without."""
    last = min(last, graph.facts.last_step or last)
    moments: list[frozenset[Atom]] = [frozenset(), *(frozenset({tick}) for tick in sorted(table.ticks, key=str)),
                                      frozenset(table.ticks)]
    found = [stretch.mask for ticks in moments for stretch in table.stretches(first, last, ticks)]
    return list(dict.fromkeys(found))[:PATTERNS]


def check_source(graph: Graph, traces: Traces) -> int:
    """Every function of a graph and of the loops in it, with regions and without; how many there were."""
    number = 0
    for part in graph.graphs():
        table = Timetable(part)
        plans = [plan_pattern(part, table, mask) for mask in patterns(part, table)]
        wanted: list[tuple[Plan | list[Plan], bool]] = [(plan, False) for plan in plans]
        wanted += [(plans[start:start + 3], False) for start in range(0, len(plans) - 1, 3) if len(plans[start:start + 3]) > 1]
        if part.use is not None:
            wanted += [(plan_pattern(part, table, table.mask(1), epilogue=True), False)]
        else:
            wanted += [(plans[0], True)]
        for chosen, keep in wanted:
            for regions in (None, traces):
                source = generate(part, table, chosen, "f", traces=regions, tape=regions is not None, keep=keep)
                run_paths(source, len(chosen) if isinstance(chosen, list) else 1, part.use is not None)
                number += 1
    return number
