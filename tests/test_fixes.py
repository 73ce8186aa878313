"""What a diagnostic proposes to change: the right text at the right place, and certain only where nothing else can be meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgraph.cli.fixing import mend
from edgraph.cli.main import main
from edgraph.compile import check
from edgraph.text.diagnostics import Diagnostic, Fix

HEAD = """\
data: {train: {use: digits, batch_size: 64}}
models: {net: {use: mlp, with: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
run: {num_steps: 10}
"""
OPS = """\
ops:
  batch: {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss: {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: adam}}
"""


def found(text: str, folder: Path) -> list[Diagnostic]:
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return list(check(path).diagnostics)


def written(fix: Fix) -> str:
    """What stands where the fix would be."""
    span = fix.span
    return span.source.line(span.line)[span.column - 1:span.end_column - 1]


CERTAIN = [
    ("lable", "label", HEAD + OPS.replace("batch.label", "batch.lable")),
    ("batchsize", "batch_size", (HEAD + OPS).replace("batch_size", "batchsize")),
    ("optmizer", "optimizer", HEAD + OPS.replace("{optimizer:", "{optmizer:")),
    ("cross_entrpoy", "cross_entropy", HEAD + OPS.replace("cross_entropy", "cross_entrpoy")),
    ('"64"', "64", (HEAD + OPS).replace("64}}", '"64"}}', 1)),
    ("yes", "true", (HEAD + OPS).replace("64}}", "64, shuffle: yes}}", 1)),
    ("if", "when", HEAD + OPS + "  shown: {op: print, inputs: loss, if: loss > 1}\n"),
    ("freq", "every", HEAD + OPS + "  shown: {op: print, inputs: loss, freq: 10}\n"),
    ("stesp", "steps", HEAD + OPS + "  shown: {op: print, inputs: loss, every: 10 stesp}\n"),
    ("every 5 steps", "5 steps", HEAD + OPS + "  shown: {op: print, inputs: loss, every: every 5 steps}\n"),
    ("hold(loss, 0)", '"hold(loss, 0)"', HEAD + OPS + "  shown: {op: print, inputs: {a: hold(loss, 0)}}\n"),
    ("batch.views[0]", '"batch.views[0]"', HEAD + OPS + "  shown: {op: print, inputs: [batch.views[0], loss]}\n"),
    ("dataset", "data", HEAD.replace("data:", "dataset:") + OPS),
]


@pytest.mark.parametrize(("wrong", "right", "text"), CERTAIN, ids=[case[0] for case in CERTAIN])
def test_certain(wrong: str, right: str, text: str, tmp_path: Path) -> None:
    fixes = [fix for item in found(text, tmp_path) for fix in item.fixes if fix.text == right]
    assert fixes, [item.message for item in found(text, tmp_path)]
    assert [(written(fix), fix.certain) for fix in fixes] == [(wrong, True)] * len(fixes)


NOT_CERTAIN = [
    # two names are as near; another number; a short word that is another word; a name that only says more
    ("loss_x", {"loss_a", "loss_b"}, HEAD + OPS + "  loss_a: loss * 1\n  loss_b: loss * 2\n  s: {op: print, inputs: loss_x}\n"),
    ("loss2", {"loss1"}, HEAD + OPS + "  loss1: loss * 1\n  s: {op: print, inputs: loss2}\n"),
    ("ab", {"ac"}, HEAD + OPS + "  ac: loss * 1\n  s: {op: print, inputs: ab}\n"),
    ("upd", {"update"}, HEAD + OPS + "  s: {op: print, inputs: upd.lr}\n"),
]


@pytest.mark.parametrize(("wrong", "near", "text"), NOT_CERTAIN, ids=[case[0] for case in NOT_CERTAIN])
def test_not_certain(wrong: str, near: set[str], text: str, tmp_path: Path) -> None:
    fixes = [fix for item in found(text, tmp_path) for fix in item.fixes]
    assert near <= {fix.text for fix in fixes}
    assert all(written(fix) == wrong and not fix.certain for fix in fixes)


@pytest.mark.parametrize("value", ['"8"', "8_0"])
def test_what_a_parameter_inserts_is_not_mended_where_it_is_inserted(value: str, tmp_path: Path) -> None:
    text = f"params: {{size: {value}}}\n" + (HEAD + OPS).replace("64}}", '"${size}"}}', 1)
    assert [(item.code, item.fixes) for item in found(text, tmp_path)] == [("wrong-type", ())]


def test_a_key_that_is_there_already_is_not_meant(tmp_path: Path) -> None:
    text = (HEAD + OPS).replace("batch_size: 64", "batch_size: 64, batchsize: 32")
    assert [(item.code, item.fixes) for item in found(text, tmp_path)] == [("unknown-key", ())]


# -- edgraph validate --fix ------------------------------------------------------------------------------

WRONG = """\
# what it is about
dataset: {train: {use: digits, batchsize: "64"}}   # kept
models: {net: {use: mlp, wtih: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
run: {num_steps: 10}
ops:
  batch: {op: load_batch}
  logits: {op: forwrad,   inputs: batch.image, with: {model: net}}
  loss: {op: cross_entropy, input: {input: logits, target: batch.lable}}
  update: {op: optimize, inputs: loss, with: {optmizer: adam}}

  shown: {op: print, inputs: {a: hold(loss, 0)}, freq: 5 stesp}  # and this
"""
RIGHT = """\
# what it is about
data: {train: {use: digits, batch_size: 64}}   # kept
models: {net: {use: mlp, with: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
run: {num_steps: 10}
ops:
  batch: {op: load_batch}
  logits: {op: forward,   inputs: batch.image, with: {model: net}}
  loss: {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: adam}}

  shown: {op: print, inputs: {a: "hold(loss, 0)"}, every: 5 steps}  # and this
"""


@pytest.mark.parametrize(("mark", "end"), [(b"", "\n"), (b"\xef\xbb\xbf", "\r\n")])
def test_what_is_certain_is_mended(mark: bytes, end: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(mark + WRONG.replace("\n", end).encode())
    path.chmod(0o640)
    assert main(["validate", "--fix", str(path)]) == 0
    printed = capsys.readouterr().out
    assert f"{path}:8:16: changed 'forwrad' to 'forward'\n" in printed
    assert printed.endswith(f"{path}: fine\n")
    assert path.read_bytes() == mark + RIGHT.replace("\n", end).encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [other.name for other in tmp_path.iterdir()] == ["p.yaml"]


def test_a_preview_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(WRONG)
    assert main(["validate", "--fix", "--diff", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "-dataset: {train:" in printed and "+data: {train: {use: digits, batch_size: 64}}   # kept\n" in printed
    assert path.read_text() == WRONG
    assert main(["validate", "--diff", str(path)]) == 2
    assert "--diff shows what --fix would change: give both" in capsys.readouterr().err


def test_included_files_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(HEAD.replace("batch_size", "batchsize"))
    path = tmp_path / "p.yaml"
    path.write_text(f"include: [base.yaml]\n{OPS}")
    assert main(["validate", "--fix", str(path)]) == 2
    assert (f"{base}:1:29: could change 'batchsize' to 'batch_size'; it is included: edgraph validate --fix {base}\n"
            in capsys.readouterr().err)
    assert "batchsize" in base.read_text()


GOLDEN = Path(__file__).parent / "golden" / "err"


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("*.yaml") if path.stem[0] != "_"))
def test_every_mistake_that_is_mended_is_gone(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(GOLDEN, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    before = {(item.code, item.message) for item in check(f"{case}.yaml").diagnostics}
    mend(f"{case}.yaml", lambda source: check(source).diagnostics, False)
    after = {(item.code, item.message) for item in check(f"{case}.yaml").diagnostics}
    left = [fix for item in check(f"{case}.yaml").diagnostics for fix in item.fixes
            if fix.certain and fix.span.source.name == f"{case}.yaml"]
    assert not left
    assert {code for code, _ in after - before if code in ("syntax", "duplicate-key")} == set()
