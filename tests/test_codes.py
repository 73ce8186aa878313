"""Codes of messages: each is in the table, has an example that gives it, and an entry in docs/diagnostics.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from codes_tools import ABSENT, EXAMPLES, PAGE, ROOT, said, without

from edgraph.cli.main import main
from edgraph.graph.lints import LINTS
from edgraph.text.codes import CODES, WARNINGS, example
from edgraph.text.explained import page

# Words with hyphens in the source that are no codes.
OTHER = {"condition-head", "edgraph-data", "rev-parse", "language-model", "scikit-learn", "set-aside", "tensorflow-cpu",
         "unknown-function", "utf-32-le", "utf-8", "utf-8-sig"}
WITHOUT_HYPHEN = {"cycle", "syntax"}
# `unknown-{what}`: what it may be.
UNKNOWN = {"collate", "data", "graph", "logger", "model", "optimizer", "sampler", "schedule", "transform"}
VARIES = re.compile(r"(there is no device '[\w:]+' here: ).*")  # torch's own words


def written() -> dict[str, str]:
    """Every word with hyphens in the source, and where."""
    found = {}
    for path in sorted((ROOT / "edgraph").rglob("*.py")):
        if path.name != "codes.py" and "lsp" not in path.parts:  # whose words are those of editors
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) \
                        and re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", node.value):
                    found[node.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_every_code_of_the_source_is_in_the_table() -> None:
    missing = {word: place for word, place in written().items() if word not in CODES and word not in OTHER}
    assert not missing, ("add these to edgraph/text/codes.py, with an example edgraph/text/examples/CODE.yaml, and run "
                         f"python tests/codes_tools.py CODE; or to OTHER in this test if they are no codes: {missing}")


def test_the_table_has_no_other_codes() -> None:
    made = {f"unknown-{what}" for what in UNKNOWN}
    assert set(CODES) - set(written()) - WITHOUT_HYPHEN - made == set()
    assert made <= set(CODES)
    assert list(CODES) == sorted(CODES)
    assert sorted(WARNINGS) == sorted(lint.code for lint in LINTS)
    assert {path.stem for path in EXAMPLES.iterdir()} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_example(code: str, tmp_path: Path) -> None:
    """The output is true, it is about nothing else, and it says what to do."""
    shown = example(code)
    with without(ABSENT.get(code)):
        now = said(shown, tmp_path)
    assert VARIES.sub(r"\1", now) == VARIES.sub(r"\1", shown.output), "run: python tests/codes_tools.py"
    kind = "warning" if code in WARNINGS else "error"
    assert re.findall(r"(error|warning)\[([a-z0-9-]+)\]:", now) == [(kind, code)]
    assert "help: " in now or "expected " in now or "did you mean" in now or code in ("bad-registration", "bad-value")


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/codes_tools.py"


@pytest.mark.parametrize("code", CODES)
def test_explain(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(("error", "warning")[code in WARNINGS] + f"[{code}]\n")
    assert example(code).output in printed and "What to do: " in printed


def test_explain_what_is_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "stale-inptu"]) == 2
    assert capsys.readouterr().err == "error: there is no code 'stale-inptu'; did you mean 'stale-input'?\n"
    assert main(["explain", str(ROOT / "pipelines" / "digits.yaml")]) == 2
    assert "which op? Name one: edgraph explain" in capsys.readouterr().err
