"""Learning rates that follow a schedule: factors of the optimizer's own, by the number of updates (or global steps).

Position 0 is the first update (of the run's first step with `per: step`), as in torch's schedulers. The formulas are
written for Python numbers and, given the arithmetic of a framework, for its tensors: without branches on values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol


class Maths(Protocol):
    """The arithmetic beyond operators that the formulas need."""

    def cos(self, value: Any) -> Any: ...
    def smaller(self, a: Any, b: Any) -> Any: ...
    def power(self, base: float, exponent: Any) -> Any: ...
    def choose(self, test: Any, then: Any, otherwise: Any) -> Any: ...


class Plain:
    """Of Python numbers."""

    cos = staticmethod(math.cos)
    smaller = staticmethod(min)

    @staticmethod
    def power(base: float, exponent: int) -> float:
        return base ** exponent

    @staticmethod
    def choose(test: bool, then: float, otherwise: float) -> float:
        return then if test else otherwise


PLAIN: Maths = Plain()
Formula = Callable[[Any, Maths], Any]  # of the position
Factor = Callable[..., Any]  # `factor(position)`, or `factor(position, maths)`


def _warm(warmup: int, after: Formula) -> Factor:
    """From nothing up to the whole learning rate at update number `warmup`, and then what follows."""
    def factor(position: Any, maths: Maths = PLAIN) -> Any:
        later = after(position, maths)
        return maths.choose(position < warmup, (position + 1) / warmup, later) if warmup else later
    return factor


def constant(*, warmup: int = 0) -> Factor:
    return _warm(warmup, lambda position, maths: 1.0)


def linear(*, steps: int, start: float = 1.0, end: float = 0.0, warmup: int = 0) -> Factor:
    return _warm(warmup, lambda position, maths: start + (end - start) * _progress(position, warmup, steps, maths))


def cosine(*, steps: int, end: float = 0.0, warmup: int = 0) -> Factor:
    return _warm(warmup, lambda position, maths: end + (1.0 - end) * 0.5 * (
        1.0 + maths.cos(math.pi * _progress(position, warmup, steps, maths))))


def step(*, every: int, factor: float = 0.1, warmup: int = 0) -> Factor:
    """Times `factor` after every `every` positions."""
    return _warm(warmup, lambda position, maths: maths.power(factor, position // every))


def exponential(*, factor: float, warmup: int = 0) -> Factor:
    """Times `factor` at every position."""
    return _warm(warmup, lambda position, maths: maths.power(factor, position))


def _progress(position: Any, warmup: int, steps: int, maths: Maths) -> Any:
    return maths.smaller(1.0, (position - warmup) / max(1, steps - warmup))


FACTORS: dict[str, Callable[..., Factor]] = {
    "constant": constant, "linear": linear, "cosine": cosine, "step": step, "exponential": exponential}
