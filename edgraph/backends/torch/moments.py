"""What torch's optimizers keep between updates, as trees and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.backends.torch.state import like, pack, unpack

MOMENTS = {"amsgrad": "max_exp_avg_sq", "centered": "grad_avg", "momentum": "momentum_buffer"}  # settings that need one
OF_SCHEDULES = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}  # what torch's leave in groups


def optimizer_state(optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor]) -> StateTree:
    """Settings of the groups and moments of the parameters: tensors and Python numbers, each as it is.
    (`Optimizer.load_state_dict` would convert moments to the parameters' type.)"""
    return {"groups": [pack(group) for group in settings(optimizer)],
            "moments": [_pack(optimizer.state.get(p), p) for p in params]}


def settings(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Those of each group."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def check_same_groups(name: str, optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor],
                      state: StateTree) -> None:
    """Raises ValueError where the state is another optimizer's."""
    moments, groups = state["moments"], state["groups"]
    mine, theirs = (len(params), len(optimizer.param_groups)), (len(moments), len(groups))
    if mine != theirs:
        raise ValueError(f"optimizer '{name}' has {mine[0]} parameters in {mine[1]} groups, and in the "
                         f"checkpoint {theirs[0]} in {theirs[1]}")
    for group, saved in zip(settings(optimizer), groups, strict=True):
        odd = sorted((saved.keys() ^ group.keys()) - OF_SCHEDULES)
        if odd:
            raise ValueError(f"optimizer '{name}' is of another kind than in the checkpoint, or of another "
                             f"version of torch: only one of them has {', '.join(map(repr, odd))}")


def load_optimizer(name: str, optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor], state: StateTree,
                   changed: Sequence[Collection[str]]) -> None:
    """Restore what `optimizer_state` gave. Raises ValueError where a moment is missing.

    changed: of each group the settings that stay as they are, because the author has changed them since.
    """
    for group, tree, kept in zip(optimizer.param_groups, state["groups"], changed, strict=True):
        group.update({key: unpack(value) for key, value in tree.items() if key in group and key not in kept})
    for p, tree in zip(params, state["moments"], strict=True):
        optimizer.state.pop(p, None)
        if tree is not None:
            optimizer.state[p] = _unpack(tree, p)
    for group, kept in zip(optimizer.param_groups, changed, strict=True):
        there = [found for p in group["params"] if (found := optimizer.state.get(p))]
        for key in MOMENTS.keys() & kept:
            if group[key] and any(MOMENTS[key] not in found for found in there):
                raise ValueError(f"'{key}' of optimizer '{name}' is new, and needs a '{MOMENTS[key]}' that the "
                                 "checkpoint does not have")


def _pack(moments: Mapping[str, Any] | None, p: torch.Tensor) -> StateTree:
    """Tensors that are not where the parameter is (a step count, on the CPU) are marked."""
    if moments is None:
        return None
    host = [k for k, v in moments.items() if isinstance(v, torch.Tensor) and v.device != p.device]
    return {"host": host, "values": {key: pack(value) for key, value in moments.items()}}


def _unpack(tree: StateTree, p: torch.Tensor) -> dict[str, Any]:
    return {key: like(value, p) if isinstance(value, ArrayBlob) and key not in tree["host"] else unpack(value)
            for key, value in tree["values"].items()}
