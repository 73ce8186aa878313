"""From a file to a typed pipeline."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from language_tools import DIGITS, bare, codes, good, load_text

from edgraph.language import instantiate, load, read_ops
from edgraph.language.expressions import Binary, Const, Param, Ref
from edgraph.language.pipeline import CheckpointPolicy, Group
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping, Name, Scalar, plain

OPS = "ops: {batch: {op: load_batch}}\n"


def test_the_example_of_the_design(tmp_path: Path) -> None:
    pipeline = good(DIGITS, tmp_path)
    assert pipeline.name == "digits"
    assert pipeline.params == {"lr": 1e-3}
    assert (pipeline.run.num_epochs, pipeline.run.seed, pipeline.run.checkpoint) == (20.0, 0, None)
    train = pipeline.data["train"]
    assert train.use is not None and train.use.use.text == "digits"
    assert (train.batch_size, train.shuffle, train.prefetch) == (64, True, 2)
    adam = pipeline.optimizers["adam"]
    assert bare(adam.updates) == bare((Group(Name("classifier", train.span)),))
    assert adam.use.settings is not None and plain(adam.use.settings) == {"lr": 1e-3}
    assert list(pipeline.ops) == ["batch", "logits", "loss", "update", "report", "total", "panel", "score", "record",
                                  "best", "enough"]
    loss = pipeline.ops["loss"]
    assert [(i.name and i.name.text, i.value.text, i.value.is_reference) for i in loss.inputs] == [
        ("input", "logits", True), ("target", "batch.label", True)]
    total = pipeline.ops["total"]
    assert total.op.text == "expr" and len(total.inputs) == 1 and total.inputs[0].name is None
    root = total.inputs[0].value.root
    assert isinstance(root, Binary) and isinstance(root.left, Binary) and isinstance(root.left.right, Param)
    assert pipeline.ops["best"].when is not None and isinstance(pipeline.ops["best"].when.root, Ref)
    assert pipeline.graphs["evaluate"].params == {"model": None, "data": "validation"}
    assert not pipeline.broken


def test_spans_point_at_what_was_written(tmp_path: Path) -> None:
    pipeline = good(DIGITS, tmp_path)
    lines = DIGITS.splitlines()
    for op in pipeline.ops.values():
        span = op.name_span
        assert lines[span.line - 1][span.column - 1:span.end_column - 1] == op.name
        for edge in op.inputs:
            span = edge.value.span
            assert lines[span.line - 1][span.column - 1:span.end_column - 1] == edge.value.text
    span = pipeline.ops["loss"].span
    assert lines[span.line - 1][span.column - 1:span.end_column - 1] == \
        "{op: cross_entropy, inputs: {input: logits, target: batch.label}}"


def test_a_python_mapping_gives_the_same_pipeline(tmp_path: Path) -> None:
    from edgraph.text.read import read
    from edgraph.text.source import Source

    tree = read(Source("f", DIGITS), Diagnostics())
    assert tree is not None
    diagnostics = Diagnostics()
    value = plain(tree)
    assert isinstance(value, dict)
    found = load(value, [], diagnostics)
    assert not len(diagnostics) and found is not None
    assert bare(found) == bare(good(DIGITS, tmp_path))
    assert found.source.name == "<mapping>"


def test_what_is_no_data_in_a_python_mapping() -> None:
    endless: dict[str, object] = {}
    endless["a"] = endless
    for value in ({"ops": {"a": object()}}, {1: 2}, {"ops": {"a": {1}}}, endless, {"ops": [1j]}):
        diagnostics = Diagnostics()
        assert load(value, [], diagnostics) is None  # type: ignore[arg-type]
        assert codes(diagnostics) == ["wrong-type"]


def test_constants_are_expressions(tmp_path: Path) -> None:
    pipeline = good("ops: {a: {op: x, inputs: [1, 2.5, true, loss]}, b: 3, c: true, d: {op: y, inputs: {v: -1}, "
                    "when: true}}\n",
                    tmp_path)
    assert [edge.value.root for edge in pipeline.ops["a"].inputs][:3] == [Const(1), Const(2.5), Const(True)]
    assert pipeline.ops["b"].inputs[0].value.root == Const(3)
    assert pipeline.ops["d"].when is not None and pipeline.ops["d"].when.root == Const(True)


def test_all_keys_of_an_op(tmp_path: Path) -> None:
    pipeline = good("ops:\n  a:\n    op: x\n    inputs: b\n    with: {k: [1, {use: y}]}\n    every: null\n    at: "
                    "[start, epoch_end]\n"
                    "    during: main\n    when: b > 1\n    after: [b, train.c]\n    doc: text\n    ignore: "
                    "unread-value\n  b: 1\n", tmp_path)
    op = pipeline.ops["a"]
    assert [event for event, _ in op.at] == ["start", "epoch_end"]
    assert [name.text for name in op.during] == ["main"] and [name.text for name in op.after] == ["b", "train.c"]
    assert (op.doc, op.ignore, op.every) == ("text", ("unread-value",), None)
    assert op.settings is not None and plain(op.settings) == {"k": [1, {"use": "y"}]}


def test_data_over_other_data(tmp_path: Path) -> None:
    pipeline = good("""\
data:
  all: {use: digits, with: {split: all, root: x}, batch_size: 8}
  train: {from: all, folds: 5, fold: 1, part: train, shuffle: true}
  test: {like: train, part: validation, shuffle: false, with: {root: y}}
  other: {like: all, use: idx}
  unlimited: {like: limited, limit: null}
  limited: {like: all, limit: 5}
""" + OPS, tmp_path)
    train, test, other = (pipeline.data[name] for name in ("train", "test", "other"))
    assert (train.folds, train.fold, train.part, train.batch_size, train.shuffle) == (5, 1, "train", 8, True)
    assert (test.folds, test.fold, test.part, test.shuffle) == (5, 1, "validation", False)
    assert test.use is not None and test.use.settings is not None
    assert plain(test.use.settings) == {"split": "all", "root": "y"}
    assert other.use is not None and other.use.use.text == "idx" and other.use.settings is None
    assert (pipeline.data["limited"].limit, pipeline.data["unlimited"].limit) == (5, None)


def test_models_and_optimizers(tmp_path: Path) -> None:
    pipeline = good("""\
params: {lr: 0.1}
models:
  net: {use: mlp, weights: runs/old@best}
  ema: {copy: net, frozen: true}
  enc: {use: my.net, weights: {file: a.safetensors, prefix: enc., strict: false}}
optimizers:
  adam:
    use: Adam
    updates: [{model: net, match: ["*.bias"], weight_decay: 0.0}, net.head, enc]
    schedule: params.lr * min(1, updates / 500)
    per: step
    clip_norm: 1
  sgd: {use: SGD, updates: net, schedule: {use: cosine, warmup: 500}}
  one: {use: SGD, updates: net, schedule: 1e-3}
""" + OPS, tmp_path)
    weights = pipeline.models["enc"].weights
    assert weights is not None and (weights.file, weights.prefix, weights.strict) == ("a.safetensors", "enc.", False)
    old = pipeline.models["net"].weights
    assert old is not None and old.checkpoint == "runs/old@best"
    assert pipeline.models["ema"].copy is not None and pipeline.models["ema"].frozen
    adam = pipeline.optimizers["adam"]
    assert [(g.model.text, g.match, g.settings) for g in adam.updates] == [
        ("net", ("*.bias",), {"weight_decay": 0.0}), ("net.head", (), {}), ("enc", (), {})]
    assert (adam.per, adam.clip_norm) == ("step", 1.0)
    schedule = pipeline.optimizers["sgd"].schedule
    assert isinstance(schedule, Mapping) and plain(schedule) == {"use": "cosine", "warmup": 500}


def test_run_and_stages(tmp_path: Path) -> None:
    pipeline = good("""\
run: {over: none, num_steps: 1e3, num_epochs: 1.5, max_time: 2 h, seed: 7, backend: torch, tags: [a, 2024],
      checkpoint: {every: 5 minutes, keep: 3}, nonfinite: skip, deterministic: true}
stages: {warm: {until: 100}, main: {for: 2.5 epochs}, odd: {until: {when: "hold(x, 0) > 1"}}, tail: {}}
fixed_examples: {train: [0, 5]}
""" + OPS, tmp_path)
    run = pipeline.run
    assert run.over is not None and run.over.text == "none"
    assert (run.num_steps, run.num_epochs, run.max_time, run.seed, run.backend) == (1000, 1.5, 7200.0, 7, "torch")
    assert (run.tags, run.nonfinite, run.deterministic) == (("a", "2024"), "skip", True)
    assert run.checkpoint is not None and run.checkpoint.keep == 3 and run.checkpoint.every is not None
    warm, main, odd, tail = pipeline.stages.values()
    assert warm.until == (Fraction(100), "steps") and main.length == (Fraction(5, 2), "epochs")
    assert odd.condition is not None and (tail.until, tail.length, tail.condition) == (None, None, None)
    assert pipeline.fixed_examples["train"][0] == [0, 5]
    assert good("run: {checkpoint: false}\n" + OPS, tmp_path).run.checkpoint == CheckpointPolicy(None, enabled=False)
    assert good("run: {checkpoint: null}\n" + OPS, tmp_path).run.checkpoint is None


def test_parameters_keep_their_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGRAPH_TEST", "12")
    pipeline = good("""\
params: {n: 3, lr: 1e-3, sizes: [1, "${n}"], name: "run-${n}-${lr}", same: "${sizes}", seed: "${env:EDGRAPH_TEST}"}
name: ${name}
run: {seed: "${seed}", root: "${env:EDGRAPH_NONE:-out}/x"}
models: {net: {use: mlp, with: {sizes: "${same}", n: "${n}", lr: "${lr}", none: "${env:EDGRAPH_NONE:-}"}}}
ops: {a: {op: x, every: "${n}", with: {text: "${n} steps"}}}
""", tmp_path)
    assert pipeline.name == "run-3-1e-3"
    assert (pipeline.run.seed, pipeline.run.root) == (12, "out/x")
    net = pipeline.models["net"].use
    assert net is not None and net.settings is not None
    assert plain(net.settings) == {"sizes": [1, 3], "n": 3, "lr": 1e-3, "none": None}
    settings = pipeline.ops["a"].settings
    assert settings is not None and plain(settings) == {"text": "3 steps"}


def test_errors_do_not_hide_each_other(tmp_path: Path) -> None:
    text = DIGITS.replace("batch_size: 64", "batch_size: 0").replace("op: stop", "opp: stop").replace("1 epoch}",
                                                                                                      "1 epohc}") \
        .replace("${lr}", "${lrr}").replace("logits.argmax", "foo(logits)").replace("name: digits", "nmae: digits")
    pipeline, diagnostics = load_text(text, tmp_path)
    assert codes(diagnostics) == ["unknown-key", "out-of-range", "unknown-parameter", "bad-expression", "bad-clock",
                                  "bad-clock",
                                  "unknown-key"]
    assert pipeline is not None
    assert pipeline.broken == {"data.train", "optimizers.adam", "ops.panel", "ops.score", "ops.enough"}
    assert set(pipeline.ops) == set(good(DIGITS, tmp_path).ops)


def test_long_chains_and_explosions_of_parameters(tmp_path: Path) -> None:
    chain = "".join(f"  p{n}: ${{p{n + 1}}}\n" for n in range(500))
    _, diagnostics = load_text(f"params:\n{chain}  p500: 1\n{OPS}", tmp_path)
    assert "parameter-cycle" in codes(diagnostics)
    double = "".join(f"  p{n}: ${{p{n + 1}}}${{p{n + 1}}}\n" for n in range(40))
    _, diagnostics = load_text(f"params:\n{double}  p40: x\n{OPS}", tmp_path)
    assert "bad-interpolation" in codes(diagnostics)
    lists = "".join(f'  p{n}: ["${{p{n + 1}}}", "${{p{n + 1}}}"]\n' for n in range(40))
    _, diagnostics = load_text(f"params:\n{lists}  p40: x\n{OPS}", tmp_path)
    assert "alias-bomb" in codes(diagnostics)
    deep = "".join(f'  p{n}: [[[["${{p{n + 1}}}"]]]]\n' for n in range(60))
    _, diagnostics = load_text(f"params:\n{deep}  p60: x\n{OPS}", tmp_path)
    assert "too-deep" in codes(diagnostics)


# -- graphs -----------------------------------------------------------------------------------------

GRAPH = """\
params: {width: 3}
data: {train: {use: digits}}
graphs:
  g:
    params: {model: null, n: "${width}", data: train}
    over: ${data}
    ops:
      batch: {op: load_batch}
      logits: {op: forward, inputs: batch.image, with: {model: "${model}", n: "${n}", w: "${width}"}, every: "${n}"}
      scaled: mean(logits) * params.n
    outputs: {out: scaled}
""" + OPS


def arguments(**values: str | int) -> Mapping:
    from edgraph.text.read import read
    from edgraph.text.source import Source

    tree = read(Source("args", "\n".join(f"{key}: {value}" for key, value in values.items())), Diagnostics())
    assert tree is not None
    return tree


def test_a_graph_with_its_parameters(tmp_path: Path) -> None:
    pipeline = good(GRAPH, tmp_path)
    diagnostics = Diagnostics()
    graph = pipeline.graphs["g"]
    use = instantiate(graph, arguments(model="net"), pipeline, diagnostics, graph.span)
    assert use is not None and not len(diagnostics)
    assert use.over is not None and use.over.text == "train"
    assert use.params == {"model": "net", "n": 3, "data": "train"}
    settings = use.ops["logits"].settings
    assert settings is not None and plain(settings) == {"model": "net", "n": 3, "w": 3}
    assert list(use.outputs) == ["out"] and not use.broken


def test_defaults_of_a_graph_follow_what_a_use_gives(tmp_path: Path) -> None:
    pipeline = good("""\
params: {k: 2}
ops: {x: {op: a}}
graphs:
  g: {params: {n: "${k}", m: "${n}", name: "n${m}"}, repeat: "${m}", ops: {x: {op: a}}}
""", tmp_path)
    for given, params in ((None, {"n": 2, "m": 2, "name": "n2"}), (arguments(n="3"), {"n": 3, "m": 3, "name": "n3"}),
                          (arguments(m="4"), {"n": 2, "m": 4, "name": "n4"})):
        diagnostics = Diagnostics()
        graph = pipeline.graphs["g"]
        use = instantiate(graph, given, pipeline, diagnostics, graph.span)
        assert use is not None and not len(diagnostics)
        assert use.params == params and use.repeat == params["m"]


def test_wrong_arguments_of_a_graph(tmp_path: Path) -> None:
    pipeline = good(GRAPH, tmp_path)
    graph = pipeline.graphs["g"]
    for given, found in ((arguments(modle="net"), ["unknown-parameter"]), (None, ["missing-parameter"]),
                         (arguments(model="net", n="x"), ["bad-clock"])):
        diagnostics = Diagnostics()
        instantiate(graph, given, pipeline, diagnostics, graph.span)
        assert codes(diagnostics) == found


@pytest.mark.parametrize(("keys", "found"), [
    ("repeat: 5", []), ("while: x > 0\n    max: 10", []), ("while: x > 0", ["missing-key"]), ("max: 3",
                                                                                              ["missing-key"]),
    ("repeat: 0", ["out-of-range"]), ("repeat: 2\n    over: train", ["exclusive-keys"]), ("while: x >\n    max: 1",
                                                                                          ["bad-expression"]),
    ("outputs: {a: x, step: foo(x), 2b: x}", ["bad-expression", "bad-name"]), ("patterns: {p: {use: h}}", []),
    ("patterns: {p: h}", ["wrong-type"]),
])
def test_loops(tmp_path: Path, keys: str, found: list[str]) -> None:
    pipeline = good(f"graphs:\n  g:\n    {keys}\n    ops: {{x: 1}}\n{OPS}", tmp_path)
    diagnostics = Diagnostics()
    instantiate(pipeline.graphs["g"], None, pipeline, diagnostics, pipeline.graphs["g"].span)
    assert codes(diagnostics) == found


def test_ops_of_patterns_are_adjusted(tmp_path: Path) -> None:
    pipeline = good("""\
graphs: {g: {ops: {a: {op: x, every: 2, with: {k: 1, l: 2}}, b: 1, c: 2}}}
patterns: {p: {use: g}}
ops:
  batch: {op: load_batch}
  p.a: {every: 5, with: {k: 3}}
""", tmp_path, ["ops.p.a.with.l=7", "ops.p.b=null"])
    graph = pipeline.graphs["g"]
    assert list(pipeline.ops) == ["batch"] and list(pipeline.adjustments) == ["p.a", "p.b"]
    diagnostics = Diagnostics()
    use = instantiate(graph, None, pipeline, diagnostics, pipeline.patterns["p"].span, "p.")
    assert use is not None and not len(diagnostics)
    assert list(use.ops) == ["a", "c"]
    settings = use.ops["a"].settings
    assert settings is not None and plain(settings) == {"k": 3, "l": 7}
    assert bare(use.ops["a"].every) == bare(good("ops: {a: {op: x, every: 5}}", tmp_path).ops["a"].every)
    assert use.ops["a"].origin == pipeline.patterns["p"].span
    made, broken = read_ops(graph.tree.get("ops"), pipeline, diagnostics, graph.span, "p.")  # type: ignore[arg-type]
    assert list(made) == ["a", "c"] and not broken


PATTERNS = """\
params: {width: 3}
graphs:
  inner: {params: {k: 1}, ops: {z: params.k + params.width, w: {op: print}}}
  g:
    params: {n: 5, sizes: [1]}
    patterns: {deep: {use: inner, with: {k: "${n}"}}}
    ops: {a: {op: print, when: step > params.n}}
patterns: {p: {use: g, with: {n: 7}}}
ops:
  batch: {op: load_batch}
"""


def test_parameters_of_a_graph_are_constants_in_its_expressions(tmp_path: Path) -> None:
    pipeline = good(PATTERNS, tmp_path)
    diagnostics = Diagnostics()
    use = instantiate(pipeline.graphs["g"], arguments(n=7), pipeline, diagnostics, pipeline.graphs["g"].span)
    assert use is not None
    when = use.ops["a"].when
    assert when is not None and isinstance(when.root, Binary) and when.root.right == Const(7)
    inner = instantiate(pipeline.graphs["inner"], use.patterns["deep"].settings, pipeline, diagnostics, use.span)
    assert inner is not None and not len(diagnostics)
    root = inner.ops["z"].inputs[0].value.root
    assert isinstance(root, Binary) and root.left == Const(7) and isinstance(root.right, Param)
    lists = PATTERNS.replace("params.n}", "params.sizes}")
    pipeline = good(lists, tmp_path)
    instantiate(pipeline.graphs["g"], arguments(n=7), pipeline, diagnostics, pipeline.graphs["g"].span)
    assert codes(diagnostics) == ["bad-expression"]


@pytest.mark.parametrize(("line", "code"), [
    ("p.nothing: {every: 3}", "unknown-op"), ("p.deep.w: {every: 3}", None), ("p.a: {evry: 0}", "unknown-key"),
    ("p.a: {every: 0}", "out-of-range"), ("q.a: {every: 3}", "unknown-pattern"),
])
def test_mistakes_about_ops_of_patterns(tmp_path: Path, line: str, code: str | None) -> None:
    pipeline, diagnostics = load_text(f"{PATTERNS}  {line}\n", tmp_path)
    assert pipeline is not None
    use = pipeline.patterns["p"]
    instantiate(pipeline.graphs["g"], use.settings, pipeline, diagnostics, use.span, "p.")
    assert codes(diagnostics) == ([] if code is None else [code])


def test_an_expanded_pipeline_has_ops_with_dots(tmp_path: Path) -> None:
    pipeline = good("ops: {p.a: {op: print}, p.deep.b: p.a + 1}\n", tmp_path, ["ops.p.a.every=3",
                                                                               "ops.p.deep.b.doc=x"])
    assert list(pipeline.ops) == ["p.a", "p.deep.b"] and not pipeline.adjustments
    assert pipeline.ops["p.a"].every is not None and pipeline.ops["p.deep.b"].doc == "x"
    assert codes(load_text("ops: {p.1: 1, p.class: 2, .a: 3, a.: 4}\n", tmp_path)[1]) == ["bad-name"] * 4


def test_names_that_only_look_like_numbers(tmp_path: Path) -> None:
    pipeline = good("ops: {e1: 1, _2: 2, größe: 3}\n", tmp_path)
    assert list(pipeline.ops) == ["e1", "_2", "größe"]
    assert isinstance(pipeline.tree.get("ops"), Mapping) and not isinstance(pipeline.tree, Scalar)
