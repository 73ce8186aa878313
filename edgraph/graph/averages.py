"""`ema:` of an optimizer: an average of its model's weights, moved after each of its updates."""

from __future__ import annotations

from edgraph.language.pipeline import OpEntry, OptimizerEntry, Pipeline
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Mapping, Name, Scalar, Tree
from edgraph.text.suggest import did_you_mean

KEYS = ("model", "decay")


def average_ops(pipeline: Pipeline, diagnostics: Diagnostics) -> dict[str, OpEntry]:
    """An `update_ema` op named `OPTIMIZER.ema` for each optimizer that asks for one."""
    found = {}
    for optimizer in pipeline.optimizers.values():
        if optimizer.ema is not None:
            entry = _op(optimizer, optimizer.ema, pipeline, diagnostics)
            if entry is not None:
                found[entry.name] = entry
    return found


def _op(optimizer: OptimizerEntry, tree: Tree, pipeline: Pipeline, diagnostics: Diagnostics) -> OpEntry | None:
    entries = tree.entries if isinstance(tree, Mapping) else {"model": Entry(tree.span, tree)}
    for key, entry in entries.items():
        if key not in KEYS:
            diagnostics.error("unknown-key", f"'ema' of optimizer '{optimizer.name}' has no key '{key}'", entry.span,
                              did_you_mean(key, KEYS))
    target = entries["model"].value if "model" in entries else None
    if not isinstance(target, Scalar) or not isinstance(target.value, str):
        diagnostics.error("wrong-type", f"'ema' of optimizer '{optimizer.name}' names no model", tree.span,
                          "write ema: {model: NAME, decay: 0.999}, with NAME: {copy: MODEL} under models")
        return None
    updated = list(dict.fromkeys(group.model.text.split(".", 1)[0] for group in optimizer.updates))
    copied = pipeline.models[target.value].copy if target.value in pipeline.models else None
    source = copied.text if copied is not None and copied.text in updated else updated[0] if len(updated) == 1 else None
    if source is None:
        diagnostics.error("which-model", f"optimizer '{optimizer.name}' updates {len(updated)} models; of which is "
                          f"'{target.value}' the average?", target.span,
                          f"write {target.value}: {{copy: MODEL}} under models")
        return None
    settings = {"target": Entry(target.span, target), "source": Entry(target.span, Scalar(source, target.span))}
    if "decay" in entries:
        settings["decay"] = entries["decay"]
    name = f"{optimizer.name}.ema"
    return OpEntry(name, tree.span, Name("update_ema", tree.span), tree.span, settings=Mapping(settings, tree.span))
