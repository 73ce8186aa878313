"""The command line: what it teaches, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgraph
from edgraph.cli.arguments import is_override, split
from edgraph.cli.main import COMMANDS, main
from edgraph.ops.registry import registry

ROOT = Path(__file__).parent.parent
DIGITS = str(ROOT / "pipelines" / "digits.yaml")
Captured = pytest.CaptureFixture[str]


def test_without_arguments_it_teaches(capsys: Captured) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert "edgraph run pipelines/digits.yaml" in text
    for command in COMMANDS:
        assert f"  {command}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command: str, capsys: Captured) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  edgraph {command} " in text.split("Example")[1]
    assert max(map(len, text.splitlines())) <= 100


def test_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("edgraph 0.")


@pytest.mark.parametrize(("arguments", "message"), [
    (["pln"], "did you mean 'plan'?"),
    (["pipelines/digits.yaml"], "to run a pipeline: edgraph run pipelines/digits.yaml"),
    ([""], "expected one of new, "),
    (["--verbose"], "there is no option '--verbose'"),
    (["-h"], "did you mean '--help'?"),
    (["--hlep"], "did you mean '--help'?"),
    (["run", DIGITS, "--lr=3"], "an override has no dashes"),
    (["validate"], "Missing argument"),
    (["validate", "lr=1"], "there is no file to check"),
    (["validate", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
    (["validate", str(ROOT)], "is a folder, not a file"),
    (["validate", DIGITS, "--formt", "json"], "did you mean '--format'?"),
    (["validate", DIGITS, "--format", "xml"], "'xml' is not one of 'text', 'json', 'github', 'sarif'"),
    (["validate", DIGITS, "ops.reprot.every=1"], "did you mean 'report'?"),
    (["plan", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
    (["plan", DIGITS, "--steps", "5..1"], "did you mean 1..5?"),
    (["plan", DIGITS, "--steps", "0..4"], "steps count from 1"),
    (["plan", DIGITS, "--steps", "x"], "expected A..B, such as 1..12"),
    (["plan", DIGITS, "--steps", "1..-2"], "expected A..B, such as 1..12"),
    (["plan", DIGITS, "--steps", "1..9000000"], "at most 1,000,000 steps"),
    (["plan", DIGITS, "--steps", "9" * 5000], "expected A..B, such as 1..12"),
    (["plan", DIGITS, "--code", "--json"], "choose one"),
    (["plan", DIGITS, "other.yaml"], "'other.yaml' is no override; expected KEY.PATH=VALUE"),
    (["explain", DIGITS], "which op?"),
    (["explain", DIGITS, "reprot"], "did you mean 'report'?"),
    (["explain", DIGITS, "report", "soon"], "expected the number of one step, found 'soon'"),
    (["explain", DIGITS, "report", "1", "2"], "expected the number of one step, found '1 2'"),
    (["explain", DIGITS, "report", "0"], "steps count from 1"),
    (["graph", DIGITS, "--format", "png"], "'png' is not one of 'svg', 'mermaid', 'dot'"),
    (["graph", DIGITS, "-o", "picture.png"], "its ending must be .svg, .mmd or .mermaid, or .dot"),
    (["schema", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
    (["schema", str(ROOT / "tests" / "golden" / "err" / "graph_uses.yaml")], "did you mean 'digits'?"),
    (["graph", DIGITS, "-o", "/nowhere/picture.svg"], "cannot write /nowhere/picture.svg: No such file"),
    (["graph", DIGITS, "-o", str(ROOT)], "Is a directory"),
    (["expand", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
    (["ops", "forwad"], "did you mean 'forward'?"),
    (["run"], "which pipeline?"),
    (["run", "lr=1"], "which pipeline?"),
    (["run", DIGITS, "fast"], "'fast' is no override"),
    (["run", DIGITS, "--lr=1"], "an override has no dashes"),
    (["run", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
    (["run", DIGITS, "--resume", "x", "--folder", "y"], "--folder starts a new one"),
    (["run", DIGITS, "--resume", "x", "--from", "y"], "--from starts a new one"),
    (["run", "--resume", str(ROOT)], "is no run folder"),
    (["run", DIGITS, "lr=[1"], "lr=[1"),
])
def test_a_wrong_command_line(arguments: list[str], message: str, capsys: Captured) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.out + captured.err
    assert "rror" in captured.out + captured.err


def test_a_file_that_is_not_text(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "picture.yaml"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    assert main(["plan", str(file)]) == 2
    assert "not-utf-8" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("ops: {}")
    file.chmod(0)
    assert main(["validate", str(file)]) == 2
    assert "secret.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(("argument", "expected"), [
    ("lr=3e-4", True), ("ops.panel=null", True), ('ops["a b"].every=3', True), ("x=a/b=c", True), ("a==b", True),
    ("pipeline.yaml", False), ("./lr=3.yaml", False), ("runs\\lr=3", False), ("=3", False), ("", False),
])
def test_overrides_are_told_from_files(argument: str, expected: bool) -> None:
    assert is_override(argument) is expected


def test_files_and_overrides_in_any_order() -> None:
    assert split(["a=1", "f.yaml", "b.c=x/y", "dir/g=1.yaml"]) == (["f.yaml", "dir/g=1.yaml"], ["a=1", "b.c=x/y"])


def test_validate(tmp_path: Path, capsys: Captured) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("ops:\n  a: {op: forwad}\n  b: {op: load_batch, every: 0}\n")
    assert main(["validate", DIGITS]) == 0
    assert capsys.readouterr().out == f"{DIGITS}: fine\n"
    assert main(["validate", DIGITS, str(wrong)]) == 2
    text = capsys.readouterr().out
    assert text.startswith(f"{DIGITS}: fine\n{wrong}:2:11: error[unknown-op]")
    assert text.endswith("errors\n")


def test_validate_as_json(tmp_path: Path, capsys: Captured) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("ops:\n  a: {op: forwad}\n")
    assert main(["validate", str(wrong), "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)[0]
    assert list(found) == ["code", "severity", "message", "file", "line", "column", "end_line", "end_column", "help"]
    assert (found["code"], found["line"], found["column"], found["end_column"]) == ("unknown-op", 2, 11, 17)
    assert main(["validate", DIGITS, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("format_", ["github", "sarif"])
def test_validate_for_tools(format_: str, tmp_path: Path, capsys: Captured) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("ops:\n  a: {op: forwad}\n")
    assert main(["validate", str(wrong), "--format", format_]) == 2
    text = capsys.readouterr().out
    assert "unknown-op" in text
    assert format_ == "github" or json.loads(text)["runs"]


def test_expand(tmp_path: Path, capsys: Captured) -> None:
    assert main(["expand", DIGITS, "lr=0.5", "ops.panel=null"]) == 0
    text = capsys.readouterr().out
    assert "panel" not in text
    again = tmp_path / "again.yaml"
    again.write_text(text)
    assert main(["expand", str(again)]) == 0
    assert capsys.readouterr().out == text
    assert main(["expand", DIGITS, "lr=0.5", "--origins"]) == 0
    assert "# command line: lr=0.5" in capsys.readouterr().out


def test_plan_as_json_is_what_python_gives(tmp_path: Path, capsys: Captured) -> None:
    """Of the whole run and of some steps, the pipeline's own ops known as what they are."""
    (tmp_path / "planned_ops.py").write_text('import edgraph\n\n\n@edgraph.op\ndef twice(x):\n    """Two times."""\n')
    mine = tmp_path / "mine.yaml"
    mine.write_text("imports: [planned_ops]\nrun: {num_steps: 2, over: none, ignore: [unread-value]}\n"
                    "ops: {a: {op: twice, inputs: step}}\n")
    for file, steps, asked in ((DIGITS, (), []), (DIGITS, (3, 5), ["--steps", "3..5"]), (str(mine), (), [])):
        assert main(["plan", file, "--json", *asked]) == 0
        assert edgraph.load(file).plan(*steps) == json.loads(capsys.readouterr().out)


def test_ops(capsys: Captured) -> None:
    assert main(["ops"]) == 0
    assert "cross_entropy" in capsys.readouterr().out
    assert main(["ops", "cross_entropy"]) == 0
    assert "label_smoothing" in capsys.readouterr().out


def test_ops_of_a_pipeline(tmp_path: Path, capsys: Captured) -> None:
    """Those of its own modules, although something else is wrong with it."""
    (tmp_path / "ops_of_mine.py").write_text('import edgraph\n\n\n@edgraph.op\ndef thrice(x):\n    """Three times."""\n')
    file = tmp_path / "mine.yaml"
    file.write_text("imports: [ops_of_mine]\nrun: {num_steps: 2, over: none}\nops: {a: {op: thrice, inputs: nope}}\n")
    try:
        assert main(["ops", str(file), "thrice"]) == 0
        assert "Three times." in capsys.readouterr().out
        assert main(["ops", str(file)]) == 0
        assert "thrice" in capsys.readouterr().out
        assert main(["ops", str(file), "thrise"]) == 2
        assert "nothing is called 'thrise'; did you mean 'thrice'?" in capsys.readouterr().err
    finally:
        registry.remove("op", "thrice")
        sys.modules.pop("ops_of_mine", None)
    file.write_text("imports: [no_such_module_of_mine]\n")
    assert main(["ops", str(file)]) == 2
    assert "no_such_module_of_mine" in capsys.readouterr().err


def test_schema(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "schema.json"
    assert main(["schema", "-o", str(file)]) == 0
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(file.read_text())


def process(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edgraph", *arguments], text=True, check=False,  # type: ignore
                          **{"capture_output": True, **settings})


def test_a_closed_pipe_ends_it_quietly() -> None:
    with subprocess.Popen([sys.executable, "-m", "edgraph", "graph", DIGITS], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device() -> None:
    with open("/dev/full", "w") as full:
        done = process("validate", DIGITS, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    """As a service may be started: nothing is shown, and no file takes the place of the stream."""
    command = f"exec '{sys.executable}' -m edgraph plan '{DIGITS}' --steps 0 {closed}"
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == 2
    command = f"exec '{sys.executable}' -m edgraph expand '{DIGITS}' {closed}"
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == 0


def test_no_colours_outside_a_terminal() -> None:
    done = process("validate", "nowhere.yaml")
    assert done.returncode == 2
    assert "\033" not in done.stdout + done.stderr


def test_an_encoding_without_the_letters() -> None:
    done = process("validate", "nö.yaml", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "n\\xf6.yaml" in done.stdout
