"""`edgraph run` as a person types it: output, exit codes, resuming, stopping, failing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgraph.api import Run
from edgraph.cli.main import main
from edgraph.cli.run import _ending

pytest.importorskip("torch")
pytest.importorskip("sklearn")

DIGITS = str(Path(__file__).parent.parent / "pipelines" / "digits.yaml")
Captured = pytest.CaptureFixture[str]
SHORT = ("run.num_epochs=null", "run.num_steps=30")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_says_where_its_folder_is(capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT]) == 0
    (folder,) = Path("runs").iterdir()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"run folder: {folder}"
    assert lines[-1] == f"finished after 30 steps; run folder: {folder}"
    assert any("report.loss" in line for line in lines[1:-1])
    assert rows(folder)[0]["step"] == 1


@pytest.mark.parametrize(("overrides", "why"), [
    (["ops.enough.when=step >= 4", "ops.enough.every=2"], " 4 steps, stopped by 'enough'"),
    (["run.num_steps=null", "run.num_updates=7"], " 7 steps and 7 updates"),
    (["run.max_time=0.01 s"], ", stopped by run.max_time")])
def test_a_run_that_ends_sooner_says_why(overrides: list[str], why: str, capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT, "--folder", "a", *overrides]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("finished after ") and last.endswith(f"{why}; run folder: a")


def test_quiet(capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT, "--quiet", "--folder", "quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert rows(Path("quiet"))


def test_the_interpreter_gives_the_same_numbers() -> None:
    for name, flags in (("generated", []), ("interpreted", ["--interpret"])):
        assert main(["run", DIGITS, *SHORT, "--quiet", "--folder", name, *flags]) == 0
    one, two = ([{key: value for key, value in row.items() if key != "time"} for row in rows(Path(name))]
                for name in ("generated", "interpreted"))
    assert one == two


def test_resuming_needs_no_pipeline(capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT, "--folder", "a", "lr=0.01"]) == 0
    assert main(["run", DIGITS, "run.num_epochs=null", "run.num_steps=60", "lr=0.01", "--folder", "b"]) == 0
    assert main(["run", "--resume", "a", "run.num_steps=60"]) == 0
    assert "finished after 60 steps; run folder: a" in capsys.readouterr().out
    one, two = ([{key: value for key, value in row.items() if key != "time"} for row in rows(Path(name))]
                for name in ("a", "b"))
    assert one == two


def test_a_folder_that_has_a_run_in_it(capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT, "--folder", "a", "--quiet"]) == 0
    assert main(["run", DIGITS, *SHORT, "--folder", "a"]) == 2
    assert "--resume a" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "text"), [
    ("status.json", "[]"), ("status.json", '{"state": "nope"}'), ("status.json", '{"state": "running", "of": 3}'),
    ("environment.json", "[]"), ("params.json", "[]"), ("fixed_examples.json", '{"validation": "x"}'),
    ("fixed_examples.json", '{"validation": [0, 360]}')])
def test_a_damaged_record(name: str, text: str, capsys: Captured) -> None:
    assert main(["run", DIGITS, *SHORT, "--folder", "a", "--quiet"]) == 0
    (Path("a") / name).write_text(text)
    assert main(["run", "--resume", "a", "run.num_steps=40", "--quiet"]) == 2
    assert f"a/{name} " in capsys.readouterr().err
    if name == "status.json":
        assert main(["set", "a"]) == 2
        assert "a/status.json is damaged" in capsys.readouterr().err


def test_the_command_that_goes_on_can_be_typed() -> None:
    assert _ending(Run(7, Path("my runs"), "interrupted", "SIGINT", saved=7)) == (
        "interrupted after 7 steps; go on with: edgraph run --resume 'my runs'")


def test_starting_from_a_checkpoint() -> None:
    assert main(["run", DIGITS, "--quiet", "--folder", "a", *SHORT]) == 0
    assert main(["run", DIGITS, "--quiet", "--folder", "b", *SHORT, "--from", "a@best"]) == 0
    assert rows(Path("b"))[0]["report.loss"] < 0.8 * rows(Path("a"))[0]["report.loss"]
    assert rows(Path("b"))[0]["step"] == 1


@pytest.mark.parametrize(("arguments", "message"), [
    (["--resume", "nothing"], "no run 'nothing'"),
    ([DIGITS, "--from", "nothing@best"], "no run 'nothing'"),
    (["--resume", ""], "--resume is given, but empty"),
    ([DIGITS, "--folder", ""], "--folder is given, but empty"),
    (["--resume", "nothing@best"], "to start a new one from another: --from nothing@best"),
    (["--resume", "file"], "to start a new one from another: --from file"),
    ([DIGITS, "--folder", "file"], "is a file"),
    ([DIGITS, "--folder", "file/inside"], "file"),
    ([DIGITS, "--folder", "full"], "not empty"),
    ([DIGITS, "run.device=gpu9"], "gpu9"),
    ([DIGITS, "run.backend=jax"], "jax"),
    ([DIGITS, "data.train.with.split=trian"], "trian"),
    ([DIGITS, "models.classifier.use=no.such.Model"], "no.such"),
    ([DIGITS, "models.classifier.with.sizes=[3, 10]", "models.classifier.with.colour=red"], "colour"),
])
def test_what_is_refused_before_the_first_step(arguments: list[str], message: str, capsys: Captured) -> None:
    Path("file").touch()
    Path("full").mkdir()
    (Path("full") / "thesis.tex").touch()
    assert main(["run", *arguments, "--quiet"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err
    assert not captured.out


def test_a_failing_op(capsys: Captured) -> None:
    """A model that does not fit: the op, its line and step, its inputs, and where it is in torch."""
    assert main(["run", DIGITS, "models.classifier.with.sizes=[3, 10]", "--folder", "a"]) == 1
    captured = capsys.readouterr()
    assert "'logits' failed at step 1" in captured.err and "digits.yaml:" in captured.err
    assert "(64, " in captured.err and "Traceback" in captured.err
    assert "failed after 0 steps" in captured.out


def test_ctrl_c_saves_and_can_be_resumed() -> None:
    """A second process, as a signal goes to one."""
    with subprocess.Popen([sys.executable, "-m", "edgraph", "run", DIGITS, "run.num_epochs=null",
                           "run.num_steps=1000000", "ops.enough=null", "--folder", "a"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_for(Path("a/metrics.jsonl"), running)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert "interrupted after" in out and "edgraph run --resume a" in out
    steps = json.loads(Path("a/status.json").read_text())["step"]
    assert main(["run", "--resume", "a", f"run.num_steps={steps + 5}", "--quiet"]) == 0


def wait_for(file: Path, running: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size):
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.05)
