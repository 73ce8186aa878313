"""All state of models as trees, and back."""

from __future__ import annotations

import torch
from torch import nn

from edgraph.backends.base import StateTree
from edgraph.backends.torch.state import from_blob, pack, to_blob, unpack
from edgraph.backends.weights import check_same_names


def model_state(model: nn.Module) -> StateTree:
    """Parameters, buffers (those left out of state_dict too) and extra state, by name."""
    return {"parameters": {name: to_blob(p) for name, p in model.named_parameters()},
            "buffers": {name: to_blob(b) for name, b in model.named_buffers()},
            "extra": {name: pack(part.get_extra_state()) for name, part in _with_extra(model)}}


def load_model(name: str, model: nn.Module, state: StateTree) -> None:
    """Restore it in place. Raises ValueError where it is another model's."""
    parameters = dict(model.named_parameters())
    check_same_names(name, "parameter", parameters, state["parameters"])
    buffers = dict(model.named_buffers())
    check_same_names(name, "buffer", buffers, state["buffers"])
    with torch.no_grad():
        for key, parameter in parameters.items():
            value = from_blob(state["parameters"][key])
            if value.shape != parameter.shape:
                raise ValueError(f"parameter '{key}' of model '{name}' has shape {tuple(parameter.shape)}, "
                                 f"and {tuple(value.shape)} in the checkpoint")
            parameter.copy_(value)
        for key, buffer in buffers.items():
            value = from_blob(state["buffers"][key])
            if value.shape == buffer.shape:
                buffer.copy_(value)
            else:  # one that grows
                owner, _, last = key.rpartition(".")
                model.get_submodule(owner)._buffers[last] = value.to(buffer.device)
    for key, part in _with_extra(model):
        part.set_extra_state(unpack(state["extra"][key]))


def _with_extra(model: nn.Module) -> list[tuple[str, nn.Module]]:
    plain = nn.Module.get_extra_state
    return [(name, part) for name, part in model.named_modules() if type(part).get_extra_state is not plain]
