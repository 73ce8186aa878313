"""Which op of one graph is which of the other: by name, and else by what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgraph.graph.ir import Graph, Node
from edgraph.plan.compare.entries import part
from edgraph.plan.compare.values import Names, bare, expression

Sections = Mapping[str, Names]  # for data, models, optimizers: what has another name now
OF_BODY = ("graph", "params")  # settings of a loop that its graph says


@dataclass(frozen=True, slots=True)
class Pairs:
    """renamed: ops by the name before.  sections: entries by the name before."""

    common: list[tuple[Node, Node]]  # in the order of the later graph
    removed: list[Node]
    added: list[Node]
    renamed: dict[str, str]
    sections: Sections

    def now(self, name: str) -> str:
        """The present name of a node, or of a part of one."""
        head = name.removesuffix(".gradients")
        return self.renamed.get(head, head) + name[len(head):]


def match(before: Graph, now: Graph, sections: Sections) -> Pairs:
    old, new = _ops(before), _ops(now)
    gone = [node for name, node in old.items() if name not in new]
    fresh = [node for name, node in new.items() if name not in old]
    renamed: dict[str, str] = {}
    while found := _next(gone, fresh, before, now, renamed, sections):
        was, other = found
        renamed[was.name] = other.name
        gone.remove(was)
        fresh.remove(other)
    back = {name: was for was, name in renamed.items()}
    common = [(old[back.get(name, name)], node) for name, node in new.items() if back.get(name, name) in old]
    return Pairs(common, gone, fresh, renamed, sections)


def _ops(graph: Graph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes.values() if node.visible}


def _next(gone: list[Node], fresh: list[Node], before: Graph, now: Graph, renamed: Names,
          sections: Sections) -> tuple[Node, Node] | None:
    """Two ops that do the same under another name; of several the one that fires at the same time."""
    keys = [(node, work(node, now, {}, {})) for node in fresh]
    for node in gone:
        key = work(node, before, renamed, sections)
        able = [other for other, its in keys if its == key]
        if able:
            return node, next((other for other in able if other.clock == node.clock), able[0])
    return None


def work(node: Node, graph: Graph, names: Names, sections: Sections) -> Any:
    """What an op does, its clock aside: equal for two ops that do the same."""
    body = None
    if node.body is not None:
        body = ([(inner.name, work(inner, node.body, {}, sections), inner.clock) for inner in
                 _ops(node.body).values()], outputs(node.body), loop_of(node))
    return (node.op, settings(node, sections), inputs(node, graph, names), sorted(conditions(node, graph, names)),
            [event for event, _ in node.entry.at] if node.entry is not None else [], body)


def settings(node: Node, sections: Sections) -> dict[str, Any]:
    """The parameters of an op, defaults included, with the present names of what they name."""
    kinds = {"model": "models", "models": "models", "optimizer": "optimizers", "data": "data"}
    roles = {param.name: kinds[param.role] for param in node.spec.params if param.role in kinds}
    found = {}
    for key, value in node.settings.items():
        if (node.op == "optimize" and key == "models") or (node.op == "loop" and key in OF_BODY):
            continue
        names = sections.get(roles.get(key, ""), {})
        value = bare(value)
        found[key] = part(value, names) if isinstance(value, str) else \
            [part(item, names) if isinstance(item, str) else item for item in value] if isinstance(value, list) \
            else value
    return found


def inputs(node: Node, graph: Graph, names: Names) -> dict[str, str]:
    """The expression of each input. Those without names count by their places; in a log, and in a loop, which knows
    them by their texts, they do not."""
    asked = graph.nodes[f"{node.name}.gradients"] if node.op == "optimize" else node
    plain = {item.name for item in node.spec.inputs if not item.variadic}
    listed = node.entry is None or all(item.name is None for item in node.entry.inputs)
    found: dict[str, str] = {}
    for argument in asked.inputs:
        text = expression(argument.value.root, graph, names, node.name)
        key = argument.port
        if listed and key not in plain and node.op != "loop":
            key = f"({text})" if node.spec.family == "logging" else f"({len(found) + 1})"
        found[key] = text
    return found


def conditions(node: Node, graph: Graph, names: Names) -> list[str]:
    return [expression(graph.nodes[name].inputs[0].value.root, graph, names, node.name) for name in node.conditions]


def outputs(graph: Graph, names: Names | None = None) -> dict[str, str]:
    """What goes out of a loop."""
    return {name: expression(value.root, graph, names or {}) for name, value in graph.outputs.items()}


def loop_of(node: Node) -> dict[str, Any]:
    """What a loop goes through, and how far."""
    body = node.body
    if body is None or body.use is None:
        return {}
    condition = body.use.condition
    return {"over": body.facts.over, "repeat": body.facts.last_step, "max": body.use.maximum,
            "while": None if condition is None else expression(condition.root, body, {})}
