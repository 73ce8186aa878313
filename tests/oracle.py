"""What a random pipeline of ops, expressions, clocks, conditions and stages means, straight from the language's
rules: no clock algebra, no plan, no order of our own but the one that the values demand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from random_pipelines import Drawn, Tree
from toy import FUNCTIONS, text

from edgraph.ops.random import mix, node_base

LENGTH = 4  # steps in an epoch
MISSING = object()


class Oracle:
    """Steps through a pipeline. `fired` holds, for each step, what must run, and `given` what effects are given."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.pipeline = drawn.pipeline
        self.ops = {name: {"op": "expr"} if isinstance(entry, str) else entry for name,
                    entry in drawn.pipeline["ops"].items()}
        self.last = self.pipeline["run"]["num_steps"]
        self.seed = self.pipeline["run"]["seed"]
        self.held: dict[str, Any] = {}  # by the repr of the tree that is held
        self.memories = {repr(value): value for value in self._memories()}
        self.tallies: dict[str, tuple[int, float]] = {}
        self.counts: dict[str, int] = {}
        self.stages = list(self.pipeline.get("stages", {}))
        self.stage, self.began = 0, 1
        self.values: dict[str, Any] = {}
        self.here: dict[str, bool] = {}
        self.next_tallies: dict[str, tuple[int, float]] = {}

    def _memories(self) -> list[Tree]:
        found: list[Tree] = []

        def walk(tree: Tree) -> None:
            if tree[0] in ("hold", "previous"):
                found.append(tree[1])
            for part in tree[1:]:
                if isinstance(part, tuple):
                    walk(part)
        for trees in (*self.drawn.inputs.values(), *self.drawn.conditions.values(), self.drawn.ends.values()):
            for tree in trees:
                walk(tree)
        return found

    def run(self) -> tuple[list[set[str]], list[list[tuple[str, tuple[str, ...]]]]]:
        """What must run at each step; and every firing of an effect or an op with state, with what it is given."""
        fired, given = [], []
        for step in range(1, self.last + 1):
            self._enter(step)
            self.step, self.values, self.here = step, {}, {}
            self.next_tallies = dict(self.tallies)
            due = [name for name in self.ops if self._is_sink(name) and self.is_available(name)]
            demanded: set[str] = set()
            for name in due:
                self._demand(name, demanded)
            for tree in self.memories.values():
                if self.can(tree):
                    self._demand_tree(tree, demanded)
            fired.append(demanded)
            given.append([(name, tuple(text(self.value(tree)) for tree in self.drawn.inputs.get(name, ())))
                          for name in due if self.ops[name]["op"] in ("note", "report", "tally")])
            ended = any(self.ops[name]["op"] == "stop" for name in due)
            for name in due:
                self.counts[name] = self.counts.get(name, 0) + 1
            new = {key: self.value(tree) for key, tree in self.memories.items() if self.can(tree)}
            self.held.update(new)
            self.tallies = self.next_tallies
            if ended:
                break
        return fired, given

    # -- clocks ----------------------------------------------------------------------------------------

    def _enter(self, step: int) -> None:
        while self.stage + 1 < len(self.stages) and self._ends(self.pipeline["stages"][self.stages[self.stage]], step):
            self.stage, self.began = self.stage + 1, step

    def _ends(self, stage: dict[str, Any], step: int) -> bool:
        until = stage.get("until")
        if isinstance(until, dict):
            self.values, self.here, self.step = {}, {}, step
            return step > self.began and bool(self.value(self.drawn.ends[self.stages[self.stage]], between=True))
        if until is not None:
            return step > int(until)
        return "for" in stage and step >= self.began + int(stage["for"])

    def due(self, every: Any) -> bool:
        step = self.step
        if isinstance(every, list):
            return any(list(map(self.due, every)))
        if isinstance(every, int):
            return step % every == 0
        if every in ("first", "last"):
            return step == (1 if every == "first" else self.last)
        if isinstance(every, str):  # the last step of every span of so many epochs
            span = Fraction(every.split()[0]) * LENGTH
            number = math.floor(step / span)
            return any(math.ceil(k * span) == step for k in (number - 1, number, number + 1) if k > 0)
        if "cycle" in every:
            return (step - 1) % every["cycle"] + 1 in every["positions"]
        if "firings" in every:
            return self.is_available(every["of"]) and (self.counts.get(every["of"], 0) + 1) % every["firings"] == 0
        if "first" in every:
            return bool(self.stages[self.stage] == every["first"] and step == self.began)
        if "last" in every:
            stage = self.pipeline["stages"][every["last"]]
            end = stage.get("until", self.began + stage["for"] - 1 if "for" in stage else self.last)
            return bool(self.stages[self.stage] == every["last"] and step == min(end, self.last))
        if not every.get("from", 1) <= step <= every.get("until", step):
            return False
        if "grow" not in every:
            return bool(step % every["steps"] == every.get("offset", 0))
        interval, at = every["steps"], 0
        while at < step:
            at += interval - at % interval
            interval = min(interval * every["grow"], every.get("max", 1 << 60))
        return bool(at == step)

    # -- what is available, and what it is -------------------------------------------------------------

    def is_available(self, name: str) -> bool:
        if name not in self.here:
            entry = self.ops[name]
            # the condition of a stop is text; it reads nothing but the step
            self.here[name] = (
                (entry.get("every") is None or self.due(entry["every"]))
                and ("during" not in entry or self.stages[self.stage] == entry["during"])
                and all(self.can(tree) for tree in self.drawn.inputs.get(name, ()))
                and all(self.can(tree) and bool(self.value(tree)) for tree in self.drawn.conditions.get(name, ()))
                and (entry["op"] != "stop" or self.step > int(entry["when"].split(">")[1])))
        return self.here[name]

    def _is_sink(self, name: str) -> bool:
        return self.ops[name]["op"] in ("note", "report", "tally", "stop")

    def can(self, tree: Tree) -> bool:
        """Whether an expression is available."""
        match tree:
            case ("ref", name):
                return self.is_available(str(name).split(".")[0])
            case ("hold" | "previous", _, start):
                return self.can(start)
            case ("either", *arguments):
                return any(list(map(self.can, arguments)))
        return all(self.can(part) for part in tree[1:] if isinstance(part, tuple))

    def op_value(self, name: str) -> Any:
        if name not in self.values:
            self.values[name] = self._made(name)
        return self.values[name]

    def _made(self, name: str) -> Any:
        entry, given = self.ops[name], [self.value(tree) for tree in self.drawn.inputs.get(name, ())]
        match entry["op"]:
            case "clocked":
                return float(self.step)
            case "constant":
                return 1.0
            case "draw":
                return mix(node_base(self.seed, name), self.step) / 2**63
            case "expr":
                return given[0]
            case "add":
                return float(given[0]) + 2.0 * float(given[1] if len(given) > 1 else 0.0)
            case "total":
                return sum(map(float, given))
            case "tally" | "report":
                count, total = self.tallies.get(name, (0, 0.0))
                self.next_tallies[name] = count, total = count + 1, total + (sum(map(float, given)) if given else 1.0)
                return count + 0.001 * total
            case "load_batch":
                start = 2 * ((self.step - 1) % LENGTH)
                return (float(start), float(start + 1))
        raise ValueError(entry)

    def value(self, tree: Tree, between: bool = False) -> Any:
        match tree:
            case ("const", value):
                return value
            case ("name", "step"):
                return self.step
            case ("name", "stage"):
                return self.stages[self.stage]
            case ("name", _):
                return self.pipeline["params"]["p"]
            case ("ref", name):
                return self.op_value(str(name).split(".")[0])
            case ("not", part):
                return not self.value(part, between)
            case ("logic", sign, left, right):
                first = self.value(left, between)
                return self.value(right, between) if bool(first) == (sign == "and") else first
            case ("if", test, then, otherwise):
                return self.value(then if self.value(test, between) else otherwise, between)
            case ("either", *arguments):
                return self.value(next(part for part in arguments if self.can(part)), between)
            case ("hold" | "previous", value, start):
                if tree[0] == "hold" and not between and self.can(value):
                    return self.value(value)
                held = self.held.get(repr(value), MISSING)
                return self.value(start, between) if held is MISSING else held
            case ("binary", sign, left, right):
                return _binary(sign, self.value(left, between), self.value(right, between))
            case ("detach", part):
                return self.value(part, between)
            case (function, *parts):
                return FUNCTIONS[function](*(self.value(part, between) for part in parts))
        raise ValueError(tree)

    # -- demand ----------------------------------------------------------------------------------------

    def _demand(self, name: str, demanded: set[str]) -> None:
        if name in demanded:
            return
        demanded.add(name)
        if self._is_sink(name):
            self.op_value(name) if self.ops[name]["op"] in ("tally", "report") else None
        for tree in (*self.drawn.inputs.get(name, ()), *self.drawn.conditions.get(name, ())):
            self._demand_tree(tree, demanded)

    def _demand_tree(self, tree: Tree, demanded: set[str]) -> None:
        match tree:
            case ("ref", name):
                self._demand(str(name).split(".")[0], demanded)
            case ("hold" | "previous", _, start):
                self._demand_tree(start, demanded)
            case ("either", *arguments):
                self._demand_tree(next(part for part in arguments if self.can(part)), demanded)
            case _:
                for part in tree[1:]:
                    if isinstance(part, tuple):
                        self._demand_tree(part, demanded)


def _binary(sign: str, left: Any, right: Any) -> Any:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case "%":
            return left % right
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "==": left == right,
            "!=": left != right}[sign]
