"""The sections `run`, `stages`, `loggers` and `patterns`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from edgraph.language import evaluation
from edgraph.language.every import amount, parse_duration, parse_every
from edgraph.language.expressions import Expression
from edgraph.language.fields import Fields
from edgraph.language.parse import parse_expression
from edgraph.language.pipeline import CheckpointPolicy, PatternUse, RunEntry, StageEntry, Use
from edgraph.language.sections import Context, read_use
from edgraph.text.inserted import Broken
from edgraph.text.source import Entry, Mapping, Name, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean

RUN_KEYS = ("over", *evaluation.KEYS, "num_steps", "num_epochs", "num_updates", "max_time", "seed", "backend", "device",
            "precision", "deterministic", "checkpoint", "nonfinite", "tags", "root", "ignore")
STAGE_KEYS = ("until", "for", "ignore")
BACKENDS = ("torch", "tensorflow", "python")
DEVICE = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,3}))?")
PRECISIONS = ("fp32", "bf16", "fp16")
_HINTS = {"steps": "did you mean 'num_steps'?", "epochs": "did you mean 'num_epochs'?",
          "max_steps": "did you mean 'num_steps'?",
          "max_epochs": "did you mean 'num_epochs'?", "updates": "did you mean 'num_updates'?",
          "batch_size": "a batch size belongs to an entry of 'data'",
          "lr": "a learning rate belongs to an entry of 'optimizers'"}
Length = tuple[Fraction, Literal["steps", "epochs"]]


def read_run(root: Mapping, context: Context) -> RunEntry:
    section = context.mapping(root, "run", "write run: {num_epochs: 20, seed: 0}")
    if section is None:
        return RunEntry(None)
    before = len(context.diagnostics)
    tree = context.insert(section, ("filter",))
    assert isinstance(tree, Mapping)
    context.resolved["run"] = Entry(root.entries["run"].span, tree)
    fields = Fields(tree, "'run'", RUN_KEYS, context.diagnostics, _HINTS)
    time = fields.get("max_time")
    default = RunEntry(None)
    over = fields.name("over")
    entry = RunEntry(
        tree.span, over, fields.integer("num_steps", 1, 2**62),
        fields.number("num_epochs", above=0), fields.integer("num_updates", 1, 2**62),
        None if time is None else parse_duration("max_time", time, fields),
        fields.integer("seed", 0, 2**63 - 1) or 0, fields.choice("backend", BACKENDS) or default.backend,
        _device(fields) or default.device, fields.choice("precision", PRECISIONS) or default.precision,
        fields.flag("deterministic"), _checkpoint(fields, context),
        fields.choice("nonfinite", ("stop", "skip", "ignore")) or default.nonfinite, _tags(fields),
        fields.text("root") or default.root, fields.texts("ignore"),
        {key: entry.span for key, entry in tree.entries.items()},
        evaluation.read_evaluation(over, fields, context))
    if len(context.diagnostics) > before:
        context.broken.add("run")
    return entry


def _device(fields: Fields) -> str | None:
    text = fields.text("device")
    if text is None or DEVICE.fullmatch(text):
        return text
    number = re.fullmatch(r"(?:gpu|cuda)[^0-9a-z]?([0-9]{1,3})", text.lower())
    meant = "cuda" if text.lower() == "gpu" else f"cuda:{int(number[1])}" if number else None
    fields.error("bad-value", "device", f"'device' of {fields.where} cannot be {text!r}",
                 f"did you mean {meant!r}?" if meant else did_you_mean(text, ("auto", "cpu", "cuda", "cuda:1", "mps")))
    return None


def _tags(fields: Fields) -> tuple[str, ...]:
    tree = fields.get("tags")
    if isinstance(tree, Sequence) and any(isinstance(item, Scalar) and not isinstance(item.value, str)
                                          for item in tree.items):
        return tuple(item.raw for item in tree.items if isinstance(item, Scalar))  # `tags: [2024, small]`
    return tuple(name.text for name in fields.names("tags"))


def _checkpoint(fields: Fields, context: Context) -> CheckpointPolicy | None:
    """None: the default. `false` turns checkpoints off."""
    tree = fields.get("checkpoint")
    if tree is None or isinstance(tree, Broken):
        return None
    if isinstance(tree, Scalar) and isinstance(tree.value, bool):
        return None if tree.value else CheckpointPolicy(None, enabled=False)
    if not isinstance(tree, Mapping):
        help = f"write {{every: {tree.raw}}}" if isinstance(tree, Scalar) else None
        fields.wrong("checkpoint", tree, "a mapping, or false for no checkpoints", help)
        return None
    where = "'checkpoint' of 'run'"
    inner = Fields(tree, where, ("every", "keep"), context.diagnostics)
    every = inner.get("every")
    clock = None if every is None else parse_every(every, where, context.diagnostics)
    return CheckpointPolicy(clock, inner.integer("keep", 1) or 2)


def read_stages(root: Mapping, context: Context) -> dict[str, StageEntry]:
    section = root.entries.get("stages")
    names = list(section.value.entries) if section and isinstance(section.value, Mapping) else []
    return context.each(
        root, "stages", "a stage", "write NAME: {until: 1000 steps} or NAME: {for: 5 epochs} for each stage",
        lambda name, span, tree: _stage(name, span, tree, context, name == names[-1]),
        skip=("until",), bare=True)


def _stage(name: str, span: Span, tree: Mapping, context: Context, last: bool) -> StageEntry:
    fields = Fields(tree, f"stage {name!r}", STAGE_KEYS, context.diagnostics,
                    {"steps": "write for: N steps", "epochs": "write for: N epochs",
                     "when": "write until: {when: …}"})
    fields.exclusive("until", "for")
    condition: Expression | None = None
    until = fields.get("until")
    if isinstance(until, Mapping):
        inner = Fields(until, f"'until' of {fields.where}", ("when",), context.diagnostics)
        when = inner.require("when", "write {when: CONDITION}")
        if isinstance(when, Scalar) and isinstance(when.value, str):
            condition = parse_expression(when.value, when.span, context.diagnostics, context.scope)
        elif when is not None:
            inner.wrong("when", when, "a condition")
        ends = None
    else:
        ends = None if until is None else _length("until", context.insert(until), fields)
    given = fields.get("for")
    if not last and not fields.has("until") and not fields.has("for"):
        context.diagnostics.error("missing-key", f"{fields.where} does not say when it ends", span,
                                  "write until: 1000 steps or for: 5 epochs; only the last stage runs to the end")
    return StageEntry(name, span, ends, None if given is None else _length("for", given, fields), condition,
                      fields.texts("ignore"))


def _length(key: str, tree: Tree, fields: Fields) -> Length | None:
    if isinstance(tree, Broken):
        return None
    value = tree.value if isinstance(tree, Scalar) else None
    example = "write such as '1000 steps' or '5 epochs'"
    parsed = amount(value) if isinstance(value, str) else None
    if isinstance(value, int) and not isinstance(value, bool):
        parsed = (Fraction(value), "steps")
    if parsed is None or parsed[1] not in ("step", "steps", "epoch", "epochs", ""):
        fields.wrong(key, tree, "a number of steps or epochs", example)
        return None
    number, unit = parsed
    kind: Literal["steps", "epochs"] = "epochs" if unit.startswith("epoch") else "steps"
    if number <= 0 or (kind == "steps" and number.denominator != 1):
        fields.error("out-of-range", key, f"{key!r} of {fields.where} must be more than 0 {kind}"
                     if number <= 0
                     else f"{key!r} of {fields.where}: steps are whole", example)
        return None
    return number, kind


def read_loggers(root: Mapping, context: Context) -> dict[str, Use]:
    def read(name: str, span: Span, tree: Mapping) -> Use | None:
        return read_use(Fields(tree, f"logger {name!r}", ("use", "with"), context.diagnostics))

    found = context.each(root, "loggers", "a logger", "write NAME: {use: LOGGER} for each logger", read)
    return {name: use for name, use in found.items() if use is not None}


def read_patterns(root: Mapping, context: Context) -> dict[str, PatternUse]:
    return context.each(root, "patterns", "a pattern", "write NAME: {use: PATTERN or GRAPH, with: {…}} for each",
                        lambda name, span, tree: read_pattern(name, span, tree, context))


def read_pattern(name: str, span: Span, tree: Mapping, context: Context) -> PatternUse:
    fields = Fields(tree, f"pattern {name!r}", ("use", "with"), context.diagnostics,
                    {"params": "did you mean 'with'?", "*": "parameters of the pattern go under 'with'"})
    use = read_use(fields, help="write use: and the name of a graph or of a registered pattern")
    return PatternUse(name, span, Name("", span) if use is None else use.use, None if use is None
                      else use.settings)
