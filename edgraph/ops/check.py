"""Settings against parameters: what an author wrote under `with`, checked and converted."""

from __future__ import annotations

from collections import abc
from collections.abc import Container, Sequence
from typing import Any

from edgraph.ops.annotations import checker
from edgraph.ops.mismatch import Checker, Mismatch, anything
from edgraph.ops.spec import OpSpec, ParamSpec
from edgraph.text.diagnostics import Diagnostics, hinted
from edgraph.text.inserted import origin
from edgraph.text.source import Mapping, Span
from edgraph.text.suggest import did_you_mean, means, nearest

_Table = dict[str, tuple[ParamSpec, Checker]]
_TABLES: dict[int, tuple[tuple[ParamSpec, ...], _Table]] = {}  # by identity: defaults need not be hashable


def check_settings(params: tuple[ParamSpec, ...] | None, tree: Mapping | None, diagnostics: Diagnostics, *,
                   what: str, span: Span | None, is_open: bool = False,
                   defaults: bool = True, beside: tuple[str, ...] = (), inline: bool = False) -> dict[str, Any]:
    """The values of `with` by parameter; errors go to `diagnostics`, at the spans of the keys and values.

    params: None where they are not known (an import path): then nothing is checked. what: who takes them,
    for messages: `op 'forward'`. span: where to point when something is missing. is_open: other keys are
    passed on.
    defaults: put in the default of each parameter that was not given, or was given wrongly.
    beside: other keys that the mapping takes, as a group of an optimizer does: it need not say all.
    inline: the parameters stand beside `use`, as a schedule's do.
    Values that hold a `use:` inside, where the annotation leaves room for an object, stay trees.
    """
    entries = {} if tree is None else tree.entries
    if params is None:
        return {key: anything(entry.value) for key, entry in entries.items()}
    table = _table(params)
    values = {p.name: p.default for p in params if not p.required} if defaults else {}
    missing = [p.name for p in params if p.required and p.name not in entries and not beside]
    for key, entry in entries.items():
        known = table.get(key)
        if known is not None:
            try:
                values[key] = known[1].convert(entry.value)
            except Mismatch as mismatch:
                diagnostics.error(mismatch.code, f"parameter '{key}' of {what}: {mismatch.message}",
                                  mismatch.span, mismatch.help, origin(mismatch.tree))
        elif is_open:
            values[key] = anything(entry.value)
        elif inline and key == "with":
            diagnostics.error("unknown-parameter", f"{what} has no 'with': its parameters stand beside 'use'",
                              entry.span, f"write {{use: …, {next(iter(table), '…')}: …}}")
            missing = []
        else:
            meant = nearest(key, missing)  # a required one that is misspelt is one mistake, not two
            if meant is not None:
                missing.remove(meant)
            _unknown(key, meant, entry.span, (*table, *beside), what, entries, diagnostics)
    if missing:
        named = ", ".join(f"'{name}'" for name in missing)
        given = ", ".join(f"{name}: …" for name in missing)
        needs = f"{what} needs {named}" if inline else f"{what} needs {named} under 'with'"
        diagnostics.error("missing-parameter", needs, span,
                          f"write {{use: …, {given}}}" if inline else f"with: {{{given}}}")
    return values


def check_rule(spec: OpSpec, settings: abc.Mapping[str, Any], inputs: Sequence[str], tree: Mapping | None,
               diagnostics: Diagnostics, *, span: Span) -> None:
    """Report (`bad-value`) what the types of an op's parameters cannot say: `accumulate: {until: 64}` without a
    count. settings: as check_settings gave them, without errors. inputs: the names of those that are given."""
    wrong = None if spec.rule is None else spec.rule(settings, inputs)
    if wrong is None:
        return
    name, message = wrong
    entry = tree.entries.get(name) if tree is not None else None
    what = "parameter" if spec.param(name) is not None else "input"
    diagnostics.error("bad-value", f"{what} '{name}' of op '{spec.name}': {message}",
                      span if entry is None else entry.value.span)


def _unknown(key: str, meant: str | None, span: Span, names: Sequence[str], what: str, given: Container[str],
             diagnostics: Diagnostics) -> None:
    other = did_you_mean(key, names) if names else "it takes no parameters"
    help = means(key, meant) if meant else other
    diagnostics.error("unknown-parameter", f"{what} has no parameter '{key}'", span, help or None,
                      fixes=hinted(help, span, given))


def _table(params: tuple[ParamSpec, ...]) -> _Table:
    known = _TABLES.get(id(params))
    if known is None or known[0] is not params:
        known = _TABLES[id(params)] = (params, {p.name: (p, checker(p.annotation)) for p in params})
    return known[1]
