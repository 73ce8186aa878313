"""What a parameter may be: its type, bounds and choices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

from edgraph.text.scalars import number_meant, write
from edgraph.text.source import Plain
from edgraph.text.suggest import nearest

Kind = Literal["number", "integer", "boolean", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Value: TypeAlias = bool | int | float | str
_WORDS: dict[Kind, str] = {"number": "a number", "integer": "a whole number", "boolean": "true or false",
                           "text": "a text"}


class Misfit(NamedTuple):
    """Why a value cannot be a parameter's. The code is that of a diagnostic."""

    code: str
    expected: str
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's value and what it may be set to.

    kind: None for a list, a mapping or null, which have no type. minimum, maximum: of numbers, both allowed.
    choices: the only values, where there are any.
    """

    value: Plain
    kind: Kind | None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    doc: str = ""

    def misfit(self, value: Plain) -> Misfit | None:
        """What is wrong with a value; None where it can be set."""
        if self.kind is None or not _is_of(value, self.kind):
            number = isinstance(value, str) and self.kind in ("number", "integer") and number_meant(value) is not None
            return Misfit("wrong-type", self.words(), "write the number without quotes" if number else None)
        if isinstance(value, float) and math.isnan(value):
            return Misfit("not-finite", self.words())
        if self.choices and value not in self.choices:
            near = nearest(str(value), map(str, self.choices))
            return Misfit("bad-value", self.words(), f"did you mean {near!r}?" if near else None)
        if isinstance(value, int | float) and not isinstance(value, bool) and not (
                (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)):
            return Misfit("out-of-range", self.words())
        return None

    def words(self) -> str:
        """`a number from 0 to 1`."""
        if self.choices:
            return " or ".join(map(shown, self.choices))
        what = "a single value" if self.kind is None else _WORDS[self.kind]
        if self.minimum is not None and self.maximum is not None:
            return f"{what} from {shown(self.minimum)} to {shown(self.maximum)}"
        if self.minimum is not None:
            return f"{what} of at least {shown(self.minimum)}"
        return what if self.maximum is None else f"{what} of at most {shown(self.maximum)}"


def shown(value: Plain) -> str:
    """A value as YAML: `0.001`, `true`, `fast`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return write(value) if value is None or isinstance(value, bool | int | float) else str(value)


def kind_of(value: Plain) -> Kind | None:
    """The type that a plain `NAME: VALUE` gives a parameter. Whole numbers are numbers like others."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else None


def _is_of(value: Plain, kind: Kind) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return kind_of(value) == kind
