"""The sections `models` and `optimizers`."""

from __future__ import annotations

from edgraph.language.expressions import Expression
from edgraph.language.fields import Fields
from edgraph.language.parse import Scope, constant, parse_expression
from edgraph.language.pipeline import Group, ModelEntry, OptimizerEntry, Use, Weights
from edgraph.language.sections import Context, read_use
from edgraph.text.inserted import Broken
from edgraph.text.source import Mapping, Name, Scalar, Sequence, Span, Tree, plain

MODEL_KEYS = ("use", "with", "copy", "weights", "from", "frozen", "state", "ignore")
OPTIMIZER_KEYS = ("use", "with", "updates", "schedule", "per", "clip_norm", "clip_value", "ema", "ignore")
GROUP_KEYS = ("model", "match")  # the others are parameters of the optimizer
_MODELS = "write NAME: {use: MODEL, with: {…}} for each model"
_WEIGHTS = {"weights": "write RUN@best or {file: FILE.safetensors}",
            "from": "write RUN@best or {run: RUN, model: NAME}"}
_OPTIMIZERS = "write NAME: {use: Adam, updates: [MODEL], with: {lr: 1e-3}} for each optimizer"
_HINTS = {"lr": "parameters of the optimizer go under 'with': with: {lr: …}",
          "models": "did you mean 'updates'?",
          "params": "did you mean 'updates'?", "type": "an optimizer has 'use: …'",
          "weight_decay": "parameters of the optimizer go under 'with': with: {weight_decay: …}"}


def read_models(root: Mapping, context: Context) -> dict[str, ModelEntry]:
    return context.each(root, "models", "a model", _MODELS,
                        lambda name, span, tree: _model(name, span, tree, context))


def _model(name: str, span: Span, tree: Mapping, context: Context) -> ModelEntry:
    fields = Fields(tree, f"model {name!r}", MODEL_KEYS, context.diagnostics,
                    {"*": "parameters of the model go under 'with'", "type": "a model has 'use: …'"})
    fields.exclusive("use", "copy")
    if not fields.has("use") and not fields.has("copy") and fields.meant.isdisjoint(("use", "copy")):
        fields.diagnostics.error("missing-key", f"{fields.where} needs the key 'use' or 'copy'", span,
                                 "write use: and a registered model or an import path, or copy: and another model")
    if fields.has("copy") and fields.has("with") and not fields.has("use"):
        fields.diagnostics.error("exclusive-keys", f"{fields.where} is a copy and takes no 'with'",
                                 fields.key_span("with"),
                                 "a copy is built like the model it copies")
    use = read_use(fields, required=False) if fields.has("use") else None
    state = fields.get("state")
    return ModelEntry(name, span, use, fields.name("copy"), _weights(fields), fields.flag("frozen"),
                      fields.texts("ignore"), fields.texts("state"), None if state is None else state.span)


def _weights(fields: Fields) -> Weights | None:
    """`weights: RUN@best` or `{file: FILE}`; `from: RUN@best`, what the option `--from` names, or `{run:, model:}`."""
    fields.exclusive("weights", "from")
    key = "weights" if fields.has("weights") else "from"
    tree = fields.get(key)
    if tree is None or isinstance(tree, Broken):
        return None
    if isinstance(tree, Scalar) and isinstance(tree.value, str) and tree.value.strip():
        return Weights(tree.span, checkpoint=_checkpoint(key, tree.value, tree, fields))
    if not isinstance(tree, Mapping):
        fields.wrong(key, tree, "a checkpoint or a mapping", _WEIGHTS[key])
        return None
    main = "file" if key == "weights" else "run"
    keys = ("file", "prefix", "strict") if key == "weights" else ("run", "model", "prefix", "strict")
    inner = Fields(tree, f"{key!r} of {fields.where}", keys, fields.diagnostics,
                   {"file": "write weights: {file: …}", "run": "write from: {run: …}", "model": "write from: {run: …}",
                    "checkpoint": "write from: RUN@best"})
    inner.require(main, _WEIGHTS[key])
    run = inner.text("run")
    if run is not None:
        run = _checkpoint("run", run, tree.entries["run"].value, inner)
    return Weights(tree.span, run, inner.text("model"), inner.text("file"), inner.text("prefix", empty=True) or "",
                   inner.flag("strict", True))


def _checkpoint(key: str, text: str, tree: Tree, fields: Fields) -> str:
    """`RUN@best`; `from` also takes the file of a checkpoint."""
    foreign = (".pt", ".pth", ".ckpt") if key != "weights" else (".safetensors", ".pt", ".pth", ".ckpt")
    if text.endswith(foreign) and "@" not in text:
        fields.report("bad-value", tree, f"{key!r} of {fields.where} names a file where a run is expected",
                      f"write {{file: {text}}}" if key == "weights" else "write RUN@best")
    return text


def read_optimizers(root: Mapping, context: Context) -> dict[str, OptimizerEntry]:
    return context.each(root, "optimizers", "an optimizer", _OPTIMIZERS,
                        lambda name, span, tree: _optimizer(name, span, tree, context), skip=("schedule",))


def _optimizer(name: str, span: Span, tree: Mapping, context: Context) -> OptimizerEntry:
    fields = Fields(tree, f"optimizer {name!r}", OPTIMIZER_KEYS, context.diagnostics, _HINTS)
    use = read_use(fields, help="write use: and the name of an optimizer, such as Adam")
    updates = fields.require("updates", "write updates: [MODEL, …]")
    groups: list[Group] = []
    for item in updates.items if isinstance(updates, Sequence) else [] if updates is None else [updates]:
        group = _group(item, fields)
        if group is not None:
            groups.append(group)
    if isinstance(updates, Sequence) and not updates.items:
        fields.error("missing-value", "updates", f"{fields.where} updates nothing",
                     "write updates: [MODEL, …]")
    return OptimizerEntry(
        name, span, use or Use(Name("", span), None), tuple(groups), _schedule(fields, context),
        fields.choice("per", ("update", "step")) or "update", fields.number("clip_norm", above=0),
        fields.number("clip_value", above=0), fields.get("ema"), fields.texts("ignore"))


def _group(tree: Tree, fields: Fields) -> Group | None:
    """`classifier`, or {model: net, match: ["*.bias"], weight_decay: 0.0}."""
    if not isinstance(tree, Mapping):
        name = fields.as_name("updates", tree, "the name of a model, or a mapping with 'model'")
        return None if name is None else Group(name)
    inner = Fields(tree, f"a group of {fields.where}", tree.entries, fields.diagnostics)
    model = inner.require("model", "write {model: NAME, match: ['*.bias'], weight_decay: 0.0}")
    name = None if model is None else inner.as_name("model", model, "the name of a model")
    match = tuple(pattern.text for pattern in inner.names("match"))
    settings = Mapping({key: entry for key, entry in tree.entries.items() if key not in GROUP_KEYS}, tree.span)
    return None if name is None else Group(
        name, match, {key: plain(entry.value) for key, entry in settings.entries.items()}, settings)


def _schedule(fields: Fields, context: Context) -> Expression | Mapping | None:
    tree = fields.get("schedule")
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        tree = context.insert(tree)
        assert isinstance(tree, Mapping)
        inner = Fields(tree, f"'schedule' of {fields.where}", tree.entries, fields.diagnostics)
        inner.require("use", "write {use: cosine, …}, or an expression of 'updates' and 'params.NAME'")
        inner.name("use")
        return tree
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        scope = Scope(context.params, alone="schedule")
        return parse_expression(tree.value, tree.span, fields.diagnostics, scope)
    if isinstance(tree, Scalar) and isinstance(tree.value, (int, float)) and not isinstance(tree.value, bool):
        fields.number("schedule", minimum=0)
        return constant(tree.value, tree.raw, tree.span)
    fields.wrong("schedule", tree, "an expression or a mapping with 'use'")
    return None
