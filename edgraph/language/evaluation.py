"""A run over checkpoints: of which run, which of them, and how long to wait for new ones."""

from __future__ import annotations

from edgraph.language.every import parse_duration
from edgraph.language.expressions import Expression
from edgraph.language.fields import Fields, is_absent
from edgraph.language.parse import Scope, constant, parse_expression
from edgraph.language.pipeline import CHECKPOINTS, EvaluationEntry
from edgraph.language.sections import Context
from edgraph.text.source import Mapping, Name, Scalar, Sequence

KEYS = ("of", "which", "filter", "timeout")
NOT_HERE = {
    "num_steps": "it ends with the checkpoints; `filter` leaves some of them out",
    "num_epochs": "it ends with the checkpoints; `filter` leaves some of them out",
    "num_updates": "it ends with the checkpoints; `filter` leaves some of them out",
    "checkpoint": "it keeps after each checkpoint what it has done, and can be resumed"}


def read_evaluation(over: Name | None, fields: Fields, context: Context) -> EvaluationEntry | None:
    """The keys of `run` that are for a run over checkpoints; None where it is none, or has mistakes."""
    if over is None or over.text != CHECKPOINTS:
        for key in KEYS:
            if not is_absent(fields.mapping.get(key)):
                fields.diagnostics.error("not-over-checkpoints", f"{key!r} is for a run over checkpoints",
                                         fields.key_span(key), "write over: checkpoints, or remove it")
        return None
    for key, why in NOT_HERE.items():
        if not is_absent(fields.mapping.get(key)):
            fields.diagnostics.error("not-in-evaluation", f"a run over checkpoints has no {key!r}",
                                     fields.key_span(key), f"remove it: {why}")
    of, timeout = _of(over, fields), fields.get("timeout")
    entry = EvaluationEntry(of or over, _which(fields), _filter(fields, context),
                            None if timeout is None else parse_duration("timeout", timeout, fields))
    return None if of is None else entry


def _of(over: Name, fields: Fields) -> Name | None:
    help = "write of: RUN, the folder of a run or its name, or on the command line run.of=RUN"
    tree = fields.get("of")
    if tree is None:
        if not fields.has("of") or isinstance(fields.mapping.entries["of"].value, Scalar):
            fields.diagnostics.error("missing-key", "a run over checkpoints needs the key 'of': whose checkpoints?",
                                     fields.key_span("of") if fields.has("of") else over.span, help)
        return None
    return fields.as_name("of", tree, "the folder of a run or its name")


def _which(fields: Fields) -> Name | None:
    """A word, the name of a checkpoint, or a step."""
    tree = fields.get("which")
    if isinstance(tree, Scalar) and type(tree.value) is int:
        step = fields.as_integer("which", tree, 0)
        return None if step is None else Name(str(step), tree.span)
    return None if tree is None else fields.as_name("which", tree, "latest, all, new, or the name of a checkpoint")


def _filter(fields: Fields, context: Context) -> Expression | None:
    tree = fields.get("filter")
    if tree is None:
        return None
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return parse_expression(tree.value, tree.span, fields.diagnostics, Scope(context.params, alone="filter"))
    if isinstance(tree, Scalar) and isinstance(tree.value, bool):
        return constant(tree.value, tree.raw, tree.span)
    if isinstance(tree, (Scalar, Mapping, Sequence)):
        fields.wrong("filter", tree, "a condition on 'step' and 'epoch'", 'write such as "step % 1000 == 0"')
    return None
