"""Which parameters can be changed while a run goes on: those that expressions read, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from edgraph.graph.ir import Graph
from edgraph.language.declare import parameter
from edgraph.language.expressions import Expr, Expression, Index, Param, walk
from edgraph.language.parameters import Misfit, Parameter
from edgraph.language.pipeline import Pipeline
from edgraph.text.inserted import Inserted
from edgraph.text.source import Mapping, Plain, Sequence, Tree

_INSERT = re.compile(r"\$\{\s*(\w+)\s*\}")


class Settable(NamedTuple):
    """A parameter as a run knows it.

    read: an expression reads it, as `params.NAME`.  whole: as an index, which is a whole number.
    inserted: places of `${NAME}`, which were filled in before the run and cannot follow.  keys: what they fill in, such
    as `optimizers.adam.with.lr`.
    """

    parameter: Parameter
    read: bool = False
    whole: bool = False
    inserted: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def refusal(self, name: str) -> str | None:
        """Why it cannot be changed; None where it can."""
        if self.inserted:
            more = f" and {len(self.inserted) - 1} more" if len(self.inserted) > 1 else ""
            return f"${{{name}}} at {self.inserted[0]}{more} was filled in before the run"
        if self.parameter.kind is None:
            return "it is not a single value"
        return None if self.read else f"no expression reads params.{name}"

    def misfit(self, value: Plain) -> Misfit | None:
        """What is wrong with a value; None where it can be set."""
        if self.whole and self.parameter.kind == "number" and not _is_whole(value):
            return Misfit("wrong-type", "a whole number: it is an index")
        return self.parameter.misfit(value)

    def as_json(self) -> dict[str, Any]:
        of = self.parameter
        return {"value": of.value, "type": of.kind, "min": of.minimum, "max": of.maximum, "choices": list(of.choices),
                "doc": of.doc, "read": self.read, "whole": self.whole, "inserted": list(self.inserted),
                "keys": list(self.keys)}

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> Settable:
        of = Parameter(known["value"], known["type"], known["min"], known["max"], tuple(known["choices"]),
                       known["doc"])
        return cls(of, known["read"], known["whole"], tuple(known["inserted"]), tuple(known["keys"]))


def settable(graph: Graph) -> dict[str, Settable]:
    """Every parameter of the pipeline, and what is known of its uses."""
    pipeline = graph.pipeline
    if not pipeline.params:
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    for name, *where in insertions(pipeline):
        found.setdefault(name, []).append((where[0], where[1]))
    read: set[str] = set()
    indices: set[str] = set()
    for root in _expressions(graph):
        for part in walk(root):
            if isinstance(part, Param):
                read.add(part.name)
            elif isinstance(part, Index):
                indices.update(inner.name for inner in walk(part.index) if isinstance(inner, Param))
    return {name: Settable(parameter(name, pipeline.params, pipeline.declared), name in read, name in indices,
                           tuple(place for place, _ in found.get(name, ())),
                           tuple(dict.fromkeys(key for _, key in found.get(name, ())))) for name in pipeline.params}


def insertions(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Name, place and key of every `${NAME}` of the pipeline's own parameters."""
    for section, entry in pipeline.tree.entries.items():
        if section != "graphs":
            yield from _inserted(entry.value, section)
        elif isinstance(entry.value, Mapping):
            for name, graph in entry.value.entries.items():
                own = graph.value.get("params") if isinstance(graph.value, Mapping) else None
                hidden = own.entries if isinstance(own, Mapping) else {}
                yield from (found for found in _inserted(graph.value, f"graphs.{name}", raw=True)
                            if found[0] not in hidden)


def _inserted(tree: Tree, key: str, raw: bool = False) -> Iterator[tuple[str, str, str]]:
    """raw: what is not filled in yet, as in graphs. A list has the key of the whole."""
    stack = [(key, tree)]
    while stack:
        key, head = stack.pop()
        if isinstance(head, Mapping):
            stack.extend((f"{key}.{inner}", entry.value) for inner, entry in reversed(head.entries.items()))
        elif isinstance(head, Sequence):
            stack.extend((key, item) for item in reversed(head.items))
        else:
            text = head.text if isinstance(head, Inserted) else head.value if raw else None
            if isinstance(text, str) and "${" in text:
                yield from ((name, head.span.place(), key) for name in _INSERT.findall(text))


def _expressions(graph: Graph) -> Iterator[Expr]:
    pipeline = graph.pipeline
    for inner in graph.graphs():
        for node in inner.nodes.values():
            yield from (argument.value.root for argument in node.inputs)
        yield from (output.root for output in inner.outputs.values())
        yield from (initial for initial in inner.slots.values() if initial is not None)
        if inner.use is not None and inner.use.condition is not None:
            yield inner.use.condition.root
    yield from (stage.condition.root for stage in pipeline.stages.values() if stage.condition is not None)
    if pipeline.run.evaluation is not None and pipeline.run.evaluation.filter is not None:
        yield pipeline.run.evaluation.filter.root
    yield from (entry.schedule.root for entry in pipeline.optimizers.values()
                if isinstance(entry.schedule, Expression))


def _is_whole(value: Plain) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
