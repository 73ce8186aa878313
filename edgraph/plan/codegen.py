"""Plans as Python source: a function for one firing pattern, or for the few patterns of a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgraph.graph.ir import Graph
from edgraph.plan.body import Body
from edgraph.plan.call_code import Line, Passes, Shared, by_name
from edgraph.plan.pattern import Call, Plan
from edgraph.plan.regions import Traces
from edgraph.plan.timetable import Timetable
from edgraph.plan.together import together

__all__ = ["StepSource", "by_name", "generate", "static_passes"]

ENGINE_PASSES = {"load_batch": ("step",), "optimize": ("global_step", "epoch"), "loop": ("global_step", "key")}
RESERVED = ("step", "steps", "key", "outer", "global_step", "runs", "which", "count", "epoch")


@dataclass(slots=True)
class StepSource:
    """The source of a step function, and what it needs from outside.

    outside: name in the source -> what it is, for the binder (edgraph/run/bind.py).
    lines: line number -> the node that runs there, so that an error is attributed at no cost.
    starts: the line at which each pattern begins.  variables: node -> the local variable of its value.
    """

    name: str
    text: str
    outside: dict[str, tuple[str, ...]]
    lines: dict[int, str]
    calls: dict[str, Call] = field(default_factory=dict)  # name in the source -> the call it makes
    starts: tuple[int, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def before(self, line: int) -> list[str]:
        """The nodes that stand before a line in its pattern."""
        start = max((start for start in self.starts if start <= line), default=1)
        return [node for number, node in self.lines.items() if start <= number < line]

    def below(self, line: int) -> list[str]:
        """The nodes of the function that begins at a line."""
        stop = min((start for start in self.starts if start > line), default=max(self.lines) + 1)
        return [node for number, node in self.lines.items() if line <= number < stop]


def static_passes(call: Call) -> tuple[str, ...]:
    """The extra arguments of a call as far as they are known without a backend."""
    if call.node.kind == "gradients":
        return ()
    return ENGINE_PASSES.get(call.node.op, call.node.spec.passes)


def generate(graph: Graph, timetable: Timetable, plan: Plan | Sequence[Plan], name: str, *,
             passes: Passes = static_passes, records: bool = True, keep: bool = False,
             traces: Traces | None = None, tape: bool = False) -> StepSource:
    """The function of a pattern: `NAME(steps)` runs the pattern once for each step of an iterator and returns the
    last one that it completed. Of several patterns: `NAME(steps, runs)`, where `runs` gives pairs: which
    pattern, and for how many of the steps. So whoever moves `steps` to its end ends the run after the step.

    records: whether the backend has a recording of gradients to be turned on and off.
    keep: leave every value in `_values` (the last step of a run).
    traces: which calls can be in regions, each a function of its own above; None: none.
    tape: whether the backend is to be told that a step begins in which something outside of regions records.
    """
    shared = Shared(graph, timetable, passes, records, keep, traces, tape)
    shared.names.reserve(RESERVED)
    plans = [plan] if isinstance(plan, Plan) else list(plan)
    names = [name] if len(plans) == 1 else [f"{name}_{which}" for which in range(len(plans))]
    return _assemble(name, shared, [Body(shared, plan, each) for plan, each in zip(plans, names, strict=True)])


class _Text:
    """Functions one below the other, and where each pattern and each region begins."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.starts: list[int] = []

    def begin(self) -> None:
        """A pattern begins with the next line."""
        self.starts.append(len(self.lines) + 1)

    def function(self, lines: list[Line]) -> None:
        self.begin()
        self.lines += [*lines, Line(""), Line("")]


def _assemble(name: str, shared: Shared, written: list[Body]) -> StepSource:
    loop = shared.graph.use is not None
    bodies = [body.write() for body in written]
    if loop:
        shared.names.need("_mix", "mix")
        bodies = [[Line("key = _mix(outer, step)"), *body] for body in bodies]
    if len(bodies) > 1:
        shared.names.need("_islice", "islice")
    text = _Text()
    needs = _above(shared, written, text)
    steps = [f"{body.name}_steps" if f"{body.name}_steps" in shared.names.outside else "" for body in written]
    text.lines.append(Line(f"def {name}({_parameters(shared, len(bodies), loop)}):"))
    if len(bodies) == 1:
        text.lines.append(Line(f"    for step in {steps[0]}(steps):" if steps[0] else "    for step in steps:"))
        text.begin()
        text.lines += [Line(f"        {line}", node) for line, node in bodies[0]]
    else:
        _several(text, shared, written, bodies, steps)
    text.lines.append(Line("    return step"))
    outside = {need: what for need, what in shared.names.outside.items() if what[0] != "region"} | needs
    return StepSource(name, "\n".join(line for line, _ in text.lines) + "\n", outside,
                      {number: node for number, (_, node) in enumerate(text.lines, 1) if node is not None},
                      shared.calls, tuple(text.starts), shared.names.variables())


def _above(shared: Shared, written: list[Body], text: _Text) -> dict[str, tuple[str, ...]]:
    """The functions that stand above the pattern's: its regions, and what runs many steps at once. Returns what they
    alone need from outside."""
    needs: dict[str, tuple[str, ...]] = {}
    for body in written:
        for code in body.regions:
            needs |= {**code.needs, "_compiled": ("compiled",)}
            text.function([Line("@_compiled"), *code.lines])
        steps = together(body)
        if steps is not None:
            needs["_together"] = ("together",)
            shared.names.need(f"{body.name}_steps", "region", body.name)
            text.function(steps)
    return needs


def _several(text: _Text, shared: Shared, written: list[Body], bodies: list[list[Line]], steps: list[str]) -> None:
    """The loops of several patterns, each as often in a row as the runs say."""
    made_by_all = set.intersection(*(set(body.made) for body in written))
    text.lines.append(Line("    for which, count in runs:"))
    for number, body in enumerate(bodies):
        text.begin()
        taken = "_islice(steps, count)"
        text.lines += [Line(f"        {'elif' if number else 'if'} which == {number}:"),
                       Line(f"            for step in {f'{steps[number]}({taken})' if steps[number] else taken}:")]
        text.lines += [Line(f"                {line}", node) for line, node in body]
        text.lines += [Line(f"            {shared.names.variable(node)} = None") for node in written[number].unused
                       if node not in made_by_all]  # the others are made anew at the next step


def _parameters(shared: Shared, patterns: int, loop: bool) -> str:
    """What comes from outside are parameters with a default: a local variable is the fastest there is."""
    given = ["steps", *(["runs"] if patterns > 1 else []), *(["global_step", "outer"] if loop else [])]
    return ", ".join([*given, "step=None", *(f"{name}={name}" for name in sorted(shared.names.outside))])
