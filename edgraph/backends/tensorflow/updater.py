"""One optimizer at work: gradients of a loss, clipping, schedule, update.

All of it can be traced. What the host must be told of inside of a tf.function:

- A loss that is not finite, with `nonfinite: stop`: an assertion fails, which ends the function with
  tf.errors.InvalidArgumentError before anything of this step is written (`apply` waits for the assertions of the step,
  whichever optimizer they are of), and steps before it in the same call are done. `nonfinite_loss(error)` makes
  NonFiniteLoss of it. Which step it was the caller knows from a counter that it moves at the end of each step.
- With `nonfinite: skip` gradients carry a truth value, and `apply` does nothing where it is false.
- `updates(optimizer)` reads a variable, `applied` is a tensor wherever an update may be left out, and a constant
  elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from edgraph.backends.base import Accumulate, NonFiniteLoss, StateTree, Value
from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.grads import Found, Gradients, PartialSum, checked_weight, total_norm
from edgraph.backends.tensorflow.rules import Rule
from edgraph.backends.tensorflow.schedules import Schedule
from edgraph.backends.tensorflow.state import assign, to_blob
from edgraph.backends.tensorflow.tape import Recorder

Policy = Literal["stop", "skip", "ignore"]
Apply = Callable[[Any, Any, Value], Mapping[str, Value]]
_MARK = "edgraph: not finite:"


def nonfinite_loss(error: BaseException) -> NonFiniteLoss | None:
    """What an error of a tf.function says of a loss that is not finite; None where it is about something else."""
    said = str(error)
    if not isinstance(error, tf.errors.InvalidArgumentError) or _MARK not in said:
        return None
    # the message is `assertion failed: [edgraph: not finite: the loss is] [nan] ...`
    what, _, rest = said.partition(_MARK)[2].partition("]")
    return NonFiniteLoss(f"{what.strip()} {rest.partition('[')[2].partition(']')[0]}")


class Updater:
    """An optimizer with everything that its next update depends on."""

    def __init__(self, name: str, rules: Sequence[Rule], recorder: Recorder, *, clip_norm: float | None = None,
                 clip_value: float | None = None, per_step: bool = False) -> None:
        self.name = name
        self.rules = rules
        self.declared = [float(rule.base) for rule in rules]  # the learning rates that the author gave
        self.recorder = recorder
        self.params: list[Any] = [p for rule in rules for p in rule.params]
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.per_step = per_step  # the schedule's position is the global step, not the number of updates
        self.schedule: Schedule | None = None
        self.updates = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.partial: PartialSum | None = None

    # -- gradients -------------------------------------------------------------------------------------

    def gradients(self, *, weighted: bool, accumulate: Accumulate, policy: Policy,
                  check: Literal["loss", "gradients"]) -> Callable[..., Value]:
        """`f(loss)` or `f(loss, count)`; see Backend.gradients."""
        def gradients(loss: Any, count: Any = None) -> Found | None:
            weight = checked_weight(count) if weighted and accumulate != 1 else None
            self._explain(loss)
            ok = self._finite(policy, "the loss is", loss, weight)
            if ok is False:
                return None
            found = self._differentiate(loss)
            if check == "gradients":
                sound = self._finite(policy, "the norm of the gradients is", total_norm(found), weight)
                if sound is False:
                    return None
                ok = sound if ok is None or sound is None else tf.logical_and(ok, sound)
            return Found(found, 1.0 if weight is None else weight, ok)
        return gradients

    def _differentiate(self, loss: Any) -> Gradients:
        recorder = self.recorder
        was = recorder.on
        recorder(False)
        found = recorder.gradient(loss, self.params)
        recorder(was)
        if all(g is None for g in found):
            raise ValueError(f"the loss of optimizer '{self.name}' does not depend on anything that it updates")
        return [None if g is None else tf.convert_to_tensor(g) for g in found]

    def _finite(self, policy: Policy, what: str, value: Any, weight: Any) -> Any:
        """False: the update is to be left out; None: go on; else a tensor that says it. Raises NonFiniteLoss."""
        if policy == "ignore":
            return None
        if tf.executing_eagerly():
            if math.isfinite(float(value)) or (weight is not None and not float(weight)):
                return None
            if policy == "stop":
                raise NonFiniteLoss(f"{what} {float(value)}")
            return False
        finite = tf.math.is_finite(tf.reshape(value, ()))
        if weight is not None:
            finite = tf.logical_or(finite, tf.equal(weight, 0.0))
        if policy == "skip":
            return finite
        self.recorder.checks.append(tf.debugging.Assert(finite, [f"{_MARK} {what}", value]))
        return None

    def _explain(self, loss: Any) -> None:
        """Says what is wrong with a loss better than TensorFlow does."""
        what = f"the loss of optimizer '{self.name}'"
        if not isinstance(loss, tf.Tensor):
            raise TypeError(f"{what} is a {type(loss).__name__}, not a tensor")
        if loss.shape.rank and loss.shape.num_elements() != 1:
            raise ValueError(f"{what} has shape {tuple(loss.shape)}; expected one number, such as its mean")

    # -- updates ---------------------------------------------------------------------------------------

    def apply(self, ports: frozenset[str], accumulate: Accumulate) -> Apply:
        """`f(global_step, epoch, gradients)`; see Backend.apply."""
        with_norm = "grad_norm" in ports
        if accumulate != 1 and self.partial is None:
            self.partial = PartialSum(self.params)

        def apply(step: Any, epoch: Any, found: Found | None) -> Mapping[str, Value]:
            if found is None:
                return self._report(ports, False, math.nan)
            with tf.control_dependencies(self.recorder.checks):
                if accumulate == 1:
                    done = _when(found.ok, lambda: self._update(step, epoch, found.gradients, with_norm))
                else:
                    done = _when(found.ok, lambda: self._add(step, epoch, found, accumulate, with_norm))
            return self._report(ports, *done)
        return apply

    def _add(self, step: Any, epoch: Any, found: Found, accumulate: Accumulate, with_norm: bool) -> tuple[Any, Any]:
        partial = self.partial
        assert partial is not None

        def take() -> tuple[Any, Any]:
            mean, some = partial.take_mean()
            return _when(some, lambda: self._update(step, epoch, mean, with_norm))
        partial.add(found)
        return _when(partial.complete(accumulate), take)

    def _update(self, step: Any, epoch: Any, gradients: Gradients, with_norm: bool) -> tuple[Any, Any]:
        """Clip, schedule, update. Gives that there was one, and the norm before clipping where it is asked for."""
        norm = total_norm(gradients) if with_norm or self.clip_norm is not None else math.nan
        if self.clip_norm is not None:
            factor = tf.minimum(self.clip_norm / (norm + 1e-6), 1.0)
            gradients = [None if g is None else g * tf.cast(factor, g.dtype) for g in gradients]
        if self.clip_value is not None:
            gradients = [None if g is None else tf.clip_by_value(g, -self.clip_value, self.clip_value)
                         for g in gradients]
        if self.schedule is not None:
            position = tf.cast(step, tf.int64) - 1 if self.per_step else tf.identity(self.updates)
            self.schedule.set(position, tf.cast(step, tf.int64), tf.cast(epoch, tf.int64))
        start = 0
        for rule in self.rules:
            rule.update(gradients[start:start + len(rule.params)])
            start += len(rule.params)
        self.updates.assign_add(1)
        return True, norm

    def _report(self, ports: frozenset[str], applied: Any, norm: Any) -> Mapping[str, Value]:
        """The ports asked for: numbers of Python, or in a tf.function tensors."""
        read: dict[str, Callable[[], Any]] = {
            "applied": lambda: applied, "grad_norm": lambda: norm, "updates": lambda: tf.identity(self.updates),
            "lr": lambda: tf.identity(self.rules[0].rate)}
        return {port: _plain(read[port]()) for port in ports}

    # -- learning rate and state -----------------------------------------------------------------------

    def set_rate(self, value: Value) -> None:
        """Set the optimizer's own learning rate; a group with one of its own keeps its ratio to the first."""
        rate, first = float(value), float(self.rules[0].base)
        for rule in self.rules:
            base = float(rule.base)
            rule.base.assign(rate * (base / first) if first and base != first else rate)
            rule.rate.assign(rule.base)

    def state(self) -> StateTree:
        """All of it, as a tree."""
        return {"updates": int(self.updates), "declared": self.declared,
                "partial": None if self.partial is None else self.partial.state(),
                "rules": [{name: to_blob(v) for name, v in rule.variables.items()} for rule in self.rules]}

    def load(self, state: StateTree) -> None:
        """Restore it, but for a learning rate that the author has changed since. Raises ValueError where it is another
        optimizer's."""
        rules = state.get("rules", [])
        if [list(rule.variables) for rule in self.rules] != [list(tree) for tree in rules]:
            raise ValueError(f"optimizer '{self.name}' is of another kind than in the checkpoint, or updates other "
                             "parameters")
        before = state.get("declared", self.declared)  # older checkpoints have none
        for rule, tree, then, now in zip(self.rules, rules, before, self.declared, strict=True):
            for name, blob in tree.items():
                if name != "base" or then == now:
                    assign(rule.variables[name], blob, f"'{name}' of optimizer '{self.name}'")
            if self.schedule is None:
                rule.rate.assign(rule.base)  # of a schedule that there is no more nothing stays
        self.updates.assign(state["updates"])
        if state["partial"] is not None:
            self.partial = self.partial or PartialSum(self.params)
            self.partial.load(state["partial"])


def _when(ok: Any, update: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """The update where a truth value says so, or always where there is none."""
    if ok is None:
        return update()
    if tf.executing_eagerly():
        return update() if bool(ok) else (False, math.nan)

    def done() -> tuple[Any, Any]:
        applied, norm = update()
        return tf.convert_to_tensor(applied, tf.bool), tf.cast(norm, tf.float32)
    return tf.cond(ok, done, lambda: (tf.constant(False), tf.constant(math.nan)))  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    return value.numpy().item() if isinstance(value, tf.Tensor) and tf.executing_eagerly() else value
