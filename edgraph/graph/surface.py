"""From clocks as written to the algebra."""

from __future__ import annotations

from fractions import Fraction

from edgraph.graph import clocks
from edgraph.graph.clocks import Atom, Clock
from edgraph.graph.ir import Facts, Graph, StageWindow
from edgraph.language.pipeline import (
    Every,
    EveryCycle,
    EveryEdge,
    EveryEpochs,
    EveryFirings,
    EverySteps,
    EveryTime,
    EveryUnion,
    EveryUpdates,
)
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Name
from edgraph.text.suggest import did_you_mean


def clock_of(every: Every, graph: Graph, diagnostics: Diagnostics) -> Clock:
    """The clock that an `every:` states. Counts of updates and firings are atoms that become known in the step,
    times and stages that end by a condition are atoms that become known before it."""
    match every:
        case EverySteps(steps, _, offset, start, until, grow, maximum):
            if grow is not None:
                return clocks.growing(steps, grow, maximum, start, until)
            return clocks.every_steps(steps, offset, start, until)
        case EveryEpochs(epochs):
            return _epochs(epochs, graph.facts, every, diagnostics)
        case EveryCycle(cycle, positions):
            return clocks.cycle(cycle, positions)
        case EveryTime(seconds):
            if graph.use is not None:
                diagnostics.error("time-in-loop", "a clock in minutes in a loop, whose steps are within a step of the "
                                  "run", every.span, "let the loop itself have that clock")
            return clocks.atom(Atom("time", seconds))
        case EveryUpdates(updates, of):
            return _counted(Atom("updates", (updates, only_optimizer(of, graph))), graph)
        case EveryFirings(firings, of):
            return _counted(Atom("firings", (firings, of.text)), graph)
        case EveryEdge(edge, stage):
            return _edge(edge, stage, graph, diagnostics) if stage else _run_edge(edge, graph.facts)
        case EveryUnion(parts):
            return clocks.union([clock_of(part, graph, diagnostics) for part in parts])


def _counted(atom: Atom, graph: Graph) -> Clock:
    """It can fire only where what it counts does. Its counter has been clocked before."""
    counter = graph.nodes.get(str(atom_node(atom)))
    clock = clocks.atom(atom)
    return clock if counter is None else clocks.both(counter.clock, clock).labelled(clocks.words(clock))


def counters(every: Every, graph: Graph) -> list[str]:
    """The names of the condition nodes that count for a clock."""
    match every:
        case EveryUnion(parts):
            return [name for part in parts for name in counters(part, graph)]
        case EveryUpdates(updates, of):
            return [counter_name("updates", only_optimizer(of, graph), updates)]
        case EveryFirings(firings, of):
            return [counter_name("firings", of.text, firings)]
    return []


def counter_name(kind: str, of: str, number: int) -> str:
    """The name of the condition node that counts."""
    return f"{number} {kind} of {of}"


def atom_node(atom: Atom) -> str | None:
    """The node that makes an atom known within a step; None for atoms that are known before it."""
    if atom.kind in ("updates", "firings"):
        number, of = atom.key
        return counter_name(atom.kind, of, number)
    return str(atom.key) if atom.kind == "condition" else None


def only_optimizer(of: Name | None, graph: Graph) -> str:
    """`10 updates` means the only optimizer."""
    return of.text if of else next(iter(graph.pipeline.optimizers), "")


def _epochs(epochs: Fraction, facts: Facts, every: EveryEpochs, diagnostics: Diagnostics) -> Clock:
    if facts.over is None:
        diagnostics.error("no-epochs", "a clock in epochs, but the run is over no data set", every.span,
                          "name a data set with run.over, or use steps; in a run over checkpoints each is a step")
        return clocks.NEVER
    if facts.steps_per_epoch is None:
        return clocks.atom(Atom("epochs", epochs))
    return clocks.every_epochs(epochs, facts.steps_per_epoch)


def _run_edge(edge: str, facts: Facts) -> Clock:
    if edge == "first":
        return clocks.single(1)
    return clocks.atom(Atom("last", None)) if facts.last_step is None else clocks.single(facts.last_step)


def _edge(edge: str, of: Name, graph: Graph, diagnostics: Diagnostics) -> Clock:
    stage = find_stage(of, graph, diagnostics)
    if stage is None:
        return clocks.NEVER
    if edge == "first":
        return clocks.atom(Atom("stage_first", of.text)) if stage.start is None else clocks.single(stage.start)
    if stage.condition is not None:
        diagnostics.error("unknown-last", f"stage '{of.text}' ends by a condition that is looked at between steps, "
                          "so its last step is not known while it runs", of.span,
                          "use the first step of the next stage")
        return clocks.NEVER
    last = graph.facts.last_step
    until = last if stage is graph.stages[-1] and stage.until is None else stage.until
    if stage.start is None or until is None:
        return clocks.atom(Atom("stage_last", of.text))
    return clocks.single(min(until, last or until))


def find_stage(of: Name, graph: Graph, diagnostics: Diagnostics) -> StageWindow | None:
    """The stage of that name, or a diagnostic."""
    for stage in graph.stages:
        if stage.name == of.text:
            return stage
    if graph.use is not None:
        diagnostics.error("unknown-stage", f"stages are of the run, and the steps of the loop '{graph.name}' are "
                          "within a step of the run", of.span, "let the loop itself say it")
        return None
    diagnostics.error("unknown-stage", f"there is no stage '{of.text}'", of.span,
                      did_you_mean(of.text, list(graph.pipeline.stages)) or "declare it under `stages`")
    return None


def stage_clock(stage: StageWindow) -> Clock:
    """The steps of a stage. One whose window is not known begins at least after what is known to come before it."""
    if stage.start is None or stage.condition is not None:
        clock = clocks.atom(Atom("stage", stage.name))
        return clocks.both(clocks.window(stage.earliest), clock).labelled(clocks.words(clock))
    return clocks.window(stage.start, stage.until)
