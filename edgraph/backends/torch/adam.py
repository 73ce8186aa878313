"""Updates of Adam and AdamW for small parameters, without what torch does around the arithmetic each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

Group = dict[str, Any]  # settings of an optimizer, as torch keeps them


class Moments(NamedTuple):
    """What one group of parameters and its moments are, in the order of the parameters."""

    settings: Group
    params: list[torch.Tensor]
    firsts: list[torch.Tensor]
    seconds: list[torch.Tensor]
    counts: list[torch.Tensor]  # of updates, one a parameter; all equal


class Adam:
    """A step of torch.optim.Adam (Kingma and Ba, 2015, arXiv:1412.6980) or AdamW (Loshchilov and Hutter, 2019,
    arXiv:1711.05101): the calls that torch makes with `foreach`, in its order, so with the same bits. What torch does
    besides at every update (collect the moments, group them by device and type, correct the bias for each parameter on
    its own) takes as long again in a small network, and is done once.

    The moments stay in the optimizer's state, so checkpoints know nothing of this.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, step: Callable[[], Any]) -> None:
        """step: torch's own, for the first update, and where some parameter has no gradient."""
        self.optimizer, self.step = optimizer, step
        self.one = torch.tensor(1.0)
        self.groups: list[Moments] | None = None  # empty: torch's own from now on

    def forget(self) -> None:
        """The state was replaced."""
        self.groups = None

    def __call__(self) -> None:
        groups = self._collect() if self.groups is None else self.groups
        gradients = [[p.grad for p in group.params] for group in groups]
        if not groups or any(g is None for found in gradients for g in found):
            if self.optimizer.state:  # from here on parameters may have had different numbers of updates
                self.groups = []
            self.step()
            return
        self.groups = groups
        for group, found in zip(groups, gradients, strict=True):
            self._update(*group, found)  # type: ignore[arg-type]

    def _update(self, settings: Group, params: list[torch.Tensor], firsts: list[torch.Tensor],
                seconds: list[torch.Tensor], counts: list[torch.Tensor], gradients: list[torch.Tensor]) -> None:
        rate, decay, (beta1, beta2) = settings["lr"], settings["weight_decay"], settings["betas"]
        torch._foreach_add_(counts, self.one, alpha=1.0)
        if decay and settings["decoupled_weight_decay"]:
            torch._foreach_mul_(params, 1 - rate * decay)
        elif decay:
            gradients = list(torch._foreach_add(gradients, params, alpha=decay))
        torch._foreach_lerp_(firsts, gradients, 1 - beta1)
        torch._foreach_mul_(seconds, beta2)
        torch._foreach_addcmul_(seconds, gradients, gradients, 1 - beta2)
        count = counts[0].item()
        roots = torch._foreach_sqrt(seconds)
        torch._foreach_div_(roots, (1 - beta2 ** count) ** 0.5)
        torch._foreach_add_(roots, settings["eps"])
        torch._foreach_addcdiv_(params, firsts, roots, -(rate / (1 - beta1 ** count)))

    def _collect(self) -> list[Moments]:
        """Nothing where that is not how the optimizer works, or it has not begun."""
        state = self.optimizer.state
        groups = [_moments(group, [state.get(p, {}) for p in group["params"]]) for group in self.optimizer.param_groups]
        return [group for group in groups if group is not None] if all(groups) else []


def fits(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the steps of this optimizer, whose parameters are updated together, are those of `Adam` above."""
    return type(optimizer) in (torch.optim.Adam, torch.optim.AdamW) and all(map(_fits, optimizer.param_groups))


def _fits(group: Group) -> bool:
    others = ("amsgrad", "maximize", "capturable", "differentiable", "fused")
    return (bool(group["foreach"]) and not any(group[name] for name in others)
            and not isinstance(group["lr"], torch.Tensor)
            and "decoupled_weight_decay" in group)  # older versions of torch have an AdamW of its own


def _moments(group: Group, states: list[Group]) -> Moments | None:
    if not all(states) or len({state["step"].item() for state in states}) != 1:
        return None
    firsts, seconds, counts = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
    return Moments(group, group["params"], firsts, seconds, counts)
