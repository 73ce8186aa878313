"""What a diagnostic proposes to change: the right text at the right place, and certain only where nothing else can be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgraph.compile import check
from edgraph.text.diagnostics import Diagnostic, Fix

HEAD = """\
data: {train: {use: digits, batch_size: 64}}
models: {net: {use: mlp, with: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
run: {num_steps: 10}
"""
OPS = """\
ops:
  batch: {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss: {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: adam}}
"""


def found(text: str, folder: Path) -> list[Diagnostic]:
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return list(check(path).diagnostics)


def written(fix: Fix) -> str:
    """What stands where the fix would be."""
    span = fix.span
    return span.source.line(span.line)[span.column - 1:span.end_column - 1]


CERTAIN = [
    ("lable", "label", HEAD + OPS.replace("batch.label", "batch.lable")),
    ("batchsize", "batch_size", (HEAD + OPS).replace("batch_size", "batchsize")),
    ("optmizer", "optimizer", HEAD + OPS.replace("{optimizer:", "{optmizer:")),
    ("cross_entrpoy", "cross_entropy", HEAD + OPS.replace("cross_entropy", "cross_entrpoy")),
    ('"64"', "64", (HEAD + OPS).replace("64}}", '"64"}}', 1)),
    ("yes", "true", (HEAD + OPS).replace("64}}", "64, shuffle: yes}}", 1)),
    ("if", "when", HEAD + OPS + "  shown: {op: print, inputs: loss, if: loss > 1}\n"),
    ("freq", "every", HEAD + OPS + "  shown: {op: print, inputs: loss, freq: 10}\n"),
    ("stesp", "steps", HEAD + OPS + "  shown: {op: print, inputs: loss, every: 10 stesp}\n"),
    ("every 5 steps", "5 steps", HEAD + OPS + "  shown: {op: print, inputs: loss, every: every 5 steps}\n"),
    ("hold(loss, 0)", '"hold(loss, 0)"', HEAD + OPS + "  shown: {op: print, inputs: {a: hold(loss, 0)}}\n"),
    ("batch.views[0]", '"batch.views[0]"', HEAD + OPS + "  shown: {op: print, inputs: [batch.views[0], loss]}\n"),
    ("dataset", "data", HEAD.replace("data:", "dataset:") + OPS),
]


@pytest.mark.parametrize(("wrong", "right", "text"), CERTAIN, ids=[case[0] for case in CERTAIN])
def test_certain(wrong: str, right: str, text: str, tmp_path: Path) -> None:
    fixes = [fix for item in found(text, tmp_path) for fix in item.fixes if fix.text == right]
    assert fixes, [item.message for item in found(text, tmp_path)]
    assert [(written(fix), fix.certain) for fix in fixes] == [(wrong, True)] * len(fixes)


NOT_CERTAIN = [
    # two names are as near; another number; a short word that is another word; a name that only says more
    ("loss_x", {"loss_a", "loss_b"}, HEAD + OPS + "  loss_a: loss * 1\n  loss_b: loss * 2\n  s: {op: print, inputs: loss_x}\n"),
    ("loss2", {"loss1"}, HEAD + OPS + "  loss1: loss * 1\n  s: {op: print, inputs: loss2}\n"),
    ("ab", {"ac"}, HEAD + OPS + "  ac: loss * 1\n  s: {op: print, inputs: ab}\n"),
    ("upd", {"update"}, HEAD + OPS + "  s: {op: print, inputs: upd.lr}\n"),
]


@pytest.mark.parametrize(("wrong", "near", "text"), NOT_CERTAIN, ids=[case[0] for case in NOT_CERTAIN])
def test_not_certain(wrong: str, near: set[str], text: str, tmp_path: Path) -> None:
    fixes = [fix for item in found(text, tmp_path) for fix in item.fixes]
    assert near <= {fix.text for fix in fixes}
    assert all(written(fix) == wrong and not fix.certain for fix in fixes)


def test_a_key_that_is_there_already_is_not_meant(tmp_path: Path) -> None:
    text = (HEAD + OPS).replace("batch_size: 64", "batch_size: 64, batchsize: 32")
    assert [(item.code, item.fixes) for item in found(text, tmp_path)] == [("unknown-key", ())]
