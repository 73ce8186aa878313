"""The built-in declarations, a module for each family. Importing this registers them all."""

from edgraph.ops import patterns
from edgraph.ops.library import (
    compute,
    control,
    data,
    keras_optimizers,
    loggers,
    logging,
    losses,
    metrics,
    models,
    noise,
    optimizers,
    saving,
    schedules,
    sources,
    training,
)

__all__ = ["compute", "control", "data", "keras_optimizers", "loggers", "logging", "losses", "metrics", "models",
           "noise", "optimizers", "patterns", "saving", "schedules", "sources", "training"]
