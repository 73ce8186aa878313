"""Lints: what is legal and most likely not meant. One function finds each: `edgraph/graph/lints/`."""

from __future__ import annotations

from edgraph.graph import lints
from edgraph.graph.ir import Graph
from edgraph.text.diagnostics import Diagnostics


def run(graph: Graph, diagnostics: Diagnostics) -> bool:
    lints.run(graph, diagnostics)
    return True
