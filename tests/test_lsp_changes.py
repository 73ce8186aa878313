"""Changes that the server proposes: renaming, ways out of mistakes; and the numbers of firings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edgraph.lsp import documents
from edgraph.lsp.actions import actions
from edgraph.lsp.analysis import Analysis, analyse
from edgraph.lsp.hints import hints
from edgraph.lsp.rename import Change, Refused, rename
from edgraph.plan.compare import compare
from edgraph.text.diagnostics import Fix
from edgraph.text.edits import apply
from tests.lsp_tools import DIGITS, TEXT, at, digits
from tests.test_lsp_names import PIPELINES

RENAMED = {"op", "pattern", "graph", "model", "optimizer", "data", "stage", "param", "output", "argument", "logger"}


def changed(analysis: Analysis, changes: list[Change]) -> str:
    return apply(analysis.source, [Fix("", change.span, change.text) for change in changes])


def renamed(marked: str, name: str, file: str = str(DIGITS)) -> str:
    analysis, offset = at(marked, file)
    return changed(analysis, rename(analysis, offset, name))


def test_an_op_through_all_expressions() -> None:
    text = ('ops:\n  a: 1.0\n  b: {op: print, inputs: "hold(a, 0) + a", when: a > 1 and a < 2, after: [a]}\n'
            "  c: {op: log_scalars, inputs: {a: a, text: 'a * 2'}, every: 5, after: a, doc: about a}\n"
            '  d: "a if a > 0 else ba"\n  ba: >\n    a +\n    2\n'
            "run: {num_steps: 10}\nx-a: a\n")
    expected = ('ops:\n  z: 1.0\n  b: {op: print, inputs: "hold(z, 0) + z", when: z > 1 and z < 2, after: [z]}\n'
                "  c: {op: log_scalars, inputs: {a: z, text: 'z * 2'}, every: 5, after: z, doc: about a}\n"
                '  d: "z if z > 0 else ba"\n  ba: >\n    z +\n    2\n'
                "run: {num_steps: 10}\nx-a: a\n")
    assert renamed(text.replace("  a: 1.0", "  ‸a: 1.0"), "z") == expected


def test_strings_stay() -> None:
    text = "stages: {a: {until: 3 steps}, b: {}}\nops:\n  a: 1.0\n  b: {op: print, inputs: ‸a, when: stage == 'a' or a > 0}\n"
    assert "inputs: z, when: stage == 'a' or z > 0" in renamed(text, "z")


def test_clocks_count_it_under_its_new_name() -> None:
    text = digits("  report: {op: log_scalars, inputs: [loss, update.lr], every: [first, 50 steps]}",
                  "  report: {op: log_scalars, inputs: [loss, update.lr], every: {firings: 5, of: upd‸ate}}")
    found = renamed(text, "learn")
    assert "of: learn}" in found and "inputs: [loss, learn.lr]" in found and "  learn: {op: optimize" in found


@pytest.mark.parametrize(("old", "new", "to", "among"), [
    ("  classifier: {use", "  class‸ifier: {use", "net", ["updates: [net]", "params: {model: net}", "  net: {use"]),
    ('lr: "${lr}"', 'lr: "${l‸r}"', "rate", ['lr: "${rate}"', "params: {rate:"]),
    ("with: {optimizer: adam}", "with: {optimizer: ad‸am}", "opt", ["  opt: {use", "with: {optimizer: opt}"]),
    ("graph: evaluate", "graph: evalu‸ate", "test", ["graph: test", "\n  test:\n"]),
    ("params: {model: classifier}}", "params: {mod‸el: classifier}}", "net",
     ["params: {net: classifier}}", "params: {net: null", 'with: {model: "${net}"}']),
    ("outputs: {accuracy: accuracy}", "outputs: {accu‸racy: accuracy}", "share", ["outputs: {share: accuracy}", "inputs: score.share"]),
    ("  validation: {use", "  vali‸dation: {use", "test", ["  test: {use", "params: {model: null, data: test}", "{data: test}"]),
])
def test_everything_else_that_has_a_name(old: str, new: str, to: str, among: list[str]) -> None:
    found = renamed(digits(old, new), to)
    assert [text for text in among if text not in found] == []


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_renaming_anything_in_our_pipelines_changes_nothing_else(path: Path) -> None:
    """A name of each kind and scope, and some ops: `edgraph diff` sees renamed things only, and that random numbers are
    drawn by name."""
    analysis = analyse(str(path), path.read_text(encoding="utf-8"))
    given = {site.key: site for site in analysis.index.sites if site.key.kind in RENAMED and site.gives}
    chosen = {key[:2]: key for key in given} | {(str(number),): key for number, key in enumerate(list(given)[::9])}
    for site in {key: given[key] for key in chosen.values()}.values():
        offset = analysis.text.offset(site.span.line, site.span.column)
        try:
            new = changed(analysis, rename(analysis, offset, f"{site.key.name}_2"))
        except Refused as reason:  # a default data set must be called so, and a parameter of a trainer is a text
            assert site.key.kind in ("data", "op"), f"{site.key}: {reason}"
            continue
        after = analyse(str(path), new)
        assert after.graph is not None and analysis.graph is not None
        left = [d for d in compare(analysis.graph, after.graph) if d.what not in ("renamed", "random numbers")
                and str(d.before) != str(d.now).replace(f"{site.key.name}_2", site.key.name)
                and not d.what.startswith(("output ", "input "))]
        assert not after.diagnostics and not left, (site.key, left)


@pytest.mark.parametrize(("marked", "name", "reason"), [
    ("ops:\n  ‸a: 1\n  b: a\n", "b", "there is already an op 'b'"),
    ("ops:\n  ‸a: 1\n  b: a\n", "2nd", "an op cannot be called '2nd'"),
    ("ops:\n  ‸a: 1\n  b: a\n", "a b", "an op cannot be called 'a b'"),
    ("ops:\n  ‸a: 1\n  b: a\n", "step", "'step'"),
    ("ops:\n  ‸a: 1\n  b: a\n", "lambda", "'lambda'"),
    ("ops:\n  a: {op: pri‸nt, inputs: 1}\n", "show", "'print' is an op type"),
    ("ops:\n  a: {op: print, in‸puts: 1}\n", "x", "not a name that this pipeline gives"),
    ("ops:\n  a: {op: print, inputs: ‸missing}\n", "x", "is declared nowhere"),
    ("ops:\n  a: 1   ‸\n", "x", "no name here"),
    ("ops:\n  a‸: 1\n  b: a\n  c: {op: [\n", "x", "cannot be read"),
    ("data:\n  tra‸in: {use: digits, batch_size: 8}\nrun: {num_epochs: 3}\nops:\n  a: {op: load_batch}\n"
     "  b: {op: log_images, inputs: a.image, every: 5}\n", "other", "would be wrong"),
])
def test_refusals(marked: str, name: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        renamed(marked, name, "<test>")


def test_a_name_that_a_graph_would_take_for_its_own_is_refused() -> None:
    text = ("graphs:\n  g:\n    ops: {y: 2.0, z: y + ‸x}\n    outputs: {total: z}\n"
            "patterns:\n  one: {use: g}\nops:\n  x: 1.0\n  a: {op: print, inputs: one.total, every: 1}\n")
    with pytest.raises(Refused, match="would be taken for something else"):
        renamed(text, "y", "<test>")


def test_across_files(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("ops:\n  loss: 1.0\n", encoding="utf-8")
    analysis, offset = at("include: base.yaml\nops:\n  a: {op: print, inputs: lo‸ss, every: 1}\n", str(tmp_path / "x.yaml"))
    assert sorted(Path(change.span.source.name).name for change in rename(analysis, offset, "cost")) == ["base.yaml", "x.yaml"]


# -- ways out ----------------------------------------------------------------------------------------------

def taken(text: str, title: str) -> tuple[Analysis, str]:
    """The analysis after the action with this title was taken."""
    analysis = analyse(str(DIGITS), text)
    found = actions(analysis, 0, len(text))
    action = next((action for action in found if title in action.title), None)
    assert action is not None, [action.title for action in found]
    new = changed(analysis, action.changes)
    return analyse(str(DIGITS), new), new


@pytest.mark.parametrize(("old", "new", "title", "expected"), [
    ("{op: cross_entropy, ", "{op: cross_entrop, ", "change 'cross_entrop' to 'cross_entropy'", "{op: cross_entropy, "),
    ("inputs: [loss, update.lr]", "inputs: [los, update.lr]", "to 'loss'", "inputs: [loss, update.lr]"),
    ("inputs: [loss, update.lr]", "inputs: [loss, score.accuracy]", "hold(score.accuracy, nan)",
     'inputs: [loss, "hold(score.accuracy, nan)"]'),
    ("inputs: [loss, update.lr]", "inputs: [loss + score.accuracy]", "hold(score.accuracy, nan)",
     'inputs: ["loss + hold(score.accuracy, nan)"]'),
    ("inputs: [loss, update.lr]", "inputs: [loss, score.accuracy]", "drop 'every'", "inputs: [loss, score.accuracy]}"),
    ("inputs: [loss, update.lr]", 'inputs: [loss, "hold(score.accuracy)"]', "give it an initial value",
     'inputs: [loss, "hold(score.accuracy, 0.0)"]'),
    ("  report: {", "  spare: {op: load_batch, with: {data: validation}}\n  report: {", "silence unread-value",
     "  # edgraph: ignore[unread-value]\n  spare: {"),
])
def test_ways_out_lead_out(old: str, new: str, title: str, expected: str) -> None:
    after, text = taken(digits(old, new), title)
    assert expected in text
    assert [item.message for item in after.diagnostics] == []


def test_order_between_two_writers() -> None:
    block = "    op: update_ema\n    with: {target: slow, source: classifier}\n"
    text = TEXT.replace("models:\n", "models:\n  slow: {copy: classifier}\n").replace(
        "  report: {", f"  one:\n{block}  two:\n{block}  report: {{")
    after, new = taken(text, "come after 'one'")
    assert f"  two:\n{block}    after: [one]\n" in new
    assert [item.code for item in after.diagnostics] == []


def test_keys_in_lines_are_taken_out_as_lines() -> None:
    text = digits("  report: {op: log_scalars, inputs: [loss, update.lr], every: [first, 50 steps]}",
                  "  report:\n    op: log_scalars\n    every:\n      - first\n      - 50\n    inputs: score.accuracy")
    after, new = taken(text, "drop 'every'")
    assert "  report:\n    op: log_scalars\n    inputs: score.accuracy\n" in new
    assert not after.diagnostics


# -- numbers of firings ------------------------------------------------------------------------------------

def test_hints() -> None:
    analysis = analyse(str(DIGITS), TEXT)
    found = {analysis.text.slice(hint.span): hint for hint in hints(analysis)}
    assert found["report"].text == "10×" and "steps 1, 50, 100, …" in found["report"].tooltip
    assert found["panel"].text == "20×" and found["best"].text == "≤ 20×"
    assert found["accuracy"].text == "1× per loop"
    line = TEXT[:TEXT.index("  report:")].count("\n") + 1
    assert [hint.text for hint in hints(analysis, line, line)] == ["10×"]


def test_hints_of_a_run_without_an_end() -> None:
    analysis = analyse("<test>", "ops:\n  a: 1.0\n  b: {op: print, inputs: a, every: {cycle: 3, positions: [1, 2]}}\n"
                                 "  c: {op: print, inputs: a, every: 7}\n")
    assert [hint.text for hint in hints(analysis)] == ["5 of 7 steps", "2 of 3 steps", "1 of 7 steps"]


@pytest.mark.parametrize(("old", "new"), [
    ("every: [first, 50 steps]", "every: [first, 40 steps]"), ("num_epochs: 20", "num_epochs: 10"),
    ("inputs: [loss, update.lr], every", "inputs: [loss], every"), ("when: record}", "when: record.since > 1}"),
    ("with: {name: best}, when: record", "with: {name: best}, every: 1 epoch"), ("batch_size: 64", "batch_size: 32"),
    ("label: guess.argmax", "label: fixed.label"), ("sizes: [64, 128, 10]", "sizes: [64, 10]"),
    ("  report: {op: log_scalars, inputs: [loss, update.lr]", '  report: {op: log_scalars, inputs: ["either(score.accuracy, loss)"]'),
    ("inputs: loss, with: {optimizer: adam}", "inputs: loss, with: {optimizer: adam, accumulate: 4}"),
    ("run: {num_epochs: 20", "run: {nonfinite: skip, num_epochs: 20"),
])
def test_what_is_kept_from_an_earlier_version_is_still_right(old: str, new: str) -> None:
    before = analyse(str(DIGITS), TEXT)
    hints(before)
    text = digits(old, new)
    kept, fresh = hints(analyse(str(DIGITS), text, before)), hints(analyse(str(DIGITS), text))
    assert [hint[1:] for hint in kept] == [hint[1:] for hint in fresh]


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An included file is saved in the middle of an analysis, which may have read it before."""
    included, text = tmp_path / "base.yaml", "include: base.yaml\nops: {b: {op: load_batch}}\n"
    included.write_text("run: {seed: 1}\n")
    opened = documents.Documents()

    def analysing(name: str, *rest: Any, **settings: Any) -> Analysis:
        found = analyse(name, *rest, **settings)
        if "seed: 1" in included.read_text():
            included.write_text("rnu: {seed: 2}\n")
            opened.forget()
        return found

    monkeypatch.setattr(documents, "analyse", analysing)
    opened.put("uri", str(tmp_path / "pipeline.yaml"), text, 1)
    found = asyncio.run(opened.analysis("uri"))
    assert found is not None and "unknown-key" in [item.code for item in found.diagnostics]
