"""Diagnostics are values: found, expected, where, what to do. Rendering is in `render.py`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from edgraph.text.source import Span
from edgraph.text.suggest import Hint

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the text that removes a mistake: `text` in place of what stands at `span`.

    certain: hardly anything else can be meant, so that it may be made without asking.
    """

    title: str  # as in a menu: "change 'lable' to 'label'"
    span: Span
    text: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message with a stable code. `span` is None only when there is no text to point at."""

    code: str
    message: str
    span: Span | None
    severity: Severity = "error"
    help: str | None = None
    related: tuple[tuple[str, Span], ...] = ()
    fixes: tuple[Fix, ...] = ()


class Diagnostics:
    """Collects what the passes find; a pass goes on after an error wherever it can."""

    def __init__(self) -> None:
        self._items: list[Diagnostic] = []
        self._quiet: dict[tuple[int, int], list[tuple[Span, frozenset[str]]]] = {}  # by source and line

    def quiet(self, span: Span, but: frozenset[str] = frozenset()) -> None:
        """Say nothing more about what stands here: it was reported, and what follows from it is no news. but: codes
        that do not follow from it."""
        for line in range(span.line, span.end_line + 1):
            self._quiet.setdefault((id(span.source), line), []).append((span, but))

    def _is_quiet(self, span: Span | None, code: str) -> bool:
        return span is not None and any(quiet[1:3] <= span[1:3] and span[3:] <= quiet[3:] and code not in but
                                        for quiet, but in self._quiet.get((id(span.source), span.line), ()))

    def error(self, code: str, message: str, span: Span | None, help: str | None = None,
              related: tuple[tuple[str, Span], ...] = (), fixes: tuple[Fix, ...] | None = None) -> None:
        fixes = hinted(help, span) if fixes is None else fixes
        self._add(Diagnostic(code, message, span, "error", help, related, fixes))

    def warning(self, code: str, message: str, span: Span | None, help: str | None = None,
                related: tuple[tuple[str, Span], ...] = (), fixes: tuple[Fix, ...] | None = None) -> None:
        fixes = hinted(help, span) if fixes is None else fixes
        self._add(Diagnostic(code, message, span, "warning", help, related, fixes))

    def _add(self, item: Diagnostic) -> None:
        if not self._quiet or not self._is_quiet(item.span, item.code):
            self._items.append(item)

    def extend(self, items: Iterable[Diagnostic]) -> None:
        self._items.extend(items)

    def since(self, count: int) -> list[Diagnostic]:
        """What was added after the first `count`, in the order in which it was found."""
        return self._items[count:]

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


def hinted(help: str | None, span: Span | None, given: Container[str] = ()) -> tuple[Fix, ...]:
    """The changes that a hint proposes, where what it is about stands just once at the place of the message.

    given: what is there already, so that none of it can be meant.
    """
    if not isinstance(help, Hint) or span is None or span.end_line != span.line:
        return ()
    if any(name in given for name in help.instead):
        return ()
    written = span.source.line(span.line)[span.column - 1:span.end_column - 1]
    places = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(help.found)}(?!\w)", written)]
    if not help.found:  # what `${NAME}` inserts is written somewhere else
        places = [] if "${" in written else [(0, len(written))]
    if len(places) != 1 or not written:
        return ()
    start, end = places[0]
    at = span._replace(column=span.column + start, end_column=span.column + end)
    return tuple(Fix(f"change {written[start:end]!r} to {text!r}" if text else f"remove {written[start:end]!r}",
                     at, text, help.certain) for text in help.instead)


class PipelineError(Exception):
    """A pipeline, or the command line, is wrong: carries the diagnostics (exit code 2)."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = list(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))
