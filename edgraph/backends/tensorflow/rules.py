"""Optimizers whose names torch has too: the same settings, and to rounding the same updates. Keras' own place epsilon
differently, decay weights differently and start moving averages differently.

A rule keeps everything in variables, so that an update works inside of a tf.function. It has a learning rate of its
own, in float64 as a Python number; parameters are updated by TensorFlow's fused kernels where there is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgraph.backends.tensorflow.framework import tf

Tensor = Any
raw = tf.raw_ops


class Rule:
    """Updates some variables, always the same ones. Subclasses say what they keep (`slot`) and how they move."""

    def __init__(self, params: list[Any], *, lr: float, weight_decay: float = 0.0, maximize: bool = False) -> None:
        self.params = params
        self.base = tf.Variable(lr, dtype=tf.float64, trainable=False)  # the optimizer's own rate
        self.rate = tf.Variable(lr, dtype=tf.float64, trainable=False)  # what a schedule makes of it
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)  # updates
        self.weight_decay = weight_decay
        self.maximize = maximize
        self.variables: dict[str, Any] = {"base": self.base, "rate": self.rate, "count": self.count}

    def slot(self, name: str, value: float = 0.0) -> list[Any]:
        """A variable for each parameter, shaped like it."""
        made = [tf.Variable(tf.fill(p.shape, tf.constant(value, p.dtype)), trainable=False) for p in self.params]
        self.variables.update({f"{name}.{number}": variable for number, variable in enumerate(made)})
        return made

    def update(self, gradients: list[Tensor | None]) -> None:
        """One update. A parameter without a gradient (None) stays as it is."""
        self.count.assign_add(1)
        self.begin(tf.cast(self.count, tf.float64), tf.identity(self.rate))
        for number, (p, g) in enumerate(zip(self.params, gradients, strict=True)):
            if g is not None:
                g = -g if self.maximize else g
                self.move(number, p, g + self.weight_decay * p if self.weight_decay else g)

    def begin(self, count: Tensor, rate: Tensor) -> None:
        """What all parameters need. count, rate: scalars of float64; `count` is that of this update."""
        self.lr = tf.cast(rate, tf.float32)

    def move(self, number: int, p: Any, g: Tensor) -> None:
        raise NotImplementedError


class SGD(Rule):
    def __init__(self, params: list[Any], *, lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
                 weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov
        self.moving = self.slot("momentum") if momentum else []

    def begin(self, count: Tensor, rate: Tensor) -> None:
        super().begin(count, rate)
        self.share = tf.where(count > 1.0, tf.constant(1.0 - self.dampening), 1.0) if self.dampening else None

    def move(self, number: int, p: Any, g: Tensor) -> None:
        if not self.momentum:
            raw.ResourceApplyGradientDescent(var=p.handle, alpha=self.lr, delta=g)
            return
        raw.ResourceApplyMomentum(var=p.handle, accum=self.moving[number].handle, lr=self.lr,
                                  grad=g if self.share is None else g * self.share,
                                  momentum=self.momentum, use_nesterov=self.nesterov)


class Adam(Rule):
    """The fused kernel counts neither powers nor epsilon as torch does: it is given them as parts of the rate and of
    its own epsilon. `beta2` is taken as float32 has it, as the kernel does."""

    def __init__(self, params: list[Any], *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, maximize: bool = False,
                 decoupled_weight_decay: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=0.0 if decoupled_weight_decay else weight_decay,
                         maximize=maximize)
        self.betas = float(np.float32(betas[0])), float(np.float32(betas[1]))
        self.eps, self.amsgrad = eps, amsgrad
        self.decay = weight_decay if decoupled_weight_decay else 0.0
        self.first, self.second = self.slot("exp_avg"), self.slot("exp_avg_sq")
        self.largest = self.slot("max_exp_avg_sq") if amsgrad else []

    def begin(self, count: Tensor, rate: Tensor) -> None:
        first, second = (1.0 - tf.pow(tf.constant(beta, tf.float64), count) for beta in self.betas)
        root = tf.sqrt(second)
        self.lr = tf.cast(rate * root / first, tf.float32)
        self.epsilon = tf.cast(self.eps * root, tf.float32)
        self.kept = tf.cast(1.0 - rate * self.decay, tf.float32) if self.decay else None

    def move(self, number: int, p: Any, g: Tensor) -> None:
        if self.kept is not None:
            p.assign(p * self.kept)
        same = {"var": p.handle, "m": self.first[number].handle, "v": self.second[number].handle,
                "beta1_power": 0.0, "beta2_power": 0.0, "lr": self.lr, "beta1": self.betas[0],
                "beta2": self.betas[1], "epsilon": self.epsilon, "grad": g}
        if self.amsgrad:
            raw.ResourceApplyAdamWithAmsgrad(**same, vhat=self.largest[number].handle)
        else:
            raw.ResourceApplyAdam(**same)


class AdamW(Adam):
    def __init__(self, params: list[Any], *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.01, amsgrad: bool = False, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                         maximize=maximize, decoupled_weight_decay=True)


class Adamax(Rule):
    def __init__(self, params: list[Any], *, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self.betas, self.eps = betas, eps
        self.first, self.largest = self.slot("exp_avg"), self.slot("exp_inf")

    def begin(self, count: Tensor, rate: Tensor) -> None:
        self.lr = tf.cast(rate / (1.0 - tf.pow(tf.constant(self.betas[0], tf.float64), count)), tf.float32)

    def move(self, number: int, p: Any, g: Tensor) -> None:
        first, largest = self.first[number], self.largest[number]
        first.assign_add((g - first) * (1.0 - self.betas[0]))
        largest.assign(tf.maximum(self.betas[1] * largest, tf.abs(g) + self.eps))
        p.assign_sub(self.lr * first / largest)


class NAdam(Rule):
    def __init__(self, params: list[Any], *, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=0.0 if decoupled_weight_decay else weight_decay,
                         maximize=maximize)
        self.betas, self.eps, self.momentum_decay = betas, eps, momentum_decay
        self.decay = weight_decay if decoupled_weight_decay else 0.0
        self.first, self.second = self.slot("exp_avg"), self.slot("exp_avg_sq")
        self.product = self.variables["mu_product"] = tf.Variable(1.0, dtype=tf.float64, trainable=False)

    def begin(self, count: Tensor, rate: Tensor) -> None:
        now, following = (self.betas[0] * (1.0 - 0.5 * tf.pow(tf.constant(0.96, tf.float64),
                                                              (count + ahead) * self.momentum_decay))
                          for ahead in (0.0, 1.0))
        product = self.product.assign(self.product * now)
        self.root = tf.cast(1.0 - tf.pow(tf.constant(self.betas[1], tf.float64), count), tf.float32)
        self.of_gradient = tf.cast(rate * (1.0 - now) / (1.0 - product), tf.float32)
        self.of_mean = tf.cast(rate * following / (1.0 - product * following), tf.float32)
        self.kept = tf.cast(1.0 - rate * self.decay, tf.float32) if self.decay else None

    def move(self, number: int, p: Any, g: Tensor) -> None:
        first, second = self.first[number], self.second[number]
        if self.kept is not None:
            p.assign(p * self.kept)
        first.assign_add((g - first) * (1.0 - self.betas[0]))
        second.assign(second * self.betas[1] + g * g * (1.0 - self.betas[1]))
        below = tf.sqrt(second / self.root) + self.eps
        p.assign_sub((self.of_gradient * g + self.of_mean * first) / below)


class RMSprop(Rule):
    def __init__(self, params: list[Any], *, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self.alpha, self.eps, self.momentum = alpha, eps, momentum
        self.square = self.slot("square_avg")
        self.mean = self.slot("grad_avg") if centered else []
        self.moving = self.slot("momentum_buffer") if momentum else []

    def move(self, number: int, p: Any, g: Tensor) -> None:
        square = self.square[number]
        square.assign(square * self.alpha + g * g * (1.0 - self.alpha))
        variance = tf.identity(square)
        if self.mean:
            mean = self.mean[number]
            mean.assign_add((g - mean) * (1.0 - self.alpha))
            variance = variance - mean * mean
        change = g / (tf.sqrt(variance) + self.eps)
        if self.moving:
            change = self.moving[number].assign(self.moving[number] * self.momentum + change)
        p.assign_sub(self.lr * change)


class Adagrad(Rule):
    def __init__(self, params: list[Any], *, lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
                 initial_accumulator_value: float = 0.0, eps: float = 1e-10, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self.lr_decay, self.eps = lr_decay, eps
        self.sum = self.slot("sum", initial_accumulator_value)

    def begin(self, count: Tensor, rate: Tensor) -> None:
        self.lr = tf.cast(rate / (1.0 + (count - 1.0) * self.lr_decay), tf.float32)

    def move(self, number: int, p: Any, g: Tensor) -> None:
        raw.ResourceApplyAdagradV2(var=p.handle, accum=self.sum[number].handle, lr=self.lr, epsilon=self.eps, grad=g)


class Adadelta(Rule):
    def __init__(self, params: list[Any], *, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0.0, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self.rho, self.eps = rho, eps
        self.square, self.steps = self.slot("square_avg"), self.slot("acc_delta")

    def move(self, number: int, p: Any, g: Tensor) -> None:
        raw.ResourceApplyAdadelta(var=p.handle, accum=self.square[number].handle,
                                  accum_update=self.steps[number].handle, lr=self.lr, rho=self.rho,
                                  epsilon=self.eps, grad=g)


RULES: dict[str, type[Rule]] = {kind.__name__: kind for kind in (
    SGD, Adam, AdamW, Adamax, NAdam, RMSprop, Adagrad, Adadelta)}
# Settings that only say how torch computes an update, not what comes out.
HINTS = ("foreach", "fused", "capturable", "differentiable")
