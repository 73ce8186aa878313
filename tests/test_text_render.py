"""Diagnostics as text, JSON, GitHub annotations and SARIF; and the nearest valid name."""

from __future__ import annotations

import json

import pytest

from edgraph.text.diagnostics import Diagnostic, Diagnostics
from edgraph.text.render import render_github, render_json, render_sarif, render_text
from edgraph.text.source import Source, Span
from edgraph.text.suggest import did_you_mean, nearest


def one(text: str, line: int, column: int, end_line: int, end_column: int, name: str = "f.yaml") -> Diagnostics:
    diagnostics = Diagnostics()
    diagnostics.error("bad-value", "what is wrong", Span(Source(name, text), line, column, end_line, end_column),
                      "what to do")
    return diagnostics


def lines(diagnostics: Diagnostics) -> list[str]:
    return render_text(diagnostics).splitlines()


def test_text_as_in_the_design() -> None:
    text = "\n" * 30 + "  report: {op: log_scalars, inputs: score.accuracy, every: 50}\n"
    assert render_text(one(text, 31, 37, 31, 51, "pipeline.yaml")) == """\
pipeline.yaml:31:37: error[bad-value]: what is wrong
   31 |   report: {op: log_scalars, inputs: score.accuracy, every: 50}
      |                                     ^^^^^^^^^^^^^^
   help: what to do
"""


def test_a_span_of_several_lines_is_underlined_on_its_first() -> None:
    assert lines(one("a: [1,\n  2]\n", 1, 4, 2, 5))[1:3] == ["    1 | a: [1,", "      |    ^^^"]


def test_an_empty_span_gets_one_caret() -> None:
    assert lines(one("a:\n", 1, 3, 1, 3))[2] == "      |   ^"


def test_carets_stand_under_wide_characters_and_behind_tabs() -> None:
    assert lines(one("名前: x\n", 1, 5, 1, 6))[1:3] == ["    1 | 名前: x", "      |       ^"]
    assert lines(one("\ta: x\n", 1, 5, 1, 6))[1:3] == ["    1 |     a: x", "      |        ^"]
    assert lines(one("e\u0301: x\n", 1, 5, 1, 6))[2] == "      |    ^"


@pytest.mark.parametrize("start", [0, 5, 100, 200, 390])
def test_long_lines_are_cut_around_the_span(start: int) -> None:
    text = "".join(chr(ord("a") + n % 26) for n in range(400))
    _, shown, carets, _ = lines(one(text, 1, start + 1, 1, start + 7))
    assert len(shown) <= 8 + 110
    at = carets.index("^")
    assert shown[at:at + 6] == text[start:start + 6]


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    diagnostics = one("a: \x1b[31m\n", 1, 4, 1, 8)
    diagnostics.error("unknown-op", "there is no op '\x1b[2J'", None)
    assert "\x1b" not in render_text(diagnostics)
    assert "\x1b" in render_text(diagnostics, color=True)


def test_related_places_are_shown() -> None:
    source = Source("f.yaml", "a: 1\na: 2\n")
    diagnostics = Diagnostics()
    diagnostics.warning("duplicate-key", "given twice", Span(source, 2, 1, 2, 2), None, (("first here", Span(source, 1, 1, 1,
                                                                                                     2)),))
    assert render_text(diagnostics) == """\
f.yaml:2:1: warning[duplicate-key]: given twice
    2 | a: 2
      | ^
   note: f.yaml:1:1: first here
    1 | a: 1
      | ^
"""


def test_without_a_place() -> None:
    diagnostics = Diagnostics()
    diagnostics.error("missing-file", "there is no file 'x'", None)
    assert render_text(diagnostics) == "error[missing-file]: there is no file 'x'\n"
    assert json.loads(render_json(diagnostics))[0]["line"] is None
    assert render_github(diagnostics) == "::error title=edgraph missing-file::there is no file 'x'\n"


def test_json() -> None:
    assert json.loads(render_json(one("a: é\n", 1, 4, 1, 5))) == [{
        "code": "bad-value", "severity": "error", "message": "what is wrong", "file": "f.yaml", "line": 1,
        "column": 4,
        "end_line": 1, "end_column": 5, "help": "what to do"}]
    assert json.loads(render_json([])) == []


def test_github() -> None:
    diagnostics = one("a: 1\n", 1, 4, 1, 5, "a,b:c.yaml")
    assert render_github(diagnostics) == ("::error file=a%2Cb%3Ac.yaml,line=1,col=4,endLine=1,title=edgraph "
                                          "bad-value,"
                                          "endColumn=4::what is wrong%0Ahelp: what to do\n")


def test_sarif() -> None:
    log = json.loads(render_sarif(one("a: 1\n", 1, 4, 1, 5)))
    assert log["version"] == "2.1.0"
    result = log["runs"][0]["results"][0]
    assert result["ruleId"] == "bad-value" and result["level"] == "error"
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 5}
    known = [Diagnostic("stale-input", "what is wrong", None)]
    rule = json.loads(render_sarif(known))["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["id"] == "stale-input" and "hold(x, initial)" in rule["help"]["text"]


@pytest.mark.parametrize(("name", "found"), [
    ("evry", "every"), ("inptus", "inputs"), ("Inputs", "inputs"), ("in-puts", "inputs"), ("zzz", None), ("w", None),
    ("during_", "during"), ("evryy", "every"),
])
def test_nearest(name: str, found: str | None) -> None:
    assert nearest(name, ("op", "inputs", "with", "every", "during")) == found


def test_did_you_mean() -> None:
    assert did_you_mean("bacth", ["batch", "loss"]) == "did you mean 'batch'?"
    assert did_you_mean("log", ["log_scalars", "log_images",
                                "print"]) == "did you mean 'log_scalars' or 'log_images'?"
    assert did_you_mean("xyz", ["train"]) == "the only one is 'train'"
    assert did_you_mean("xyz", ["train", "test"]) == "expected one of train, test"
    assert did_you_mean("xyz", []) == ""
    assert did_you_mean("xyz", [f"name{n}" for n in range(100)]) == ""


def test_what_is_quiet_is_not_reported() -> None:
    source = Source("f", "abcdef\n")
    diagnostics = Diagnostics()
    diagnostics.quiet(Span(source, 1, 2, 1, 5))
    diagnostics.error("bad-key", "", Span(source, 1, 3, 1, 4))
    diagnostics.error("bad-value", "", Span(source, 1, 1, 1, 4))
    diagnostics.error("unknown-op", "", Span(Source("f", ""), 1, 3, 1, 4))
    assert {item.code for item in diagnostics} == {"bad-value", "unknown-op"}
