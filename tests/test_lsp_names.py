"""Where a name is declared, and where it is used; the outline."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgraph.lsp.analysis import analyse
from edgraph.lsp.definition import definition, references
from edgraph.lsp.symbols import folds, symbols
from tests.lsp_tools import DIGITS, ROOT, TEXT, at, digits

PIPELINES = sorted([*ROOT.glob("pipelines/*.yaml"), *ROOT.glob("docs/bases/*.yaml")])
DECLARED = {"op", "model", "optimizer", "data", "stage", "param", "graph", "pattern", "output", "argument"}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_every_name_is_found_and_stands_where_it_is_said_to(path: Path) -> None:
    analysis = analyse(str(path), path.read_text(encoding="utf-8"))
    texts = analysis.index.texts
    for site in analysis.index.sites:
        written = texts[id(site.span.source)].slice(site.span)
        assert written.split(".")[-1] == site.key.name.split(".")[-1], site
        assert site.key.kind not in DECLARED or analysis.index.given(site.key), f"{site.span.place()}: {site.key}"


def places(marked: str) -> list[str]:
    analysis, offset = at(marked, str(DIGITS))
    return [f"{site.span.line}:{site.span.column}" for site in definition(analysis, offset)]


@pytest.mark.parametrize(("old", "new", "declared"), [
    ("inputs: [loss, update.lr]", "inputs: [lo‸ss, update.lr]", "  loss: "),
    ("when: record.since >= 5", "when: rec‸ord.since >= 5", "  record: "),
    ("inputs: loss, with: {optimizer: adam}", "inputs: loss, with: {optimizer: ‸adam}", "  adam: "),
    ("updates: [classifier]", "updates: [classifier‸]", "  classifier: "),
    ("graph: evaluate, params: {model: classifier}", "graph: ev‸aluate, params: {model: classifier}", "  evaluate:"),
    ("params: {model: classifier}}, every", "params: {mod‸el: classifier}}, every", "params: {model: null"),
    ("params: {model: classifier}}, every", "params: {model: class‸ifier}}, every", "  classifier: "),
    ('lr: "${lr}"', 'lr: "${lr‸}"', "params: {lr"),
    ("{op: fixed_examples, with: {data: validation}}", "{op: fixed_examples, with: {data: vali‸dation}}", "  validation: "),
    ("params: {model: null, data: validation}", "params: {model: null, data: vali‸dation}", "  validation: "),
    ("record: {op: improved, inputs: score.accuracy", "record: {op: improved, inputs: score.acc‸uracy", "outputs: {accuracy"),
    ("label: guess.argmax", "label: guess.arg‸max", "  guess: "),
])
def test_definitions(old: str, new: str, declared: str) -> None:
    expected = next(f"{number}:{line.index(declared) + len(declared) - len(declared.lstrip()) + 1}"
                    if ": {" not in declared else f"{number}:{line.index(declared) + declared.index('{') + 2}"
                    for number, line in enumerate(TEXT.splitlines(), 1) if declared in line and not line.startswith("#"))
    assert places(digits(old, new)) == [expected]


def test_references_of_an_op() -> None:
    analysis, offset = at(digits("  record: {", "  rec‸ord: {"), str(DIGITS))
    lines = [TEXT.splitlines()[span.line - 1].split(":")[0].strip() for span in references(analysis, offset)]
    assert sorted(lines) == ["best", "enough", "record"]
    assert len(references(analysis, offset, declaration=False)) == 2


def test_expressions_on_several_lines_and_in_quotes() -> None:
    analysis, offset = at("ops:\n  a‸: 1.0\n  b: >\n    a +\n    2 * a\n  c: 'a + \"a\" * batch[\"a\"]'\n"
                          '  d: "hold(a, 0) + batch[\\"a\\"]"\n')
    assert [(s.line, s.column) for s in references(analysis, offset, declaration=False)] == [
        (4, 5), (5, 9), (6, 7), (7, 12)]


def test_graphs_have_ops_of_their_own() -> None:
    """`batch` of the loop is not that of the pipeline."""
    analysis, offset = at(digits("      batch:    {op", "      bat‸ch:    {op"), str(DIGITS))
    graph = TEXT[:TEXT.index("graphs:")].count("\n") + 1
    assert {span.line > graph for span in references(analysis, offset)} == {True}


def test_names_across_included_files(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("models:\n  net: {use: mlp, with: {sizes: [64, 10]}}\n"
                                        "ops:\n  loss: 1.0\n", encoding="utf-8")
    text = "include: base.yaml\nops:\n  report: {op: log_scalars, inputs: lo‸ss, every: 10}\n"
    analysis, offset = at(text, str(tmp_path / "main.yaml"))
    (found,) = definition(analysis, offset)
    assert (Path(found.span.source.name).name, found.span.line) == ("base.yaml", 4)
    assert len(references(analysis, offset)) == 2


def test_an_entry_over_an_included_one_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("params: {lr: 0.1}\n", encoding="utf-8")
    analysis, offset = at("include: base.yaml\nparams: {l‸r: 0.2}\nops: {a: params.lr}\n", str(tmp_path / "main.yaml"))
    assert [Path(site.span.source.name).name for site in definition(analysis, offset)] == ["base.yaml", "main.yaml"]


def test_ops_of_patterns_lead_to_the_pattern_and_into_its_graph() -> None:
    text = ("graphs:\n  twice:\n    params: {x: null}\n    ops: {y: 2.0, z: y * 2}\n    outputs: {total: z}\n"
            "patterns:\n  one: {use: twice, with: {x: 1}}\nops:\n  a: one.y + one.total\n")
    for place, line in (("o‸ne.y", 7), ("one.‸y", 4), ("one.to‸tal", 5)):
        analysis, offset = at(text.replace(place.replace("‸", ""), place))
        assert [site.span.line for site in definition(analysis, offset)] == [line]


def test_symbols() -> None:
    analysis, _ = at(TEXT + "‸", str(DIGITS))
    found = {symbol.name: symbol for symbol in symbols(analysis)}
    assert list(found)[:4] == ["name", "params", "run", "data"]
    ops = {child.name: child.detail for child in found["ops"].children}
    assert ops["batch"] == "load_batch" and ops["report"] == "log_scalars"
    (graph,) = found["graphs"].children
    assert [child.name for child in graph.children] == ["model", "data", "batch", "logits", "accuracy"]


def test_folding() -> None:
    analysis, _ = at("ops:\n  a: 1\n  b:\n    op: print\n    inputs: a\n\n# end\nrun: {num_steps: 3}\n‸")
    assert [(fold.first, fold.last) for fold in folds(analysis)] == [(1, 5), (3, 5)]
