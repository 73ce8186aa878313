"""The first lines of a plan: how long the run is, its stages, its checkpoints, what may end it sooner."""

from __future__ import annotations

from edgraph.graph.clocks import words
from edgraph.graph.ir import Graph, StageWindow
from edgraph.language.pipeline import EvaluationEntry
from edgraph.plan.outlook import DEFAULT_CHECKPOINT
from edgraph.plan.tables import wrapped


def header(graph: Graph, patterns: int, complete: bool) -> list[str]:
    """The title of a plan and what holds for all of it."""
    number = f"{patterns}{'' if complete else ' or more'}"
    lines = [*wrapped("", f"{graph.pipeline.name}: {length_words(graph)}; {number} firing "
                          f"pattern{'' if patterns == 1 else 's'}")]
    for stage in graph.stages:
        lines += wrapped("  ", f"{stage.title}: {stage_words(stage, graph)}")
    stops = [f"'{node.name}'" for node in graph.nodes.values() if node.op == "stop"]
    if stops:
        lines += wrapped("  ", f"may end sooner, by {', '.join(stops)}")
    checkpoints = checkpoint_words(graph)
    if checkpoints:
        lines += wrapped("  ", checkpoints)
    return lines


def length_words(graph: Graph) -> str:
    """How long the run is."""
    run, facts = graph.pipeline.run, graph.facts
    if run.evaluation is not None:
        return evaluation_words(run.evaluation) + (f", at most {run.max_time:g} seconds" if run.max_time else "")
    over = f" over '{facts.over}'" if facts.over is not None else ""
    bounds = []
    if facts.last_step is not None:
        bounds.append(_steps(facts.last_step))
        if run.num_steps is None and run.num_epochs is not None:
            bounds[0] += f" ({_epochs(run.num_epochs)} of {_steps(facts.steps_per_epoch or 0)}{over})"
        elif facts.steps_per_epoch is not None:
            bounds[0] += f" (an epoch is {_steps(facts.steps_per_epoch)}{over})"
    elif run.num_epochs is not None:
        bounds.append(f"{_epochs(run.num_epochs)}{over}, whose length is known when it is opened (--data opens it)")
    if run.num_updates is not None:
        bounds.append(f"{run.num_updates} updates")
    if run.max_time is not None:
        bounds.append(f"{run.max_time:g} seconds")
    return "no planned end" if not bounds else ", at most ".join(bounds)


def evaluation_words(entry: EvaluationEntry) -> str:
    """Which checkpoints a run over checkpoints goes through."""
    which = "latest" if entry.which is None else entry.which.text
    of = f" of '{entry.of.text}'"
    match which:
        case "all" | "new":
            found = f"each checkpoint{of}, the oldest first"
        case "latest":
            found = f"the latest checkpoint{of}"
        case _:
            found = f"checkpoint '{which}'{of}"
    if entry.filter is not None:
        found += f", if {entry.filter.text}"
    if which == "new":
        found += ", and each new one until that run ends"
        found += f" or none has come for {entry.timeout:g} seconds" if entry.timeout is not None else ""
    return found


def _steps(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"


def _epochs(number: float) -> str:
    return f"{number:g} epoch{'' if number == 1 else 's'}"


def stage_words(stage: StageWindow, graph: Graph) -> str:
    """The steps of a stage, as far as they are known."""
    start = "from where the one before it ends" if stage.start is None else f"from step {stage.start}"
    if stage.condition is not None:
        return f"{start} until {stage.condition.text}"
    if stage.until is not None and stage.start is not None:
        return f"steps {stage.start} to {stage.until}"
    if stage.length is not None:
        return f"{start}, {_steps(stage.length)}"
    entry = graph.pipeline.stages.get(stage.name)
    asked = entry and (entry.length or entry.until)
    return f"{start}, for {asked[0]} {asked[1]}" if asked else f"{start} to the end"


def checkpoint_words(graph: Graph) -> str:
    """When the run saves itself, besides the checkpoints that are ops."""
    node = graph.nodes.get(DEFAULT_CHECKPOINT)
    if graph.pipeline.run.evaluates:
        return "a step is a checkpoint; what is done is kept after each of them"
    if node is None:
        return "no checkpoints but those of ops"
    return f"saved {'' if (text := words(node.clock)).startswith('every') else 'on '}{text}, and at the end"
