"""Warnings: the page lists each, every one has a case, none is given for what is shipped, and all can be silenced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgraph.compile import check
from edgraph.graph.lints import LINTS
from edgraph.text.codes import CODES, WARNINGS
from edgraph.text.render import render_text

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "err"
SHIPPED = sorted([*(ROOT / "pipelines").glob("*.yaml"), ROOT / "docs" / "tutorial" / "pipeline.yaml"])


def test_the_page_lists_them() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", page.split("## 20. Warnings")[1], re.MULTILINE)
    assert rows == [(lint.code, CODES[lint.code].about, ", ".join(f"`{place}`" for place in lint.place.split(", ")))
                    for lint in LINTS]


@pytest.mark.parametrize("code", WARNINGS)
def test_each_has_a_case(code: str) -> None:
    assert any(f"warning[{code}]" in path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.out"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in SHIPPED])
def test_no_alarm_about_what_is_shipped(path: Path) -> None:
    for imports in (False, True):
        found = check(path, imports=imports).diagnostics
        assert not len(found), render_text(found)


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("lint_*.yaml")))
def test_the_run_silences_a_code(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    given = [item.code for item in check(f"{case}.yaml").diagnostics]
    assert given
    for code in dict.fromkeys(given):
        kept = [item.code for item in check(f"{case}.yaml", [f"run.ignore=[{code}]"]).diagnostics]
        allowed = {code, "unknown-warning"}  # the override replaces what the file ignored
        assert [other for other in kept if other not in allowed] == [other for other in given if other not in allowed]
        assert code not in kept


def silenced(text: str, line: int, code: str) -> str:
    """The pipeline with `ignore` in the entry of a line."""
    lines = text.split("\n")
    name, entry = lines[line - 1].split(": ", 1)
    if not entry.startswith("{"):
        entry = f'{{op: expr, inputs: "{entry}"}}'
    assert "ignore:" not in entry
    lines[line - 1] = f"{name}: {entry[:-1]}, ignore: [{code}]}}"
    return "\n".join(lines)


@pytest.mark.parametrize("case", [*sorted(path.stem for path in GOLDEN.glob("lint_*.yaml")), "graph_lints"])
def test_the_entry_silences_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a warning points, `ignore` with its code; every other one is still given."""
    monkeypatch.chdir(GOLDEN)
    given = [item for item in check(f"{case}.yaml").diagnostics if item.code != "unknown-warning"]
    places = {place for lint in LINTS for place in lint.place.split(", ")}
    assert given and places == {"ops", "stages", "optimizers", "models", "data", "run"}
    text = (GOLDEN / f"{case}.yaml").read_text(encoding="utf-8")
    for item in given:
        assert item.span is not None
        path = GOLDEN / f".{case}-{item.code}-{item.span.line}.yaml"
        path.write_text(silenced(text, item.span.line, item.code), encoding="utf-8")
        try:
            kept = [(other.code, other.span and other.span.line) for other in check(path.name).diagnostics
                    if other.code != "unknown-warning"]
        finally:
            path.unlink()
        assert kept == [(other.code, other.span and other.span.line) for other in given if other is not item]


def test_an_op_that_is_not_known_may_use_anything(tmp_path: Path) -> None:
    """Without the pipeline's own modules nothing is said about models, optimizers and data sets."""
    path = tmp_path / "pipeline.yaml"
    path.write_text("""
imports: [mine]
run: {num_steps: 10, over: none}
data: {other: {use: digits}}
models: {net: {use: mlp, with: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
ops: {work: {op: whatever, with: {model: net}}}
""")
    assert not len(check(path).diagnostics)
