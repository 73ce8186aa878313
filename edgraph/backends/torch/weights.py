"""`weights:` of a model: from a checkpoint of a run, or from a safetensors file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

from edgraph.backends.base import StateTree
from edgraph.backends.entries import ModelEntry, Weights
from edgraph.backends.torch.state import from_blob
from edgraph.data.construct import reason
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


class _Bad(Exception):
    """The weights do not fit; args: message, help."""


def load_weights(module: nn.Module, entry: ModelEntry, checkpoint: Callable[[str], StateTree], folder: Path,
                 diagnostics: Diagnostics) -> bool:
    """Fill a model's parameters and buffers. What is wrong goes to the diagnostics."""
    weights = entry.weights
    assert weights is not None
    try:
        found = (_from_checkpoint(entry.name, weights, checkpoint) if weights.checkpoint
                 else _from_file(weights, folder))
        found = {name[len(weights.prefix):]: tensor for name, tensor in found.items()
                 if name.startswith(weights.prefix)}
        if not found:
            raise _Bad(f"no tensor starts with '{weights.prefix}'", None)
        _fill(module, found, weights.strict)
    except _Bad as error:
        message, help = error.args
        what = weights.checkpoint or weights.file
        diagnostics.error("bad-weights", f"weights of model '{entry.name}' from '{what}': {message}",
                          weights.span, help)
        return False
    return True


def _from_checkpoint(name: str, weights: Weights,
                     checkpoint: Callable[[str], StateTree]) -> dict[str, torch.Tensor]:
    assert weights.checkpoint is not None
    try:
        models = checkpoint(weights.checkpoint)["models"]
    except (OSError, ValueError, LookupError) as error:
        raise _Bad(str(error), None) from error
    if name not in models and len(models) != 1:
        raise _Bad(f"the checkpoint has no model '{name}'", did_you_mean(name, models) or None)
    tree = models[name] if name in models else next(iter(models.values()))
    return {key: from_blob(blob) for part in ("parameters", "buffers") for key, blob in tree[part].items()}


def _from_file(weights: Weights, folder: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError, safe_open

    assert weights.file is not None
    path = folder / Path(weights.file).expanduser()
    try:
        with safe_open(path, framework="pt") as file:  # reads only the tensors that are asked for
            names = [name for name in file.keys() if name.startswith(weights.prefix)]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise _Bad("there is no such file",
                   f"relative paths start at the pipeline's folder, {folder.resolve()}") from None
    except (OSError, SafetensorError) as error:
        raise _Bad(f"it is not a safetensors file ({reason(error)})", None) from error


def _fill(module: nn.Module, found: Mapping[str, torch.Tensor], strict: bool) -> None:
    wanted: dict[str, torch.Tensor] = {**dict(module.named_parameters(remove_duplicate=False)),
                                       **dict(module.named_buffers(remove_duplicate=False))}
    matched = wanted.keys() & found.keys()
    if not matched:
        raise _Bad("no name in it is one of the model's",
                   f"it has {_some(found)}; the model has {_some(wanted)}")
    for name in sorted(matched):
        if found[name].shape != wanted[name].shape:
            raise _Bad(f"'{name}' has shape {tuple(found[name].shape)} and in the model "
                       f"{tuple(wanted[name].shape)}", None)
    # Buffers that are not part of a state_dict, and the second names of tied parameters, may be missing.
    kept = module.state_dict(keep_vars=True)
    have = {id(wanted[name]) for name in matched}
    missing = [name for name in wanted if name in kept and id(wanted[name]) not in have]
    extra = [name for name in found if name not in wanted]
    if strict and (missing or extra):
        parts = [f"{len(names)} {what}: {_some(names)}"
                 for names, what in ((missing, "missing"), (extra, "that the model does not have")) if names]
        raise _Bad("; ".join(parts), "set strict: false to take what fits")
    with torch.no_grad():
        for name in matched:
            wanted[name].copy_(found[name])


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(f"'{name}'" for name in listed[:3]) + (", …" if len(listed) > 3 else "")
