"""Helpers of the tests of text and language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from edgraph.language import load
from edgraph.language.pipeline import Pipeline
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.source import Mapping, Source, Span, Tree, plain

DIGITS = """\
name: digits
params: {lr: 1.0e-3}
run: {num_epochs: 20, seed: 0}
data:
  train:      {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
  validation: {use: digits, with: {split: validation}, batch_size: 256}
models:
  classifier: {use: mlp, with: {sizes: [64, 128, 10]}}
optimizers:
  adam: {use: Adam, updates: [classifier], with: {lr: "${lr}"}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: classifier}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: adam}}
  report: {op: log_scalars, inputs: [loss, update.lr], every: [first, 50 steps]}
  total:  loss * params.lr + 0.1
  panel:  {op: log_images, inputs: {image: batch.image, label: logits.argmax}, every: 1 epoch}
  score:  {op: loop, with: {graph: evaluate, params: {model: classifier}}, every: 1 epoch}
  record: {op: improved, inputs: score.accuracy, with: {mode: max}}
  best:   {op: checkpoint, with: {name: best}, when: record}
  enough: {op: stop, when: record.since >= 5}
graphs:
  evaluate:
    params: {model: null, data: validation}
    over: ${data}
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: "${model}"}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""


def read_text(text: str) -> tuple[Any, list[tuple[str, str]]]:
    """The bare value, and (code, place) of each diagnostic."""
    diagnostics = Diagnostics()
    tree = read(Source("f.yaml", text), diagnostics)
    return None if tree is None else plain(tree), places(diagnostics)


def places(diagnostics: Diagnostics) -> list[tuple[str, str]]:
    return [(item.code, "" if item.span is None else f"{item.span.line}:{item.span.column}")
            for item in diagnostics]


def codes(diagnostics: Diagnostics) -> list[str]:
    return [item.code for item in diagnostics]


def load_text(text: str, folder: Path, overrides: Sequence[str] = ()) -> tuple[Pipeline | None, Diagnostics]:
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    return load(path, overrides, diagnostics), diagnostics


def good(text: str, folder: Path, overrides: Sequence[str] = ()) -> Pipeline:
    """A pipeline without any diagnostic."""
    pipeline, diagnostics = load_text(text, folder, overrides)
    assert not list(diagnostics), [f"{d.span and d.span.place()} {d.message}" for d in diagnostics]
    assert pipeline is not None
    return pipeline


def bare(value: Any) -> Any:
    """A pipeline, or any part of it, without spans and sources: what two spellings of it have in common."""
    if isinstance(value, (Span, Source)):
        return None
    if isinstance(value, Mapping) or type(value).__name__ in ("Scalar", "Inserted", "Sequence"):
        return plain_with_types(value)
    if is_dataclass(value) and not isinstance(value, type):
        skipped = ("span", "spans", "name_span", "inputs_span", "source", "tree", "text", "origin")
        return (type(value).__name__, *((f.name, bare(getattr(value, f.name))) for f in fields(value)
                                        if (f.compare and f.name not in skipped) or (f.name == "text" and not hasattr(value,
                                                                                                      "root"))))
    if isinstance(value, dict):
        return [(key, bare(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [bare(item) for item in value]
    return repr(value)


def plain_with_types(tree: Tree) -> str:
    return repr(plain(tree))
