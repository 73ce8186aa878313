"""Runs of edgraph and what they leave, for comparison with loops written by hand and with other runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

import edgraph
from edgraph.api import Run
from edgraph.backends.torch.models import MLP, initialise
from edgraph.run.folder import RunFolder
from edgraph.run.statefile import read_state
from edgraph.run.tree import flatten

torch.set_num_threads(1)
Weights = dict[str, bytes]  # from `model/parameter` to the bytes of the parameter or buffer


def started(net: nn.Module, name: str, seed: int) -> nn.Module:
    """A twin with the initial weights of the model of that name: layers in a row stand for one of the library."""
    if type(net) in (nn.Sequential, MLP):
        initialise(net, edgraph.rng(seed, f"models.{name}", 0))
    return net


def pipeline(text: str, **sections: Any) -> dict[str, Any]:
    """A pipeline from YAML, with keys of its sections added or replaced: `ops={...}`."""
    tree: dict[str, Any] = yaml.safe_load(text)
    for section, entries in sections.items():
        tree[section] = {**tree.get(section, {}), **entries}
    return tree


def run(source: Mapping[str, Any] | str | Path, folder: Path, overrides: Sequence[str] = (), **how: Any) -> Run:
    """A run that has to come to its end."""
    ended = edgraph.load(source, overrides).run(folder, **how)
    assert ended.failure is None, ended.failure.text() + ended.failure.traceback()
    assert ended.end == "finished"
    return ended


def state(folder: Path, which: str | None = None) -> Any:
    """The state tree of a checkpoint: the newest unnamed one, or that of a file."""
    found = sorted((folder / "checkpoints").glob(f"{which or 'step-*'}.safetensors"))
    return read_state(found[-1]).tree


def saved_weights(folder: Path, which: str | None = None) -> Weights:
    """Every parameter and buffer of a checkpoint."""
    models = state(folder, which)["models"]["models"]
    found = {f"{name}/{key}": bytes(blob.data) for name, model in models.items()
             for kind in ("parameters", "buffers") for key, blob in model.get(kind, {}).items()}
    for name, model in models.items():
        if "attributes" in model:  # of a plain object
            encoded, tensors = flatten(model["attributes"])
            found |= {f"{name}/{tensor.name}": bytes(tensor.data) for tensor in tensors}
            found[name] = json.dumps(encoded).encode()
    return found


def module_weights(**modules: torch.nn.Module) -> Weights:
    """The same of modules."""
    return {f"{name}/{key}": value.detach().contiguous().numpy().tobytes() for name, module in modules.items()
            for key, value in (*module.named_parameters(), *module.named_buffers())}


def differences(one: Weights, other: Weights) -> list[str]:
    """The names of parameters that are not the same bit for bit; none where all are."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of the metrics without the time."""
    return [{key: value for key, value in row.items() if key != "time"}
            for row in RunFolder.open(folder).metrics()]


def batches(seed: int, length: int, size: int, steps: int, name: str = "train", *,
            drop_last: bool = False) -> Iterator[tuple[int, int, Any]]:
    """Step, epoch and indices of each batch of a shuffled data set, as a loop written by hand draws them."""
    step = epoch = 0
    while True:
        epoch += 1
        order = edgraph.rng(seed, f"data.{name}", epoch).permutation(length)
        for start in range(0, length - size + 1 if drop_last else length, size):
            step += 1
            if step > steps:
                return
            yield step, epoch, order[start:start + size]


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """The images (n, 1, 8, 8) and labels of the training digits."""
    from edgraph.data.digits import read

    arrays = read(split="train").arrays
    return torch.from_numpy(arrays["image"]), torch.from_numpy(np.ascontiguousarray(arrays["label"]))
