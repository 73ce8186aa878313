"""Entries of the pipeline that no op uses. Those of included files may be there for other pipelines."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.ir import Graph, Node
from edgraph.graph.lints.warner import Warner
from edgraph.graph.models import data_of


def models(graph: Graph, warner: Warner) -> None:
    pipeline = graph.pipeline
    used = {name.split(".", 1)[0] for name in _named(graph, ("model", "models"))}
    used |= {entry.copy.text.split(".", 1)[0] for entry in pipeline.models.values() if entry.copy is not None}
    updated = {group.model.text.split(".", 1)[0] for entry in pipeline.optimizers.values() for group in entry.updates}
    for name, entry in pipeline.models.items():
        if name not in used | updated and entry.span.source is pipeline.source:  # what is updated is `unreached-model`
            warner.at(entry.span, "unused-model", f"no op runs model '{name}'",
                      f"run it, `{{op: forward, inputs: …, with: {{model: {name}}}}}`, or remove it", entry.ignore)


def data(graph: Graph, warner: Warner) -> None:
    used = set(_named(graph, ("data",)))
    for inner in graph.graphs():
        used.add(inner.facts.over or "")
        used.update(data_of(node, inner, graph.facts.over) for node in inner.nodes.values()
                    if node.op in ("load_batch", "fixed_examples"))
    for name, entry in graph.pipeline.data.items():
        if name not in used and not entry.base and entry.span.source is graph.pipeline.source:
            warner.at(entry.span, "unused-data", f"no op reads data set '{name}'",
                      f"read it, `{{op: load_batch, with: {{data: {name}}}}}`, or remove it", entry.ignore)


def _named(graph: Graph, roles: tuple[str, ...]) -> Iterator[str]:
    """What the parameters of ops name."""
    for inner in graph.graphs():
        for node in inner.nodes.values():
            for value in _values(node, roles):
                yield from map(str, value if isinstance(value, list | tuple) else [value])


def _values(node: Node, roles: tuple[str, ...]) -> Iterator[object]:
    yield from (value for param in node.spec.params if param.role in roles
                and (value := node.settings.get(param.name)) is not None)
