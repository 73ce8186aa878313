"""Models and optimizers that do not train as they look."""

from __future__ import annotations

import re

from edgraph.graph.ir import Graph
from edgraph.graph.lints.warner import Warner, named
from edgraph.graph.models import models_read, overlaps, state_path
from edgraph.graph.passes.slices import updates
from edgraph.language.pipeline import ModelEntry, Pipeline
from edgraph.text.source import plain

# classes of torch.nn with weights; the others have none, and cannot be trained
WEIGHTS = re.compile(r"Linear|Conv|Norm|RNN|LSTM|GRU|Embedding|Transformer|Attention|PReLU|Sequential|Module")
GIVEN = re.compile(r"pretrained|weights|checkpoint")  # parameters by which a model gets weights of its own


def unreached(graph: Graph, warner: Warner) -> None:
    """Part of what an optimizer updates gets no gradient. (All of it is an error.)"""
    reached: dict[str, set[str]] = {}
    for inner in graph.graphs():
        for path in inner.gradients.values():
            if path.optimizer is not None:
                reached.setdefault(path.optimizer, set()).update(state_path(model, graph) for model in path.models)
    for name, models in reached.items():
        entry = graph.pipeline.optimizers.get(name) if models else None
        for group in {group.model.text: group for group in entry.updates}.values() if entry is not None else ():
            if not any(overlaps(state_path(group.model.text, graph), model) for model in models):
                assert entry is not None
                warner.at(group.model.span, "unreached-model", f"optimizer '{name}' updates '{group.model.text}', but "
                          "no gradient of its losses reaches it", f"its losses go through {named(sorted(models))}: let "
                          "one depend on the model, or take it from `updates`", entry.ignore)


def unused_optimizer(graph: Graph, warner: Warner) -> None:
    used = {str(node.settings.get(param.name)) for inner in graph.graphs() for node in inner.nodes.values()
            for param in node.spec.params if param.role == "optimizer" and node.op != "set_learning_rate"}
    for name, entry in graph.pipeline.optimizers.items():
        if name not in used and entry.span.source is graph.pipeline.source:
            warner.at(entry.span, "unused-optimizer", f"no op trains with optimizer '{name}'",
                      f"add one, `{{op: optimize, inputs: LOSS, with: {{optimizer: {name}}}}}`, or remove it",
                      entry.ignore)


def untrained(graph: Graph, warner: Warner) -> None:
    """A model with the weights that it was drawn with, in a run that trains others."""
    if not any(map(updates, graph.nodes.values())):
        return  # weights may come with `run --from`
    nodes = [node for inner in graph.graphs() for node in inner.nodes.values() if node.body is None]
    run = {model.split(".", 1)[0] for node in nodes for model in models_read(node)}
    written = {str(node.settings.get(name)).split(".", 1)[0] for node in nodes for name in node.spec.writes}
    written |= {group.model.text.split(".", 1)[0] for entry in graph.pipeline.optimizers.values()
                for group in entry.updates}
    for name, entry in graph.pipeline.models.items():
        shares = {other for other, head in graph.facts.same.items() if head == graph.facts.same.get(name)}
        if name in run and not (written & {name, *shares}) and _could_train(entry, graph.pipeline):
            what = f"it stays as '{entry.copy.text}' was at the start" if entry.copy is not None else \
                "it stays as it was drawn"
            warner.at(entry.span, "untrained-model", f"nothing updates model '{name}': {what}",
                      "write `frozen: true` if that is meant; else name it in an optimizer's `updates`, let an "
                      "update_ema move it, or give it `weights`", entry.ignore)


def _could_train(entry: ModelEntry, pipeline: Pipeline) -> bool:
    """Whether it has weights, as far as is known, and nobody said where they come from."""
    if entry.frozen or entry.weights is not None:
        return False
    if entry.copy is not None:
        source = pipeline.models.get(entry.copy.text.split(".", 1)[0])
        return source is None or source.frozen or _could_train(source, pipeline)
    if entry.use is None:
        return True
    path = entry.use.use.text
    if path.startswith("torch.nn.") and not WEIGHTS.search(path.rsplit(".", 1)[1]):
        return False
    settings = plain(entry.use.settings) if entry.use.settings is not None else {}
    assert isinstance(settings, dict)
    return not any(GIVEN.search(key) and value for key, value in settings.items()) and not GIVEN.search(path)
