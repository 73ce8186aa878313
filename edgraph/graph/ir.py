"""The graph: nodes with typed edges. Everything after this room works on these values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from edgraph.graph.clocks import ALWAYS, Clock
from edgraph.language.expressions import Expr, Expression
from edgraph.language.pipeline import GraphUse, OpEntry, Pipeline
from edgraph.ops.spec import OpSpec
from edgraph.text.source import Span

Path = tuple[str | int, ...]


class EdgeKind(StrEnum):
    """What an edge says."""

    DATA = "data"
    HOLD = "hold"
    PREVIOUS = "previous"
    CONDITION = "condition"
    FREQUENCY = "frequency"
    ORDER = "order"
    STATE = "state"


class Edge(NamedTuple):
    source: str
    target: str
    kind: EdgeKind


class Target(NamedTuple):
    """What a reference means: a node, and the path into its value."""

    node: str
    field: Path


class Slot(NamedTuple):
    """A value kept across steps for `hold` and `previous`: a node's value, or a part of it."""

    node: str
    field: Path

    def text(self) -> str:
        return ".".join(map(str, (self.node, *self.field)))


class Argument(NamedTuple):
    """One input of a node: its port (the name of the op's parameter, or the author's name where the op
    takes any number), and the expression."""

    port: str
    value: Expression


class Read(NamedTuple):
    """A reference in one of a node's inputs, and what it means."""

    node: str
    field: Path
    kind: EdgeKind
    gradient: bool  # a gradient may flow back along it
    port: str


Kind = Literal["op", "gradients", "condition", "argument"]
KEYED = frozenset({"load_batch", "fixed_examples", "loop", "optimize", "improved"})  # values are mappings


@dataclass(slots=True)
class Node:
    """One use of an op. `optimize` is two nodes: NAME.gradients, and NAME, which applies them; a condition
    is a node of its own, shared by all ops that state it; an argument is an input of a loop's graph."""

    name: str
    kind: Kind
    spec: OpSpec
    index: int  # its place in the file, which breaks ties of the order
    span: Span
    entry: OpEntry | None = None
    inputs: tuple[Argument, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()  # condition nodes of its own `when`
    after: tuple[str, ...] = ()
    counts: tuple[str, int] | None = None  # a clock of firings: (op it counts, n)
    body: Graph | None = None  # of a loop
    reads: tuple[Read, ...] = ()  # the references of all inputs, from left to right
    # derived by the passes
    declared: Clock | None = None
    clock: Clock = ALWAYS
    events: frozenset[str] | None = None  # None: on demand at any event
    training: bool = False
    sink: bool = False
    drives: bool = False  # a sink on account of training: also without observers it would be due
    shares: bool = False  # a source of training: it advances for training only, and what observes looks at it
    train_mode: bool = False  # of a forward: an update's gradient passes through it
    metric: bool = False  # made when the loop ends: a metric, or what is computed of one

    @property
    def op(self) -> str:
        return self.spec.name

    @property
    def place(self) -> str:
        return self.span.place()

    @property
    def visible(self) -> bool:
        """Whether an author knows it by name."""
        return self.kind == "op" and self.name != "run.checkpoint"


@dataclass(slots=True)
class Facts:
    """What is known before the run: bounds and lengths. `steps_per_epoch` is None where not known yet."""

    over: str | None
    steps_per_epoch: int | None
    last_step: int | None  # the planned last step
    fields: dict[str, tuple[str, ...] | None] = field(default_factory=dict)  # of each data set, where known
    same: dict[str, str] = field(default_factory=dict)  # models that share parameters: one state object
    lengths: dict[str, int | None] = field(default_factory=dict)  # steps in an epoch of each data set
    epoch_length: int | None = None  # of the run, in loops too: what `epoch` counts


@dataclass(slots=True)
class Graph:
    """Nodes by name, edges, and what the passes derive. A loop's body is a graph of its own."""

    pipeline: Pipeline
    facts: Facts
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    targets: dict[Path, Target] = field(default_factory=dict)  # the meaning of each reference's path
    outputs: dict[str, Expression] = field(default_factory=dict)
    use: GraphUse | None = None  # of a loop's body
    name: str = ""  # of the loop, as a prefix for messages and random streams
    order: list[str] = field(default_factory=list)
    slots: dict[Slot, Expr | None] = field(default_factory=dict)  # with initial value, None: has fired first
    remembered: set[Slot] = field(default_factory=set)  # those that a hold or previous reads
    output_slots: set[Slot] = field(default_factory=set)  # of a loop: those that its outputs read, gradient and all
    gradients: dict[str, GradientPath] = field(default_factory=dict)  # by gradients node, and `gradient` op
    stages: list[StageWindow] = field(default_factory=list)
    updaters: dict[str, list[Node]] = field(default_factory=dict)  # by model: what updates it, or a part of it
    appliers: dict[str, list[str]] = field(default_factory=dict)  # by optimizer

    def predecessors(self, kinds: Iterable[EdgeKind]) -> dict[str, list[str]]:
        """For each node the sources of its edges of these kinds."""
        wanted = frozenset(kinds)
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target, kind in self.edges:
            if kind in wanted:
                found[target].append(source)
        return found

    def successors(self, kinds: Iterable[EdgeKind]) -> dict[str, list[str]]:
        """For each node the targets of its edges of these kinds."""
        wanted = frozenset(kinds)
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target, kind in self.edges:
            if kind in wanted:
                found[source].append(target)
        return found

    def to_networkx(self) -> Any:
        """A networkx.MultiDiGraph of the nodes and the edges with their `kind`, for tools of your own."""
        import networkx as nx

        graph: Any = nx.MultiDiGraph(name=self.pipeline.name)
        for node in self.nodes.values():
            graph.add_node(node.name, kind=node.kind, op=node.op, place=node.place)
        for source, target, kind in self.edges:
            graph.add_edge(source, target, key=str(kind), kind=str(kind))
        return graph

    def graphs(self) -> Iterator[Graph]:
        """This graph and those of its loops, outermost first."""
        yield self
        for node in self.nodes.values():
            if node.body is not None:
                yield from node.body.graphs()


class GradientPath(NamedTuple):
    """What one differentiation goes through: the nodes that must record when it is due, and the models
    that it reads."""

    optimizer: str | None  # None: a `gradient` op
    records: frozenset[str]
    models: frozenset[str]
    through: frozenset[str]  # forwards whose output the loss depends on


class StageWindow(NamedTuple):
    """A stage: its steps, where they are known before the run."""

    name: str
    start: int | None
    until: int | None  # None: not known, or to the end
    condition: Expression | None
    length: int | None = None  # of a stage whose start is not known before the run
    earliest: int = 1  # no step before this one is in it

    @property
    def title(self) -> str:
        return f"stage '{self.name}'" if self.name else "after the last stage"
