"""The section `params`: values, and declarations `{value: 1e-3, min: 0, max: 1}` with what a value may be."""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import NamedTuple

from edgraph.language.fields import Fields, describe, first_line
from edgraph.language.interpolate import Interpolator, resolve_params
from edgraph.language.parameters import KINDS, Kind, Parameter, Value, kind_of
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import Broken, origin
from edgraph.text.source import Entry, Mapping, Plain, Scalar, Sequence, Tree, plain

KEYS = ("value", "type", "min", "max", "choices", "doc")
_TYPES = {"float": "number", "int": "integer", "bool": "boolean", "string": "text", "str": "text"}


class Params(NamedTuple):
    """values: resolved, with spans.  declared: those that say what they may be.  tree: the section, resolved."""

    values: dict[str, Tree]
    declared: dict[str, Parameter]
    tree: Mapping


def read_params(section: Mapping, diagnostics: Diagnostics) -> Params:
    """Values may name each other, and so may bounds."""
    values = resolve_params({name: Entry(entry.span, bare(entry.value)) for name, entry in section.entries.items()},
                            {}, diagnostics)
    declared: dict[str, Parameter] = {}
    trees = {name: Entry(entry.span, values[name]) for name, entry in section.entries.items()}
    for name, entry in section.entries.items():
        if is_declaration(entry.value):
            tree = Interpolator(values, diagnostics).tree(entry.value, ("value",))
            assert isinstance(tree, Mapping)
            tree = Mapping({**tree.entries, "value": Entry(tree.entries["value"].span, values[name])}, tree.span)
            declared[name] = _declaration(name, tree, diagnostics)
            trees[name] = Entry(entry.span, tree)
    return Params(values, declared, Mapping(trees, section.span))


def is_declaration(tree: Tree) -> bool:
    """Whether a mapping declares a parameter: it has a `value`. Any other is itself a value."""
    return isinstance(tree, Mapping) and "value" in tree.entries


def bare(tree: Tree) -> Tree:
    """The value of a parameter, declared or not."""
    if not is_declaration(tree):
        return tree
    assert isinstance(tree, Mapping)
    return tree.entries["value"].value


def with_value(tree: Tree, value: Tree) -> Tree:
    """A parameter with another value, which stays what it was declared to be."""
    if isinstance(value, Mapping) or not is_declaration(tree):
        return value
    assert isinstance(tree, Mapping)
    return Mapping({**tree.entries, "value": Entry(value.span, value)}, tree.span)


def _declaration(name: str, tree: Mapping, diagnostics: Diagnostics) -> Parameter:
    before = len(diagnostics)
    where = f"parameter {name!r}"
    fields = Fields(tree, where, KEYS, diagnostics, {
        "minimum": "did you mean 'min'?", "maximum": "did you mean 'max'?",
        "*": "a value that is itself a mapping is written {value: {…}}"})
    given = tree.entries["value"].value
    value = plain(given)
    kind = _kind(fields) or kind_of(value)
    low, high = _bound("min", fields, kind), _bound("max", fields, kind)
    if low is not None and high is not None and low > high:
        fields.error("out-of-range", "max", f"'max' of {where} is less than its 'min'",
                     "let it be larger, or 'min' smaller")
    found = Parameter(value, kind, low, high, _choices(fields, kind), fields.text("doc") or "")
    limited = any(fields.has(key) for key in ("type", "min", "max", "choices"))
    if limited and len(diagnostics) == before and not isinstance(given, Broken):
        check(name, found, given, diagnostics)
    return found


def check(name: str, parameter: Parameter, tree: Tree, diagnostics: Diagnostics) -> bool:
    """Whether a value is what the parameter may be. What is wrong is said at the value, wherever that was given."""
    wrong = parameter.misfit(plain(tree))
    if wrong is not None:
        diagnostics.error(wrong.code, f"parameter {name!r} is {describe(tree)}; expected {wrong.expected}",
                          first_line(tree.span), wrong.help, origin(tree))
    return wrong is None


def _kind(fields: Fields) -> Kind | None:
    tree = fields.get("type")
    meant = _TYPES.get(str(tree.value)) if isinstance(tree, Scalar) else None
    if meant is not None:
        fields.error("bad-value", "type", f"'type' of {fields.where} cannot be {plain(tree)!r}" if tree else "",
                     f"did you mean {meant!r}?")
        return None
    return fields.choice("type", KINDS)


def _bound(key: str, fields: Fields, kind: Kind | None) -> float | None:
    if fields.has(key) and kind in ("boolean", "text"):
        fields.diagnostics.error("exclusive-keys", f"{fields.where} is no number and has no {key!r}",
                                 fields.key_span(key), "write choices: […] for the values that it may have")
        return None
    return fields.number(key)


def _choices(fields: Fields, kind: Kind | None) -> tuple[Value, ...]:
    tree = fields.get("choices")
    if tree is None or isinstance(tree, Broken):
        return ()
    if isinstance(tree, Sequence) and not tree.items:
        fields.error("missing-value", "choices", f"{fields.where} has no choice at all", "write choices: [slow, fast]")
        return ()
    if not isinstance(tree, Sequence):
        fields.wrong("choices", tree, "a list of values", "write choices: [slow, fast]")
        return ()
    fields.exclusive("choices", "min")
    fields.exclusive("choices", "max")
    found: list[Value] = []
    for item in tree.items:
        value = item.value if isinstance(item, Scalar) else None
        if value is None or isinstance(value, list | dict) or Parameter(value, kind).misfit(value) is not None:
            fields.report("wrong-type", item, f"a choice of {fields.where} is {describe(item)}; expected "
                          f"{Parameter(value, kind).words()}")
        else:
            found.append(value)
    return tuple(found)


def parameter(name: str, values: Map[str, Plain], declared: Map[str, Parameter]) -> Parameter:
    """What a parameter may be, declared or not."""
    return declared.get(name) or Parameter(values[name], kind_of(values[name]))
