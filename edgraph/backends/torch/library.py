"""Losses and metrics. Metrics keep their sums as tensors, so that no batch waits for the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from edgraph.backends.metrics import Accuracy, Mean, check_labels, check_pairs

# -- losses: in float32 at least, whatever the models compute in ---------------------------------------

def cross_entropy(input: Tensor, target: Tensor, *, label_smoothing: float = 0.0, ignore_index: int = -100,
                  weight: Sequence[float] | None = None) -> Tensor:
    """input: (batch, classes, ...) scores.  target: (batch, ...) indices, or probabilities like the input."""
    if target.dtype is not torch.int64 and not target.is_floating_point():
        target = target.long()
    weights = None if weight is None else torch.tensor(weight, dtype=torch.float32, device=input.device)
    return F.cross_entropy(_wide(input), target, weights, ignore_index=ignore_index,
                           label_smoothing=label_smoothing)


def mse(input: Tensor, target: Tensor | float) -> Tensor:
    input = _wide(input)
    return F.mse_loss(input, _wide(_like("mse", target, input)))


def l1(input: Tensor, target: Tensor | float) -> Tensor:
    input = _wide(input)
    return F.l1_loss(input, _wide(_like("l1", target, input)))


def bce_with_logits(input: Tensor, target: Tensor | float = 1.0, *,
                    pos_weight: float | None = None) -> Tensor:
    """target: values like the input, or one number for all."""
    input = _wide(input)
    target = _like("bce_with_logits", target, input)
    weight = None if pos_weight is None else torch.tensor(pos_weight, device=input.device)
    return F.binary_cross_entropy_with_logits(input, target.to(input.dtype), pos_weight=weight)


def _wide(value: Tensor) -> Tensor:
    narrow = value.dtype in (torch.float16, torch.bfloat16) or not value.is_floating_point()
    return value.float() if narrow else value


def _like(op: str, target: Tensor | float, input: Tensor) -> Tensor:
    """A target of the input's shape; one number stands for all."""
    if not isinstance(target, Tensor):
        return torch.full_like(input, target)
    if target.dim() == 0:
        return target.expand_as(input)
    _same_shape(op, input, target)
    return target


def _same_shape(op: str, input: Tensor, target: Tensor) -> None:
    """torch only warns, and compares every pair of elements."""
    if input.shape != target.shape:
        raise ValueError(f"'{op}' compares values of one shape, not {tuple(input.shape)} and "
                         f"{tuple(target.shape)}")


# -- metrics -------------------------------------------------------------------------------------------

class accuracy(Accuracy):
    def update(self, input: Tensor, target: Tensor) -> None:
        """input: (batch, classes, ...) scores.  target: (batch, ...) class indices."""
        check_labels("accuracy", input.shape, getattr(target, "shape", ()))
        if self._top_k == 1:
            hits = input.argmax(1) == target
        else:
            hits = (input.topk(min(self._top_k, input.shape[1]), 1).indices == target.unsqueeze(1)).any(1)
        self._right = self._right + hits.sum()
        self._examples += hits.numel()


class mean(Mean):
    def update(self, count: int, value: Any) -> None:
        """value: one number for the batch, or (count, ...) values."""
        if isinstance(value, Tensor):
            wide = value.detach().double()
            self._sum = self._sum + (wide.mean() * count if wide.dim() else wide * count)
        else:
            self._sum = self._sum + float(value) * count
        self._weight += count


class confusion_matrix:
    """(classes, classes) counts: a row for each true class, a column for each predicted one."""

    def __init__(self, *, classes: int) -> None:
        self._classes = classes
        self.reset()

    def reset(self) -> None:
        self._counts: Tensor | None = None

    def update(self, input: Tensor, target: Tensor) -> None:
        """input: (batch, classes) scores, or (batch,) class indices.  target: (batch,) class indices."""
        if input.dim() > target.dim():
            check_labels("confusion_matrix", input.shape, target.shape)
            input = input.argmax(1)
        check_pairs("confusion_matrix", input.shape, target.shape)
        side = self._classes + 1  # the last row and column are of classes that there should not be
        pairs = self._known(target) * side + self._known(input)
        counts = torch.bincount(pairs, minlength=side ** 2).reshape(side, side)
        self._counts = counts if self._counts is None else self._counts + counts

    def _known(self, classes: Tensor) -> Tensor:
        flat = classes.reshape(-1).long()
        return flat.where((flat >= 0) & (flat < self._classes), self._classes)

    def compute(self) -> Tensor:
        n = self._classes
        if self._counts is None:
            return torch.zeros(n, n, dtype=torch.int64)
        if int(self._counts[n].sum() + self._counts[:, n].sum()):
            raise ValueError(f"'confusion_matrix' has {n} classes, 0 to {n - 1}, and was given another one")
        return self._counts[:n, :n]

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self._counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._counts = state["counts"]


IMPLEMENTATIONS: dict[str, Any] = {
    item.__name__: item
    for item in (cross_entropy, mse, l1, bce_with_logits, accuracy, mean, confusion_matrix)}
