"""Entries by name, and the diagnostics of backends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from itertools import combinations
from typing import Any, TypeVar, cast

from edgraph.text.diagnostics import Diagnostic, PipelineError
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean

T = TypeVar("T")


def wrong(code: str, message: str, span: Span | None = None, help: str | None = None) -> PipelineError:
    """One diagnostic as an exception. Without a span, the engine puts in that of the node concerned."""
    return PipelineError([Diagnostic(code, message, span, help=help or None)])


def entry_of(table: Mapping[str, T], name: str, kind: str, span: Span | None = None) -> T:
    """The model or optimizer of this name. Raises PipelineError."""
    if name not in table:
        raise wrong(f"unknown-{kind}", f"there is no {kind} '{name}'", span, did_you_mean(name, table))
    return table[name]


def method_of(model: Any, path: str, method: str, known: Iterable[str]) -> Callable[..., Any]:
    """A method of the model at a path. known: names from which the nearest is offered. Raises PipelineError."""
    found = getattr(model, method, None)
    if not callable(found):
        own = [name for name in known if not name.startswith("_") and callable(getattr(model, name, None))]
        raise wrong("unknown-method", f"model '{path}' has no method '{method}'", None, did_you_mean(method, own))
    return cast(Callable[..., Any], found)


def sharing(owned: Mapping[str, Set[int]]) -> list[tuple[str, str]]:
    """Pairs of models that own something together, in their order."""
    return [(one, other) for one, other in combinations(owned, 2) if owned[one] & owned[other]]


def listed(names: Iterable[str]) -> str:
    """`it has 'a', 'b', …`"""
    names = list(names)
    return f"it has {', '.join(map(repr, names[:12]))}{', …' if len(names) > 12 else ''}"
