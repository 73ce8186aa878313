"""What is offered at the cursor, and what it inserts."""

from __future__ import annotations

import pytest

from edgraph.lsp.analysis import Analysis, analyse
from edgraph.lsp.completion import complete
from edgraph.lsp.offers import Offer
from edgraph.ops.registry import registry
from tests.lsp_tools import DIGITS, TEXT, cursor, digits

GOOD = analyse(str(DIGITS), TEXT)


def offers(marked: str, analysis: Analysis | None = GOOD) -> dict[str, Offer]:
    return {offer.label: offer for offer in complete(analysis, *cursor(marked))}


def labels(marked: str, analysis: Analysis | None = GOOD) -> list[str]:
    return list(offers(marked, analysis))


def accepted(marked: str, label: str, analysis: Analysis | None = GOOD) -> str:
    """The text after an offer was taken, without snippets."""
    offer = offers(marked, analysis)[label]
    text, _ = cursor(marked)
    return text[:offer.start] + offer.plain() + text[offer.end:]


def test_sections() -> None:
    found = offers("name: x\n‸\n", None)
    assert found["ops"].insert == "ops: " and "name" not in found
    assert {"run", "data", "models", "optimizers", "graphs", "patterns"} <= found.keys()
    assert found["params"].doc


def test_op_types() -> None:
    found = offers(digits("{op: cross_entropy,", "{op: cr‸,"))
    assert found.keys() == registry.ops.keys()
    assert "Mean cross-entropy" in found["cross_entropy"].doc
    assert accepted(digits("{op: cross_entropy,", "{op: cr‸,"), "cross_entropy") == TEXT


@pytest.mark.parametrize("op", sorted(registry.ops))
def test_parameters_of_each_op_and_no_others(op: str) -> None:
    written = [f"ops:\n  a: {{op: {op}, with: {{‸}}}}\n", f"ops:\n  a: {{op: {op}, with: {{‸\n  b: 1\n",
               f"ops:\n  a:\n    with:\n      ‸\n    op: {op}\n"]
    for text in written:
        assert labels(text, None) == [param.name for param in registry.ops[op].params]


def test_inputs_by_name() -> None:
    text = digits("inputs: {input: logits, target: batch.label}}\n  update", "inputs: {input: logits, ‸}}\n  update")
    found = offers(text)
    assert list(found) == ["target"]
    assert found["target"].insert == "target: " and "class" in found["target"].doc


def test_references() -> None:
    found = offers(digits("inputs: [loss, update.lr]", "inputs: [lo‸, update.lr]"))
    assert {"loss", "batch", "logits", "hold", "params", "step"} <= found.keys()
    assert found["loss"].detail == "cross_entropy"


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("inputs: batch.image, with: {model: classifier}}\n  loss", "inputs: batch.‸, with: {model: classifier}}\n  loss",
     ["image", "label", "count", "index"]),
    ("inputs: [loss, update.lr]", "inputs: [loss, update.‸]", ["lr", "grad_norm", "applied", "updates"]),
    ("inputs: [loss, update.lr]", "inputs: [loss, update.gr‸]", ["lr", "grad_norm", "applied", "updates"]),
    ("{op: improved, inputs: score.accuracy", "{op: improved, inputs: score.‸", ["accuracy"]),
    ("inputs: [loss, update.lr]", "inputs: [loss * params.‸]", ["lr"]),
])
def test_parts(old: str, new: str, expected: list[str]) -> None:
    assert sorted(labels(digits(old, new))) == sorted(expected)


def test_in_a_loop_its_own_ops() -> None:
    found = labels(digits("      accuracy: {op: accuracy, inputs: {input: logits,", "      accuracy: {op: accuracy, inputs: {input: l‸,"))
    assert {"logits", "batch"} <= set(found) and not {"loss", "report"} & set(found)


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("inputs: loss, with: {optimizer: adam}", "inputs: loss, with: {optimizer: ‸}", ["adam"]),
    ("with: {optimizer: adam}}", "with: {optimizer: ‸adam}}", ["adam"]),
    ("updates: [classifier]", "updates: [cl‸]", ["classifier"]),
    ("{op: fixed_examples, with: {data: validation}}", "{op: fixed_examples, with: {data: ‸}}", ["train", "validation"]),
    ("with: {graph: evaluate, params: {model: classifier}}", "with: {graph: ‸, params: {model: classifier}}", ["evaluate"]),
    ("with: {graph: evaluate, params: {model: classifier}}", "with: {graph: evaluate, params: {‸}}", ["data", "model"]),
    ("with: {graph: evaluate, params: {model: classifier}}", "with: {graph: evaluate, params: {model: ‸}}", ["classifier"]),
    ("with: {mode: max}", "with: {mode: ‸}", ["min", "max"]),
    ("run: {num_epochs: 20, seed: 0}", "run: {over: ‸}", ["train", "validation", "none", "checkpoints"]),
    ("run: {num_epochs: 20, seed: 0}", "run: {precision: ‸}", ["fp32", "bf16", "fp16"]),
    ("shuffle: true", "shuffle: ‸", ["true", "false"]),
])
def test_names_and_values(old: str, new: str, expected: list[str]) -> None:
    assert [label for label in labels(digits(old, new)) if label != "null"] == expected


def test_registered_names() -> None:
    found = offers(digits("{use: mlp, with: {sizes", "{use: ‸, with: {sizes"))
    assert {"mlp", "convnet"} <= found.keys() and "Adam" not in found
    assert "Linear layers" in found["mlp"].doc
    assert "sizes" in labels("models:\n  net: {use: mlp, with: {‸}}\n", None)
    assert "frequency_trainer" in labels("patterns:\n  train: {use: ‸}\n", None)
    assert "cosine" in labels("optimizers:\n  a: {use: Adam, updates: [n], schedule: {use: ‸}}\n", None)
    assert "warmup" in labels("optimizers:\n  a: {use: Adam, updates: [n], schedule: {use: cosine, ‸}}\n", None)


def test_clocks() -> None:
    found = offers("ops:\n  a: {op: print, inputs: 1, every: ‸}\n", None)
    assert {"10 steps", "1 epoch", "first", "{cycle, positions}"} <= found.keys()
    assert found["10 steps"].insert == "${1:10} steps" and found["10 steps"].plain() == "10 steps"
    assert accepted("ops:\n  a: {op: print, inputs: 1, every: ‸}\n", "{steps, offset}", None) == (
        "ops:\n  a: {op: print, inputs: 1, every: {steps: 10, offset: 3}}\n")
    assert "offset" in labels("ops:\n  a: {op: print, inputs: 1, every: {steps: 10, ‸}}\n", None)
    stages = "stages: {early: {until: 10 steps}, late: {}}\nops:\n"
    assert labels(stages + "  a: {op: print, inputs: 1, every: {first: ‸}}\n", None) == ["early", "late"]
    assert labels(stages + "  a: {op: print, inputs: 1, during: ‸}\n", None) == ["early", "late"]
    assert "epoch_end" in labels("ops:\n  a: {op: print, inputs: 1, at: ‸}\n", None)


def test_parameters() -> None:
    assert accepted(digits('lr: "${lr}"', 'lr: "${‸}"'), "${lr}") == TEXT
    assert accepted(digits('lr: "${lr}"', "lr: ${‸"), "${lr}") == TEXT
    assert accepted(digits('lr: "${lr}"', "lr: ${‸}"), "${lr}") == TEXT


def test_functions_are_quoted_where_a_comma_would_end_them() -> None:
    assert accepted("ops:\n  a: {op: print, inputs: ho‸}\n", "hold", None) == 'ops:\n  a: {op: print, inputs: "hold(x, 0.0)"}\n'
    assert accepted("ops:\n  a: ho‸\n", "hold", None) == "ops:\n  a: hold(x, 0.0)\n"
    assert accepted('ops:\n  a: {op: print, inputs: "1 + ho‸"}\n', "hold", None) == (
        'ops:\n  a: {op: print, inputs: "1 + hold(x, 0.0)"}\n')


def test_names_of_what_is_being_written() -> None:
    """The text need not be YAML, nor known: its own names are offered at once."""
    text = "models:\n  fresh: {use: mlp}\nops:\n  a: {op: forward, with: {model: ‸\n  b: {op: print\n"
    assert labels(text, None) == ["fresh"]
    assert "fresher" in labels("ops:\n  fresher: 1.0\n  a: {op: print, inputs: fr‸\n", None)


def test_patterns() -> None:
    text = ("graphs:\n  twice:\n    params: {x: null}\n    ops: {y: 2.0}\n    outputs: {total: y}\n"
            "patterns:\n  one: {use: twice, with: {x: 1}}\nops:\n  a: one.y\n")
    known = analyse("<test>", text)
    assert labels(text.replace("one.y", "one.‸"), known) == ["y", "total"]
    assert labels(text.replace("with: {x: 1}", "with: {‸}"), known) == ["x"]
    assert "one" in labels(text.replace("one.y", "‸"), known)


def test_nothing_in_comments() -> None:
    assert labels("ops:\n  a: 1 # ‸\n# ", None) == []
    assert labels("# ‸\nops:\n", None) == []
