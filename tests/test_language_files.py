"""Includes, overrides, and the resolved pipeline as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from language_tools import DIGITS, bare, codes, good, load_text

from edgraph.language import load
from edgraph.language.expand import expand
from edgraph.language.pipeline import Pipeline
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import plain

OPS = "ops: {batch: {op: load_batch}}\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def tree(pipeline: Pipeline) -> Any:
    return plain(pipeline.tree)


# -- include ----------------------------------------------------------------------------------------

def test_names_of_entries_may_be_words_of_the_language(tmp_path: Path) -> None:
    write(tmp_path, base="""\
params: {use: 1, k: 2}
models: {weights: {use: mlp}, net: {use: mlp}}
ops:
  at: {op: x, inputs: {p: 1, copy: 2}, with: {k: 1}}
  schedule: {op: y, every: 2}
  fixed_examples: {op: y, every: 2}
  one: at + 1
""")
    pipeline = good("""\
include: base.yaml
params: {use: 3}
models: {weights: {frozen: true}, copy: {copy: net}}
ops:
  at: {inputs: {copy: 3}}
  schedule: {every: 5}
  fixed_examples: {every: null}
  one: {every: 3}
  op: 2 * at
""", tmp_path)
    assert tree(pipeline) == {
        "params": {"use": 3, "k": 2},
        "models": {"weights": {"use": "mlp", "frozen": True}, "net": {"use": "mlp"}, "copy": {"copy": "net"}},
        "ops": {"at": {"op": "x", "inputs": {"p": 1, "copy": 3}, "with": {"k": 1}}, "schedule": {"op": "y", "every": 5},
                "fixed_examples": {"op": "y"}, "one": {"op": "expr", "inputs": "at + 1", "every": 3}, "op": "2 * at"}}


def test_files_are_merged_under_the_one_that_includes_them(tmp_path: Path) -> None:
    write(tmp_path, parts__base="""\
include: deeper.yaml
params: {lr: 1, width: 2}
run: {seed: 1, num_steps: 5}
ops:
  a: {op: x, inputs: {p: 1, q: 2}, with: {k: 1, l: null}, every: {steps: 10, offset: 1}}
  b: {op: y}
  c: 1
""", parts__deeper="name: deeper\nrun: {root: out, num_steps: 6}\nparams: {depth: 9}\n",
          other="run: {num_steps: 7}\nmodels: {net: {use: mlp}}\n")
    pipeline = good("""\
include: [parts/base.yaml, {file: other.yaml, only: [run]}]
params: {lr: 3}
run: {seed: null}
ops:
  a: {with: {k: 2, m: "${lr}"}, every: {cycle: 3, positions: [1]}, inputs: {q: 3}}
  b: {op: z}
  c: null
""", tmp_path)
    assert tree(pipeline) == {
        "name": "deeper", "params": {"lr": 3, "width": 2, "depth": 9}, "run": {"num_steps": 7, "root": "out"},
        "ops": {"a": {"op": "x", "inputs": {"p": 1, "q": 3}, "with": {"k": 2, "l": None, "m": 3},
                      "every": {"cycle": 3, "positions": [1]}}, "b": {"op": "z"}}}
    op = pipeline.ops["a"]
    assert op.op.span.source.name.endswith("base.yaml")
    assert op.every is not None and op.every.span.source.name.endswith("pipeline.yaml")


@pytest.mark.parametrize(("include", "code"), [
    ("none.yaml", "missing-file"), ("[3]", "wrong-type"), ("{files: a.yaml}", "unknown-key"), ("pipeline.yaml",
                                                                                               "include-cycle"),
    ("[a.yaml, {file: b.yaml, only: [modls]}]", "unknown-key"), (".", "unreadable-file"), ("bad.yaml", "syntax"),
    ("[]", None), ("loop_a.yaml", "include-cycle"),
])
def test_mistakes_of_includes(tmp_path: Path, include: str, code: str | None) -> None:
    write(tmp_path, a="name: a\n", b="models: {}\n", bad="a: [\n", loop_a="include: loop_b.yaml\n",
          loop_b="include: loop_a.yaml\n")
    _, diagnostics = load_text(f"include: {include}\n{OPS}", tmp_path)
    assert codes(diagnostics) == ([] if code is None else [code])


def test_a_chain_of_includes_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, **{f"f{n}": f"include: f{n + 1}.yaml\n" for n in range(100)})
    _, diagnostics = load_text(f"include: f0.yaml\n{OPS}", tmp_path)
    assert codes(diagnostics) == ["include-cycle"]


def test_errors_in_included_files_point_there(tmp_path: Path) -> None:
    write(tmp_path, base="run: {seed: x}\nops:\n  a: {op: x, evry: 1}\n")
    _, diagnostics = load_text("include: base.yaml\n", tmp_path)
    assert [d.span and (Path(d.span.source.name).name, d.span.line) for d in diagnostics] == [("base.yaml", 1),
                                                                                              ("base.yaml", 3)]


# -- overrides --------------------------------------------------------------------------------------

def test_overrides(tmp_path: Path) -> None:
    pipeline = good(DIGITS, tmp_path, [
        "lr=3e-4", "run.num_steps=100", "ops.report.every=10", "ops.panel=null", "run.num_epochs=null",
        "ops.total.when=step > 3",
        "data.train.with.split=all", "models.classifier.with.sizes=[64, 10]", "graphs.evaluate.ops.batch.doc=x",
        "ops.more=hold(loss, 0)",
        "data.test={like: train, batch_size: 2}", "run.checkpoint.keep=5", "params.lr=2e-4", "x-mine.a=1",
        "optimizers.adam.with.weight_decay=null"])
    assert pipeline.params == {"lr": 2e-4}
    assert (pipeline.run.num_steps, pipeline.run.num_epochs) == (100, None)
    assert pipeline.run.checkpoint is not None and pipeline.run.checkpoint.keep == 5
    assert "panel" not in pipeline.ops and pipeline.ops["more"].inputs[0].value.text == "hold(loss, 0)"
    total = pipeline.ops["total"]
    assert total.op.text == "expr" and total.when is not None and total.inputs[0].value.text == "loss * params.lr + 0.1"
    adam = pipeline.optimizers["adam"].use.settings
    assert adam is not None and plain(adam) == {"lr": 2e-4, "weight_decay": None}
    assert pipeline.data["test"].batch_size == 2
    every = pipeline.ops["report"].every
    assert every is not None and (every.span.source.name, every.span.column) == ("command line", 18)


@pytest.mark.parametrize(("override", "code", "column", "help"), [
    ("lrr=1", "unknown-parameter", 1, "'lr'"), ("foo", "bad-override", 1, "lr=3e-4"), ("=3", "bad-override", 1, None),
    ("a..b=3", "bad-override", 1, None), ("run.num_stpes=3", "unknown-key", 5, "'num_steps'"), ("rnu.seed=3",
                                                                                                "unknown-key", 1,
                                                                                                "'run'"),
    ("ops.reprot.every=3", "unknown-op", 5, "'report'"), ("ops.panl=null", "unknown-op", 5, "'panel'"),
    ("ops.report.evry=3", "unknown-key", 12, "'every'"), ("models.classifer.use=x", "unknown-model", 8,
                                                          "'classifier'"),
    ("data.tarin.limit=x", "unknown-data", 6, "'train'"), ("run=3", "unknown-parameter", 1, "run.KEY"),
    ("name=x", "unknown-parameter", 1, "bare name"), ("params.lrr=3", "unknown-parameter", 8, "'lr'"),
    ("run.seed=[1", "syntax", 10, None), ("run.seed=x", "wrong-type", 10, None), ("run.seed.x=3", "bad-override", 10,
                                                                                  "run.seed=VALUE"),
    ("ops.report.inputs.0=a", "bad-override", 19, "as a whole"), ("ops.loss.inputs.input=foo(x)", "bad-expression",
                                                                  23, None),
    ("ops.update.with={a: 1, a: 2}", "duplicate-key", 24, None), ("include=x", "unknown-parameter", 1, None),
    ("include.x=x", "bad-override", 1, None), ("graphs.evaluate.ops.bacth.doc=x", "unknown-op", 21, "'batch'"),
    ("graphs.evaluate.params.modle=x", "unknown-parameter", 24, "'model'"), ("graphs.evalute.over=x", "unknown-graph",
                                                                             8, "'evaluate'"),
    ("ops.class=1", "bad-name", 5, None),
    ("ops.report.every=0", "out-of-range", 18, None), ("run.seed=\x00", "control-character", 10, None),
])
def test_mistakes_of_overrides(tmp_path: Path, override: str, code: str, column: int, help: str | None) -> None:
    _, diagnostics = load_text(DIGITS, tmp_path, [override])
    assert codes(diagnostics) == [code]
    item = next(iter(diagnostics))
    assert item.span is not None and item.span.source.name == "command line"
    assert item.span.source.text == override and item.span.column == column
    assert help is None or help in (item.help or "")


def test_overrides_of_missing_files() -> None:
    diagnostics = Diagnostics()
    assert load("there/is/no.yaml", ["a=1"], diagnostics) is None
    assert codes(diagnostics) == ["missing-file"]


# -- expand -----------------------------------------------------------------------------------------

RICH = """\
edgraph: 1
name: "a: 'b' \\"c\\" \\\\ é \\u0007"
description: |
  several
  lines
imports: [my_ops, pkg.more]
include: base.yaml
params: {lr: 1e-3, text: "true", n: "${env:EDGRAPH_NONE:-5}", list: [1, {a: "${lr}"}],
         empty: {}, none: [], nothing: null}
run: {num_steps: "${n}", tags: ["1", b, "c, d"], checkpoint: {every: 1 epoch, keep: 3}, num_epochs: 1e2}
data:
  train: {use: digits, with: {split: train, path: "C:\\\\x",
                              big: 123456789012345678, f: .inf, g: -1.5e-7, t: "1e3", s: ""}}
  test: {like: train, with: {split: test}, limit: 5}
models: {net: {use: mlp, with: {a: "${list}", b: "x-${lr}", c: {use: d, with: {e: yes}}}}}
optimizers: {adam: {use: Adam, updates: [{model: net, match: ["*.bias", "[a]"]}], schedule: "min(1, updates / 5)"}}
stages: {warm: {until: 10}, main: {}}
ops:
  a: {op: x, inputs: {p: "hold(a, 0)", q: 'batch["x y"]', r: "a if b else {c}"}, with: {m: "${empty}", n: "one\\nop: ${lr}"}}
  b: {op: x, inputs: [1, 1.50, true, "not a", "'main' == stage"], every: [first, {steps: 10, offset: 3}, 0.5 epochs]}
  c: previous(c, 0) + 1
  d: 1e-3
patterns: {p: {use: g, with: {lr: "${lr}"}}}
graphs: {g: {params: {model: null}, over: "${model}", ops: {x: "1 + 2"}, outputs: {y: x}}}
x-mine: {anything: ["#", "- a", "a: b", "&x", "*y", "!z", "%", "@",
                     "null", "~", " lead", "trail ", "multi\\nline", "\\t"]}
"""


@pytest.mark.parametrize("origins", [False, True])
@pytest.mark.parametrize("text", [DIGITS, RICH.replace("{c}", "c")], ids=["digits", "rich"])
def test_what_is_expanded_loads_to_the_same_pipeline(tmp_path: Path, text: str, origins: bool) -> None:
    write(tmp_path, base="ops: {extra: 1}\nloggers: {tb: {use: tensorboard}}\n")
    pipeline = good(text, tmp_path, ["lr=2e-4"])
    expanded = expand(pipeline, origins)
    again = good(expanded, tmp_path)
    assert bare(again) == bare(pipeline)
    assert "include" not in expanded and "like" not in expanded
    assert expand(again) == expand(pipeline)


def test_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, base="params: {lr: 1}\nops: {a: {op: x, every: 2}}\n",
          main="include: base.yaml\nops:\n  a: {with: {lr: \"${lr}\"}}\n  b: 1\n")
    diagnostics = Diagnostics()
    pipeline = load("main.yaml", ["ops.a.every=3"], diagnostics)
    assert pipeline is not None and not len(diagnostics)
    lines = [line.split("  # ") for line in expand(pipeline, origins=True).splitlines() if "#" in line]
    assert {(left.strip(), right) for left, right in lines} == {
        ("lr: 1", "base.yaml:1"), ("op: x", "base.yaml:2"), ("every: 3", "command line: ops.a.every=3"),
        ("lr: 1", "${lr} at base.yaml:1"), ("b: 1", "main.yaml:4")}
