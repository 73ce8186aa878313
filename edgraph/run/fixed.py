"""Which examples the fixed ones of a run are: named in the pipeline or drawn, and recorded in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgraph.graph.ir import Graph
from edgraph.graph.models import data_of
from edgraph.run.folder import FolderError, RunFolder

FILE = "fixed_examples.json"


def fixed_examples(graph: Graph, data: Mapping[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Indices for each data set that a `fixed_examples` op reads. data: edgraph.data.source.DataSource by name.

    What the folder has recorded stays, whatever the pipeline says now. Raises FolderError where that cannot be.
    """
    from edgraph.data.fixed import fixed_indices
    pipeline, recorded = graph.pipeline, folder.read_json(FILE, {})
    found: dict[str, Any] = {}
    for part in graph.graphs():
        for node in part.nodes.values():
            if node.op == "fixed_examples":
                name = data_of(node, part, graph.facts.over)
                written = pipeline.fixed_examples.get(name)
                given = _recorded(name, recorded, data[name].length, folder) or (written[0] if written else None)
                found[name] = fixed_indices(given, data[name].length, pipeline.data[name].batch_size,
                                            pipeline.run.seed, name, data[name].subset())
    if found and not recorded:
        folder.write_json(FILE, {name: [int(index) for index in indices] for name, indices in found.items()})
    return found


def _recorded(name: str, recorded: Mapping[str, Any], length: int, folder: RunFolder) -> list[int] | None:
    """Those of a data set as they were drawn: it may have fewer examples by now."""
    indices = recorded.get(name)
    if indices is None or (isinstance(indices, list) and all(
            isinstance(index, int) and 0 <= index < length for index in indices)):
        return indices
    raise FolderError(f"{folder.path / FILE} has examples that are not in '{name}', which has {length}; without the "
                      "file they are drawn anew")
