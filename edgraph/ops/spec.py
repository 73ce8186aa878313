"""What is known of a kind of op without running it: the contract between an op and the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

REQUIRED: Any = ...  # the default of a parameter that has none

# Which extra leading arguments the engine passes to the bound op, in this order.
#   step         the step of the innermost loop, counted from 1
#   global_step  the step of the run
#   key          what random streams are keyed by besides seed and node: the step, and inside a loop
#                the step and the iterations
#   count        how many examples the batch of the innermost loop has (1 where it has none)
Passes = Literal["step", "global_step", "key", "count"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A positional parameter of the op's function."""

    name: str
    doc: str = ""
    required: bool = True
    variadic: bool = False  # `*values`: a list, or a mapping whose names the op gets by `attach`


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A keyword-only parameter: what `with` takes."""

    name: str
    annotation: Any
    default: Any = REQUIRED
    doc: str = ""
    role: Literal["value", "model", "models", "optimizer", "data", "graph", "op"] = "value"
    # a role other than `value` names an entry of that section of the pipeline

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A part of the op's value that has a name of its own: `logits.argmax`, `update.lr`."""

    name: str
    doc: str = ""
    derived: bool = False  # computed from the value by the backend's `port(op, name)`; else a key of it


# What types cannot say of a use: from the settings and the names of the inputs given to the parameter (or
# input) concerned and what is wrong; None: it is fine.
Rule: TypeAlias = Callable[[Mapping[str, Any], Sequence[str]], "tuple[str, str] | None"]


@dataclass(frozen=True, slots=True)
class OpSpec:
    """An op type."""

    name: str
    inputs: tuple[InputSpec, ...]
    params: tuple[ParamSpec, ...]
    summary: str = ""
    doc: str = ""
    family: str = "user"
    ports: tuple[PortSpec, ...] = ()
    open_ports: bool = True  # any other field may be asked for (a mapping that the op returns)
    open_params: bool = False  # `**settings`: keys of `with` that are not parameters are passed on
    effect: bool = False  # changes something outside its value
    has_value: bool = True  # else it is there for its effect alone, and nothing can read it
    update: bool = False  # an effect that trains: optimize, update_ema
    state: bool = False  # keeps state between steps
    metric: bool = False  # update / compute / reset; its value exists when its loop ends
    reads: tuple[str, ...] = ()  # parameters that name a model it reads
    writes: tuple[str, ...] = ()  # parameters that name a model it updates
    random: bool = False
    differentiates: bool = False  # takes gradients of its inputs itself
    differentiable: bool = True  # gradients may pass through it
    passes: tuple[Passes, ...] = ()
    backends: tuple[str, ...] = ()  # empty: every backend
    engine: bool = False  # bound by the engine or the backend, not by calling `implementation`
    rule: Rule | None = field(default=None, compare=False)
    implementation: Callable[..., Any] | None = field(default=None, compare=False)
    module: str = ""

    def param(self, name: str) -> ParamSpec | None:
        return next((p for p in self.params if p.name == name), None)

    def port(self, name: str) -> PortSpec | None:
        return next((p for p in self.ports if p.name == name), None)
