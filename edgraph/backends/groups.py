"""Which parameters an optimizer updates: the groups under `updates`."""

from __future__ import annotations

from collections.abc import Callable, Set
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from edgraph.backends.entries import Group, OptimizerEntry
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.source import Span


class Found(NamedTuple):
    """The parameters of a model or sub-module, by their names in it."""

    trainable: list[tuple[str, Any]]
    any: bool  # whether it has parameters at all


class Chosen(NamedTuple):
    """The parameters of one group, and its own settings."""

    parameters: list[Any]
    settings: dict[str, Any]


def choose_groups(entry: OptimizerEntry, parameters: Callable[[str, Span], Found], *, frozen: Set[str],
                  failed: Set[str], diagnostics: Diagnostics) -> list[Chosen] | None:
    """The groups of an optimizer, or None with what is wrong in the diagnostics. The first match wins.

    parameters: those of a path; it raises PipelineError. failed: models that could not be built, which was said.
    """
    if not entry.updates:
        diagnostics.error("missing-key", f"optimizer '{entry.name}' updates nothing", entry.span,
                          "list models under 'updates'")
        return None
    taken: set[int] = set()
    groups = [_choose(entry.name, group, parameters, frozen, failed, taken, diagnostics) for group in entry.updates]
    found = [group for group in groups if group is not None]
    return found if len(found) == len(groups) else None


def _choose(optimizer: str, group: Group, parameters: Callable[[str, Span], Found], frozen: Set[str],
            failed: Set[str], taken: set[int], diagnostics: Diagnostics) -> Chosen | None:
    path, span = group.model.text, group.model.span
    root = path.split(".")[0]
    if root in failed:
        return None
    try:
        every = parameters(path, span)
    except PipelineError as error:
        diagnostics.extend(error.diagnostics)
        return None
    if root in frozen:
        diagnostics.error("frozen-model", f"optimizer '{optimizer}' updates '{path}', which is frozen", span,
                          "drop 'frozen: true' or take it out of 'updates'")
        return None
    free = [(name, p) for name, p in every.trainable if id(p) not in taken]
    chosen = [p for name, p in free if _matches(group.match, name, path)]
    if not chosen:
        diagnostics.error("nothing-to-update", f"optimizer '{optimizer}' finds nothing to update in '{path}': "
                          f"{_why(group, every, free)}", span, "change `match`, or take the entry from `updates`")
        return None
    taken.update(map(id, chosen))
    return Chosen(chosen, dict(group.settings))


def _matches(patterns: tuple[str, ...], name: str, path: str) -> bool:
    """Patterns are compared with a parameter's name in its module, and with its whole path."""
    return not patterns or any(fnmatchcase(name, p) or fnmatchcase(f"{path}.{name}", p) for p in patterns)


def _why(group: Group, every: Found, free: list[Any]) -> str:
    if not every.any:
        return "it has no parameters"
    if not every.trainable:
        return "its constructor switched off the gradients of all its parameters"
    if not free:
        return "an earlier entry of 'updates' has all of it, and the first match wins"
    patterns = ", ".join(map(repr, group.match))
    return f"no parameter matches {patterns} (it has {', '.join(repr(n) for n, _ in free[:3])}, …)"

