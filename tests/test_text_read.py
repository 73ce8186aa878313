"""YAML to a tree: the core schema, spans, and what is not allowed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from language_tools import read_text

from edgraph.text import read as reading
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.files import decode, read_file
from edgraph.text.source import Mapping, Scalar, Sequence, Source, Tree, plain


@pytest.mark.parametrize(("text", "value"), [
    ("1e-3", 1e-3), ("1.0e-3", 1e-3), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-1", -1), ("+12", 12), ("012", 12),
    ("0o17", 15), ("0x1f", 31), ("0o18", "0o18"), ("0b11", "0b11"), ("1_000", "1_000"), ("1:30", "1:30"),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("true", True), ("True", True),
    ("TRUE", True), ("tRUE", "tRUE"), ("false", False), ("null", None), ("~", None), ("Null", None), ("nUll", "nUll"),
    (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("2024-01-01", "2024-01-01"), ("=", "="),
    ("1e", "1e"), ("e1", "e1"), ("+", "+"), (".", "."), ("1.2.3", "1.2.3"), ("nan", "nan"),
    ("'1'", "1"), ('"true"', "true"), ("1" * 5000, "1" * 5000), ("hold(x, 0)", "hold(x, 0)"),
])
def test_plain_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    found, diagnostics = read_text(f"a: {text}\n")
    assert not diagnostics
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_not_a_number_is_a_float() -> None:
    found, _ = read_text("a: .nan\n")
    assert math.isnan(found["a"])


def written(source: Source, tree: Tree) -> str:
    span = tree.span
    lines = [source.line(n) for n in range(span.line, span.end_line + 1)]
    lines[-1] = lines[-1][:span.end_column - 1]
    lines[0] = lines[0][span.column - 1:]
    return "\n".join(lines)


def each(tree: Tree) -> list[Tree]:
    if isinstance(tree, Scalar):
        return [tree]
    parts = tree.items if isinstance(tree, Sequence) else [entry.value for entry in tree.entries.values()]
    return [tree, *(inner for part in parts for inner in each(part))]


TEXT = """\
é: {名前: 'x y', 𝔘: "a\\tb", list: [1, two, -.inf]}
block:
  - plain text   # comment
  - key: value
    other: &anchor [a, b]
last:

  deep: {a: 1}
end:
"""


def test_spans_count_code_points_from_one() -> None:
    source = Source("f", TEXT)
    tree = reading.read(source, Diagnostics())
    assert tree is not None
    found = [written(source, part) for part in each(tree)]
    assert found[1:] == [
        "{名前: 'x y', 𝔘: \"a\\tb\", list: [1, two, -.inf]}", "'x y'", '"a\\tb"', "[1, two, -.inf]", "1", "two",
        "-.inf",
        "- plain text   # comment\n  - key: value\n    other: &anchor [a, b]", "plain text",
        "key: value\n    other: &anchor [a, b]", "value", "&anchor [a, b]", "a", "b", "deep: {a: 1}", "{a: 1}", "1",
        ""]
    keys = [entry.span for part in each(tree) if isinstance(part, Mapping) for entry in part.entries.values()]
    names = [source.line(span.line)[span.column - 1:span.end_column - 1] for span in keys]
    assert names == ["é", "block", "last", "end", "名前", "𝔘", "list", "key", "other", "deep", "a"]


def test_the_parser_in_python_gives_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(tree: Tree) -> list[Any]:
        return [(repr(plain(part)), part.span[1:]) for part in each(tree)]

    with_c = reading.read(Source("f", TEXT), Diagnostics())
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    without = reading.read(Source("f", TEXT), Diagnostics())
    assert with_c is not None and without is not None
    assert dump(with_c) == dump(without)


@pytest.mark.parametrize(("text", "found"), [
    ("a: 1\na: 2\n", [("duplicate-key", "2:1")]),
    ("a: {b: 1, b: 2, c: 3, c: 4}\na: 3\n", [("duplicate-key", "1:11"), ("duplicate-key", "1:23"), ("duplicate-key",
                                                                                                    "2:1")]),
    ("a: !!python/object:os.system [x]\n", [("yaml-tag", "1:4")]),
    ("a: &x !!str 1\n", [("yaml-tag", "1:7")]),
    ("a: {<<: {b: 1}}\n", [("merge-key", "1:5")]),
    ("1: a\n", [("bad-key", "1:1")]), ("? [a]\n: b\n", [("bad-key", "1:3")]), ("{a: 1}: b\n", [("bad-key", "1:1")]),
    ("a: 1\n---\nb: 1\n", [("several-documents", "2:1")]),
    ("", [("empty-file", "1:1")]), ("# x\n", [("empty-file", "1:1")]), ("~\n", [("empty-file", "1:1")]),
    ("- a\n", [("not-a-mapping", "1:1")]), ("a\n", [("not-a-mapping", "1:1")]),
    ("a: *b\n", [("unknown-alias", "1:4")]), ("a: &b [*b]\n", [("recursive-alias", "1:8")]),
    ("a: \x00\n", [("control-character", "1:4")]), ("a: \ud800\n", [("control-character", "1:4")]),
    ("a: " + "[" * 150 + "]" * 150, [("too-deep", "1:103")]), ("a: " + "[" * 150_000, [("too-deep", "1:103")]),
    ("a: &a [[[1]]]\nb: " + "[" * 97 + "*a" + "]" * 97, [("too-deep", "2:101")]),
])
def test_mistakes_are_placed(text: str, found: list[tuple[str, str]]) -> None:
    assert read_text(text)[1] == found


def test_what_can_be_read_is_read_in_spite_of_mistakes() -> None:
    value, diagnostics = read_text("a: !x 1\n1: 2\nb: {c: 3, c: 4}\n? [x]\n: y\nd: {<<: {e: 5}, f: 6}\n")
    assert value == {"a": 1, "b": {"c": 3}, "d": {"f": 6, "e": 5}}
    assert len(diagnostics) == 5


def test_several_syntax_errors_are_found_at_once() -> None:
    text = "a: {b: [1, 2}\nc: 'x\nd: 3\ne: @f\ng: h: i\n"
    value, diagnostics = read_text(text)
    assert value is None
    assert diagnostics == [("syntax", "1:13"), ("syntax", "2:4"), ("syntax", "4:4"), ("syntax", "5:5")]


def test_aliases_are_the_anchored_value_and_bounded() -> None:
    assert read_text("a: &x {b: 1}\nc: *x\n*x : d\n")[0] == {"a": {"b": 1}, "c": {"b": 1}}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert [code for code, _ in read_text(bomb)[1]] == ["alias-bomb"]
    fine = "a: &a [1, 2]\n" + "".join(f"b{n}: *a\n" for n in range(10_000))
    assert not read_text(fine)[1]


@pytest.mark.parametrize(("text", "value"), [
    ("{a: hold(x, 0)}", {"a": "hold(x, 0)"}),
    ("{a: clip(previous(k, 0.0) + b, 0, 1), c: 2}", {"a": "clip(previous(k, 0.0) + b, 0, 1)", "c": 2}),
    ("{a: max(x, 0), b: max(y, 0)}", {"a": "max(x, 0)", "b": "max(y, 0)"}),
    ("{a: hold(x, y.z)}", {"a": "hold(x, y.z)"}),
])
def test_unquoted_commas_are_put_together_again(text: str, value: Any) -> None:
    found, diagnostics = read_text(f"inputs: {text}\n")
    assert found == {"inputs": value}
    assert {code for code, _ in diagnostics} == {"unquoted-comma"}


def test_null_keys_without_an_open_parenthesis_are_left_alone() -> None:
    assert read_text("a: {b: (x), c}\n") == ({"a": {"b": "(x)", "c": None}}, [])
    assert read_text("a: {b: x, '0'}\n") == ({"a": {"b": "x", "0": None}}, [])
    assert read_text("a: {b: x, 0}\n")[1] == [("bad-key", "1:11")]


def test_bytes_that_are_no_text(tmp_path: Any) -> None:
    diagnostics = Diagnostics()
    assert decode("f", b"a: 1\nb: \xc3\xa9\xff", diagnostics) is None
    assert [(d.code, d.span and d.span[1:3]) for d in diagnostics] == [("not-utf-8", (2, 5))]
    with_mark = decode("f", b"\xef\xbb\xbfa: 1", Diagnostics())
    assert with_mark is not None and with_mark.text == "a: 1"
    for path in (tmp_path, tmp_path / "none.yaml", tmp_path / "nul\0.yaml"):
        diagnostics = Diagnostics()
        assert read_file(path, diagnostics, None) is None
        assert diagnostics.failed


def test_huge_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CHARACTERS", 100)
    assert read_text("a: " + "x" * 100)[1] == [("file-too-large", "1:1")]
