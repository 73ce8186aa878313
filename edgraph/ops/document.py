"""The vocabulary as text: `edgraph ops NAME`, and docs/ops.md (`python -m edgraph.ops.document`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from edgraph.ops.annotations import checker
from edgraph.ops.library.examples import EXAMPLES
from edgraph.ops.registry import KINDS, Item, Kind, registry
from edgraph.ops.spec import OpSpec, ParamSpec
from edgraph.text.suggest import did_you_mean

FAMILIES = {
    "sources": "Batches", "compute": "Values", "losses": "Losses", "training": "Training",
    "metrics": "Metrics", "noise": "Noise", "control": "Steering the run", "logging": "Showing what happens",
    "saving": "Saving examples",
    "user": "Of this pipeline"}
KIND_TITLES: dict[Kind, tuple[str, str]] = {
    "op": ("Ops", ""),
    "model": ("Models", "Named by `use:` in an entry of `models`; any class or function that can be imported "
                        "works too, by its path."),
    "data": ("Data sets", "Named by `use:` in an entry of `data`; any class with `__len__` and `__getitem__` "
                          "that returns a mapping works too, by its path."),
    "optimizer": ("Optimizers", "Named by `use:` in an entry of `optimizers`."),
    "schedule": ("Schedules", "Named by `use:` in the `schedule` of an optimizer, with the parameters beside "
                              "it: `schedule: {use: cosine, steps: 10000, warmup: 500}`. Any class of "
                              "`torch.optim.lr_scheduler` that needs no function works too."),
    "logger": ("Loggers", "Named by `use:` in an entry of `loggers`."),
    "pattern": ("Patterns", "Named by `use:` in an entry of `patterns`. Their ops are named after the entry: "
                            "`train.critic`. [Trainers](trainers.md) explains those that come with edgraph."),
}


# -- on the terminal -----------------------------------------------------------------------------------

def overview() -> str:
    """Every name with its summary, by family and kind."""
    sections: list[tuple[str, list[Item]]] = [(FAMILIES.get(family, family), [*specs])
                                              for family, specs in by_family()]
    sections += [(KIND_TITLES[kind][0], [*registry.table(kind).values()]) for kind in KINDS if kind != "op"]
    width = max(len(item.name) for _, items in sections for item in items) + 2
    return "\n\n".join("\n".join([title, *(f"  {item.name:<{width}}{item.summary}" for item in items)])
                       for title, items in sections if items)


def describe(name: str) -> str:
    """What an op, model, data set, optimizer or schedule is and takes. Raises LookupError."""
    found = [(kind, registry.table(kind)[name]) for kind in KINDS if name in registry.table(kind)]
    if not found:
        near = did_you_mean(name, [n for kind in KINDS for n in registry.table(kind)])
        raise LookupError(f"nothing is called '{name}'" + (f"; {near}" if near else ""))
    return "\n\n".join(_described(kind, item) for kind, item in found)


def _described(kind: Kind, item: Item) -> str:
    parts = [f"{item.name} ({_kind_words(kind)})", fill(item.summary, 96)]
    parts += [fill(paragraph, 96) for paragraph in item.doc.split("\n\n") if paragraph]
    for title, rows in _tables(item):
        parts.append("\n".join([f"{title}:", *(_entry(name, text) for name, text in rows)]))
    notes = list(_notes(item))
    if notes:
        parts.append(fill(" ".join(notes), 96))
    parts.append(f"example:\n{indent(example(kind, item), '  ')}")
    return "\n\n".join(parts)


def _entry(name: str, text: str) -> str:
    return f"  {name}\n{indent(fill(text, 88), '      ')}" if text else f"  {name}"


def _kind_words(kind: Kind) -> str:
    return "data set" if kind == "data" else kind


def _tables(item: Item) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    if isinstance(item, OpSpec):
        inputs = [(f"*{i.name}" if i.variadic else i.name if i.required else f"{i.name} (optional)", i.doc)
                  for i in item.inputs]
        if inputs:
            yield "inputs", inputs
    params = [(f"{p.name}: {typed(p)}", p.doc) for p in item.params or ()]
    if params:
        yield "with", params
    if isinstance(item, OpSpec) and item.ports:
        yield "ports", [(f"{port.name}", port.doc) for port in item.ports]


def typed(param: ParamSpec) -> str:
    """`a number from 0 to 1, by default 0.0`."""
    expected = checker(param.annotation).expected
    if param.required:
        return f"{expected}, required"
    if param.default is None:
        return expected.removesuffix(" or null")
    return f"{expected}, by default {_literal(param.default)}"


def _literal(value: Any) -> str:
    """A default as one writes it in YAML."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return value if value.strip() else f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_literal(part)}' for key, part in value.items())}}}"
    return repr(value)


def _notes(item: Item) -> Iterator[str]:
    if isinstance(item, OpSpec):
        yield from _notes_of_op(item)
    if item.backends:
        *others, last = item.backends
        yield f"It exists on {', '.join(others)} and {last}." if others else f"It exists on {last}."


def _notes_of_op(item: OpSpec) -> Iterator[str]:
    if item.update:
        yield "It is an update."
    elif item.effect:
        yield "It is an effect."
    if item.metric:
        yield "It is a metric: its value exists when its loop ends."
    if item.state:
        yield "It keeps state between steps."
    if item.random:
        yield "It draws random numbers."


def example(kind: Kind, item: Item) -> str:
    """One entry of a pipeline that uses it; for a user's, with what it cannot do without."""
    written = EXAMPLES.get(kind, {}).get(item.name)
    if written is not None and registry.is_builtin(kind, item.name):
        return written
    settings = ", ".join(f"{p.name}: {_sample(p)}" for p in item.params or () if p.required)
    given = f", with: {{{settings}}}" if settings else ""
    if isinstance(item, OpSpec):
        required = [i.name for i in item.inputs if i.required]
        variadic = any(i.variadic for i in item.inputs)
        if len(required) == 1:
            inputs = f", inputs: {required[0]}"
        elif required:
            inputs = f", inputs: {{{', '.join(f'{name}: {name}' for name in required)}}}"
        else:
            inputs = ", inputs: [a, b]" if variadic else ""
        return f"name: {{op: {item.name}{inputs}{given}}}"
    if kind == "schedule":
        return f"schedule: {{use: {item.name}{', ' + settings if settings else ''}}}"
    extra = ", updates: [model]" if kind == "optimizer" else ""
    return f"name: {{use: {item.name}{extra}{given}}}"


def _sample(param: ParamSpec) -> str:
    """A value for an example."""
    if param.role != "value":
        return param.role
    expected = checker(param.annotation).expected
    if expected.startswith("a list"):
        return "[64, 128, 10]" if "number" in expected else "[…]"
    if "whole number" in expected:
        return "10"
    return "0.999" if "number" in expected else "file" if "path" in expected else "module.name"


# -- docs/ops.md ---------------------------------------------------------------------------------------

def family_order(family: str) -> tuple[int, str]:
    """For sorting by family, as they are explained; a user's come last."""
    names = list(FAMILIES)
    return (names.index(family), "") if family in FAMILIES else (len(names), family)


def by_family() -> list[tuple[str, list[OpSpec]]]:
    """The ops by family, in the order in which they are explained."""
    names = sorted({spec.family for spec in registry.ops.values()}, key=family_order)
    return [(name, [spec for spec in registry.ops.values() if spec.family == name]) for name in names]


def markdown() -> str:
    """The reference of everything that is registered."""
    lines = ["# Ops, models, data sets, optimizers", "",
             "Generated from the registry by `python -m edgraph.ops.document docs/ops.md`; a test holds it "
             "up to date. `edgraph ops NAME` prints the same on the terminal. What does not say on which backends it "
             "exists is on each.", ""]
    for kind in KINDS:
        if kind == "op":
            for family, specs in by_family():
                lines += [f"## Ops: {FAMILIES.get(family, family)}", "", *_sections(kind, specs)]
        elif registry.table(kind):
            title, intro = KIND_TITLES[kind]
            lines += [f"## {title}", "", intro, "", *_sections(kind, registry.table(kind).values())]
    return "\n".join(lines).rstrip() + "\n"


def _sections(kind: Kind, items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        yield from (f"### `{item.name}`", "", item.summary, "")
        if item.doc:
            paragraphs = (" ".join(part.split()) for part in item.doc.split("\n\n"))
            yield from ("\n\n".join(paragraphs), "")
        notes = " ".join(_notes(item))
        if notes:
            yield from (notes, "")
        yield from ("```yaml", example(kind, item), "```", "")
        for title, rows in _tables(item):
            yield from (f"**{title}**", "", *(_row(name, text) for name, text in rows), "")


def _row(name: str, text: str) -> str:
    head, colon, rest = name.partition(": ")
    return f"- `{head}`{f' ({rest})' if colon else ''}{': ' + text if text else ''}"


def main() -> None:
    """Write docs/ops.md, or the file that is named."""
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/ops.md").write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
