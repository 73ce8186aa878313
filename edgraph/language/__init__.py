"""Tree to typed pipeline: includes, parameters, overrides, and the expression language."""

from edgraph.language.graphs import instantiate, read_ops
from edgraph.language.loading import load
from edgraph.language.reread import reread

__all__ = ["instantiate", "load", "read_ops", "reread"]
