"""`edgraph format`: idempotent, keeps every comment, never changes what a pipeline means."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_pipelines import Drawn, pipelines

from edgraph.cli.main import main
from edgraph.compile import check
from edgraph.language.format import format_text
from edgraph.plan.compare import compare
from edgraph.text.comments import comments
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.dump import dump, flow, scalar
from edgraph.text.read import read
from edgraph.text.source import Source, plain

ROOT = Path(__file__).parent.parent
SHIPPED = sorted([*(ROOT / "pipelines").glob("*.yaml"), *(ROOT / "docs").rglob("*.yaml"),
                  *(ROOT / "edgraph").rglob("templates/*.yaml")])
GOLDEN = sorted((ROOT / "tests" / "golden" / "err").glob("*.yaml"))


def formatted(text: str) -> str:
    diagnostics = Diagnostics()
    new = format_text(Source("p.yaml", text), diagnostics)
    assert new is not None, [item.message for item in diagnostics]
    return new


def said(text: str) -> list[str]:
    """The comments."""
    source = Source("p.yaml", text)
    tree = read(source, Diagnostics())
    assert tree is not None
    return sorted(comment for _, comment in comments(source, tree))


def meant(text: str) -> Any:
    tree = read(Source("p.yaml", text), Diagnostics())
    assert tree is not None
    return plain(tree)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in SHIPPED])
def test_what_is_shipped_is_in_order(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text, f"run: edgraph format {path.relative_to(ROOT)}"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in GOLDEN])
def test_mistakes_that_can_be_read_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of a pipeline is said of the formatted one, apart from the commas that have quotes now."""
    monkeypatch.chdir(path.parent)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    new = format_text(Source(path.name, text), Diagnostics())
    if new is None or "\r" in text:
        return
    assert format_text(Source(path.name, new), Diagnostics()) == new
    assert said(new) == said(text)
    before = sorted((item.code, item.message) for item in check(Source(path.name, text)).diagnostics)
    after = sorted((item.code, item.message) for item in check(Source(path.name, new)).diagnostics)
    assert {code for code, _ in after} <= {code for code, _ in before}
    if "unquoted-comma" not in {code for code, _ in before}:
        assert [re.sub(r"\d+", "N", message) for _, message in after] == [re.sub(r"\d+", "N", message) for _, message in before]


CASES = {
    "the keys of an op": ("ops:\n  a: {inputs: step, op: print}\n", "ops:\n  a: {op: print, inputs: step}\n"),
    "on lines of their own, with their comments": (
        "ops:\n  a:\n    # what for\n    inputs: step  # beside\n    with:\n      format: |\n        one # text\n\n    op: print\n  b: step\n",
        "ops:\n  a:\n    op: print\n    # what for\n    inputs: step  # beside\n\n    with:\n      format: |\n        one # text\n  b: step\n"),
    "sections; the head stays": (
        "# head\nops:\n  a: step\n\n# the run\nrun: {num_steps: 9}\n",
        "# head\n# the run\nrun: {num_steps: 9}\n\nops:\n  a: step\n"),
    "quotes for commas": ("ops:\n  a: {op: print, inputs: {x: hold(step, 0)}}\n",
                          'ops:\n  a: {op: print, inputs: {x: "hold(step, 0)"}}\n'),
    "spaces": ("ops:\n  a: { op: print ,inputs: [ step,epoch ] }  \n\n\n\n  b:   step\n\n\n",
               "ops:\n  a: {op: print, inputs: [step, epoch]}\n\n  b:   step\n"),
    "columns stay": ("ops:\n  a:   {op: print, inputs: step,   every: 1}\n  bcd: {op: print, inputs: epoch, every: 1}\n",) * 2,
    "lines that were broken by hand stay": ("ops:\n  a: {inputs: step,  # why\n      op: print}\n",) * 2,
    "what must stand before what names it": (
        "ops:\n  a: {inputs: &x step, op: print}\n  b: {op: print, inputs: *x}\nparams: {n: *x}\n",
        "ops:\n  a: {op: print, inputs: &x step}\n  b: {op: print, inputs: *x}\nparams: {n: *x}\n"),
    "keys of your own": ("x-a: 1\nops:\n  a: step\nx-b: 2\nname: n\n", "x-a: 1\nname: n\nops:\n  a: step\nx-b: 2\n"),
    "a loop": ("graphs:\n  g:\n    outputs: {a: a}\n    ops:\n      a: {inputs: step, op: expr}\n    repeat: 2\n",
               "graphs:\n  g:\n    repeat: 2\n    ops:\n      a: {op: expr, inputs: step}\n    outputs: {a: a}\n"),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_case(before: str, after: str) -> None:
    assert formatted(before) == after
    assert formatted(after) == after
    assert formatted(before.replace("\n", "\r\n")) == after.replace("\n", "\r\n")


# -- random ones -------------------------------------------------------------------------------------------

class Messy:
    """Writes a pipeline as an author in a hurry might."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.count = 0

    def comment(self) -> str:
        self.count += 1
        return f"# c{self.count} it's: {{odd, [text\""

    def beside(self) -> str:
        return self.random.choice(["", "", "", "  ", f" {self.comment()}", f"   {self.comment()}  "])

    def above(self, indent: int) -> str:
        pick = self.random.random()
        if pick < 0.7:
            return ""
        pad = " " * self.random.choice([0, indent, indent + 1])
        return self.random.choice([f"{pad}{self.comment()}\n", "\n", "\n\n\n", f"\n{pad}{self.comment()}\n\n"])

    def flow(self, value: Any) -> str:
        text = flow(value)
        if self.random.random() < 0.3 and '"' not in text and "'" not in text:
            text = text.replace(", ", self.random.choice([",", " , ", ",   "])).replace("{", self.random.choice(["{", "{ "]))
        return text

    def keys(self, value: dict[str, Any], shuffle: bool) -> list[str]:
        keys = list(value)
        if shuffle:
            self.random.shuffle(keys)
        return keys

    def block(self, value: dict[str, Any], indent: int, path: tuple[str, ...]) -> str:
        text = ""
        for key in self.keys(value, len(path) in (0, 2)):
            part = value[key]
            text += self.above(indent) + " " * indent + scalar(key) + ":" + " " * self.random.choice([1, 1, 3])
            deeper = isinstance(part, dict) and part and (len(path) < 1 or self.random.random() < 0.4)
            text = text.rstrip(" ") + self.beside() + "\n" + self.block(part, indent + 2, (*path, key)) if deeper \
                else text + self.flow(part) + self.beside() + "\n"
        return text


def shipped(number: int) -> dict[str, Any]:
    return dict(meant(SHIPPED[number % len(SHIPPED)].read_text(encoding="utf-8")))


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 100))
def test_random_layouts(seed: int, number: int) -> None:
    """Shipped pipelines, written anew in a random layout."""
    messy = Messy(seed)
    value = shipped(number)
    text = messy.block(value, 0, ())
    assert meant(text) == value
    new = formatted(text)
    assert meant(new) == value
    assert said(new) == said(text)
    assert len(said(new)) == text.count("# c")
    assert formatted(new) == new
    for section in ("ops", "data", "models", "params", "stages", "graphs"):
        if section in value:
            assert list(meant(new)[section]) == list(value[section]), "names keep their order"


@settings(deadline=None)
@given(st.integers(0, 10**9), pipelines())
def test_random_pipelines(seed: int, drawn: Drawn) -> None:
    value = read_back(dump(drawn.pipeline))
    text = Messy(seed).block(value, 0, ())
    new = formatted(text)
    assert meant(new) == value and said(new) == said(text) and formatted(new) == new


def read_back(text: str) -> dict[str, Any]:
    """With texts for expressions, as an author writes them."""
    return dict(meant(text))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in (ROOT / "pipelines").glob("*.yaml")])
def test_a_formatted_pipeline_does_the_same(path: Path) -> None:
    """`edgraph diff` finds no difference between a messy one and what is made of it."""
    value = dict(meant(path.read_text(encoding="utf-8")))
    text = Messy(len(path.stem)).block(value, 0, ())
    one, two = (check(Source(str(path), each)).require() for each in (text, formatted(text)))
    assert not compare(one, two)


# -- the command -------------------------------------------------------------------------------------------

def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = CASES["spaces"]
    path = tmp_path / "p.yaml"
    path.write_text(before)
    assert main(["format", "--check", str(path)]) == 1
    assert capsys.readouterr().out == f"{path} would change\n"
    assert main(["format", "--diff", str(path)]) == 0
    assert "+  a: {op: print, inputs: [step, epoch]}\n" in capsys.readouterr().out
    assert path.read_text() == before
    assert main(["format", str(path)]) == 0
    assert path.read_text() == after and capsys.readouterr().out == f"{path} changed\n"
    assert main(["format", "--check", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("ops: {a: [\n")
    assert main(["format", str(path)]) == 2
    assert "error[syntax]" in capsys.readouterr().err
    assert path.read_text() == "ops: {a: [\n"
    assert main(["format", "nowhere.yaml"]) == 2
