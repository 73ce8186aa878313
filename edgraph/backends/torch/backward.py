"""From a loss to gradients in `grad`, with as little as possible on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.autograd import Variable, backward


def backward_to(params: Sequence[torch.Tensor], *, retain: bool) -> Callable[[torch.Tensor], None]:
    """`f(loss)`: torch.autograd.backward with respect to these parameters.

    On the CPU a plain float32 scalar goes to torch's engine directly. What `backward` does in Python before (for
    several losses, subclasses of tensors, threads of other devices) takes a seventh of the time of a small model.
    """
    inputs = tuple(params)

    def through_torch(loss: torch.Tensor) -> None:
        backward(loss, retain_graph=retain, inputs=inputs)

    engine = getattr(Variable, "_execution_engine", None)
    if engine is None or not all(p.is_cpu for p in inputs):
        return through_torch
    run, one = engine.run_backward, (torch.ones(()),)

    def direct(loss: torch.Tensor) -> None:
        if type(loss) is torch.Tensor and loss.dtype is torch.float32 and not loss.dim() and loss.is_cpu:
            run((loss,), one, retain, False, inputs, allow_unreachable=True, accumulate_grad=True)
        else:
            through_torch(loss)
    return direct
