"""What torch's optimizers keep between updates, as trees and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.backends.torch.state import like, pack, unpack


def optimizer_state(optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor]) -> StateTree:
    """Settings of the groups and moments of the parameters: tensors and Python numbers, each as it is.
    (`Optimizer.load_state_dict` would convert moments to the parameters' type.)"""
    return {"groups": [pack({key: value for key, value in group.items() if key != "params"})
                       for group in optimizer.param_groups],
            "moments": [_pack(optimizer.state.get(p), p) for p in params]}


def load_optimizer(name: str, optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor],
                   state: StateTree) -> None:
    """Restore it. Raises ValueError where it is another optimizer's."""
    moments, groups = state["moments"], state["groups"]
    mine, theirs = (len(params), len(optimizer.param_groups)), (len(moments), len(groups))
    if mine != theirs:
        raise ValueError(f"optimizer '{name}' has {mine[0]} parameters in {mine[1]} groups, and in the "
                         f"checkpoint {theirs[0]} in {theirs[1]}")
    for group, tree in zip(optimizer.param_groups, groups, strict=True):
        saved = unpack(tree)
        if saved.keys() != group.keys() - {"params"}:
            odd = sorted(saved.keys() ^ (group.keys() - {"params"}))
            raise ValueError(f"optimizer '{name}' is of another kind than in the checkpoint, or of another "
                             f"version of torch: only one of them has {', '.join(map(repr, odd))}")
        group.update(saved)
    for p, tree in zip(params, moments, strict=True):
        optimizer.state.pop(p, None)
        if tree is not None:
            optimizer.state[p] = _unpack(tree, p)


def _pack(moments: Mapping[str, Any] | None, p: torch.Tensor) -> StateTree:
    """Tensors that are not where the parameter is (a step count, on the CPU) are marked."""
    if moments is None:
        return None
    host = [k for k, v in moments.items() if isinstance(v, torch.Tensor) and v.device != p.device]
    return {"host": host, "values": {key: pack(value) for key, value in moments.items()}}


def _unpack(tree: StateTree, p: torch.Tensor) -> dict[str, Any]:
    return {key: like(value, p) if isinstance(value, ArrayBlob) and key not in tree["host"] else unpack(value)
            for key, value in tree["values"].items()}
