"""One optimizer at work: gradients of a loss, clipping, schedule, update."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch

from edgraph.backends.base import Accumulate, NonFiniteLoss, StateTree, Value
from edgraph.backends.torch.adam import Adam
from edgraph.backends.torch.backward import backward_to
from edgraph.backends.torch.declared import Declared
from edgraph.backends.torch.direct import direct_step
from edgraph.backends.torch.grads import Gradients, PartialSum, Weighted, total_norm
from edgraph.backends.torch.moments import check_same_groups, load_optimizer, optimizer_state
from edgraph.backends.torch.schedules import Schedule
from edgraph.backends.torch.state import pack, unpack
from edgraph.data.construct import reason

Policy = Literal["stop", "skip", "ignore"]
Apply = Callable[[int, int, Value], Mapping[str, Value]]
SKIPPED: Any = object()  # in place of the norm of an update: there was none


class Updater:
    """An optimizer with everything that its next update depends on."""

    def __init__(self, name: str, optimizer: torch.optim.Optimizer, *, clip_norm: float | None = None,
                 clip_value: float | None = None, per_step: bool = False) -> None:
        self.name = name
        self.optimizer = optimizer
        self.params: list[torch.nn.Parameter] = [p for g in optimizer.param_groups for p in g["params"]]
        self.bases: list[float] = [group["lr"] for group in optimizer.param_groups]
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.per_step = per_step  # the schedule's position is the global step, not the number of updates
        self.schedule: Schedule | None = None
        self.updates = 0
        self.partial = PartialSum()
        self.scaler: torch.amp.GradScaler | None = None  # fp16 only
        self.step = direct_step(optimizer, self.params)
        self.declared = Declared(optimizer, None)

    def follow(self, schedule: Schedule | None) -> None:
        """The learning rate is that of a schedule."""
        self.schedule = schedule
        self.declared = Declared(self.optimizer, schedule)

    # -- gradients -------------------------------------------------------------------------------------

    def gradients(self, *, retain: bool, weighted: bool, accumulate: Accumulate, policy: Policy,
                  check: Literal["loss", "gradients"]) -> Callable[..., Value]:
        """`f(loss)` or `f(loss, count)`; see Backend.gradients."""
        call = self._gradients(retain, policy)
        if check == "gradients" and policy != "ignore" and self.scaler is None:
            call = self._checked(call, policy)
        if not weighted:
            return call
        if accumulate == 1:
            return lambda loss, count: call(loss)

        def with_count(loss: torch.Tensor, count: Value) -> Weighted | None:
            weight = float(count)
            if weight == 0.0:  # the mean of nothing, often NaN, which the large batch would not have noticed
                return Weighted([None] * len(self.params), 0.0)
            if not 0.0 < weight < math.inf:
                raise ValueError(f"'count' is {weight:g}; expected the number of examples that the loss is a mean over")
            found = call(loss)
            return None if found is None else Weighted(found, weight)
        return with_count

    def _gradients(self, retain: bool, policy: Policy) -> Callable[[torch.Tensor], Gradients | None]:
        params = tuple(self.params)
        backward, finite, scaler = backward_to(params, retain=retain), math.isfinite, self.scaler
        checked = policy != "ignore"

        def gradients(loss: torch.Tensor) -> Gradients | None:
            try:
                if checked and not finite(loss.item()):
                    if policy == "stop":
                        raise NonFiniteLoss(f"the loss is {loss.item()}")
                    return None
                for p in params:
                    p.grad = None  # whatever an op of the user's may have left there
                # `backward`, because `autograd.grad` may give one tensor twice, or an expanded one, which
                # must not be changed in place.
                backward(loss if scaler is None else _scaled(loss, scaler))
            except (RuntimeError, AttributeError, TypeError) as error:
                better = self._explained(loss)
                if better is None:
                    raise
                raise better from error
            found = [p.grad for p in params]
            for p in params:
                p.grad = None
            return found
        return gradients

    def _explained(self, loss: Any) -> Exception | None:
        """What is wrong with a loss, where that can be said better than torch says it."""
        what = f"the loss of optimizer '{self.name}'"
        if not isinstance(loss, torch.Tensor):
            return TypeError(f"{what} is a {type(loss).__name__}, not a tensor")
        if loss.numel() != 1:
            return ValueError(f"{what} has shape {tuple(loss.shape)}; expected one number, such as its mean")
        if not loss.requires_grad:
            return ValueError(f"{what} does not depend on anything that it updates")
        return None

    def _checked(self, call: Callable[[torch.Tensor], Gradients | None],
                 policy: Policy) -> Callable[[torch.Tensor], Gradients | None]:
        def checked(loss: torch.Tensor) -> Gradients | None:
            found = call(loss)
            if found is None or math.isfinite(norm := total_norm(found).item()):
                return found
            if policy == "stop":
                raise NonFiniteLoss(f"the loss is {loss.item():.6g}, and the norm of its gradients {norm}")
            return None
        return checked

    # -- updates ---------------------------------------------------------------------------------------

    def apply(self, ports: frozenset[str], accumulate: Accumulate) -> Apply:
        """`f(global_step, epoch, gradients)`; see Backend.apply."""
        update, report, partial = self._update("grad_norm" in ports), self._report(ports), self.partial

        def apply(step: int, epoch: int, gradients: Gradients | None) -> Mapping[str, Value]:
            return report(SKIPPED if gradients is None else update(step, epoch, gradients))

        def add_and_apply(step: int, epoch: int, found: Weighted | Gradients | None) -> Mapping[str, Value]:
            if found is None:
                return report(SKIPPED)
            partial.add(found)
            if not partial.complete(accumulate):
                return report(SKIPPED)
            mean = partial.take_mean()
            return report(SKIPPED if mean is None else update(step, epoch, mean))
        return apply if accumulate == 1 else add_and_apply

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
                self._schedule(schedule, step, epoch)
            step_optimizer()
            for p in params:
                p.grad = None
            self.updates += 1
            return norm
        return update

    def _schedule(self, schedule: Schedule, step: int, epoch: int) -> None:
        position = step - 1 if self.per_step else self.updates
        try:
            schedule.set(position, step, epoch)
        except Exception as error:  # an expression, or code of torch's or the author's
            raise ValueError(f"the schedule of optimizer '{self.name}' fails at 'updates' {position}, step {step}, "
                             f"epoch {epoch}: {reason(error)}") from error

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

    # -- learning rate and state -----------------------------------------------------------------------

    def rate(self) -> float:
        """The learning rate of the first group: of the last update, or that of the next where it was set."""
        return float(self.optimizer.param_groups[0]["lr"])

    def set_rate(self, value: Value) -> None:
        """Set the optimizer's own learning rate; a group with one of its own keeps its ratio to the first."""
        rate, first = float(value), self.bases[0]
        self.bases[:] = [rate * (base / first) if first and base != first else rate for base in self.bases]
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            group["lr"] = base

    def state(self) -> StateTree:
        """All of it, as a tree."""
        return {"updates": self.updates, "bases": list(self.bases), "partial": self.partial.state(),
                "declared": self.declared.state(),
                "optimizer": optimizer_state(self.optimizer, self.params),
                "schedule": None if self.schedule is None else self.schedule.state(),
                "scaler": None if self.scaler is None else pack(self.scaler.state_dict())}

    def load(self, state: StateTree) -> None:
        """Restore it, but for what the author has changed since. Raises ValueError where it is another optimizer's."""
        groups, before = self.optimizer.param_groups, state.get("declared")  # older checkpoints have none
        check_same_groups(self.name, self.optimizer, self.params, state["optimizer"])
        changed = [set[str]() for _ in groups] if before is None else self.declared.changed(before)
        load_optimizer(self.name, self.optimizer, self.params, state["optimizer"], changed)
        if isinstance(self.step, Adam):
            self.step.forget()
        self.updates = state["updates"]
        for number, (saved, keys) in enumerate(zip(state["bases"], changed, strict=True)):
            if "lr" not in keys:
                self.bases[number] = saved
        if self.schedule is None:
            for group, base in zip(groups, self.bases, strict=True):
                group["lr"] = base  # of a schedule that there is no more nothing stays
        elif state["schedule"] is not None and not any("lr" in keys for keys in changed):
            self.schedule.load(state["schedule"])  # else the new one is moved to its place by the next update
        self.partial.load(state["partial"], self.params)
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(unpack(state["scaler"]))


@torch.enable_grad()
def _scaled(loss: torch.Tensor, scaler: torch.amp.GradScaler) -> torch.Tensor:
    """fp16: times a factor that keeps small gradients from vanishing."""
    scaled: torch.Tensor = scaler.scale(loss)
    return scaled
