"""What an author sees in a real editor: yaml-language-server, asked through the tool beside the project.

`$YAMLLS` is the command that starts the server; see CONTRIBUTING or `make test-editor`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgraph.schema import FILE

pytestmark = pytest.mark.editor
ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / FILE
DIGITS = (ROOT / "pipelines" / "digits.yaml").read_text(encoding="utf-8")


def _tool() -> ModuleType:
    path = Path(os.environ.get("EDGRAPH_YAMLLS_TOOL", ROOT.parent / "shared" / "tools" / "yamlls.py"))
    if not path.exists():
        pytest.skip("there is no yamlls.py beside the project")
    spec = importlib.util.spec_from_file_location("yamlls", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["yamlls"] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server() -> Any:
    tool = _tool()
    try:
        with tool.YamlLanguageServer() as made:
            yield made
    except tool.LspError as error:
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


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("**/*.yaml")), ids=lambda path: path.name)
def test_our_pipelines_have_no_diagnostic(server: Any, path: Path) -> None:
    assert [str(d) for d in server.diagnostics(path)] == []


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("with: {mode: max}", "with: {mod: max}", ["'mod': Property mod is not allowed."]),
    ("sizes: [64, 128, 10]", "sizes: [64, 10], droput: 0.1", ["'droput': Property droput is not allowed."]),
    ("sizes: [64, 128, 10]", "sizes: [64, 10], dropout: 2",
     ["'2': Value is above the exclusive maximum of 1."]),
    ("with: {mode: max}", "with: {mode: maxi}", ["'maxi': Value is not accepted. Valid values: \"min\", \"max\"."]),
    ("with: {optimizer: adam}", "with: {optimizer: adam, accumulate: 0}",
     ["'0': Value is below the minimum of 1."]),
    ('lr: "${lr}"', "lr: fast", ["'fast': Incorrect type. Expected \"number\"."]),
    ("every: 1 epoch", "every: 1 epok", ["'1 epok': Expected a clock: 10, \"10 steps\", \"1 epoch\", \"10 updates\", "
                                         "\"10 minutes\", first, last."]),
    ("every: 1 epoch", "every: {step: 3}", ["'step': Property step is not allowed."]),
    ("name: digits", "nmae: digits", ["'nmae': Property nmae is not allowed."]),
    ("batch:  {op: load_batch}", "batch:  {}", ["'batch': Missing property \"op\"."]),
    ("batch:  {op: load_batch}", "batch:  null",
     ["'null': Incorrect type. Expected one of object, string, number, boolean."]),
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: [logits]}\n  update",
     ["'[logits]': Array has too few items. Expected 2 or more."]),
])
def test_a_mistake_is_one_diagnostic(server: Any, old: str, new: str, expected: list[str]) -> None:
    assert shown(server, change(old, new)) == expected


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
