"""What comes first within a step, where that matters; and what gradients go through."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from edgraph.graph.ir import EdgeKind, Graph
from edgraph.graph.models import overlaps
from edgraph.graph.passes.state import accesses
from edgraph.ops.registry import registry
from edgraph.plan.compare.difference import Difference
from edgraph.plan.compare.matching import Pairs, match
from edgraph.plan.compare.values import settings_of
from edgraph.plan.relations import owner

SLICES = {True: "before the updates, as it leads to one", False: "after every update of the step"}


def compare(before: Graph, now: Graph, pairs: Pairs, prefix: str = "") -> list[Difference]:
    """Two ops of which one writes what the other reads or writes, ops that moved between training and observing, and
    forwards through which gradients did not go, or no longer do."""
    found = [*_turned(before, now, pairs, prefix), *_moved(before, now, pairs, prefix),
             *_gradients(before, now, pairs, prefix)]
    for old, new in pairs.common:
        if old.body is not None and new.body is not None:
            found += compare(old.body, new.body, match(old.body, new.body, pairs.sections), f"{prefix}{new.name}.")
    return sorted(found, key=lambda difference: difference.section != "order")


def _turned(before: Graph, now: Graph, pairs: Pairs, prefix: str) -> Iterator[Difference]:
    """Pairs of ops that touch the same state and have changed places."""
    old = {pairs.now(name): place for place, name in enumerate(before.order)}
    new = {name: place for place, name in enumerate(now.order)}
    touching = [(pairs.now(source), pairs.now(target)) for source, target, kind in before.edges
                if kind is EdgeKind.STATE]
    touching += [(target, source) for source, target, kind in now.edges if kind is EdgeKind.STATE]
    moved = {difference.name for difference in _moved(before, now, pairs, "")}
    said: set[tuple[str, str]] = set()
    for first, second in touching:
        known = {first, second} <= old.keys() & new.keys()
        one, two = (owner(first, now), owner(second, now)) if known else ("", "")
        if known and old[first] < old[second] and new[second] < new[first] and (one, two) not in said and one != two:
            said.add((one, two))
            reason = _reason(first, second, now)
            if not reason or moved & {one, two}:
                continue  # they touch the same model, but nothing of it that changes; or it is said of one of them
            of = "its gradients " if first.endswith(".gradients") else ""
            yield Difference("order", prefix + one, "", f"{of}before '{two}'",
                             f"{of}after '{two}'{reason}")


def _reason(first: str, second: str, graph: Graph) -> str:
    """What one of them writes, and the other reads or writes."""
    for mine in accesses(graph.nodes[second], graph):
        for yours in accesses(graph.nodes[first], graph):
            if mine.kind == yours.kind and overlaps(mine.path, yours.path) and (mine.write or yours.write) \
                    and not (mine.kind == "buffers" and _has_none(mine.path, graph)):
                what = "the buffers of " if mine.kind == "buffers" else ""
                return f", which writes {what}'{mine.path}'" if mine.write else f", which reads {what}'{mine.path}'"
    return ""


def _has_none(path: str, graph: Graph) -> bool:
    """Whether a model surely has no buffers: one of the library without batch normalisation."""
    models = graph.pipeline.models
    entry = models.get(path.split(".", 1)[0])
    while entry is not None and entry.copy is not None:
        entry = models.get(entry.copy.text.split(".", 1)[0])
    use = entry.use if entry is not None else None
    return use is not None and settings_of("model", use.use.text, use.settings).get("batch_norm") is False \
        and registry.is_builtin("model", use.use.text)


def _moved(before: Graph, now: Graph, pairs: Pairs, prefix: str) -> Iterator[Difference]:
    """Where it matters: an op that reads or writes weights."""
    for old, new in pairs.common:
        if old.training != new.training and (accesses(old, before) or accesses(new, now)):
            yield Difference("order", prefix + new.name, "", SLICES[old.training], SLICES[new.training])


def _gradients(before: Graph, now: Graph, pairs: Pairs, prefix: str) -> Iterator[Difference]:
    """What the gradients of an update go through."""
    for old, new in pairs.common:
        one, two = (graph.gradients.get(f"{node.name}.gradients") for node, graph in ((old, before), (new, now)))
        if one is None or two is None:
            continue
        was = {pairs.now(name) for name in one.through}
        if was != two.through:
            yield Difference("gradients", prefix + new.name, "through", _listed(was, now), _listed(two.through, now))


def _listed(names: Collection[str], graph: Graph) -> str:
    place = {name: position for position, name in enumerate(graph.order)}
    return ", ".join(sorted(names, key=lambda name: (place.get(name, 0), name)))
