"""One optimizer at work: gradients of a loss, their mean over several firings, clipping, schedule, update."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch.optim import optimizer as hooks

from edgraph.backends.base import Accumulate, ArrayBlob, NonFiniteLoss, StateTree, Value
from edgraph.backends.torch.schedules import Schedule
from edgraph.backends.torch.state import from_blob, pack, unpack

Gradients = list[torch.Tensor | None]  # one a parameter; None where the loss does not depend on it
Policy = Literal["stop", "skip", "ignore"]


SKIPPED: Any = object()  # in place of a norm: no update was applied


class Weighted(NamedTuple):
    """Gradients of a mean over so many examples."""

    gradients: Gradients
    weight: float


class Updater:
    """An optimizer with all that its next update depends on: parameters, moments, counts, partial sums, schedule."""

    def __init__(self, name: str, optimizer: torch.optim.Optimizer, *, clip_norm: float | None = None,
                 clip_value: float | None = None, per_step: bool = False) -> None:
        self.name = name
        self.optimizer = optimizer
        self.params: list[torch.nn.Parameter] = [p for g in optimizer.param_groups for p in g["params"]]
        self.bases: list[float] = [group["lr"] for group in optimizer.param_groups]
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.per_step = per_step
        self.schedule: Schedule | None = None
        self.updates = 0
        self.partial: Gradients | None = None  # count-weighted sum of the gradients since the last update
        self.weight = 0.0  # the sum of the counts
        self.firings = 0  # how many gradients are in it
        self.scaler: torch.amp.GradScaler | None = None  # fp16 only
        self.step = _direct_step(optimizer)

    # -- gradients -------------------------------------------------------------------------------------

    def gradients(self, *, retain: bool, weighted: bool, accumulate: Accumulate, policy: Policy,
                  check: Literal["loss", "gradients"]) -> Callable[..., Value]:
        """`f(loss)` or `f(loss, count)`; see Backend.gradients."""
        params = tuple(self.params)
        backward = torch.autograd.backward
        finite, scaler, checked = math.isfinite, self.scaler, policy != "ignore"

        def gradients(loss: torch.Tensor) -> Gradients | None:
            try:
                if checked and not finite(loss.item()):
                    if policy == "stop":
                        raise NonFiniteLoss(f"the loss is {loss.item()}")
                    return None
                for p in params:
                    p.grad = None  # whatever an op of the user's may have left there
                # `backward` rather than `autograd.grad`: the latter may give one tensor twice, or an expanded one,
                # which must not be changed in place.
                backward(loss if scaler is None else scaler.scale(loss), retain_graph=retain, inputs=params)
            except (RuntimeError, AttributeError) as error:
                raise self._explained(loss, error) from error
            found = [p.grad for p in params]
            for p in params:
                p.grad = None
            return found

        call: Callable[..., Value] = gradients
        if check == "gradients" and checked and scaler is None:
            call = self._checked(call, policy)
        if not weighted:
            return call
        if accumulate == 1:
            return lambda loss, count: call(loss)

        def with_count(loss: torch.Tensor, count: Value) -> Weighted | None:
            found = call(loss)
            return None if found is None else Weighted(found, float(count))
        return with_count

    def _explained(self, loss: Any, error: Exception) -> Exception:
        """What is wrong with a loss, where that can be said better than torch says it."""
        if not isinstance(loss, torch.Tensor):
            return TypeError(f"the loss of optimizer '{self.name}' is a {type(loss).__name__}; expected a tensor")
        if loss.numel() != 1:
            return ValueError(f"the loss of optimizer '{self.name}' has shape {tuple(loss.shape)}; expected one "
                              "number, such as its mean")
        if not loss.requires_grad:
            return ValueError(f"the loss of optimizer '{self.name}' does not depend on anything that it updates")
        return error

    def _checked(self, call: Callable[..., Any], policy: Policy) -> Callable[..., Any]:
        def checked(loss: torch.Tensor) -> Gradients | None:
            found = call(loss)
            if found is not None and not math.isfinite(norm := total_norm(found).item()):
                if policy == "stop":
                    raise NonFiniteLoss(f"the loss is {loss.item():.6g}, and the norm of its gradients is {norm}")
                return None
            return found  # type: ignore[no-any-return]
        return checked

    # -- updates ---------------------------------------------------------------------------------------

    def apply(self, ports: frozenset[str], accumulate: Accumulate) -> Callable[[int, int, Value], Mapping[str, Value]]:
        """`f(global_step, epoch, gradients)`; see Backend.apply."""
        update = self._update("grad_norm" in ports)
        report = self._report(ports)
        if accumulate == 1:
            def apply(step: int, epoch: int, gradients: Gradients | None) -> Mapping[str, Value]:
                if gradients is None:
                    return report(SKIPPED)
                return report(update(step, epoch, gradients))
            return apply

        def add_and_apply(step: int, epoch: int, gradients: Weighted | Gradients | None) -> Mapping[str, Value]:
            if gradients is not None:
                self._add(gradients)
                if self._complete(accumulate):
                    return report(update(step, epoch, self._take_mean()))
            return report(SKIPPED)
        return add_and_apply

    def _update(self, with_norm: bool) -> Callable[[int, int, Gradients], Any]:
        """Clip, schedule, update. Gives the norm before clipping where it is asked for, or SKIPPED."""
        params, schedule, step_optimizer = self.params, self.schedule, self.step
        clips = self.clip_norm is not None or self.clip_value is not None or with_norm

        def update(step: int, epoch: int, gradients: Gradients) -> Any:
            for p, gradient in zip(params, gradients, strict=True):
                p.grad = gradient
            if self.scaler is not None and not self._unscale(self.scaler):
                return SKIPPED
            norm = self._clip(with_norm) if clips else None
            if schedule is not None:
                schedule.set(step - 1 if self.per_step else self.updates, step, epoch)
            step_optimizer()
            for p in params:
                p.grad = None
            self.updates += 1
            return norm
        return update

    def _unscale(self, scaler: torch.amp.GradScaler) -> bool:
        """Take the factor of fp16 out of the gradients. False, and a smaller factor, where one overflowed."""
        scaler.unscale_(self.optimizer)
        norm = total_norm([p.grad for p in self.params])
        scaler.update()
        if math.isfinite(norm.item()):
            return True
        for p in self.params:
            p.grad = None
        return False

    def _clip(self, with_norm: bool) -> torch.Tensor | None:
        norm = None
        if self.clip_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.params, self.clip_norm)
        elif with_norm:
            norm = total_norm([p.grad for p in self.params])
        if self.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self.params, self.clip_value)
        return norm

    def _report(self, ports: frozenset[str]) -> Callable[[Any], Mapping[str, Value]]:
        """From what an update gave to the ports asked for, with no work for the others."""
        if not ports:
            nothing: Mapping[str, Value] = {}
            return lambda norm: nothing
        if ports == {"applied"}:
            return lambda norm: {"applied": norm is not SKIPPED}

        def report(norm: Any) -> Mapping[str, Value]:
            values = {"applied": norm is not SKIPPED, "updates": self.updates, "lr": self.rate(),
                      "grad_norm": math.nan if norm is SKIPPED else norm}
            return {port: values[port] for port in ports}
        return report

    # -- accumulation ----------------------------------------------------------------------------------

    def _add(self, found: Weighted | Gradients) -> None:
        gradients, count = found if isinstance(found, Weighted) else (found, 1.0)
        gradients = _distinct(gradients)
        self.weight += count
        self.firings += 1
        if self.partial is None:  # the gradients are ours: no copy
            self.partial = gradients
            if count != 1.0:
                torch._foreach_mul_([g for g in gradients if g is not None], count)
            return
        pairs = [(a, g) for a, g in zip(self.partial, gradients, strict=True) if a is not None and g is not None]
        if pairs:
            torch._foreach_add_([a for a, _ in pairs], [g for _, g in pairs], alpha=count)
        self.partial = [a if g is None else g * count if a is None else a
                        for a, g in zip(self.partial, gradients, strict=True)]

    def _complete(self, accumulate: Accumulate) -> bool:
        if isinstance(accumulate, int):
            return self.firings >= accumulate
        return self.weight >= accumulate["until"]

    def _take_mean(self) -> Gradients:
        gradients = self.partial
        assert gradients is not None
        if self.weight != 1.0:
            torch._foreach_div_([g for g in gradients if g is not None], self.weight)
        self.partial, self.weight, self.firings = None, 0.0, 0
        return gradients

    # -- learning rate and state -----------------------------------------------------------------------

    def rate(self) -> float:
        """The learning rate of the last update (before the first one: the optimizer's own), of the first group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def set_rate(self, value: Value) -> None:
        """Set the optimizer's own learning rate; a group with one of its own keeps its ratio to the first."""
        rate, first = float(value), self.bases[0]
        for number, (group, base) in enumerate(zip(self.optimizer.param_groups, self.bases, strict=True)):
            group["lr"] = self.bases[number] = rate * (base / first) if first and number else rate

    def state(self) -> StateTree:
        """All of it, as a tree."""
        return {
            "updates": self.updates, "bases": list(self.bases), "weight": self.weight, "firings": self.firings,
            "partial": None if self.partial is None else [pack(g) for g in self.partial],
            "groups": [pack({k: v for k, v in g.items() if k != "params"}) for g in self.optimizer.param_groups],
            "moments": [_pack_moments(self.optimizer.state.get(p), p) for p in self.params],
            "schedule": None if self.schedule is None else self.schedule.state(),
            "scaler": None if self.scaler is None else pack(self.scaler.state_dict())}

    def load(self, state: StateTree) -> None:
        """Restore it. Raises ValueError where it is another optimizer's."""
        moments, groups = state["moments"], state["groups"]
        if len(moments) != len(self.params) or len(groups) != len(self.bases):
            raise ValueError(f"the state of optimizer '{self.name}' has {len(moments)} parameters in {len(groups)} "
                             f"groups; this one has {len(self.params)} in {len(self.bases)}")
        for p, tree in zip(self.params, moments, strict=True):
            self.optimizer.state.pop(p, None)
            if tree is not None:
                self.optimizer.state[p] = _unpack_moments(tree, p)
        for group, tree in zip(self.optimizer.param_groups, groups, strict=True):
            group.update(unpack(tree))
        self.updates, self.weight, self.firings = state["updates"], state["weight"], state["firings"]
        self.bases[:] = state["bases"]
        self.partial = None if state["partial"] is None else [
            None if tree is None else _like(tree, p) for tree, p in zip(state["partial"], self.params, strict=True)]
        if self.schedule is not None:
            self.schedule.load(state["schedule"])
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(unpack(state["scaler"]))


def total_norm(gradients: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """The 2-norm of all gradients together, as torch.nn.utils.clip_grad_norm_ takes it."""
    found = [g for g in gradients if g is not None]
    if not found:
        return torch.zeros(())
    norms = [torch.linalg.vector_norm(g).to(found[0].device) for g in found]
    total: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total


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


def _direct_step(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """The optimizer's `step` without its wrappers, which cost a tenth of a small update: a profiler's region, the
    calls of hooks (here there are none) and switching off gradients (the engine has). Only of torch's own classes."""
    kind = type(optimizer)
    hooked = any([optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks,
                  hooks._global_optimizer_pre_hooks, hooks._global_optimizer_post_hooks])
    if hooked or not kind.__module__.startswith("torch.optim.") or optimizer.defaults.get("differentiable"):
        return optimizer.step
    return inspect.unwrap(kind.step).__get__(optimizer)  # type: ignore[no-any-return]


def _pack_moments(moments: Mapping[str, Any] | None, p: torch.Tensor) -> StateTree:
    """What an optimizer keeps for one parameter. A tensor that is not where the parameter is (a step count on the
    CPU) is marked."""
    if moments is None:
        return None
    host = [k for k, v in moments.items() if isinstance(v, torch.Tensor) and v.device != p.device]
    return {"host": host, "values": {k: pack(v) for k, v in moments.items()}}


def _unpack_moments(tree: StateTree, p: torch.Tensor) -> dict[str, Any]:
    return {k: _like(v, p) if isinstance(v, ArrayBlob) and k not in tree["host"] else unpack(v)
            for k, v in tree["values"].items()}


def _like(blob: ArrayBlob, p: torch.Tensor) -> torch.Tensor:
    """A tensor on the device of the parameter, laid out in memory as it is."""
    tensor = from_blob(blob, p.device)
    if tensor.shape == p.shape and tensor.stride() != p.stride():
        return torch.empty_like(p, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
    return tensor
