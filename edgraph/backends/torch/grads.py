"""Gradients of one optimizer's parameters, and their count-weighted mean over several firings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from edgraph.backends.base import Accumulate, StateTree
from edgraph.backends.torch.state import like, pack

Gradients = list[torch.Tensor | None]  # one a parameter; None where the loss does not depend on it


class Weighted(NamedTuple):
    """Gradients of a mean over so many examples."""

    gradients: Gradients
    weight: float


def total_norm(gradients: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """The 2-norm of all gradients together, as torch.nn.utils.clip_grad_norm_ takes it."""
    found = [g.coalesce().values() if g.is_sparse else g for g in gradients if g is not None]
    if not found:
        return torch.zeros(())
    norms = [torch.linalg.vector_norm(g).to(found[0].device) for g in found]
    total: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total


class PartialSum:
    """What `accumulate` has added up since the last update."""

    def __init__(self) -> None:
        self.gradients: Gradients | None = None
        self.weight = 0.0  # the sum of the weights
        self.firings = 0

    def add(self, found: Weighted | Gradients) -> None:
        """Gradients that nobody else holds: they become the sum, or are added to it."""
        gradients, weight = found if isinstance(found, Weighted) else (found, 1.0)
        gradients = _distinct(gradients)
        self.weight += weight
        self.firings += 1
        if self.gradients is None:
            if weight not in (0.0, 1.0):  # with 0 there are none
                torch._foreach_mul_([g for g in gradients if g is not None], weight)
            self.gradients = gradients
            return
        sums = self.gradients
        both = [(s, g) for s, g in zip(sums, gradients, strict=True) if s is not None and g is not None]
        if both:
            torch._foreach_add_([s for s, _ in both], [g for _, g in both], alpha=weight)
        for number, g in enumerate(gradients):
            if sums[number] is None and g is not None:
                sums[number] = g * weight

    def complete(self, accumulate: Accumulate) -> bool:
        """Whether it is time for an update."""
        if isinstance(accumulate, int):
            return self.firings >= accumulate
        return self.weight >= accumulate["until"]

    def take_mean(self) -> Gradients | None:
        """The mean, or None where it is one of no examples; and a new beginning."""
        gradients, weight = self.gradients, self.weight
        assert gradients is not None
        if weight not in (0.0, 1.0):
            torch._foreach_div_([g for g in gradients if g is not None], weight)
        self.gradients, self.weight, self.firings = None, 0.0, 0
        return gradients if weight else None

    def state(self) -> StateTree:
        gradients = None if self.gradients is None else [pack(g) for g in self.gradients]
        return {"gradients": gradients, "weight": self.weight, "firings": self.firings}

    def load(self, state: StateTree, params: Sequence[torch.Tensor]) -> None:
        """params: where, and how laid out in memory, the sums are to be."""
        gradients = state["gradients"]
        self.gradients = None if gradients is None else [
            None if tree is None else like(tree, p) for tree, p in zip(gradients, params, strict=True)]
        self.weight, self.firings = state["weight"], state["firings"]


def _distinct(gradients: Gradients) -> Gradients:
    """Each with memory of its own, so that sums can be made in place."""
    seen: set[int] = set()
    result: Gradients = []
    for g in gradients:
        if g is not None and not g.is_sparse:
            if g.data_ptr() in seen:
                g = g.clone()
            seen.add(g.data_ptr())
        result.append(g)
    return result
