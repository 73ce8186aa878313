"""The state rule: every op sees each state object as it stood when the step began, unless it is ordered after
an op that updates it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from edgraph.graph import clocks
from edgraph.graph.clocks import TooComplex
from edgraph.graph.ir import Edge, EdgeKind, Graph, Node
from edgraph.graph.models import ema_sources, models_read, overlaps, state_path
from edgraph.graph.toposort import toposort
from edgraph.text.diagnostics import Diagnostics

SWEEPS = 8  # groups of buffers that are ordered one after the other
ORDERING = (EdgeKind.DATA, EdgeKind.HOLD, EdgeKind.CONDITION, EdgeKind.FREQUENCY, EdgeKind.ORDER)


class Access(NamedTuple):
    """What a node does to a state object. `kind` is "model" (parameters) or "buffers"."""

    node: str
    kind: str
    path: str
    write: bool


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    """Adds the state edges; reports writes without an order, and weights changed under a gradient."""
    before = len(graph.edges)
    groups: dict[tuple[str, str], list[Access]] = {}
    for node in graph.nodes.values():
        if node.training:
            for access in accesses(node, graph):
                access = access._replace(path=state_path(access.path, graph))
                groups.setdefault((access.kind, access.path.split(".", 1)[0]), []).append(access)
    contested = {key: group for key, group in groups.items() if any(access.write for access in group)}
    if not contested:
        return True
    reach = Reach(graph, {access.node for group in contested.values() for access in group if access.write})
    for (kind, _), group in contested.items():
        if kind == "model":
            _models(group, graph, reach, diagnostics)
    buffers = [group for (kind, _), group in contested.items()
               if kind == "buffers" and len({access.node for access in group}) > 1]
    # many models share one sweep, so that the cost stays linear; few see the edges of those before them too
    writers = {access.node for group in buffers for access in group if access.write}
    shared = _sweep(graph, writers) if len(buffers) > SWEEPS else None
    for group in buffers:
        _buffers(group, graph, shared)
    if len(graph.edges) > before:
        _stale_gradients(graph, contested, reach, diagnostics)
    return True


def accesses(node: Node, graph: Graph) -> list[Access]:
    """Everything a node reads and writes; a loop does what its graph does."""
    if node.body is not None:
        return [access._replace(node=node.name) for inner in node.body.nodes.values()
                for access in accesses(inner, node.body)]
    if node.kind == "gradients":
        return [Access(node.name, "model", model, False) for model in sorted(graph.gradients[node.name].models)]
    if node.kind != "op":
        return []
    if node.op == "optimize":
        return [Access(node.name, "model", model, True) for model in node.settings["models"]]
    found = [Access(node.name, "model", model, False) for model in models_read(node)]
    if node.op == "forward":
        found += [Access(node.name, "buffers", access.path, node.train_mode) for access in found]
    for name in node.spec.writes:
        if node.settings.get(name) is not None:
            found.append(Access(node.name, "model", str(node.settings[name]), True))
    return found


class Reach:
    """Which writers lead to a node: one sweep along an order, by default that which causality left, writers as
    bits."""

    def __init__(self, graph: Graph, writers: set[str], kinds: tuple[EdgeKind, ...] = ORDERING,
                 order: list[str] | None = None) -> None:
        self.bits = {name: 1 << position for position, name in enumerate(sorted(writers))}
        before = graph.predecessors(kinds)
        self.masks: dict[str, int] = {}
        for name in graph.order if order is None else order:
            mask = 0
            for source in before[name]:
                mask |= self.masks[source] | self.bits.get(source, 0)
            self.masks[name] = mask

    def leads(self, writer: str, node: str) -> bool:
        return bool(self.masks.get(node, 0) & self.bits[writer])

    def leads_back(self, writers: list[str]) -> bool:
        """Whether one of these leads to one that stands before it."""
        later = 0
        for name in reversed(writers):
            if self.masks.get(name, 0) & later:
                return True
            later |= self.bits[name]
        return False


def _models(group: list[Access], graph: Graph, reach: Reach, diagnostics: Diagnostics) -> None:
    writers = [access for access in group if access.write]
    for writer in writers:
        for other in group:
            if other.node == writer.node or not overlaps(writer.path, other.path):
                continue
            if not other.write:
                if not reach.leads(writer.node, other.node):
                    graph.edges.append(Edge(other.node, writer.node, EdgeKind.STATE))
            elif writer.node < other.node:
                _two_writers(writer, other, graph, reach, diagnostics)


def _two_writers(one: Access, two: Access, graph: Graph, reach: Reach, diagnostics: Diagnostics) -> None:
    if reach.leads(one.node, two.node) or reach.leads(two.node, one.node):
        return
    first, second = sorted((graph.nodes[one.node], graph.nodes[two.node]), key=lambda node: node.index)
    if second.op == "update_ema" and first in ema_sources(second, graph):
        return
    try:
        step = clocks.meets(first.clock, second.clock, graph.facts.last_step)
    except TooComplex:
        step = 1
    if step is not None:
        path = max(one.path, two.path, key=len)
        diagnostics.error("unordered-writes", f"'{first.name}' and '{second.name}' both update '{path}' on step "
                          f"{step}, in no order", second.span, f"say which comes first: `after: [{first.name}]`",
                          ((f"'{first.name}' updates it here", first.span),))


def _sweep(graph: Graph, writers: set[str]) -> Reach | None:
    """What leads to what by the edges so far, those of state included; None where they close a cycle, which the pass
    that orders reports."""
    kinds = (*ORDERING, EdgeKind.STATE)
    order, left = toposort(graph.nodes, [(source, target) for source, target, kind in graph.edges if kind in kinds],
                           lambda name: graph.nodes[name].index)
    return None if left else Reach(graph, writers, kinds, order)


def _buffers(group: list[Access], graph: Graph, shared: Reach | None) -> None:
    """Train forwards run in file order, as far as what they need and the updates between them leave them free; eval
    forwards before the unordered ones."""
    writers = {access.node: access for access in group if access.write}
    reach = shared or _sweep(graph, set(writers))
    if reach is None:
        return
    names = sorted(writers, key=lambda name: graph.nodes[name].index)
    if reach.leads_back(names):
        pairs = [(one, two) for two in names for one in names if one != two and reach.leads(one, two)]
        names, _ = toposort(names, pairs, lambda name: graph.nodes[name].index)
    ordered = [writers[name] for name in names]
    for one, two in pairwise(ordered):
        graph.edges.append(Edge(one.node, two.node, EdgeKind.STATE))
    for reader in group:
        for writer in ordered:
            if (not reader.write and reader.node != writer.node and overlaps(reader.path, writer.path)
                    and not reach.leads(writer.node, reader.node)):
                graph.edges.append(Edge(reader.node, writer.node, EdgeKind.STATE))


def _stale_gradients(graph: Graph, contested: dict[tuple[str, str], list[Access]], reach: Reach,
                     diagnostics: Diagnostics) -> None:
    """A model written after a forward and before the gradients through it."""
    writes: dict[str, list[Access]] = {}
    for (kind, root), group in contested.items():
        if kind == "model":
            writes[root] = [access for access in group if access.write]
    said: set[tuple[str, str, str]] = set()
    for name, path in graph.gradients.items():
        for forward in sorted(path.through):
            for model in models_read(graph.nodes[forward]):
                model = state_path(model, graph)
                for writer in writes.get(model.split(".", 1)[0], ()):
                    if not overlaps(model, writer.path) or writer.node == name:
                        continue
                    if reach.leads(writer.node, forward):
                        continue
                    case = (name, forward, writer.node)  # once, however many parts of the model are updated
                    if case not in said and (reach.leads(writer.node, name) or _observes(name, forward, graph)) \
                            and _meet(graph.nodes[name], graph.nodes[writer.node], graph):
                        said.add(case)
                        _report_stale(graph.nodes[name], graph.nodes[forward], writer, graph, diagnostics)


def _observes(gradient: str, forward: str, graph: Graph) -> bool:
    """Whether a gradient is only looked at, so that the updates come between it and a forward of the training."""
    node = graph.nodes[gradient]
    return not node.training and graph.nodes[forward].training


def _meet(one: Node, two: Node, graph: Graph) -> bool:
    """Whether both may run at one step."""
    try:
        return clocks.meets(one.clock, two.clock, graph.facts.last_step) is not None
    except TooComplex:
        return True


def _report_stale(gradients: Node, forward: Node, writer: Access, graph: Graph, diagnostics: Diagnostics) -> None:
    owner = gradients.name.removesuffix(".gradients")
    update = graph.nodes[writer.node]
    help = (f"run the forward after the update (`after: [{update.name}]` on '{forward.name}'), or drop what makes "
            f"'{owner}' wait for it")
    if not gradients.training:
        help = (f"what no update depends on comes after the updates: give '{owner}' a forward of its own beside "
                f"'{forward.name}'")
    diagnostics.error("stale-gradient", f"'{owner}' differentiates through '{forward.name}', but '{update.name}' "
                      f"updates '{writer.path}' between the two", graph.nodes[owner].span, help,
                      ((f"'{forward.name}' is here", forward.span), (f"'{update.name}' is here", update.span)))
