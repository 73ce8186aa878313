"""What a backend reads of a pipeline: entries of `models` and `optimizers`, as language.pipeline has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from edgraph.data.entry import Declared, Used
from edgraph.text.source import Name, Span


class Weights(Protocol):
    """`weights:` of a model: a checkpoint or a file, one of the two."""

    @property
    def span(self) -> Span: ...
    @property
    def checkpoint(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def file(self) -> str | None: ...
    @property
    def prefix(self) -> str: ...
    @property
    def strict(self) -> bool: ...


class ModelEntry(Declared, Protocol):
    """One entry of `models`."""

    @property
    def use(self) -> Used | None: ...
    @property
    def copy(self) -> Name | None: ...
    @property
    def weights(self) -> Weights | None: ...
    @property
    def frozen(self) -> bool: ...
    @property
    def state(self) -> tuple[str, ...]: ...


class Group(Protocol):
    """A model or sub-module that an optimizer updates, maybe only its parameters that match."""

    @property
    def model(self) -> Name: ...
    @property
    def match(self) -> tuple[str, ...]: ...
    @property
    def settings(self) -> dict[str, Any]: ...


class OptimizerEntry(Declared, Protocol):
    """One entry of `optimizers`. `schedule` is a mapping with `use`, or an expression, which reaches the
    backend as a function (see Backend.build)."""

    @property
    def use(self) -> Used: ...
    @property
    def updates(self) -> Sequence[Group]: ...
    @property
    def schedule(self) -> Any: ...
    @property
    def per(self) -> Literal["update", "step"]: ...
    @property
    def clip_norm(self) -> float | None: ...
    @property
    def clip_value(self) -> float | None: ...
