"""Parameters that name an entry of the pipeline: a model, an optimizer, a data set, a graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from edgraph.graph.ir import Graph, Node
from edgraph.graph.provided import check_run, check_use
from edgraph.language.pipeline import Pipeline, Use
from edgraph.language.training import GROUP_KEYS
from edgraph.ops.check import check_settings
from edgraph.ops.library.optimizers import NEED_CLOSURES
from edgraph.ops.library.schedules import INSTEAD, TORCH
from edgraph.ops.registry import Registered, Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.inserted import origin
from edgraph.text.source import Mapping, Name, Scalar, Sequence, Tree
from edgraph.text.suggest import did_you_mean


def check_roles(node: Node, graph: Graph, diagnostics: Diagnostics) -> None:
    """Reports what a node names and the pipeline does not have."""
    pipeline = graph.pipeline
    for param in node.spec.params:
        value = node.settings.get(param.name)
        if param.role == "value" or value is None:
            continue
        names = value if isinstance(value, list | tuple) else [value]
        sections: dict[str, tuple[str, Iterable[str]]] = {
            "model": ("model", pipeline.models), "models": ("model", pipeline.models),
            "optimizer": ("optimizer", pipeline.optimizers), "data": ("data set", pipeline.data),
            "graph": ("graph", pipeline.graphs), "op": ("op", pipeline.ops),
        }
        what, known = sections[param.role]
        for position, name in enumerate(names):
            root = str(name).split(".", 1)[0] if param.role in ("model", "models") else str(name)
            if root not in known and f"{SECTIONS[what]}.{root}" not in pipeline.broken:
                tree = _written(node, param.name, position)
                diagnostics.error(f"unknown-{what.split()[0]}", f"there is no {what} '{root}'",
                                  node.span if tree is None else tree.span, did_you_mean(root, list(known))
                                  or _declare(what), () if tree is None else origin(tree))
            elif param.name in node.spec.writes and root in pipeline.models and pipeline.models[root].frozen:
                tree = _written(node, param.name, position)
                diagnostics.error("frozen-model", f"'{node.name}' updates '{root}', which is frozen",
                                  node.span if tree is None else tree.span, "take `frozen: true` from the model")
    optimizer = pipeline.optimizers.get(str(node.settings.get("optimizer")))
    if node.op == "set_learning_rate" and optimizer is not None and optimizer.schedule is not None:
        tree = _written(node, "optimizer", 0)
        diagnostics.error("two-schedules", f"the learning rate of optimizer '{optimizer.name}' is set by its schedule",
                          node.span if tree is None else tree.span, "drop 'schedule', or the op 'set_learning_rate'")


SECTIONS = {"data set": "data", "model": "models", "optimizer": "optimizers", "graph": "graphs", "op": "ops"}


def _declare(what: str) -> str:
    return f"declare it under `{SECTIONS[what]}`"


def _written(node: Node, key: str, position: int) -> Tree | None:
    """What an author wrote for a parameter, or for one of its items."""
    tree = node.entry.settings.get(key) if node.entry and node.entry.settings else None
    return tree.items[position] if isinstance(tree, Sequence) and position < len(tree.items) else tree


def optimizer_models(node: Node, graph: Graph) -> tuple[str, ...]:
    """The models and sub-modules that the optimizer of an `optimize` node updates."""
    entry = graph.pipeline.optimizers.get(str(node.settings.get("optimizer")))
    return tuple(group.model.text for group in entry.updates) if entry else ()


def check_sections(pipeline: Pipeline, diagnostics: Diagnostics) -> None:
    """Names between the sections: copies of models, what optimizers update, fixed examples."""
    for model in pipeline.models.values():
        if model.copy is not None and model.copy.text.split(".", 1)[0] not in pipeline.models \
                and f"models.{model.copy.text.split('.', 1)[0]}" not in pipeline.broken:
            diagnostics.error("unknown-model", f"'{model.name}' copies '{model.copy.text}', but there is no such model",
                              model.copy.span, did_you_mean(model.copy.text, list(pipeline.models)))
    _check_copy_cycles(pipeline, diagnostics)
    for optimizer in pipeline.optimizers.values():
        for group in optimizer.updates:
            root = group.model.text.split(".", 1)[0]
            entry = pipeline.models.get(root)
            if entry is None and f"models.{root}" in pipeline.broken:
                continue
            if entry is None:
                diagnostics.error("unknown-model", f"optimizer '{optimizer.name}' updates '{root}', but there is no "
                                  "such model", group.model.span, did_you_mean(root, list(pipeline.models)))
            elif entry.frozen:
                diagnostics.error("frozen-model", f"optimizer '{optimizer.name}' updates '{root}', which is frozen",
                                  group.model.span, "take `frozen: true` from the model, or the model from `updates`")
    for split, (_, span) in pipeline.fixed_examples.items():
        if split not in pipeline.data and f"data.{split}" not in pipeline.broken:
            diagnostics.error("unknown-data", f"fixed examples of '{split}', but there is no such data set", span,
                              did_you_mean(split, list(pipeline.data)))


def _check_copy_cycles(pipeline: Pipeline, diagnostics: Diagnostics) -> None:
    said: set[str] = set()
    for model in pipeline.models.values():
        seen = [model.name]
        head = model
        while head.copy is not None and (name := head.copy.text.split(".", 1)[0]) in pipeline.models:
            if name in seen:
                if name == model.name and name not in said:
                    said.update(seen)
                    diagnostics.error("copy-cycle", f"model '{name}' is a copy of itself: "
                                      + " -> ".join([*seen, name]), model.span, "give one of them a 'use'")
                break
            seen.append(name)
            head = pipeline.models[name]


def check_uses(pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics, lenient: bool) -> None:
    """What `use` names in the sections, and the parameters under `with`."""
    uses: list[tuple[Literal["data", "model", "optimizer", "schedule", "logger"], str, Use | None]] = []
    uses += [("data", "data set", entry.use) for entry in pipeline.data.values()]
    uses += [("model", "model", entry.use) for entry in pipeline.models.values()]
    uses += [("optimizer", "optimizer", entry.use) for entry in pipeline.optimizers.values()]
    uses += [("schedule", "schedule", schedule_use(entry.schedule)) for entry in pipeline.optimizers.values()
             if isinstance(entry.schedule, Mapping)]
    uses += [("logger", "logger", use) for use in pipeline.loggers.values()]
    _check_groups(pipeline, registry, diagnostics)
    check_run(pipeline, diagnostics)
    for kind, what, use in uses:
        if use is None:
            continue
        check_use(kind, what, use, registry, pipeline, diagnostics)
        name = use.use.text
        found = registry.resolve(kind, name)
        if kind == "schedule" and (other := INSTEAD.get(name.removeprefix("torch.optim.lr_scheduler."))):
            diagnostics.error("bad-value", f"schedule '{name}' {other[0]}", use.use.span, other[1])
        elif isinstance(found, Registered):
            check_settings(found.params, use.settings, diagnostics, what=f"{what} '{name}'", span=use.use.span,
                           is_open=found.open_params, inline=kind == "schedule")
        elif kind == "optimizer" and name in NEED_CLOSURES:
            diagnostics.error("needs-closure", f"optimizer '{name}' evaluates its loss several times in one update, "
                              "by a closure, which a graph of ops does not have", use.use.span,
                              "use Adam, SGD or another")
        elif not lenient and not (kind == "schedule" and name in TORCH):
            known = [*registry.table(kind), *(TORCH if kind == "schedule" else ())]
            diagnostics.error(f"unknown-{kind}", f"there is no {what} '{name}'", use.use.span, did_you_mean(name, known)
                              or "a class of your own is named by its import path, `package.module.Class`")


def _check_groups(pipeline: Pipeline, registry: Registry, diagnostics: Diagnostics) -> None:
    for entry in pipeline.optimizers.values():
        found = registry.resolve("optimizer", entry.use.use.text)
        if not isinstance(found, Registered):
            continue
        for group in entry.updates:
            check_settings(found.params, group.tree, diagnostics, what=f"optimizer '{entry.use.use.text}'",
                           span=group.model.span, is_open=found.open_params, defaults=False, beside=GROUP_KEYS)


def schedule_use(tree: Mapping) -> Use | None:
    """`{use: cosine, steps: 1000}`: a schedule's parameters stand beside its name."""
    use = tree.get("use")
    if not isinstance(use, Scalar) or not isinstance(use.value, str):
        return None
    rest = {key: entry for key, entry in tree.entries.items() if key != "use"}
    return Use(Name(use.value, use.span), Mapping(rest, tree.span))
