"""Gradients as values."""

from __future__ import annotations

from typing import Any

import torch


def gradient(of: Any, wrt: Any) -> torch.Tensor:
    """The gradient of a number (or of the sum of several) with respect to a tensor, shaped like it.

    Differentiable where gradients are being recorded. Raises ValueError where `of` was not computed from
    `wrt`.
    """
    if not isinstance(wrt, torch.Tensor) or not isinstance(of, torch.Tensor):
        found = of if isinstance(wrt, torch.Tensor) else wrt
        raise TypeError(f"'gradient' takes tensors, not {type(found).__name__}")
    if not of.requires_grad or not wrt.requires_grad:
        raise ValueError("'of' was not computed from 'wrt', so there is no gradient")
    found, = torch.autograd.grad(of, wrt, torch.ones_like(of), retain_graph=True,
                                 create_graph=torch.is_grad_enabled(), allow_unused=True)
    if found is None:
        raise ValueError("'of' was not computed from 'wrt', so there is no gradient")
    return found
