"""What ops that log or save are given before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol


class Writer(Protocol):
    """A set of examples in the making."""

    def add(self, index: Any, values: Mapping[str, Any]) -> None: ...
    def finish(self) -> int: ...
    def drop(self) -> None: ...


class Loggers(Protocol):
    """What a run's loggers take. Arrays are NumPy's."""

    def scalars(self, step: int, values: Mapping[str, Any]) -> None: ...
    def images(self, step: int, name: str, images: Any, captions: Sequence[str] | None, columns: int | None,
               scale: int | None, range: tuple[float, float] | None) -> None: ...
    def text(self, step: int, name: str, text: str) -> None: ...
    def histogram(self, step: int, name: str, values: Any) -> None: ...
    def table(self, step: int, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...
    def examples(self, step: int, name: str, images: Sequence[str], range: tuple[float, float] | None) -> Writer: ...
    def line(self, text: str) -> None: ...


class Services(Protocol):
    """What an op is given by `attach` before the run."""

    @property
    def name(self) -> str: ...
    @property
    def input_names(self) -> tuple[str, ...]: ...
    @property
    def loggers(self) -> Loggers: ...
    def to_numpy(self, value: Any) -> Any: ...


class Attached:
    """An op that writes to the loggers of the run."""

    services: Services

    def attach(self, services: Services) -> None:
        self.services = services

    def named(self, values: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Name and value (a NumPy array or a Python value) of each input; mappings are taken apart."""
        for name, value in zip(self.services.input_names, values, strict=True):
            yield from self._parts(prefix + name, value)

    def _parts(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Mapping):
            for key in value:
                yield from self._parts(f"{name}.{key}", value[key])
        else:
            yield name, self.services.to_numpy(value)
