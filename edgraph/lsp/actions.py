"""Ways out of a mistake that an editor can take: what the diagnostics propose, and what takes more of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.keys import add_to_list, entry_at, scalar_at, without_key
from edgraph.lsp.rename import Change
from edgraph.text.diagnostics import Diagnostic
from edgraph.text.source import Span

_AFTER = re.compile(r"`after: \[([\w.]+)\]`(?: on '([\w.]+)')?")
_MEMORY = re.compile(r"(?:hold|previous)\(.*\)", re.DOTALL)


class Action(NamedTuple):
    """certain: hardly anything else can be meant."""

    title: str
    changes: list[Change]
    diagnostic: Diagnostic
    certain: bool = False


def actions(analysis: Analysis, start: int, end: int) -> list[Action]:
    """For the diagnostics that touch the text between two offsets."""
    found: list[Action] = []
    for item in analysis.diagnostics:
        span = item.span
        if span is not None and span.source.name == analysis.source.name \
                and _offset(analysis, span) <= end and start <= _end(analysis, span):
            found += _for(analysis, item, span)
    return found


def _for(analysis: Analysis, item: Diagnostic, span: Span) -> Iterator[Action]:
    for fix in item.fixes:
        if fix.span.source.name == analysis.source.name:
            yield Action(fix.title, [Change(fix.span, fix.text)], item, fix.certain)
    if item.severity == "warning":
        yield from _silence(analysis, item, span)
    elif item.code == "stale-input":
        yield from _hold(analysis, item, span)
        yield from _drop_every(analysis, item, span)
    elif item.code == "no-initial-value":
        yield from _initial(analysis, item, span)
    if item.help is not None and (match := _AFTER.search(item.help)) is not None:
        yield from _after(analysis, item, span, match)


def _offset(analysis: Analysis, span: Span) -> int:
    return analysis.text.offset(span.line, span.column)


def _end(analysis: Analysis, span: Span) -> int:
    return analysis.text.offset(span.end_line, span.end_column)


# -- values across steps ---------------------------------------------------------------------------------

def _hold(analysis: Analysis, item: Diagnostic, span: Span) -> Iterator[Action]:
    """`hold(x, nan)` in place of a reference that is not made whenever it is read."""
    written = analysis.text.slice(span)
    if re.fullmatch(r"[\w.]+", written) and not _is_every(analysis, span):
        text = f"hold({written}, nan)"
        yield Action(f"take the latest value: {text}", [_in_place(analysis, span, text)], item)


def _initial(analysis: Analysis, item: Diagnostic, span: Span) -> Iterator[Action]:
    """An initial value for a `hold` or `previous` that lacks one."""
    written = analysis.text.slice(span)
    if _MEMORY.fullmatch(written):
        text = f"{written[:-1].rstrip()}, 0.0)"
    elif re.fullmatch(r"[\w.]+", written):
        text = f"hold({written}, 0.0)"
    else:
        return
    yield Action(f"give it an initial value: {text}", [_in_place(analysis, span, text)], item)


def _in_place(analysis: Analysis, span: Span, text: str) -> Change:
    """The change that puts a piece of an expression in place of another. In braces a plain text with a comma needs
    quotes around all of it."""
    found = scalar_at(analysis, span)
    if found is None or not (found.flow and found.plain):
        return Change(span, text)
    whole = found.span
    written = analysis.text.slice(whole)
    start, end = (_offset(analysis, span) - _offset(analysis, whole), _end(analysis, span) - _offset(analysis, whole))
    return Change(whole, f'"{written[:start]}{text}{written[end:]}"')


def _is_every(analysis: Analysis, span: Span) -> bool:
    entry = entry_at(analysis, span)
    every = entry.tree.entries.get("every") if entry is not None else None
    return every is not None and every.value.span == span


# -- keys of the op ----------------------------------------------------------------------------------------

def _drop_every(analysis: Analysis, item: Diagnostic, span: Span) -> Iterator[Action]:
    entry = entry_at(analysis, span)
    if entry is not None and "every" in entry.tree.entries:
        yield Action(f"drop 'every': '{entry.name}' runs whenever its inputs are made",
                     [without_key(analysis.text, entry.tree, "every")], item)


def _after(analysis: Analysis, item: Diagnostic, span: Span, said: re.Match[str]) -> Iterator[Action]:
    """`after: [NAME]` at the op that is to come later."""
    entry = entry_at(analysis, span, said[2])
    if entry is not None:
        yield Action(f"let '{entry.name}' come after '{said[1]}'",
                     [add_to_list(analysis.text, entry.tree, "after", said[1])], item)


def _silence(analysis: Analysis, item: Diagnostic, span: Span) -> Iterator[Action]:
    """A comment on a line of its own above."""
    line = analysis.source.line(span.line)
    indent = line[:len(line) - len(line.lstrip())]
    at = span._replace(column=1, end_line=span.line, end_column=1)
    yield Action(f"silence {item.code} here", [Change(at, f"{indent}# edgraph: ignore[{item.code}]\n")], item)
