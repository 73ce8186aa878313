"""Declarations of the built-in learning-rate schedules. Each multiplies the optimizer's own learning rate."""

from __future__ import annotations

from typing import Annotated, Any

from edgraph.ops.markers import Count, NonNegative, Positive, Range
from edgraph.ops.registry import schedule

# Classes of torch.optim.lr_scheduler by name; what they take is known to torch alone.
TORCH = ("ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
         "ExponentialLR", "LinearLR", "MultiStepLR", "OneCycleLR", "PolynomialLR", "SequentialLR", "StepLR")
# The others: why not, and what there is instead.
_FUNCTION = "takes a function", "write an expression, such as 'schedule: params.lr * 0.95 ** epoch'"
INSTEAD = {"LambdaLR": _FUNCTION, "MultiplicativeLR": _FUNCTION, "ReduceLROnPlateau": (
    "watches a value, which schedules are not given", "use the op 'set_learning_rate' with a condition on that value")}
_BACKENDS = ("torch", "tensorflow")
Warmup = Annotated[int, Range(min=0)]


@schedule(at="edgraph.backends.schedules:constant", backends=_BACKENDS)
def constant(*, warmup: Warmup = 0) -> Any:
    """The same learning rate throughout.

    warmup: over how many updates it grows to the whole learning rate at the start.
    """


@schedule(at="edgraph.backends.schedules:linear", backends=_BACKENDS)
def linear(*, steps: Count, start: NonNegative = 1.0, end: NonNegative = 0.0, warmup: Warmup = 0) -> Any:
    """A straight line between two factors, and the second from there on.

    steps: how many updates (or steps, with `per: step`) it takes, warm-up included.
    start: the factor at the start.
    end: the factor at the end.
    warmup: over how many updates it grows to the whole learning rate first.
    """


@schedule(at="edgraph.backends.schedules:cosine", backends=_BACKENDS)
def cosine(*, steps: Count, end: NonNegative = 0.0, warmup: Warmup = 0) -> Any:
    """Half a cosine from the learning rate down to a share of it, and that share from there on.

    steps: how many updates (or steps, with `per: step`) it takes, warm-up included.
    end: the factor at the end.
    warmup: over how many updates it grows to the whole learning rate first.
    """


@schedule(at="edgraph.backends.schedules:step", backends=_BACKENDS)
def step(*, every: Count, factor: Positive = 0.1, warmup: Warmup = 0) -> Any:
    """Multiplied by a factor again and again.

    every: after how many updates (or steps, with `per: step`) each time.
    factor: by what.
    warmup: over how many updates it grows to the whole learning rate at the start.
    """


@schedule(at="edgraph.backends.schedules:exponential", backends=_BACKENDS)
def exponential(*, factor: Positive, warmup: Warmup = 0) -> Any:
    """Multiplied by a factor at every update.

    factor: by what, such as 0.999.
    warmup: over how many updates it grows to the whole learning rate at the start.
    """
