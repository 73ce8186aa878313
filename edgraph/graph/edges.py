"""Edges: what each reference means, and along which kind of edge it is needed."""

from __future__ import annotations

from edgraph.graph.ir import KEYED, Edge, EdgeKind, Graph, Node, Path, Read, Slot, Target
from edgraph.graph.models import counted, data_of, ema_sources, index_updates
from edgraph.graph.refs import memories, uses
from edgraph.graph.surface import counters
from edgraph.language.expressions import RESERVED, Expression, Ref
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean


def add_edges(graph: Graph, diagnostics: Diagnostics) -> None:
    """Data, hold, previous, condition, frequency and order edges of all nodes."""
    resolver = Resolver(graph, diagnostics)
    index_updates(graph)
    for node in graph.nodes.values():
        reads = [Read(found.node, found.field, kind, gradient, argument.port) for argument in node.inputs
                 for found, kind, gradient in resolver.expression(argument.value)]
        node.reads = tuple(reads)
        seen = {Edge(read.node, node.name, read.kind) for read in reads}
        if node.counts is not None:
            for source in counted(node, graph):
                seen.add(Edge(source, node.name, EdgeKind.FREQUENCY))
        if node.op == "update_ema":
            for update in ema_sources(node, graph):
                seen.add(Edge(update.name, node.name, EdgeKind.FREQUENCY))
        for condition in node.conditions:
            seen.add(Edge(condition, node.name, EdgeKind.CONDITION))
        if node.kind == "op" and node.entry is not None and node.entry.every is not None:
            seen.update(Edge(name, node.name, EdgeKind.FREQUENCY) for name in counters(node.entry.every, graph)
                        if name in graph.nodes)
        for name in node.entry.after if node.entry and node.kind == "op" else ():
            if name.text in resolver.broken:
                continue
            if name.text in graph.nodes and graph.nodes[name.text].visible:
                seen.add(Edge(name.text, node.name, EdgeKind.ORDER))
            else:
                diagnostics.error("unknown-name", f"there is no op '{name.text}' to come after", name.span,
                                  did_you_mean(name.text, resolver.names()))
        graph.edges.extend(sorted(seen))
    if graph.use is not None and graph.use.condition is not None:
        resolver.expression(graph.use.condition)
    for stage in graph.stages:
        if stage.condition is not None:
            resolver.expression(stage.condition)
    for output in graph.outputs.values():
        resolver.expression(output)
        _keep_output(output, graph)


def _keep_output(output: Expression, graph: Graph) -> None:
    """An output of a loop is the latest value, so it is kept from one iteration to the next."""
    for use in uses(output.root):
        target = graph.targets.get(use.ref.path)
        if target is None or graph.nodes[target.node].kind == "argument":
            continue
        if not graph.nodes[target.node].spec.metric:
            graph.slots.setdefault(Slot(*target), None)
            graph.output_slots.add(Slot(*target))


class Resolver:
    """Finds what references mean; each distinct path is looked up once."""

    def __init__(self, graph: Graph, diagnostics: Diagnostics) -> None:
        self.graph = graph
        self.diagnostics = diagnostics
        self.dotted = any("." in name for name, node in graph.nodes.items() if node.visible or node.kind == "argument")
        self.bad: set[Path] = set()
        # ops in which something was reported already: nothing more is said about who reads them
        broken = graph.pipeline.broken | (graph.use.broken if graph.use else frozenset())
        self.broken = {name.removeprefix("ops.") for name in broken}

    def names(self) -> list[str]:
        return [node.name for node in self.graph.nodes.values() if node.visible or node.kind == "argument"]

    def expression(self, expression: Expression) -> list[tuple[Target, EdgeKind, bool]]:
        """What an expression's references mean, with kind and whether a gradient flows back. Adds its slots."""
        found: list[tuple[Target, EdgeKind, bool]] = []
        for ref, kind, gradient in uses(expression.root):
            target = self.graph.targets.get(ref.path) or self.resolve(ref)
            if target is not None:
                found.append((target, kind, gradient))
        for memory in memories(expression.root):
            if isinstance(memory.value, Ref) and (kept := self.graph.targets.get(memory.value.path)):
                slot = Slot(kept.node, kept.field)
                self.graph.slots.setdefault(slot, memory.initial)
                self.graph.remembered.add(slot)
        return found

    def resolve(self, ref: Ref) -> Target | None:
        path = ref.path
        if path in self.bad:
            return None
        splits = self._splits(path)
        if len(splits) > 1:
            readings = " or ".join(f"'{split.node}'" for split in splits)
            self.diagnostics.error("ambiguous-name", f"'{ref.text()}' can be read as a part of {readings}", ref.span,
                                   "rename one of the ops")
        found = splits[0] if splits else None
        if found is None:
            self._unknown(ref)
        elif not (self._check_value(ref, found) and self._check_field(ref, found)):
            found = None
        if found is None:
            self.bad.add(path)
            return None
        self.graph.targets[path] = found
        return found

    def _splits(self, path: Path) -> list[Target]:
        found = []
        prefix = ""
        for position, part in enumerate(path, 1):
            if not isinstance(part, str):
                break
            prefix = f"{prefix}.{part}" if prefix else part
            node = self.graph.nodes.get(prefix)
            # what the compiler made is only known by its whole name, which no author can write
            if node is not None and (node.visible or node.kind == "argument" or len(path) == 1):
                found.append(Target(prefix, path[position:]))
            if not self.dotted:
                break
        return found

    def _unknown(self, ref: Ref) -> None:
        head = str(ref.path[0])
        if head in self.broken:
            return
        if head in RESERVED:
            text, hint = f"'{head}' has no part '{'.'.join(map(str, ref.path[1:]))}'", None
        else:
            text, hint = f"there is no op '{head}'", did_you_mean(head, self.names())
            of_pattern = [name for name in self.names() if name.startswith(f"{head}.")]
            if of_pattern and len(ref.path) > 1:
                name = f"{head}.{ref.path[1]}"
                text, hint = f"pattern '{head}' makes no '{name}'", did_you_mean(name, of_pattern)
            if self.graph.use is not None and head in self.graph.pipeline.ops:
                text = f"there is no op '{head}' in the loop '{self.graph.name}'"
                hint = f"a value of the enclosing step comes in by the loop's inputs: `inputs: {{{head}: {head}}}`"
        self.diagnostics.error("unknown-name", text, ref.span, hint)

    def _check_value(self, ref: Ref, target: Target) -> bool:
        node = self.graph.nodes[target.node]
        if node.spec.has_value:
            return True
        given = ", ".join(dict.fromkeys(f"'{argument.value.text}'" for argument in node.inputs))
        self.diagnostics.error("no-value", f"'{node.name}' ({node.op}) has no value to read", ref.span,
                               f"read what it reads: {given}" if given
                               else "another op can be `after` it, or count its firings")
        return False

    def _check_field(self, ref: Ref, target: Target) -> bool:
        if not target.field:
            return True
        node, first = self.graph.nodes[target.node], str(target.field[0])
        known = known_fields(node, self.graph)
        row = isinstance(target.field[0], int) and node.op not in KEYED  # of an array
        if known is None or first in known or row:
            return True
        self.diagnostics.error("unknown-field", f"'{node.name}' ({node.op}) has no part '{first}'",
                               _tail(ref.span, ref), did_you_mean(first, known)
                               or (f"its parts are: {', '.join(known)}" if known else "it is one value"))
        return False


def known_fields(node: Node, graph: Graph) -> list[str] | None:
    """The parts of a node's value, where they are all known before the run."""
    if node.op in ("load_batch", "fixed_examples"):
        fields = graph.facts.fields.get(data_of(node, graph))
        return None if fields is None else [*fields, *(port.name for port in node.spec.ports)]
    if node.op == "loop":
        return list(node.body.outputs) if node.body else None
    return None if node.spec.open_ports else [port.name for port in node.spec.ports]


def _tail(span: Span, ref: Ref) -> Span:
    """The part of a reference after the op's name, where it stands on one line."""
    head = len(str(ref.path[0])) + 1
    if span.line == span.end_line and span.end_column - span.column == len(ref.text()):
        return span._replace(column=span.column + head)
    return span
