"""Ops that train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

from edgraph.ops.markers import Count, Model, Optimizer, Probability
from edgraph.ops.registry import op

_BACKENDS = ("torch", "tensorflow")


class Until(TypedDict):
    """Accumulate until this many examples (the sum of the input `count`) have been seen."""

    until: Count


def _needs_count(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    if isinstance(settings["accumulate"], dict) and "count" not in inputs:
        return "accumulate", "to accumulate until so many examples it needs the input 'count', such as batch.count"
    return None


@op(engine=True, update=True, backends=_BACKENDS, differentiable=False, open_ports=False, rule=_needs_count, ports={
    "lr": "the learning rate that the update used, of the first group",
    "grad_norm": "norm of the gradients before clipping",
    "applied": "true; fresh only when an update was applied, which accumulation and skipping put off",
    "updates": "how many updates the optimizer has applied"})
def optimize(loss: Any, count: Any = None, *, optimizer: Annotated[str, Optimizer()],
             accumulate: Count | Until = 1, check: Literal["loss", "gradients"] = "loss") -> Any:
    """Differentiate a loss and update what the optimizer updates.

    It is two nodes: the gradients read the models that the loss went through, and apply writes. Gradients are
    taken with respect to the optimizer's own parameters, and no others.

    loss: one number.
    count: how many examples the loss is a mean over, which weighs accumulated gradients.
    optimizer: an entry of `optimizers`.
    accumulate: one update from the mean gradient of this many firings, or `{until: n}`: of as many firings as
    it takes to see n examples.
    check: what must be finite before an update: the loss, or its gradients too. See `run.nonfinite`.
    """


def _one_wrt(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    if (settings["wrt"] is None) == ("wrt" in inputs):
        return None
    return "wrt", ("it is given twice: as an input, a value, and under 'with', the path of a parameter"
                   if "wrt" in inputs else "say with respect to what: an input, a value, or under 'with' the path "
                                           "of a parameter")


@op(engine=True, backends=_BACKENDS, state=None, rule=_one_wrt)
class gradient:  # a class, because an input and a parameter share a name
    """The gradient of a number with respect to a value or a parameter; itself differentiable.

    of: one number.
    wrt: the value that it is taken with respect to, which `of` was computed from; or, under `with`, the path
    of a parameter (`vq.decoder.last.weight`). One of the two.
    """

    def __init__(self, *, wrt: Annotated[str | None, Model("reads")] = None) -> None: ...

    def __call__(self, of: Any, wrt: Any = None) -> Any: ...


def _not_itself(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    if settings["target"] == settings["source"]:
        return "target", f"expected another model than the source; '{settings['source']}' cannot follow itself"
    return None


@op(engine=True, update=True, backends=_BACKENDS, differentiable=False, open_ports=False, rule=_not_itself)
def update_ema(*, target: Annotated[str, Model("updates")], source: Annotated[str, Model("reads")],
               decay: Probability = 0.999) -> None:
    """Move a model's weights towards another's: target = decay * target + (1 - decay) * source.

    It comes after the updates of its source and fires when they apply. Buffers are copied.

    target: the model that follows, usually `{copy: classifier}`.
    source: the model that is trained.
    decay: how much of the old weights stays.
    """


def checked_rate(value: Any) -> float:
    """A learning rate as a number. Raises ValueError for one that would spoil the weights."""
    if math.prod(getattr(value, "shape", ())) != 1:
        raise ValueError(f"the learning rate would be an array of shape {tuple(value.shape)}; expected one number")
    rate = float(value)
    if not 0.0 <= rate < math.inf:
        raise ValueError(f"the learning rate would be {rate:g}; expected a number at least 0")
    return rate


@op(engine=True, effect=True, backends=_BACKENDS, differentiable=False, open_ports=False)
def set_learning_rate(value: Any, *, optimizer: Annotated[str, Optimizer()]) -> None:
    """Set the learning rate of an optimizer from a value. It takes effect when the step ends.

    value: the learning rate, a number.
    optimizer: an entry of `optimizers`, without a schedule of its own.
    """


@op(engine=True, update=True, backends=("python",), random=True, passes=("key",), differentiable=False,
    open_ports=False)
def fit_batch(x: Any, y: Any = None, sample_weight: Any = None, *, model: Annotated[str, Model("updates")],
              method: str = "partial_fit", classes: list[int | str] | None = None) -> None:
    """Train a model by a method of its own, such as `partial_fit` of scikit-learn's estimators.

    x: the first argument of the method: (batch, features) values.
    y: its second one: (batch,) labels or values.
    sample_weight: (batch,) weights of the examples, passed by this name.
    model: the model that it changes.
    method: the method that is called.
    classes: all labels that there are, for classifiers that have to know them before they have seen each.
    """
