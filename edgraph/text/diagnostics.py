"""Diagnostics are values: found, expected, where, what to do. Rendering is in `render.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from edgraph.text.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message with a stable code. `span` is None only when there is no text to point at."""

    code: str
    message: str
    span: Span | None
    severity: Severity = "error"
    help: str | None = None
    related: tuple[tuple[str, Span], ...] = ()


class Diagnostics:
    """Collects what the passes find; a pass goes on after an error wherever it can."""

    def __init__(self) -> None:
        self._items: list[Diagnostic] = []

    def error(self, code: str, message: str, span: Span | None, help: str | None = None,
              related: tuple[tuple[str, Span], ...] = ()) -> None:
        self._items.append(Diagnostic(code, message, span, "error", help, related))

    def warning(self, code: str, message: str, span: Span | None, help: str | None = None,
                related: tuple[tuple[str, Span], ...] = ()) -> None:
        self._items.append(Diagnostic(code, message, span, "warning", help, related))

    def extend(self, items: Iterable[Diagnostic]) -> None:
        self._items.extend(items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self._items)

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return any(item.severity == "error" for item in self._items)

    def sorted(self) -> list[Diagnostic]:
        """By file, line and column, each once."""
        def key(item: Diagnostic) -> tuple[str, int, int, str, str]:
            span = item.span
            if span is None:
                return ("", 0, 0, item.code, item.message)
            return (span.source.name, span.line, span.column, item.code, item.message)
        seen: dict[tuple[object, ...], Diagnostic] = {}
        for item in self._items:
            seen.setdefault(key(item), item)
        return [seen[k] for k in sorted(seen)]


class PipelineError(Exception):
    """A pipeline, or the command line, is wrong: carries the diagnostics (exit code 2)."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = list(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))
