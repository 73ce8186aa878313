"""edgraph: a declarative graph-of-ops engine for training loops.

    pipeline = edgraph.load("pipeline.yaml", ["lr=3e-4"])
    run = pipeline.run()
    print(run.step, run.metrics[-1], run.folder)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgraph.api import LoadedPipeline, Run, load
    from edgraph.ops.pattern import Expansion, Mistakes
    from edgraph.ops.random import rng, stream_seed
    from edgraph.ops.registry import dataset, model, op, pattern
    from edgraph.text.diagnostics import Diagnostic, PipelineError

__version__ = "0.1.0"
__all__ = ["Diagnostic", "Expansion", "LoadedPipeline", "Mistakes", "PipelineError", "Run", "dataset", "load", "model",
           "op", "pattern", "rng", "stream_seed"]

_HOME = {"load": "edgraph.api", "LoadedPipeline": "edgraph.api", "Run": "edgraph.api", "rng": "edgraph.ops.random",
         "stream_seed": "edgraph.ops.random", "dataset": "edgraph.ops.registry", "model": "edgraph.ops.registry",
         "Expansion": "edgraph.ops.pattern", "Mistakes": "edgraph.ops.pattern", "op": "edgraph.ops.registry",
         "pattern": "edgraph.ops.registry", "Diagnostic": "edgraph.text.diagnostics",
         "PipelineError": "edgraph.text.diagnostics"}


def __getattr__(name: str) -> Any:
    """Imported when asked for, so that a command imports only what it needs."""
    if name in _HOME:
        from importlib import import_module
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'edgraph' has no attribute '{name}'")
