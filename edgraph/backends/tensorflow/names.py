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
    """Registered optimizers, with the same meaning as on torch, and every other class of keras.optimizers."""
    base = keras.optimizers.Optimizer
    found = {name: item for name, item in vars(keras.optimizers).items()
             if inspect.isclass(item) and issubclass(item, base) and item is not base and name != "LossScaleOptimizer"}
    return ({name: Registered(name, None, item, open_params=True) for name, item in sorted(found.items())}
            | registered("optimizer", "tensorflow"))


def schedules() -> dict[str, Registered]:
    """Registered schedules, and every class of keras.optimizers.schedules."""
    module = keras.optimizers.schedules
    found = {name: item for name, item in vars(module).items()
             if inspect.isclass(item) and issubclass(item, module.LearningRateSchedule)
             and item is not module.LearningRateSchedule}
    return ({name: Registered(name, None, item) for name, item in sorted(found.items())}
            | registered("schedule", "tensorflow"))
