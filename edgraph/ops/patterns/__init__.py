"""The trainers: patterns that come with edgraph. Importing this registers them."""

from edgraph.ops.patterns import base, frequency, sets, staged, template

__all__ = ["base", "frequency", "sets", "staged", "template"]
