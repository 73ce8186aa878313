"""From a pipeline to a graph: every op becomes a node whose type, parameters and inputs are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgraph.graph.averages import average_ops
from edgraph.graph.conditions import add_conditions
from edgraph.graph.edges import add_edges
from edgraph.graph.evaluation import check_evaluates
from edgraph.graph.facts import stage_windows
from edgraph.graph.inputs import bind_inputs
from edgraph.graph.ir import Argument, Facts, Graph, Node
from edgraph.graph.models import data_of
from edgraph.graph.patterns import expand_use
from edgraph.graph.provided import check_op
from edgraph.graph.refs import memories, rewrite, show
from edgraph.graph.settings import check_roles, check_sections, check_uses, optimizer_models
from edgraph.language import instantiate
from edgraph.language.expressions import Expr, Expression, Hold, Previous, Ref
from edgraph.language.pipeline import EveryTime, GraphUse, OpEntry, Pipeline
from edgraph.ops.check import check_rule, check_settings
from edgraph.ops.registry import Registry
from edgraph.ops.spec import InputSpec, OpSpec
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping as MappingTree
from edgraph.text.source import Name
from edgraph.text.suggest import did_you_mean

CONDITION = OpSpec("condition", (InputSpec("value"),), (), summary="A condition of other ops.", engine=True)
ARGUMENT = OpSpec("argument", (), (), summary="A value that a loop was given.", engine=True)
CHECKPOINT = "run.checkpoint"
COUNTER = OpSpec("counter", (), (), summary="Counts firings.", engine=True)


def build_graph(pipeline: Pipeline, facts: Facts, registry: Registry, diagnostics: Diagnostics, *,
                lenient: bool = False) -> Graph:
    """The graph of a pipeline whose patterns are worked in, and of its loops, with all edges but those of state.

    lenient: the pipeline's own modules were not imported, so an op that is not known may be theirs.
    """
    graph = Graph(pipeline, facts)
    graph.stages = stage_windows(pipeline, facts, diagnostics)
    Builder(graph, registry, diagnostics, lenient).build({
        **pipeline.ops, **({} if pipeline.run.evaluates else average_ops(pipeline, diagnostics)),
        **default_checkpoint(pipeline)})
    check_sections(pipeline, diagnostics)
    check_uses(pipeline, registry, diagnostics, lenient)
    return graph


def default_checkpoint(pipeline: Pipeline) -> dict[str, OpEntry]:
    """`run.checkpoint` as an op like any other, under a name that no author can write. A run over checkpoints keeps
    what it has done without one."""
    policy = pipeline.run.checkpoint
    if pipeline.run.evaluates or (policy is not None and not policy.enabled):
        return {}
    span = pipeline.run.spans.get("checkpoint", pipeline.run.span or pipeline.tree.span)
    every = EveryTime(600.0, span) if policy is None or policy.every is None else policy.every
    return {CHECKPOINT: OpEntry(CHECKPOINT, span, Name("checkpoint", span), span, every=every)}


class Builder:
    """Builds one graph; a loop's body gets a builder of its own."""

    def __init__(self, graph: Graph, registry: Registry, diagnostics: Diagnostics, lenient: bool,
                 depth: int = 0) -> None:
        self.graph = graph
        self.registry = registry
        self.diagnostics = diagnostics
        self.has_batches = False  # of a loop: it goes through a value
        self.lenient = lenient  # an op that is not known may be the pipeline's own
        self.depth = depth
        broken = graph.pipeline.broken | (graph.use.broken if graph.use else frozenset())
        self.broken = {name.removeprefix("ops.") for name in broken}  # entries of which some keys were dropped

    def build(self, ops: Mapping[str, OpEntry]) -> None:
        for entry in ops.values():
            self._add(entry)
        add_conditions(self.graph, CONDITION, COUNTER, self.lift, self.diagnostics)
        self._lift_conditions()
        add_edges(self.graph, self.diagnostics)

    def _lift_conditions(self) -> None:
        """What is looked at between steps, and when a loop ends, reads held values too."""
        graph, use = self.graph, self.graph.use
        graph.stages = [stage if stage.condition is None else stage._replace(condition=self.lift(stage.condition))
                        for stage in graph.stages]
        graph.outputs = {name: self.lift(output) for name, output in graph.outputs.items()}
        if use is not None and use.condition is not None:
            graph.use = replace(use, condition=self.lift(use.condition))

    def _add(self, entry: OpEntry) -> None:
        before = len(self.diagnostics)
        if self.graph.use is not None:
            self._check_place(entry)
        spec = self.registry.ops.get(entry.op.text)
        if spec is None:
            if not self.lenient:
                self.diagnostics.error("unknown-op", f"there is no op '{entry.op.text}'", entry.op.span,
                                       did_you_mean(entry.op.text, list(self.registry.ops))
                                       or "a Python module that defines it goes under `imports`")
            # a node without meaning keeps references to it from being reported as well
            spec = OpSpec(entry.op.text, (InputSpec("values", variadic=True),), (), effect=True)
            settings: dict[str, Any] = {}
        else:
            settings = check_settings(spec.params, entry.settings, self.diagnostics,
                                      what=f"op '{spec.name}'", span=entry.op.span,
                                      is_open=spec.open_params)
        if self.graph.pipeline.run.evaluates:
            check_evaluates(spec, entry, self.diagnostics)
        inputs = self._lift(bind_inputs(spec, entry, self.diagnostics))
        node = Node(entry.name, "op", spec, len(self.graph.nodes), entry.name_span, entry, inputs, settings,
                    after=tuple(name.text for name in entry.after))
        check_roles(node, self.graph, self.diagnostics)
        check_op(node, self.graph.pipeline, self.diagnostics)
        if len(self.diagnostics) == before and entry.name not in self.broken:
            check_rule(spec, settings, [argument.port for argument in inputs], entry.settings, self.diagnostics,
                       span=entry.op.span)
        if spec.name in ("load_batch", "fixed_examples"):
            self._check_data(node)
        if spec.name == "optimize":
            self._add_gradients(node)
        self.graph.nodes[node.name] = node
        if spec.name == "loop":
            node.body = self._body(node)

    def _check_place(self, entry: OpEntry) -> None:
        """What has no meaning in a loop."""
        loop = f"the loop '{self.graph.name}'"
        if entry.name in self.graph.nodes:
            self.diagnostics.error("ambiguous-name", f"'{entry.name}' is an op here and an input of {loop}",
                                   entry.name_span, "rename one of them")
        if entry.op.text == "checkpoint":
            self.diagnostics.error("checkpoint-in-loop", f"'{entry.name}' would save in the middle of a step, in "
                                   f"{loop}", entry.op.span,
                                   "let the loop give an output, and save outside of it `when` that says so")
        for event, span in entry.at:
            self.diagnostics.error("event-in-loop", f"'{entry.name}' fires at {event}, but it is in {loop}, which runs "
                                   "within a step", span, "say `at` of the loop itself")

    def _check_data(self, node: Node) -> None:
        """There is something to read from."""
        loop_value = self.graph.use is not None and self.has_batches
        if not data_of(node, self.graph) and not loop_value:
            known = ", ".join(self.graph.pipeline.data) or "none yet"
            over = "" if self.graph.pipeline.run.evaluates else ", or run.over" if self.graph.use is None \
                else ", or let the graph go `over` one"
            self.diagnostics.error("no-data", f"'{node.name}' reads the data set that the loop is over, but there is "
                                   "none", node.span,
                                   f"name one: `with: {{data: NAME}}`{over} (data sets: {known})")

    def _add_gradients(self, node: Node) -> None:
        """`optimize` differentiates in one node and applies in the next, so that updates can be simultaneous."""
        name = f"{node.name}.gradients"
        self.graph.nodes[name] = Node(name, "gradients", node.spec, node.index, node.span, node.entry, node.inputs,
                                      {**node.settings, "models": optimizer_models(node, self.graph)})
        source = Expression(name, node.span, Ref((name,), node.span))
        node.inputs = (Argument("gradients", source),)
        node.settings["models"] = optimizer_models(node, self.graph)

    def _lift(self, inputs: tuple[Argument, ...]) -> tuple[Argument, ...]:
        return tuple(Argument(port, self.lift(value)) for port, value in inputs)

    def lift(self, expression: Expression) -> Expression:
        """`hold(a + b, 0)` needs a + b whenever it can be made: it becomes a node of its own, shared by all who say
        the same."""
        if all(isinstance(memory.value, Ref) for memory in memories(expression.root)):
            return expression

        def change(part: Expr) -> Expr:
            if not isinstance(part, Hold | Previous) or isinstance(part.value, Ref):
                return part
            name = f"value {show(part.value)}"  # by its text, so that a checkpoint knows it in a changed file
            if name not in self.graph.nodes:
                value = Expression(name, part.span, part.value)
                self.graph.nodes[name] = Node(name, "condition", CONDITION, len(self.graph.nodes), part.span, None,
                                              (Argument("value", value),), {"value": True})
            return type(part)(Ref((name,), part.span), part.initial, part.span)
        return Expression(expression.text, expression.span, rewrite(expression.root, change))

    def _body(self, node: Node) -> Graph | None:
        """The graph that a loop runs, with the loop's parameters inserted."""
        entry = node.entry
        name = node.settings.get("graph")
        graph_entry = self.graph.pipeline.graphs.get(str(name))
        if entry is None or graph_entry is None:
            return None
        if self.depth > 8:
            self.diagnostics.error("recursive-graph", f"graph '{name}' runs itself", entry.op.span,
                                   "let one of the graphs do without this loop")
            return None
        arguments = entry.settings.get("params") if entry.settings else None
        before = len(self.diagnostics)
        use = instantiate(graph_entry, arguments if isinstance(arguments, MappingTree) else None,
                          self.graph.pipeline, self.diagnostics, entry.op.span)
        if use is None:
            return None
        facts = self._body_facts(use, node, len(self.diagnostics) > before)
        prefix = f"{self.graph.name}.{node.name}" if self.graph.name else node.name
        body = Graph(self.graph.pipeline, facts, outputs=dict(use.outputs), use=use, name=prefix)
        for argument in node.inputs:
            if argument.port != "over":
                body.nodes[argument.port] = Node(argument.port, "argument", ARGUMENT, len(body.nodes),
                                                 argument.value.span)
        builder = Builder(body, self.registry, self.diagnostics, self.lenient, self.depth + 1)
        builder.has_batches = any(argument.port == "over" for argument in node.inputs) 
        builder.build(expand_use(use, self.graph.pipeline, self.registry, self.diagnostics))
        return body

    def _body_facts(self, use: GraphUse, node: Node, wrong: bool) -> Facts:
        """A loop's `with` wins over what its graph says. wrong: that had a mistake, which was reported."""
        over = node.settings.get("over") or (use.over.text if use.over else None)
        if use.over is not None and use.over.text not in self.graph.pipeline.data:
            self.diagnostics.error("unknown-data", f"graph '{use.name}' is over '{use.over.text}', but there is no "
                                   "such data set", use.over.span,
                                   did_you_mean(use.over.text, list(self.graph.pipeline.data)))
            over = None
        repeat = node.settings.get("repeat") or use.repeat
        ends = over or use.over or repeat or use.condition or any(argument.port == "over" for argument in node.inputs)
        if not ends and not wrong:
            self.diagnostics.error("endless-loop", f"loop '{node.name}' has nothing to go through and no end",
                                   node.span, "say `over: DATA SET`, `repeat: N` or `while: …` in the graph, or give "
                                   "it an input `over`")
        outer = self.graph.facts
        length = outer.lengths.get(over) if over else None
        planned = min((steps for steps in (repeat, use.maximum, length) if steps is not None), default=None)
        return Facts(over, length, planned, outer.fields, outer.same, outer.lengths, outer.epoch_length)
