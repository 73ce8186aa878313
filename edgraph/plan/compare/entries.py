"""What the sections beside the ops say: the run, its stages, data, models, optimizers, loggers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgraph.graph.ir import Graph
from edgraph.graph.settings import schedule_use
from edgraph.language.expressions import Expression
from edgraph.language.pipeline import DataEntry, ModelEntry, OptimizerEntry, Use
from edgraph.ops.registry import Kind
from edgraph.plan.compare.difference import Difference
from edgraph.plan.compare.values import bare, expression, same, settings_of, written
from edgraph.plan.header import checkpoint_words, length_words, stage_words
from edgraph.text.source import Mapping as MappingTree

Said = dict[str, Any]
RUN = ("seed", "backend", "device", "precision", "deterministic", "nonfinite")
UNSAID = {"per": "update"}  # what holds where an entry has nothing of it
SECTIONS = ("data", "models", "optimizers", "loggers")


def compare(before: Graph, now: Graph) -> tuple[list[Difference], dict[str, dict[str, str]]]:
    """The differences, and for each section the entries that have another name now."""
    found = list(_changes("run", "", _run(before), _run(now)))
    found += _stages(before, now)
    names: dict[str, dict[str, str]] = {}
    for section in SECTIONS:
        old, new = _said(section, before, names), _said(section, now, {})
        names[section] = _renamed(old, new)
        if names[section]:
            old = _said(section, before, names)
        found += _section(section, old, new, names[section])
    return found, names


def _run(graph: Graph) -> Said:
    run = graph.pipeline.run
    policy = run.checkpoint
    saved = checkpoint_words(graph)
    if graph.nodes.get("run.checkpoint") is not None:
        saved += f", keeping {policy.keep if policy is not None else 2}"
    return {"length": length_words(graph), **{key: getattr(run, key) for key in RUN}, "checkpoints": saved}


def _stages(before: Graph, now: Graph) -> Iterator[Difference]:
    old, new = ({stage.name: stage_words(stage, graph) for stage in graph.stages if stage.name}
                for graph in (before, now))
    if list(old) != list(new):
        yield Difference("stages", "", "stages", written(list(old)), written(list(new)))
    for name in new:
        if name in old and old[name] != new[name]:
            yield Difference("stages", name, "steps", old[name], new[name])


def _section(section: str, old: Mapping[str, Said], new: Mapping[str, Said],
             names: Mapping[str, str]) -> Iterator[Difference]:
    back = {now: was for was, now in names.items()}
    for name, said in new.items():
        was = back.get(name, name)
        if name in back:
            yield Difference(section, name, "renamed", was, name)
            if said.get("shuffle") or (section == "models" and "use" in said and said.get("weights") is None):
                yield Difference(section, name, "random numbers", f"those of '{was}'", f"those of '{name}'")
        elif name not in old:
            yield Difference(section, name, "added", None, _words(said))
        if was in old:
            yield from _changes(section, name, old[was], said)
    for name, said in old.items():
        if name not in new and name not in names:
            yield Difference(section, name, "removed", _words(said), None)


def _words(said: Said) -> str:
    texts = [f"{key} {written(value)}" for key, value in said.items() if value not in (None, False, [], {}, "")]
    return ", ".join(texts)


def _changes(section: str, name: str, old: Said, new: Said) -> Iterator[Difference]:
    for key in dict.fromkeys([*new, *old]):
        was, its = (UNSAID.get(key) if said.get(key) is None else said[key] for said in (old, new))
        if not same(was, its):
            yield Difference(section, name, key, written(was), written(its))


def _renamed(old: Mapping[str, Said], new: Mapping[str, Said]) -> dict[str, str]:
    """Entries that say the same under another name."""
    found: dict[str, str] = {}
    for name, said in old.items():
        if name not in new:
            other = next((other for other, its in new.items() if other not in old and other not in found.values()
                          and same(said, its)), None)
            if other is not None:
                found[name] = other
    return found


# -- what an entry says --------------------------------------------------------------------------------

def _said(section: str, graph: Graph, names: Mapping[str, Mapping[str, str]]) -> dict[str, Said]:
    pipeline = graph.pipeline
    models = names.get("models", {})
    match section:
        case "data":
            fixed = {name: indices for name, (indices, _) in pipeline.fixed_examples.items()}
            return {name: {**_data(entry), "fixed examples": fixed.get(name)} for name, entry in pipeline.data.items()}
        case "models":
            return {name: _model(entry, models) for name, entry in pipeline.models.items()}
        case "optimizers":
            return {name: _optimizer(entry, graph, models) for name, entry in pipeline.optimizers.items()}
    return {name: _use("logger", use) for name, use in pipeline.loggers.items()}


def _use(kind: Kind, use: Use | None) -> Said:
    return {} if use is None else {"use": use.use.text, **settings_of(kind, use.use.text, use.settings)}


def _data(entry: DataEntry) -> Said:
    keys = ("batch_size", "shuffle", "drop_last", "limit", "workers", "prefetch", "folds", "fold", "part")
    return {**_use("data", entry.use), **{key: getattr(entry, key) for key in keys},
            "transform": bare(entry.transform), "sampler": bare(entry.sampler),
            "collate": entry.collate.text if entry.collate is not None else None}


def _model(entry: ModelEntry, models: Mapping[str, str]) -> Said:
    weights = entry.weights
    given = None if weights is None else weights.checkpoint or {"file": weights.file, "prefix": weights.prefix,
                                                                 "strict": weights.strict}
    return {**_use("model", entry.use), "copy of": part(entry.copy.text, models) if entry.copy is not None else None,
            "weights": given, "frozen": entry.frozen}


def _optimizer(entry: OptimizerEntry, graph: Graph, models: Mapping[str, str]) -> Said:
    updates = [part(group.model.text, models) if not group.match and not group.settings else
               {"model": part(group.model.text, models), "match": list(group.match), **bare(group.settings)}
               for group in entry.updates]
    return {**_use("optimizer", entry.use), "updates": updates, "schedule": _schedule(entry, graph),
            "per": entry.per if entry.schedule is not None else None, "clip_norm": entry.clip_norm,
            "clip_value": entry.clip_value, "ema": bare(entry.ema)}


def _schedule(entry: OptimizerEntry, graph: Graph) -> Any:
    schedule = entry.schedule
    if isinstance(schedule, Expression):
        return expression(schedule.root, graph, {})
    use = schedule_use(schedule) if isinstance(schedule, MappingTree) else None
    return None if use is None else _use("schedule", use)


def part(path: str, names: Mapping[str, str]) -> str:
    """The path of a model, or of a part of one, under the name that it has now."""
    head, dot, rest = path.partition(".")
    return names.get(head, head) + dot + rest


