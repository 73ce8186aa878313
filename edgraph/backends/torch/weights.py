"""`weights:` of a model, into torch's modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry
from edgraph.backends.torch.state import from_blob
from edgraph.backends.weights import Reader, find_weights
from edgraph.text.diagnostics import Diagnostics


def load_weights(module: nn.Module, entry: ModelEntry, checkpoint: Callable[[str], StateTree], folder: Path,
                 diagnostics: Diagnostics) -> bool:
    """Fill a model's parameters and buffers. What is wrong goes to the diagnostics."""
    wanted: dict[str, torch.Tensor] = {**dict(module.named_parameters(remove_duplicate=False)),
                                       **dict(module.named_buffers(remove_duplicate=False))}
    # Buffers that are not part of a state_dict, and the second names of tied parameters, may be missing.
    needed = module.state_dict(keep_vars=True)
    found = find_weights(entry, Reader("pt", from_blob, checkpoint, folder), wanted, needed, diagnostics)
    if found is None:
        return False
    with torch.no_grad():
        for name, tensor in found.items():
            wanted[name].copy_(tensor)
    return True
