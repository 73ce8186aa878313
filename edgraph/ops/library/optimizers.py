"""Declarations of torch's optimizers, as in torch 2.13. LBFGS is left out: it needs a closure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from edgraph.ops.markers import NonNegative, Positive, Range
from edgraph.ops.registry import optimizer

NEED_CLOSURES = ("LBFGS", "torch.optim.LBFGS")
_TORCH = ("torch",)
# Those that the TensorFlow backend has too, with the same settings and the same updates.
_SHARED = ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RMSprop", "Adagrad", "Adadelta")

Decay = Annotated[float, Range(min=0, below=1)]
Betas = tuple[Decay, Decay]
MaybeBool = bool | None
Shrink = Annotated[float, Range(above=0, below=1)]
Grow = Annotated[float, Range(above=1)]

# What several of them say of the same parameter.
_COMMON = {
    "lr": "the learning rate",
    "betas": "how slowly the running means of the gradient and of its square move",
    "eps": "added to denominators, for numerical stability",
    "weight_decay": "the strength of weight decay",
    "maximize": "make the loss large instead of small",
    "foreach": "update all tensors in few calls; by default torch decides",
    "fused": "update in one kernel; by default torch decides",
    "capturable": "whether it can be captured in a CUDA graph",
    "differentiable": "whether gradients may pass through the update",
    "amsgrad": "use the largest mean square seen so far",
    "momentum": "how much of the last update is kept",
    "decoupled_weight_decay": "decay weights as AdamW does",
}


def _torch(declaration: Any) -> Any:
    lines = "\n".join(f"    {name}: {text}." for name, text in _COMMON.items()
                      if name in (declaration.__kwdefaults__ or {}))
    declaration.__doc__ = f"{declaration.__doc__.rstrip()}\n\n{lines}\n    "
    backends = (*_TORCH, "tensorflow") if declaration.__name__ in _SHARED else _TORCH
    return optimizer(at=f"torch.optim:{declaration.__name__}", backends=backends)(declaration)


@_torch
def SGD(*, lr: NonNegative = 1e-3, momentum: NonNegative = 0.0, dampening: float = 0.0,
        weight_decay: NonNegative = 0.0, nesterov: bool = False, maximize: bool = False,
        foreach: MaybeBool = None, differentiable: bool = False, fused: MaybeBool = None) -> Any:
    """Stochastic gradient descent, with momentum where it is given.

    dampening: how much less of the new gradient enters the momentum.
    nesterov: look ahead along the momentum.
    """


@_torch
def Adam(*, lr: NonNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NonNegative = 1e-8,
         weight_decay: NonNegative = 0.0, amsgrad: bool = False, foreach: MaybeBool = None,
         maximize: bool = False, capturable: bool = False, differentiable: bool = False,
         fused: MaybeBool = None, decoupled_weight_decay: bool = False) -> Any:
    """Adam: steps scaled by running means of the gradient and of its square."""


@_torch
def AdamW(*, lr: NonNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NonNegative = 1e-8,
          weight_decay: NonNegative = 0.01, amsgrad: bool = False, maximize: bool = False,
          foreach: MaybeBool = None, capturable: bool = False, differentiable: bool = False,
          fused: MaybeBool = None) -> Any:
    """Adam with weight decay that is not scaled by the gradient's size."""


@_torch
def Adamax(*, lr: NonNegative = 2e-3, betas: Betas = (0.9, 0.999), eps: NonNegative = 1e-8,
           weight_decay: NonNegative = 0.0, foreach: MaybeBool = None, maximize: bool = False,
           differentiable: bool = False, capturable: bool = False) -> Any:
    """Adam with the largest gradient in place of the mean square."""


@_torch
def NAdam(*, lr: NonNegative = 2e-3, betas: Betas = (0.9, 0.999), eps: NonNegative = 1e-8,
          weight_decay: NonNegative = 0.0, momentum_decay: NonNegative = 4e-3,
          decoupled_weight_decay: bool = False, foreach: MaybeBool = None, maximize: bool = False,
          capturable: bool = False, differentiable: bool = False) -> Any:
    """Adam with Nesterov momentum.

    momentum_decay: how fast the momentum's own schedule moves.
    """


@_torch
def RAdam(*, lr: NonNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NonNegative = 1e-8,
          weight_decay: NonNegative = 0.0, decoupled_weight_decay: bool = False, foreach: MaybeBool = None,
          maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> Any:
    """Adam that takes careful first steps (rectified)."""


@_torch
def SparseAdam(*, lr: Positive = 1e-3, betas: Betas = (0.9, 0.999), eps: Positive = 1e-8,
               maximize: bool = False) -> Any:
    """Adam for sparse gradients."""


@_torch
def Adafactor(*, lr: NonNegative = 1e-2, beta2_decay: Annotated[float, Range(max=0)] = -0.8,
              eps: tuple[NonNegative | None, NonNegative] = (None, 1e-3),
              d: Annotated[float, Range(min=1)] = 1.0, weight_decay: NonNegative = 0.0,
              foreach: MaybeBool = None, maximize: bool = False) -> Any:
    """Adam with factored second moments, which need little memory.

    beta2_decay: the power by which the running mean of squares slows down.
    d: the threshold that large updates are clipped at.
    """


@_torch
def Adagrad(*, lr: NonNegative = 1e-2, lr_decay: NonNegative = 0.0, weight_decay: NonNegative = 0.0,
            initial_accumulator_value: NonNegative = 0.0, eps: NonNegative = 1e-10, foreach: MaybeBool = None,
            maximize: bool = False, differentiable: bool = False, fused: MaybeBool = None) -> Any:
    """Steps scaled by the sum of all squared gradients.

    lr_decay: how fast the learning rate falls.
    initial_accumulator_value: the sum to start with.
    """


@_torch
def Adadelta(*, lr: NonNegative = 1.0, rho: Annotated[float, Range(min=0, max=1)] = 0.9,
             eps: NonNegative = 1e-6, weight_decay: NonNegative = 0.0, foreach: MaybeBool = None,
             capturable: bool = False, maximize: bool = False, differentiable: bool = False) -> Any:
    """Steps scaled by running means of squared gradients and of squared steps.

    rho: how slowly the running means move.
    """


@_torch
def RMSprop(*, lr: NonNegative = 1e-2, alpha: NonNegative = 0.99, eps: NonNegative = 1e-8,
            weight_decay: NonNegative = 0.0, momentum: NonNegative = 0.0, centered: bool = False,
            capturable: bool = False, foreach: MaybeBool = None, maximize: bool = False,
            differentiable: bool = False) -> Any:
    """Steps scaled by a running mean of squared gradients.

    alpha: how slowly the running mean moves.
    centered: scale by an estimate of the variance instead.
    """


@_torch
def Rprop(*, lr: NonNegative = 1e-2,
          etas: tuple[Shrink, Grow] = (0.5, 1.2),
          step_sizes: tuple[NonNegative, NonNegative] = (1e-6, 50.0), capturable: bool = False,
          foreach: MaybeBool = None, maximize: bool = False, differentiable: bool = False) -> Any:
    """Steps that follow only the gradient's signs, for full batches.

    etas: by how much a step shrinks when the sign changes and grows when it stays.
    step_sizes: the smallest and the largest step.
    """


@_torch
def ASGD(*, lr: NonNegative = 1e-2, lambd: NonNegative = 1e-4, alpha: float = 0.75, t0: float = 1e6,
         weight_decay: NonNegative = 0.0, foreach: MaybeBool = None, maximize: bool = False,
         differentiable: bool = False, capturable: bool = False) -> Any:
    """Averaged stochastic gradient descent.

    lambd: the decay term.
    alpha: the power by which the learning rate falls.
    t0: the update at which averaging starts.
    """


@_torch
def Muon(*, lr: NonNegative = 1e-3, weight_decay: NonNegative = 0.1, momentum: NonNegative = 0.95,
         nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
         eps: NonNegative = 1e-7, ns_steps: Annotated[int, Range(min=1, below=100)] = 5,
         adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None) -> Any:
    """Orthogonalised momentum, for matrices only (torch 2.9 and newer).

    nesterov: look ahead along the momentum.
    ns_coefficients: the polynomial of the Newton-Schulz iteration.
    ns_steps: how often it is applied.
    adjust_lr_fn: how the learning rate is adjusted to a matrix's shape.
    """
