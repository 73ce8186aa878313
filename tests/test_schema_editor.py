"""What an author sees in a real editor: yaml-language-server, as `make test-editor` installs it.

`$YAMLLS` is the command that starts the server.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from yamlls import LspError, YamlLanguageServer

from edgraph.compile import check
from edgraph.ops.registry import registry
from edgraph.schema import FILE
from edgraph.schema_parts import snippets
from edgraph.text.dump import dump
from edgraph.text.source import Source

pytestmark = pytest.mark.editor
ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / FILE
DIGITS = (ROOT / "pipelines" / "digits.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[YamlLanguageServer]:
    try:
        with YamlLanguageServer() as made:
            yield made
    except LspError as error:
        pytest.skip(str(error))


def change(old: str, new: str) -> str:
    """digits.yaml without its modeline, and with one change."""
    text = DIGITS.split("\n", 1)[1]
    assert old in text
    return text.replace(old, new, 1)


def shown(server: Any, text: str) -> list[str]:
    found = server.diagnostics(ROOT / "pipelines" / "changed.yaml", SCHEMA, text=text)
    return [f"{d.spanned!r}: {d.message}" for d in found]


def position(text: str, mark: str = "|") -> tuple[str, int, int]:
    """The text without its mark, and the mark's line and column."""
    before, after = text.split(mark)
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


PIPELINES = sorted([*(ROOT / "pipelines").glob("**/*.yaml"), *(ROOT / "docs").rglob("*.yaml"),
                    *(ROOT / "edgraph" / "templates").glob("*.yaml")])


def own_schema(path: Path, folder: Path) -> Path:
    """With the ops of the pipeline's own modules."""
    done = subprocess.run([sys.executable, "-m", "edgraph", "schema", str(path), "-o", str(folder / "own.json")],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "own.json"


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_our_pipelines_have_no_diagnostic(server: Any, path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    own = re.search(r"^imports:", text, re.MULTILINE) is not None
    schema = own_schema(path, tmp_path) if own else None if "yaml-language-server: $schema" in text else SCHEMA
    assert [str(d) for d in server.diagnostics(path, schema, text=re.sub(r"\A# yaml-l.*", "", text) if own else None)] == []


MISTAKES = [  # what stands in digits.yaml, what stands there instead, what is underlined, what is said of it
    ("name: digits", "nmae: digits", "nmae", "Property nmae is not allowed."),
    ("params: {lr", "parms: {lr", "parms", "Property parms is not allowed."),
    ("run: {num_epochs", "rnu: {num_epochs", "rnu", "Property rnu is not allowed."),
    ("num_epochs: 20", "num_epoch: 20", "num_epoch", "Property num_epoch is not allowed."),
    ("num_epochs: 20", "num_epochs: many", "many", "Incorrect type. Expected one of number, null."),
    ("num_epochs: 20", "num_epochs: 0", "0", "Value is below the exclusive minimum of 0."),
    ("seed: 0", "seed: -1", "-1", "Value is below the minimum of 0."),
    ("seed: 0", "sed: 0", "sed", "Property sed is not allowed."),
    ("seed: 0", "backend: torhc", "torhc", 'Value is not accepted. Valid values: "torch", "tensorflow", "python".'),
    ("seed: 0", "precision: fp8", "fp8", 'Value is not accepted. Valid values: "fp32", "bf16", "fp16".'),
    ("seed: 0", "nonfinite: stopp", "stopp", 'Value is not accepted. Valid values: "stop", "skip", "ignore".'),
    ("seed: 0", "checkpoint: {keep: 0}", "0", "Value is below the minimum of 1."),
    ("seed: 0", "checkpoint: {evry: 10}", "evry", "Property evry is not allowed."),
    ("data:\n", "dta:\n", "dta", "Property dta is not allowed."),
    ("batch_size: 64", "batchsize: 64", "batchsize", "Property batchsize is not allowed."),
    ("batch_size: 64", 'batch_size: "64"', '"64"', 'Incorrect type. Expected "integer".'),
    ("batch_size: 64", "batch_size: 0", "0", "Value is below the minimum of 1."),
    ("shuffle: true", "shuffle: yes", "yes", 'Incorrect type. Expected "boolean".'),
    ("shuffle: true", "worker: 2", "worker", "Property worker is not allowed."),
    ("split: train", "splitt: train", "splitt", "Property splitt is not allowed."),
    ("split: train", "split: test", "test", 'Value is not accepted. Valid values: "train", "validation", "all".'),
    ("use: mlp", "ues: mlp", "ues", "Property ues is not allowed."),
    ("sizes: [64, 128, 10]", "sizes: [64, 10], droput: 0.1", "droput", "Property droput is not allowed."),
    ("sizes: [64, 128, 10]", "sizes: [64, 10], dropout: 2", "2", "Value is above the exclusive maximum of 1."),
    ("sizes: [64, 128, 10]", "sizes: [64, 10], activation: rellu", "rellu", "Value is not accepted."),
    ("updates: [classifier], ", "", "adam", 'Missing property "updates".'),
    ('lr: "${lr}"', "lr: fast", "fast", 'Incorrect type. Expected "number".'),
    ('lr: "${lr}"', "rl: 0.1", "rl", "Property rl is not allowed."),
    ('with: {lr: "${lr}"}}', "schedule: {use: cosine, steps: 10, wramup: 3}}", "wramup", "Property wramup is not allowed."),
    ('with: {lr: "${lr}"}}', "clip_norm: big}", "big", 'Incorrect type. Expected "number".'),
    ("op: forward", "op: foward", "foward", "Value is not accepted."),
    ("batch:  {op: load_batch}", "batch:  {}", "batch", 'Missing property "op".'),
    ("batch:  {op: load_batch}", "batch:  null", "null", "Incorrect type. Expected one of object, string, number, boolean."),
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: {inptu: logits, input: logits, target: batch.label}}\n  update", "inptu", "Property inptu is not allowed."),
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: {input: logits}}\n  update", "inputs", 'Missing property "target".'),
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: [logits]}\n  update", "[logits]", "Array has too few items. Expected 2 or more."),
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: [logits, batch.label, loss]}\n  update", "[logits, batch.label, loss]", "Array has too many items. Expected 2 or fewer."),
    ("with: {optimizer: adam}", "with: {optimizer: adam, accumulate: 0}", "0", "Value is below the minimum of 1."),
    ("with: {mode: max}", "with: {mod: max}", "mod", "Property mod is not allowed."),
    ("with: {mode: max}", "with: {mode: maxi}", "maxi", 'Value is not accepted. Valid values: "min", "max".'),
    ("every: 1 epoch", "every: 1 epok", "1 epok", 'Expected a clock: 10, "10 steps", "1 epoch", "10 updates", "10 minutes", first, last.'),
    ("every: 1 epoch", "every: {step: 3}", "step", "Property step is not allowed."),
    ("every: 1 epoch", "evry: 1 epoch", "evry", "Property evry is not allowed."),
    ("every: 1 epoch", "every: {steps: 3, grow: 1}", "1", "Value is below the minimum of 2."),
    ("every: 1 epoch", "at: epoch_ends", "epoch_ends", "Value is not accepted."),
    ("every: 1 epoch", "every: 0", "0", "Value is below the minimum of 1."),
    ("when: record}", "whn: record}", "whn", "Property whn is not allowed."),
    ("when: record}", "when: [record]}", "[record]", "Incorrect type. Expected one of string, number, boolean, null."),
    ("graphs:\n", "graphs: 3\nx-rest:\n", "3", 'Incorrect type. Expected "object".'),
    ("    over: ${data}", "    ovr: ${data}", "ovr", "Property ovr is not allowed."),
    ("    outputs: {accuracy: accuracy}", "    output: {accuracy: accuracy}", "output", "Property output is not allowed."),
    ("  enough: {op", "  en ough: {op", "en ough", "Expected a name: letters, digits and _, without a digit first."),
]


@pytest.mark.parametrize(("old", "new", "underlined", "said"), MISTAKES)
def test_a_mistake_is_one_diagnostic_at_its_place(server: Any, old: str, new: str, underlined: str, said: str) -> None:
    text = change(old, new)
    found = server.diagnostics(ROOT / "pipelines" / "changed.yaml", SCHEMA, text=text)
    assert [item.spanned for item in found] == [underlined]
    assert found[0].message.startswith(said)
    line = text.splitlines()[found[0].range.line - 1]
    at = text.index(new) if new else text.index("adam:")
    near = text[text.rfind("\n", 0, at) + 1:text.find("\n", at + len(new))]
    assert line in near or line in new, "it is somewhere else"


def test_there_are_many() -> None:
    assert len(MISTAKES) >= 40


def test_an_unknown_op_lists_the_known_ones(server: Any) -> None:
    (message,) = shown(server, change("op: forward", "op: foward"))
    assert message.startswith("'foward': Value is not accepted. Valid values: ") and '"forward"' in message


def test_hover_says_what_an_op_and_its_parts_are(server: Any) -> None:
    for where, said in [("op: for|ward", "**forward**: Run a model"), ("op: cross|_entropy", "**cross_entropy**"),
                        ("{mo|del: classifier}}\n  loss", "path of a sub-module"), ("{in|put: logits", "(batch, classes)"),
                        ("si|zes", "of each hidden layer"), ("use: m|lp", "**mlp**"), ("ev|ery: [first", "How often")]:
        text, line, column = position(change(where.replace("|", ""), where))
        hover = server.hover(ROOT / "pipelines" / "changed.yaml", line, column, SCHEMA, text=text)
        assert hover is not None and said in hover.markdown.replace("\\", ""), where


def test_completion_offers_ops_parameters_and_clocks(server: Any) -> None:
    for new, label in [("new: {op: |}", "cross_entropy"), ("new:\n    op: forward\n    with:\n      |", "method"),
                       ("new:\n    op: mse\n    inputs:\n      |", "target"), ("new: {op: stop, every: |}", "1 epoch"),
                       ("new:\n    op: stop\n    |", "every"), ("new: {op: improved, with: {mode: |}}", "max")]:
        text, line, column = position(change("batch:  {op: load_batch}", new))
        found = server.completions(ROOT / "pipelines" / "changed.yaml", line, column, SCHEMA, text=text)
        assert label in [item.label for item in found], new


@pytest.mark.parametrize("op", sorted(name for name in registry.ops if registry.is_builtin("op", name)))
def test_with_offers_the_parameters_of_the_op_and_no_others(server: Any, op: str) -> None:
    spec = registry.ops[op]
    text, line, column = position(f"ops:\n  new:\n    op: {op}\n    with:\n      |\n")
    found = server.completions(ROOT / "pipelines" / "changed.yaml", line, column, SCHEMA, text=text)
    # besides: any name, where the parameters are open; and all that are required at once
    labels = {item.label for item in found} - {"property", f"with_{op}"}
    assert labels == {param.name for param in spec.params}


def test_snippets(server: Any) -> None:
    for section, labels in (("ops", {"op", "expression", "log", "training step", "evaluation"}),
                            ("patterns", {"trainer", "trainer in turns"}), ("graphs", {"evaluation loop"})):
        text, line, column = position(f"{section}:\n  |\n")
        found = server.completions(ROOT / "pipelines" / "changed.yaml", line, column, SCHEMA, text=text)
        assert labels <= {item.label for item in found}, section


def test_snippets_are_right() -> None:
    """What they write, with their proposals taken, is a pipeline without errors."""
    step, evaluation = filled(snippets.OPS[3]["body"]), filled(snippets.OPS[4]["body"])
    del step["update"]  # the trainer does it
    text = "".join(f"{section}:\n" + "".join(f"  {line}\n" for line in dump(filled(body)).splitlines())
                   for section, body in (("ops", {**step, **evaluation}), ("graphs", snippets.GRAPHS[0]["body"]),
                                         ("patterns", snippets.TRAINERS[0]["body"])))
    head = DIGITS[:DIGITS.index("\nops:")]
    found = check(Source("p.yaml", f"{head}\n{text}"))
    assert [item.message for item in found.diagnostics] == []


def filled(value: Any) -> Any:
    """A snippet with what it proposes."""
    if isinstance(value, dict):
        return {filled(key): filled(part) for key, part in value.items()}
    return re.sub(r"\$\{\d+:([^}]*)\}", r"\1", value) if isinstance(value, str) else value


def test_an_op_of_the_author_is_like_one_of_ours(server: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OP)
    path = tmp_path / "p.yaml"
    path.write_text("imports: [mine]\nrun: {num_steps: 9}\nops:\n  a: {op: blurred, inputs: step, with: {radius: 2}}\n"
                    "  b: {op: print, inputs: a}\n")
    schema = own_schema(path, tmp_path)
    text = path.read_text()
    assert server.diagnostics(path, schema, text=text) == []
    (wrong,) = server.diagnostics(path, schema, text=text.replace("radius", "raduis"))
    assert (wrong.spanned, wrong.message) == ("raduis", "Property raduis is not allowed.")
    hover = server.hover(path, 4, 12, schema, text=text)
    assert hover is not None and "The mean of what is near" in hover.markdown
    inside, line, column = position("imports: [mine]\nops:\n  a:\n    op: blurred\n    with:\n      |\n")
    assert [item.label for item in server.completions(path, line, column, schema, text=inside)] == ["radius"]
    new, line, column = position(text + "  c: {op: |}\n")
    assert "blurred" in [item.label for item in server.completions(path, line, column, schema, text=new)]


OP = '''import edgraph


@edgraph.op
def blurred(value, *, radius: int = 1):
    """The mean of what is near.

    radius: how near.
    """
    return value
'''
