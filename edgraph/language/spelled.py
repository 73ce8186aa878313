"""Typed ops as the tree that an author would write: for what patterns made."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from edgraph.language.pipeline import (
    Every,
    EveryCycle,
    EveryEdge,
    EveryEpochs,
    EveryFirings,
    EverySteps,
    EveryTime,
    EveryUnion,
    EveryUpdates,
    OpEntry,
)
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Span, Tree


def op_tree(entry: OpEntry, texts: dict[int, str]) -> Tree:
    """The entry of an op. texts: of each expression, by identity, what it is now that names have changed."""
    span = entry.span

    def text(value: Any) -> Scalar:
        return Scalar(texts[id(value)], value.span)

    def key(name: str, value: Tree) -> None:
        entries[name] = Entry(span, value)

    entries: dict[str, Entry] = {}
    if entry.op.text == "expr" and not (entry.every or entry.at or entry.during or entry.when or entry.after):
        return text(entry.inputs[0].value)
    key("op", Scalar(entry.op.text, entry.op.span))
    if entry.inputs:
        place = entry.inputs_span or span
        if entry.inputs[0].name is not None:
            key("inputs", Mapping({item.name.text: Entry(item.name.span, text(item.value))
                                   for item in entry.inputs if item.name is not None}, place))
        elif len(entry.inputs) == 1:
            key("inputs", text(entry.inputs[0].value))
        else:
            key("inputs", Sequence([text(item.value) for item in entry.inputs], place))
    if entry.settings is not None:
        key("with", entry.settings)
    if entry.every is not None:
        key("every", every_tree(entry.every))
    for name, items in (("at", [Scalar(event, place) for event, place in entry.at]),
                        ("during", [Scalar(stage.text, stage.span) for stage in entry.during])):
        if items:
            key(name, items[0] if len(items) == 1 else Sequence([*items], span))
    if entry.when is not None:
        key("when", text(entry.when))
    if entry.after:
        key("after", Sequence([Scalar(name.text, name.span) for name in entry.after], span))
    if entry.doc:
        key("doc", Scalar(entry.doc, span))
    if entry.ignore:
        key("ignore", Sequence([Scalar(code, span) for code in entry.ignore], span))
    return Mapping(entries, span)


def every_tree(every: Every) -> Tree:
    """A clock."""
    span = every.span
    match every:
        case EverySteps(steps, _, offset, start, until, grow, maximum):
            parts: dict[str, Any] = {"steps": steps, "offset": offset or None, "from": start if start > 1 else None,
                                     "until": until, "grow": grow, "max": maximum}
            plain = all(value is None for key, value in parts.items() if key != "steps")
            return Scalar(steps, span) if plain else _mapping(parts, span)
        case EveryEpochs(epochs, _):
            return Scalar(f"{_number(epochs)} epoch{'' if epochs == 1 else 's'}", span)
        case EveryUpdates(updates, of, _):
            return (Scalar(f"{updates} updates", span) if of is None
                    else _mapping({"updates": updates, "of": of.text}, span))
        case EveryTime(seconds, _):
            return Scalar(f"{seconds!r} s", span)
        case EveryEdge(edge, stage, _):
            return Scalar(edge, span) if stage is None else _mapping({edge: stage.text}, span)
        case EveryCycle(cycle, positions, _):
            places = Sequence([Scalar(position, span) for position in positions], span)
            return Mapping({"cycle": Entry(span, Scalar(cycle, span)), "positions": Entry(span, places)}, span)
        case EveryFirings(firings, of_op, _):
            return _mapping({"firings": firings, "of": of_op.text}, span)
        case EveryUnion(parts_, _):
            return Sequence([every_tree(part) for part in parts_], span)


def _mapping(parts: dict[str, Any], span: Span) -> Mapping:
    return Mapping({key: Entry(span, Scalar(value, span)) for key, value in parts.items() if value is not None}, span)


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else repr(float(value))
