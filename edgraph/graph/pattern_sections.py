"""What patterns say besides ops: about optimizers, stages and the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgraph.language import reread
from edgraph.language.pipeline import PatternUse, Pipeline
from edgraph.ops.pattern import Expansion, to_tree
from edgraph.ops.registry import Registered, Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.dump import flow
from edgraph.text.source import Entry, Scalar, Sequence, Span, Tree, plain
from edgraph.text.source import Mapping as MappingTree


@dataclass(frozen=True, slots=True)
class Said:
    """What one use of a pattern says."""

    by: PatternUse
    optimizers: dict[str, MappingTree]
    multipliers: dict[str, float]
    stages: MappingTree
    run: MappingTree

    @staticmethod
    def of(expansion: Expansion, by: PatternUse) -> Said:
        """Raises TypeError for what is no mapping, or cannot be in a pipeline."""
        def mapping(value: Any) -> MappingTree:
            tree = to_tree(value, by.use.span)
            if not isinstance(tree, MappingTree):
                raise TypeError(f"an Expansion has a {type(value).__name__} where a mapping is expected")
            return tree
        return Said(by, {str(name): mapping(settings) for name, settings in expansion.optimizers.items()},
                    {str(name): float(factor) for name, factor in expansion.lr_multipliers.items()},
                    mapping(expansion.stages), mapping(expansion.run))

    def __bool__(self) -> bool:
        return bool(self.optimizers or self.multipliers or self.stages.entries or self.run.entries)

    def sections(self) -> str:
        """`optimizers and stages`."""
        found = [("optimizers", self.optimizers or self.multipliers), ("stages", self.stages.entries),
                 ("the run", self.run.entries)]
        return " and ".join(name for name, there in found if there)


def say(pipeline: Pipeline, said: Iterable[Said], registry: Registry, diagnostics: Diagnostics) -> Pipeline:
    """The pipeline with what its patterns say of its sections."""
    before = {name: _section(pipeline, name) for name in ("optimizers", "stages", "run")}
    sections = dict(before)
    for one in said:
        sections["optimizers"] = _optimizers(sections["optimizers"], one, registry, diagnostics)
        sections["stages"] = _stages(sections["stages"], one, diagnostics)
        # bounds and checkpoints are what one changes on the command line: the file and its overrides win
        sections["run"] = MappingTree({**one.run.entries, **sections["run"].entries}, sections["run"].span)
    changed = {name: tree for name, tree in sections.items() if tree.entries.keys() and tree is not before[name]
               and tree.entries != before[name].entries}
    return reread(pipeline, changed, diagnostics) if changed else pipeline


def _section(pipeline: Pipeline, name: str) -> MappingTree:
    tree = pipeline.tree.get(name)
    return tree if isinstance(tree, MappingTree) else MappingTree({}, pipeline.tree.span)


def _stages(section: MappingTree, said: Said, diagnostics: Diagnostics) -> MappingTree:
    entries = dict(section.entries)
    for name, entry in said.stages.entries.items():
        if name in entries:
            diagnostics.error("said-twice", f"there is a stage '{name}' already", entry.span, "rename one of the two",
                              ((f"'{name}' is here", entries[name].span),))
        else:
            entries[name] = entry
    return MappingTree(entries, section.span)


def _optimizers(section: MappingTree, said: Said, registry: Registry, diagnostics: Diagnostics) -> MappingTree:
    """Entries that are not there are reported where an op names them."""
    entries = dict(section.entries)
    for name, settings in said.optimizers.items():
        if name in entries and isinstance(entries[name].value, MappingTree):
            where = f"of optimizer '{name}'"
            entries[name] = Entry(entries[name].span, _merged(entries[name].value, settings, said, where, diagnostics))
    for name, factor in said.multipliers.items():
        if name in entries and isinstance(entries[name].value, MappingTree):
            entries[name] = Entry(entries[name].span, _scaled(name, entries[name].value, factor, said.by.use.span,
                                                              registry, diagnostics))
    return MappingTree(entries, section.span)


def _merged(written: Tree, said: MappingTree, by: Said, where: str, diagnostics: Diagnostics) -> MappingTree:
    """An entry with what a pattern says of it; saying one thing in two ways is a mistake of the author's."""
    assert isinstance(written, MappingTree)
    entries = dict(written.entries)
    for key, entry in said.entries.items():
        known = entries.get(key)
        if known is None:
            entries[key] = entry
        elif isinstance(known.value, MappingTree) and isinstance(entry.value, MappingTree) and key == "with":
            entries[key] = Entry(known.span, _merged(known.value, entry.value, by, where, diagnostics))
        elif plain(known.value) != plain(entry.value):
            pattern = by.by
            diagnostics.error("said-twice", f"'{key}' {where} is {flow(plain(known.value))} here, and "
                              f"{flow(plain(entry.value))} by pattern '{pattern.name}'", known.span, "remove it here, "
                              f"or change what '{pattern.name}' says", (("the pattern is here", pattern.use.span),))
    return MappingTree(entries, written.span)


# -- multiplied learning rates ---------------------------------------------------------------------------

def _scaled(name: str, written: Tree, factor: float, span: Span, registry: Registry,
            diagnostics: Diagnostics) -> MappingTree:
    """An optimizer whose learning rates are multiplied: its own, those of its groups, and what an expression gives."""
    assert isinstance(written, MappingTree)
    entries = dict(written.entries)
    settings = written.get("with")
    given = dict(settings.entries) if isinstance(settings, MappingTree) else {}
    use = written.get("use")
    rate = _number(given["lr"].value) if "lr" in given else _default(use, registry)
    if rate is None:
        diagnostics.error("bad-pattern", f"the learning rate of optimizer '{name}' is not known, so that it cannot be "
                          "multiplied", span, "say `with: {lr: …}` in its entry")
        return written
    given["lr"] = Entry(given["lr"].span if "lr" in given else span, _times(given.get("lr"), rate * factor, span))
    entries["with"] = Entry(entries["with"].span if "with" in entries else span,
                            MappingTree(given, settings.span if settings is not None else span))
    if "updates" in entries:
        entries["updates"] = Entry(entries["updates"].span, _groups(entries["updates"].value, factor))
    schedule = entries.get("schedule")
    if schedule is not None and isinstance(schedule.value, Scalar):
        text = f"{factor!r} * ({schedule.value.value})"
        entries["schedule"] = Entry(schedule.span, Scalar(text, schedule.value.span))
    return MappingTree(entries, written.span)


def _groups(updates: Tree, factor: float) -> Tree:
    if isinstance(updates, Sequence):
        return Sequence([_groups(item, factor) for item in updates.items], updates.span)
    if not isinstance(updates, MappingTree) or "lr" not in updates.entries:
        return updates
    lr = updates.entries["lr"]
    rate = _number(lr.value)
    if rate is None:
        return updates
    return MappingTree({**updates.entries, "lr": Entry(lr.span, Scalar(rate * factor, lr.value.span))}, updates.span)


def _times(written: Entry | None, rate: float, span: Span) -> Scalar:
    return Scalar(rate, span if written is None else written.value.span)


def _number(tree: Tree) -> float | None:
    value = tree.value if isinstance(tree, Scalar) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _default(use: Tree | None, registry: Registry) -> float | None:
    """The learning rate of an optimizer that says none."""
    found = registry.resolve("optimizer", str(use.value)) if isinstance(use, Scalar) else None
    params: Mapping[str, Any] = {} if not isinstance(found, Registered) else {p.name: p.default
                                                                              for p in found.params or ()}
    return float(params["lr"]) if isinstance(params.get("lr"), float) else None
