"""Why an op runs at a step, or does not."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.availability import available
from edgraph.graph.clocks import Clock, words
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.models import counted, ema_sources
from edgraph.graph.refs import uses
from edgraph.graph.surface import clock_of, counters, find_stage, stage_clock
from edgraph.language.expressions import Expression
from edgraph.plan.outlook import Outlook
from edgraph.plan.pattern import Plan
from edgraph.plan.relations import owner, parts
from edgraph.plan.timeline import around, may_fire
from edgraph.plan.wording import on
from edgraph.text.diagnostics import Diagnostics

DEMANDERS = 8  # how many are named


# -- not now ----------------------------------------------------------------------------------------

def blame(node: Node, step: int, graph: Graph) -> list[str]:
    """What keeps a node from running at a step: from the node down to the clocks that are not due."""
    found: list[str] = []
    at: Node | None = node
    seen: set[str] = set()
    while at is not None and at.name not in seen:
        seen.add(at.name)
        own = list(_own_reasons(at, step, graph))
        text, at = (None, None) if own else _needs(at, step, graph)
        found += own if text is None else [text]
    return found


def _own_reasons(node: Node, step: int, graph: Graph) -> Iterator[str]:
    """What of a node's own clock is not due."""
    entry, name = node.entry, owner(node.name, graph)
    if entry is None:
        return
    if entry.every is not None and not counters(entry.every, graph):
        own = clock_of(entry.every, graph, Diagnostics())
        if not may_fire(own, step):
            yield f"'{name}' fires {on(words(own))}: {nearest(node.clock, step, graph)}"
    elif entry.at and entry.every is None:
        yield f"'{name}' fires between steps only, at {', '.join(event for event, _ in entry.at)}"
    stages = [stage for part in entry.during if (stage := find_stage(part, graph, Diagnostics())) is not None]
    if stages and not any(may_fire(stage_clock(stage), step) for stage in stages):
        listed = ", ".join(f"'{stage.name}' ({words(stage_clock(stage))})" for stage in stages)
        yield f"'{name}' runs during stage {listed} only"


def _needs(node: Node, step: int, graph: Graph) -> tuple[str, Node | None]:
    """What a node needs and does not get, and the node where the reason for that is to be found."""
    name = owner(node.name, graph)
    needs = [argument.value for part in parts(node, graph) for argument in part.inputs]
    needs += [argument.value for condition in node.conditions for argument in graph.nodes[condition].inputs]
    for expression in needs:
        missing = _missing(expression, step, graph)
        if missing is not None:
            text, source = missing
            return f"'{name}' needs '{text}', which is not made on step {step}", source
    for source, does in _follows(node, graph):
        if not may_fire(source.clock, step):
            return f"'{name}' {does} '{owner(source.name, graph)}', which does not fire on step {step}", source
    return f"'{name}' fires {on(words(node.clock))}: {nearest(node.clock, step, graph)}", None


def _follows(node: Node, graph: Graph) -> Iterator[tuple[Node, str]]:
    """The nodes whose firings a node counts, or follows."""
    every = node.entry.every if node.entry is not None else None
    for name in counters(every, graph) if every is not None else ():
        for of in counted(graph.nodes[name], graph):
            yield graph.nodes[of], "counts the firings of"
    if node.op == "update_ema":
        for source in ema_sources(node, graph):
            yield source, "follows"


def _missing(expression: Expression, step: int, graph: Graph) -> tuple[str, Node] | None:
    if may_fire(available(expression.root, graph), step):
        return None
    for use in uses(expression.root):
        target = graph.targets.get(use.ref.path)
        if use.kind is EdgeKind.DATA and target is not None and not may_fire(graph.nodes[target.node].clock, step):
            return use.ref.text(), graph.nodes[target.node]
    return None


def nearest(clock: Clock, step: int, graph: Graph) -> str:
    """The nearest firings of a clock, in words."""
    return nearest_words(*around(clock, step, graph.facts.last_step))


def nearest_words(before: int | None, after: int | None) -> str:
    if before is not None and after is not None:
        return f"the nearest are steps {before} and {after}"
    if after is not None:
        return f"first on step {after}"
    return f"last on step {before}" if before is not None else "on no step of the run"


# -- demand -----------------------------------------------------------------------------------------

def readers(graph: Graph) -> dict[str, list[Node]]:
    """For each node those that ask for its value, or for whether it holds."""
    found: dict[str, dict[str, Node]] = {}
    for node in graph.nodes.values():
        asked = [*node.conditions, *(target.node for argument in node.inputs for use in uses(argument.value.root)
                                     if use.kind is EdgeKind.DATA
                                     and (target := graph.targets.get(use.ref.path)) is not None)]
        for name in asked:
            found.setdefault(name, {})[node.name] = node
    return {name: list(nodes.values()) for name, nodes in found.items()}


def ways_to_sinks(node: Node, graph: Graph, among: set[str] | None = None) -> list[list[str]]:
    """For each op that is due by itself and needs a node: the ops on the shortest way to it. Ops `among` only."""
    back: dict[str, str | None] = {part.name: None for part in parts(node, graph)}
    queue = list(back)
    found: list[list[str]] = []
    asking = readers(graph)
    for name in queue:
        if graph.nodes[name].sink and owner(name, graph) != node.name:
            way: list[str] = []
            at: str | None = name
            while at is not None and owner(at, graph) != node.name:
                if graph.nodes[at].kind != "condition":
                    way.append(owner(at, graph))
                at = back[at]
            found.append(list(dict.fromkeys(reversed(way))))
            continue
        for reader in asking.get(name, ()):
            if reader.name not in back and (among is None or reader.name in among):
                back[reader.name] = name
                queue.append(reader.name)
    return found


def due_words(node: Node, graph: Graph) -> str:
    """Why an op is due by itself; empty where it is not."""
    if not node.sink:
        return ""
    if node.spec.effect or node.spec.update or (node.body is not None and node.training):
        return "it is an effect"
    if node.spec.state:
        return "it keeps state, so it sees every step that its clock allows"
    if any(slot.node == node.name for slot in graph.remembered):
        return "a hold or previous reads it, so it is made whenever it can be"
    if any(slot.node == node.name for slot in graph.output_slots):
        return "it is an output of the loop"
    return "its value is asked for when the loop has ended" if graph.use is not None else "it is due by itself"


def demand_words(node: Node, plan: Plan, table: Outlook) -> list[str]:
    """Who asks for a node in a plan: "panel, through guess"."""
    graph = table.graph
    among = {call.node.name for call in plan.calls}
    return [way_words(way) for way in ways_to_sinks(node, graph, among)][:DEMANDERS]


def way_words(way: list[str]) -> str:
    return f"'{way[-1]}'" + (f" (through {', '.join(way[:-1])})" if len(way) > 1 else "")
