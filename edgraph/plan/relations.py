"""What a node has to do with others, in words: what it waits for, what needs it, the state it touches."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.clocks import Clock, TooComplex, first, staleness, words
from edgraph.graph.ir import EdgeKind, Graph, Node
from edgraph.graph.models import overlaps
from edgraph.graph.passes.slices import LEADS_TO, updates
from edgraph.graph.passes.state import Access, accesses
from edgraph.graph.refs import show, uses
from edgraph.language.expressions import Expr
from edgraph.plan.wording import on

Relation = tuple[str, str]  # a name, and what there is to say of it


def parts(node: Node, graph: Graph) -> list[Node]:
    """An op as its nodes: `optimize` is two."""
    first = graph.nodes.get(f"{node.name}.gradients")
    return [node] if first is None or first.kind != "gradients" else [first, node]


def owner(name: str, graph: Graph) -> str:
    """The op that a node is a part of."""
    node = graph.nodes[name]
    return name.removesuffix(".gradients") if node.kind == "gradients" else name


def waits_for(node: Node, graph: Graph) -> list[Relation]:
    """What comes before a node in a step, or gives it a value, each with the reason."""
    found: dict[Relation, None] = {}
    for part in parts(node, graph):
        for argument in part.inputs:
            found.update(dict.fromkeys(_values(argument.value.root, graph, "", part.clock)))
        for name in part.conditions:
            for argument in graph.nodes[name].inputs:
                found.update(dict.fromkeys(_values(argument.value.root, graph, f"for the condition {name[5:]}",
                                                   part.clock)))
        for source, target, kind in graph.edges:
            if target == part.name and owner(source, graph) != node.name:
                found.update(dict.fromkeys(_ordered(source, target, kind, graph)))
    found.pop((node.name, "its value"), None)
    return list(found)


def _values(root: Expr, graph: Graph, purpose: str, asked: Clock) -> Iterator[Relation]:
    """asked: when the values are read."""
    for use in uses(root):
        target = graph.targets.get(use.ref.path)
        if target is None:
            continue
        source = graph.nodes[target.node]
        if source.kind == "condition":  # a value that `hold` or `previous` needs whole
            for argument in source.inputs:
                yield from _values(argument.value.root, graph, f"for {show(argument.value.root)}", asked)
            continue
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in target.field)
        what = f"its value{f' {field}' if field else ''}"
        if use.kind is EdgeKind.HOLD:
            what = f"the latest {what[4:]}, {_age(source, asked, graph)}"
        elif use.kind is EdgeKind.PREVIOUS:
            what = f"{what} of an earlier step: nothing to wait for"
        yield owner(target.node, graph), f"{what}, {purpose}" if purpose else what


def _age(source: Node, asked: Clock, graph: Graph) -> str:
    """How old a held value can be, where that is known before the run."""
    otherwise = "of this step or an earlier one"
    if not source.clock.is_pure or not source.clock.terms or not asked.terms:
        return otherwise
    try:
        age = staleness(source.clock, asked, graph.facts.last_step)
        made, read = first(source.clock), first(asked)
    except TooComplex:
        return otherwise
    since = f"; before step {made} the initial value" if made is not None and read is not None and read < made else ""
    if age is None:
        return otherwise + since
    return ("always of this step" if age == 0 else f"at most {age} step{'s' if age > 1 else ''} old") + since


def _ordered(source: str, target: str, kind: EdgeKind, graph: Graph) -> Iterator[Relation]:
    node = graph.nodes[source]
    name = owner(source, graph)
    if kind is EdgeKind.ORDER:
        yield name, "as `after` says"
    elif kind is EdgeKind.STATE:
        yield name, state_reason(source, target, graph)
    elif kind is EdgeKind.FREQUENCY and node.counts is not None:
        of, number = node.counts
        for counted, _, _ in (edge for edge in graph.edges if edge.target == source):
            yield owner(counted, graph), f"its {node.settings['kind']} are counted: every {number} of '{of}'"
    elif kind is EdgeKind.FREQUENCY:
        yield name, "it fires when that applies"


def state_reason(source: str, target: str, graph: Graph) -> str:
    """Why one node comes before another although neither gives the other a value."""
    for mine in accesses(graph.nodes[source], graph):
        for yours in accesses(graph.nodes[target], graph):
            if mine.kind == yours.kind and overlaps(mine.path, yours.path) and (mine.write or yours.write):
                what = f"'{yours.path}'" if mine.kind == "model" else f"the buffers of '{yours.path}'"
                if mine.write and yours.write:
                    return f"both write {what}: as in the file"
                return f"it {_verb(mine)} {what}, which this {_verb(yours)}"
    return "the order of what they read and write"


def _verb(access: Access) -> str:
    return "writes" if access.write else "reads"


def needed_by(node: Node, graph: Graph) -> list[Relation]:
    """What asks for a node's value, each with its clock."""
    found: dict[Relation, None] = {}
    for other in graph.nodes.values():
        for argument in other.inputs:
            for use in uses(argument.value.root):
                target = graph.targets.get(use.ref.path)
                if target is not None and target.node == node.name:
                    found.update(dict.fromkeys(_demand(other, use.kind, graph)))
        if other.counts is not None and any(edge.source == node.name and edge.target == other.name
                                            for edge in graph.edges):
            found.update(dict.fromkeys((reader.name, f"counts it, and fires {on(words(reader.clock))}")
                                       for reader in _followers(other.name, graph)))
    for name, output in graph.outputs.items():
        if any(target.node == node.name for use in uses(output.root) if (target := graph.targets.get(use.ref.path))):
            found[("the loop", f"as its output '{name}'")] = None
    found.pop((node.name, on(words(node.clock))), None)
    return list(found)


def _demand(reader: Node, kind: EdgeKind, graph: Graph) -> Iterator[Relation]:
    if reader.kind == "condition" and reader.settings.get("value") is None:
        for other in graph.nodes.values():
            if reader.name in other.conditions:
                yield other.name, f"for its condition {reader.name[5:]}, {on(words(graph.nodes[reader.name].clock))}"
    elif reader.kind == "condition":
        yield from ((follower.name, "keeps what is made of it for later steps") for follower in
                    _followers(reader.name, graph))
    elif kind is EdgeKind.DATA:
        yield owner(reader.name, graph), "once, when the loop has ended" if reader.metric else on(words(reader.clock))
    else:
        yield owner(reader.name, graph), f"keeps it for later steps ({kind})"


def _followers(name: str, graph: Graph) -> list[Node]:
    return [graph.nodes[edge.target] for edge in graph.edges if edge.source == name]


def way_to_update(node: Node, graph: Graph) -> list[str] | None:
    """The shortest way along data, hold, condition and clock edges from a node to an update; None: there is none."""
    after = graph.successors(LEADS_TO)
    seen: dict[str, str | None] = {part.name: None for part in parts(node, graph)}
    queue = list(seen)
    for name in queue:
        if updates(graph.nodes[name]):
            way: list[str] = []
            at: str | None = name
            while at is not None:
                way.append(at)
                at = seen[at]
            return list(dict.fromkeys(owner(step, graph) for step in reversed(way)))
        for follower in after[name]:
            if follower not in seen:
                seen[follower] = name
                queue.append(follower)
    return None


def state_words(node: Node, graph: Graph) -> list[str]:
    """The state that a node reads, writes and keeps."""
    touched = [access for part in parts(node, graph) for access in accesses(part, graph)]
    found = [f"{verb} {', '.join(names)}" for verb, write in (("reads", False), ("writes", True))
             if (names := _objects([access for access in touched if access.write == write]))]
    if node.spec.state:
        found.append("keeps state of its own between steps")
    if node.op == "load_batch":
        found.append("takes batches from a stream, which has a position")
    if node.spec.random:
        found.append("draws random numbers by seed, name and step")
    held = [slot.text() for slot in graph.slots if slot.node == node.name and slot in graph.remembered]
    if held:
        found.append(f"{', '.join(held)} is kept from step to step for hold or previous")
    return found


def _objects(touched: list[Access]) -> list[str]:
    kinds: dict[str, set[str]] = {}
    for access in touched:
        kinds.setdefault(access.path, set()).add(access.kind)
    return [f"'{path}'" if kind == {"model"} else f"the buffers of '{path}'" if kind == {"buffers"}
            else f"'{path}' with its buffers" for path, kind in kinds.items()]
