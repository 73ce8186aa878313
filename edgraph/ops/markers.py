"""What an annotation may say of a parameter besides its type: `Annotated[float, Range(min=0)]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

Access = Literal["reads", "updates"]


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number. `above` and `below` exclude the bound itself."""

    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is inside; a value that is not a number is not."""
        return (value == value
                and (self.min is None or value >= self.min) and (self.max is None or value <= self.max)
                and (self.above is None or value > self.above) and (self.below is None or value < self.below))

    def describe(self) -> str:
        """`at least 0`, `from 0 to 1`, `above 0 and below 1`."""
        if self.min is not None and self.max is not None:
            return f"from {self.min:g} to {self.max:g}"
        bounds = ((self.min, "at least"), (self.above, "above"), (self.max, "at most"), (self.below, "below"))
        return " and ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)


@dataclass(frozen=True, slots=True)
class Length:
    """How many items a list, or characters a text, may have."""

    min: int = 0
    max: int | None = None

    def holds(self, length: int) -> bool:
        return length >= self.min and (self.max is None or length <= self.max)

    def describe(self) -> str:
        """`2`, `at least 1`, `1 to 3`."""
        if self.max is None:
            return f"at least {self.min}"
        return str(self.min) if self.min == self.max else f"{self.min} to {self.max}"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, for messages and documentation: `Unit("pixels")`."""

    name: str


# -- roles: the parameter names an entry of another section of the pipeline ----------------------------

@dataclass(frozen=True, slots=True)
class Model:
    """Names a model or a sub-module (`classifier.head`) that the op reads or updates."""

    access: Access = "reads"


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Names an optimizer."""


@dataclass(frozen=True, slots=True)
class Data:
    """Names a data set of the pipeline."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Names an entry of `graphs`."""


@dataclass(frozen=True, slots=True)
class Every:
    """Says when something fires, as `every:` of an op does."""


Probability = Annotated[float, Range(min=0, max=1)]
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(min=0)]
Clock = Annotated[Any, Every()]
Count = Annotated[int, Range(min=1)]
"""A whole number of at least 1."""
