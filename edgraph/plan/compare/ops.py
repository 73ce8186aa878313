"""Ops that were added, removed, renamed, or do something else now."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.ir import Graph, Node
from edgraph.plan.compare import timing
from edgraph.plan.compare.difference import Difference
from edgraph.plan.compare.matching import Pairs, conditions, inputs, loop_of, match, outputs, settings
from edgraph.plan.compare.values import same, written
from edgraph.plan.wording import on, op_words


def compare(before: Graph, now: Graph, pairs: Pairs, counts: tuple[timing.Counts, timing.Counts],
            prefix: str = "") -> list[Difference]:
    """prefix: of a loop's graph, `score.`."""
    found: list[Difference] = []
    added = set(map(id, pairs.added))
    changed = {id(new): old for old, new in pairs.common}
    for node in now.nodes.values():
        name = prefix + node.name
        if id(node) in added:
            found.append(Difference("ops", name, "added", None, _words(node, now, counts[1])))
        elif id(node) in changed:
            old = changed[id(node)]
            if old.name != node.name:
                found.append(Difference("ops", name, "renamed", prefix + old.name, name))
                if node.spec.random:
                    found.append(Difference("ops", name, "random numbers", f"those of '{old.name}'",
                                            f"those of '{node.name}'"))
            found += _changes(old, node, before, now, pairs, name, counts)
    return found + [Difference("ops", prefix + node.name, "removed", _words(node, before, counts[0]), None)
                    for node in pairs.removed]


def _words(node: Node, graph: Graph, counts: timing.Counts) -> str:
    given = conditions(node, graph, {})
    when = f", when {' and '.join(given)}" if given else ""
    return f"{op_words(node, graph)}, {on(timing.clock_words(node, graph))}{when}{counts.note(node.name)}"


def _changes(old: Node, new: Node, before: Graph, now: Graph, pairs: Pairs, name: str,
             counts: tuple[timing.Counts, timing.Counts]) -> Iterator[Difference]:
    def changed(what: str, was: object, its: object) -> Iterator[Difference]:
        if not same(was, its):
            yield Difference("ops", name, what, written(was), written(its))

    yield from changed("op", old.op, new.op)
    if old.op == new.op:
        mine, yours = settings(old, pairs.sections), settings(new, {})
        for key in dict.fromkeys([*yours, *mine]):
            yield from changed(key, mine.get(key), yours.get(key))
    if old.op != new.op or (old.body is None) == (new.body is None):
        yield from _inputs(inputs(old, before, pairs.renamed), inputs(new, now, {}), new, name)
    clock = timing.clock_change(old, new, before, now, pairs)
    if clock is not None:
        both = counts[0].of(old.name), counts[1].of(new.name)
        times = f" ({counts[0].said(old.name)} -> {counts[1].said(new.name)} times)" \
            if None not in both and both[0] != both[1] else ""
        yield Difference("ops", name, "clock", clock[0], clock[1] + times)
    was, its = conditions(old, before, pairs.renamed), conditions(new, now, {})
    if sorted(was) != sorted(its):
        yield Difference("ops", name, "when", " and ".join(was) or None, " and ".join(its) or None)
    if old.op == new.op == "forward" and old.train_mode != new.train_mode:
        modes = ["train mode" if node.train_mode else "eval mode" for node in (old, new)]
        yield Difference("ops", name, "mode", modes[0], modes[1])
    if old.body is not None and new.body is not None:
        yield from _bodies(old, new, pairs, name)


def _inputs(mine: dict[str, str], yours: dict[str, str], node: Node, name: str) -> Iterator[Difference]:
    if mine == yours:
        return
    if any(key.startswith("(") for key in [*mine, *yours]):  # a list
        yield Difference("ops", name, "inputs", f"[{', '.join(mine.values())}]", f"[{', '.join(yours.values())}]")
        return
    for key in dict.fromkeys([*yours, *mine]):
        if mine.get(key) != yours.get(key):
            alone = len(node.spec.inputs) == 1 and not node.spec.inputs[0].variadic
            yield Difference("ops", name, "input" if alone else f"input {key}", mine.get(key), yours.get(key))


def _bodies(old: Node, new: Node, pairs: Pairs, name: str) -> Iterator[Difference]:
    """The graphs of a loop."""
    assert old.body is not None and new.body is not None
    its = loop_of(new)
    for key, was in loop_of(old).items():
        if key == "over" and was is not None:
            was = pairs.sections.get("data", {}).get(was, was)
        if was != its.get(key):
            yield Difference("ops", name, key, written(was), written(its.get(key)))
    inner = match(old.body, new.body, pairs.sections)
    yield from compare(old.body, new.body, inner, (timing.Counts(old.body), timing.Counts(new.body)), f"{name}.")
    mine, yours = outputs(old.body, inner.renamed), outputs(new.body)
    for key in dict.fromkeys([*yours, *mine]):
        if mine.get(key) != yours.get(key):
            yield Difference("ops", name, f"output {key}", mine.get(key), yours.get(key))
