"""Clocking, and freshness: every op that declares a clock finds all its inputs whenever it fires."""

from __future__ import annotations

from edgraph.graph import clocks
from edgraph.graph.availability import available, events_of, meeting, value_clock
from edgraph.graph.clocks import ALWAYS, NEVER, Atom, Clock, TooComplex, both, includes, union
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.models import acts, counted, ema_sources
from edgraph.graph.passes import stale
from edgraph.graph.refs import uses
from edgraph.graph.surface import clock_of, find_stage, stage_clock
from edgraph.language.expressions import Expression, Ref
from edgraph.text.diagnostics import Diagnostics


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    before = len(diagnostics)
    for name in graph.order:
        node = graph.nodes[name]
        try:
            _clock(node, graph, diagnostics)
        except TooComplex as error:
            diagnostics.error("clock-too-complex", f"the clock of '{name}' is too complex to be decided: {error}",
                              node.span, "use fewer, or more regular, clocks")
            node.clock = node.declared or ALWAYS
        _events(node, graph, diagnostics)
    # a clock that is kept too seldom by its inputs is a clock nevertheless
    return all(item.severity == "warning" or item.code == "stale-input" for item in diagnostics.since(before))


def _clock(node: Node, graph: Graph, diagnostics: Diagnostics) -> None:
    arguments = [(argument.value, available(argument.value.root, graph)) for argument in node.inputs]
    node.metric = _after_loop(node, graph, diagnostics)
    conditions = [clock for name in node.conditions
                  for clock in (graph.nodes[name].clock, clocks.atom(Atom("condition", name)))]
    # what a node needs of its place in the run besides its inputs
    limits = [*_window(node, graph, diagnostics), *_source_clocks(node, graph)]
    entry = node.entry
    if entry is None or (entry.every is None and not entry.at):
        node.clock = both(*(clock for _, clock in arguments), *conditions, *limits)
        return
    surface = clock_of(entry.every, graph, diagnostics) if entry.every is not None else NEVER
    if node.op == "load_batch" and entry.every is not None and _is_over(node, graph):
        diagnostics.error("stream-clock", f"'{node.name}' reads the data set that the loop is over, which advances at "
                          "every step", entry.every.span, "drop 'every', or name another `stream`")
    node.declared = both(surface, *limits)
    promise = node.declared
    for name in node.conditions:  # from left to right: what comes later is looked at where those before it hold
        _check(node, promise, graph.nodes[name].inputs[0].value, graph.nodes[name].clock, graph, diagnostics)
        promise = both(promise, clocks.atom(Atom("condition", name)))
    for expression, clock in arguments:
        _check(node, promise, expression, clock, graph, diagnostics)
    node.clock = both(node.declared, *conditions) if conditions else node.declared


def _window(node: Node, graph: Graph, diagnostics: Diagnostics) -> list[Clock]:
    if node.entry is None or not node.entry.during:
        return []
    stages = [find_stage(name, graph, diagnostics) for name in node.entry.during]
    return [union([stage_clock(stage) for stage in stages if stage is not None])] if all(stages) else []


def _source_clocks(node: Node, graph: Graph) -> list[Clock]:
    """A counter can fire only when what it counts does; an average only when its source is updated."""
    if node.counts is not None:
        return [union([value_clock(graph.nodes[name], ("applied",), graph) for name in counted(node, graph)])]
    if node.op == "update_ema" and (node.entry is None or node.entry.every is None):
        appliers = ema_sources(node, graph)
        fires = [value_clock(source, ("applied",), graph) for source in appliers]
        return [union(fires)] if fires else []
    return []


def _is_over(node: Node, graph: Graph) -> bool:
    data = node.settings.get("data")
    return graph.use is None and node.settings.get("stream") is None and data in (None, graph.facts.over)


def _after_loop(node: Node, graph: Graph, diagnostics: Diagnostics) -> bool:
    """In a loop, whether a node is made once, when the loop has ended: a metric, or what is computed of one."""
    if graph.use is None:
        return False
    conditions = [graph.nodes[name] for name in node.conditions]
    late = [name for name in (*_fresh(node), *node.conditions)
            if graph.nodes[name].spec.metric or graph.nodes[name].metric]
    if not late:
        return False
    if node.entry is not None and node.entry.every is not None:
        diagnostics.error("stale-input", f"'{node.name}' fires during the loop, but '{late[0]}' has a value only when "
                          "the loop ends", node.entry.every.span, "drop 'every'")
    for reader in (node, *conditions):
        for argument in reader.inputs:
            for use in uses(argument.value.root):
                if use.kind is EdgeKind.DATA and use.ref.path in graph.targets:
                    _check_late(node, use.ref, graph, diagnostics)
    return True


def _fresh(node: Node) -> list[str]:
    """The nodes that a node reads the value of this step of."""
    return [read.node for read in node.reads if read.kind is EdgeKind.DATA]


def _check_late(node: Node, ref: Ref, graph: Graph, diagnostics: Diagnostics) -> None:
    source = graph.nodes[graph.targets[ref.path].node]
    if source.kind != "argument" and not source.spec.metric and not source.metric:
        diagnostics.error("stale-input", f"'{node.name}' is computed when the loop ends, where '{ref.text()}' is not "
                          "fresh", ref.span, f'take the latest value: "hold({ref.text()}, 0.0)"')


def _check(node: Node, promise: Clock, expression: Expression, clock: Clock, graph: Graph,
           diagnostics: Diagnostics) -> None:
    if clock is ALWAYS or clock == ALWAYS:
        return
    step = includes(clock, promise, graph.facts.last_step)
    if step is not None:
        stale.report(node, promise, step, expression, graph, diagnostics)


def _events(node: Node, graph: Graph, diagnostics: Diagnostics) -> None:
    """At which events between steps a node can be made; None: at any, on demand."""
    needs = [argument.value for argument in node.inputs]
    needs += [graph.nodes[name].inputs[0].value for name in node.conditions if graph.nodes[name].inputs]
    inherited = meeting([events_of(expression.root, graph) for expression in needs])
    if node.op == "load_batch" and _is_over(node, graph):
        inherited = frozenset()
    entry = node.entry
    if entry is not None and entry.at:
        node.events = frozenset(event for event, _ in entry.at)
        for event, span in entry.at:
            if event.startswith("epoch") and graph.facts.over is None and graph.use is None:
                diagnostics.error("no-epochs", f"'{node.name}' fires at {event}, but the run is over no data set", span,
                                  "name a data set with run.over, or use a clock in steps")
            if inherited is not None and event not in inherited:
                diagnostics.error("stale-input", f"'{node.name}' fires at {event}, but its inputs are not made there",
                                  span, "between steps there is no batch of the loop: use hold(…), or fixed examples")
    elif entry is not None and entry.every is not None:
        node.events = frozenset()
    elif inherited is None and (acts(node) or node.spec.state):
        node.events = frozenset()  # what it does, and what it has seen, must not depend on who asks
    else:
        node.events = inherited
