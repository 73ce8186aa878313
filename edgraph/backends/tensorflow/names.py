"""What names of models, optimizers and schedules mean on TensorFlow: the registry's, and Keras' own."""

from __future__ import annotations

import inspect

from edgraph.backends.names import registered
from edgraph.backends.tensorflow.framework import keras
from edgraph.ops.registry import Registered


def models() -> dict[str, Registered]:
    """The registered models that this backend can make."""
    return registered("model", "tensorflow")


def optimizers() -> dict[str, Registered]:
    """Registered optimizers; those that torch has too mean the same. Others of Keras go by their path."""
    return registered("optimizer", "tensorflow")


def schedules() -> dict[str, Registered]:
    """Registered schedules, and every class of keras.optimizers.schedules."""
    module = keras.optimizers.schedules
    found = {name: item for name, item in vars(module).items()
             if inspect.isclass(item) and issubclass(item, module.LearningRateSchedule)
             and item is not module.LearningRateSchedule}
    return ({name: Registered(name, None, item) for name, item in sorted(found.items())}
            | registered("schedule", "tensorflow"))
