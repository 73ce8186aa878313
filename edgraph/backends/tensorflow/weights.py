"""`weights:` of a model, into the variables of Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.state import from_blob
from edgraph.backends.tensorflow.tree import variables
from edgraph.backends.weights import Reader, find_weights
from edgraph.text.diagnostics import Diagnostics


def load_weights(model: Any, entry: ModelEntry, checkpoint: Callable[[str], StateTree], folder: Path,
                 diagnostics: Diagnostics) -> bool:
    """Fill a model's parameters and buffers. What is wrong goes to the diagnostics."""
    own = variables(model)
    wanted = {**own.parameters, **own.buffers}
    found = find_weights(entry, Reader("tf", from_blob, checkpoint, folder), wanted, wanted, diagnostics)
    if found is None:
        return False
    for name, tensor in found.items():
        wanted[name].assign(tf.cast(tensor, wanted[name].dtype))
    return True
