"""Run folders: made once, written by one process, found by what people type."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgraph.run.checkpoints import NoCheckpoint
from edgraph.run.environment import environment, revision, versions
from edgraph.run.files import PARTIAL, AppendFile, safe_name
from edgraph.run.find import find_checkpoint, find_run
from edgraph.run.folder import FolderError, RunFolder, Status

NOW = 1_767_225_600.0


def test_two_runs_of_one_second(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    made = [RunFolder.create(root, "digits / a", NOW) for _ in range(3)]
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(NOW))
    assert [f.path.name for f in made] == [f"{stamp}-digits-a", f"{stamp}-digits-a-2", f"{stamp}-digits-a-3"]


def test_files(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "x", NOW) as folder:
        folder.write_pipeline("name: x\n", {"../base.yaml": "a: 1\n", "other/base.yaml": "a: 2\n"})
        folder.write_text("plan.txt", "step 1\n")
        folder.write_json("fixed_examples.json", {"train": [0, 1]})
        folder.write_environment({"a": 1})
        folder.write_environment({"b": 2})
        folder.write_environment({"c": 3})
        folder.log("two\nlines")
        folder.log("bad \ud800")
        assert folder.status() is None
        folder.write_status("interrupted", 120, 3, "SIGTERM")
        path = folder.path
    again = RunFolder.open(path)
    assert (path / "pipeline.yaml").read_text() == "name: x\n"
    assert sorted(os.listdir(path / "includes")) == ["01-base.yaml", "02-base.yaml"]
    assert again.read_json("environment.json") == {"a": 1, "resumed": [{"b": 2}, {"c": 3}]}
    assert again.read_json("none.json", 7) == 7
    status = again.status()
    assert isinstance(status, Status) and status[:4] == ("interrupted", 120, 3, "SIGTERM")
    log = (path / "log.txt").read_text().splitlines()
    assert [line[20:] for line in log] == ["two", "lines", "bad \\ud800"]
    (path / "status.json").write_text("{")
    with pytest.raises(FolderError, match="damaged"):
        again.status()
    assert not list(path.glob(f".*{PARTIAL}"))


def test_explicit_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with RunFolder.create(tmp_path, "x", NOW, explicit=path) as folder:
        assert folder.path == path
        folder.write_status("running", 0)
    with pytest.raises(FolderError, match=r"has a run in it; .*--resume"):
        RunFolder.create(tmp_path, "x", NOW, explicit=path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.tex").touch()
    with pytest.raises(FolderError, match="not empty"):
        RunFolder.create(tmp_path, "x", NOW, explicit=tmp_path / "c")
    with pytest.raises(FolderError, match="is a file"):
        RunFolder.create(tmp_path, "x", NOW, explicit=tmp_path / "c" / "thesis.tex")
    with pytest.raises(FolderError, match="there is no run folder"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(FolderError, match="no run folder"):
        RunFolder.open(tmp_path / "c")


def test_one_writer(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", NOW)
    folder.write_status("running", 0)
    with pytest.raises(FolderError, match="this process already"):
        RunFolder.open(folder.path, writing=True)
    RunFolder.open(folder.path).close()  # readers are free, and do not end the writer's lock
    code = ("import sys; from pathlib import Path; from edgraph.run.folder import RunFolder\n"
            "folder = RunFolder.open(Path(sys.argv[1]), writing=True)\n"
            "print('locked', flush=True); sys.stdin.read()")
    command = [sys.executable, "-c", code, str(folder.path)]
    second = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert f"another process (process {os.getpid()}) is writing into" in second.stderr
    folder.close()
    third = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert third.stdout is not None and third.stdout.readline() == "locked\n"
    with pytest.raises(FolderError, match=f"process {third.pid}"):
        RunFolder.open(folder.path, writing=True)
    third.send_signal(signal.SIGKILL)
    third.wait()
    with RunFolder.open(folder.path, writing=True):
        pass


def test_a_write_that_fails_names_its_file() -> None:
    full = AppendFile(Path("/dev/full"))
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        full.append(b"x")


def test_a_run_that_begins_is_running(tmp_path: Path) -> None:
    """Before it has said so: `edgraph set` took it for one that was killed."""
    with RunFolder.create(tmp_path, "x", NOW) as folder:
        reader = RunFolder(folder.path)
        assert folder.status() is None and reader.is_running()
        folder.write_status("interrupted", 3)
    assert not reader.is_running()
    with RunFolder.open(folder.path, writing=True):  # it is taken up again
        assert reader.is_running()
    folder.write_status("running", 3)  # and killed
    assert not reader.is_running()


def test_checkpoints_of_readers_and_writers(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "x", NOW) as folder:
        folder.checkpoints(keep=1).save(None, 10, {"a": 1})
    left = [folder.path / "checkpoints" / f".x{PARTIAL}", folder.path / f".status.json.0a{PARTIAL}",
            folder.path / "images" / "panel" / f".y{PARTIAL}"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    RunFolder.open(folder.path).checkpoints()
    assert all(path.exists() for path in left)
    with RunFolder.open(folder.path, writing=True) as again:
        assert again.checkpoints().load() == ({"a": 1}, 10)
    assert not any(path.exists() for path in left)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, steps in (("2026-01-01T00-00-00-digits", (100, 120)), ("2026-01-02T00-00-00-digits", ())):
        with RunFolder.create(tmp_path, "", NOW, explicit=tmp_path / "runs" / name) as folder:
            folder.write_status("finished", 120)
            store = folder.checkpoints()
            for step in steps:
                store.save(None, step, step)
                store.save("best", step, step)
    (tmp_path / "runs" / "notes.txt").touch()
    return tmp_path / "runs"


def test_find(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = root / "2026-01-01T00-00-00-digits"
    for text in (str(run), run.name, "2026-01-01"):
        assert find_run(text, root) == run
        assert find_checkpoint(f"{text}@best", root) == run / "checkpoints" / "best.safetensors"
        assert find_checkpoint(f"{text}@100", root) == run / "checkpoints" / "step-00000100.safetensors"
        assert find_checkpoint(text, root) == find_checkpoint(f"{text}@latest", root)
    file = run / "checkpoints" / "best.safetensors"
    assert find_checkpoint(str(file), root) == file
    monkeypatch.chdir(root.parent)
    file = find_checkpoint("runs/2026-01-01T00-00-00-digits@120", Path("runs"))
    assert file.name == "step-00000120.safetensors"


@pytest.mark.parametrize(("text", "message"), [
    ("2026", "could be any of 2 runs in .*: 2026-01-01T00-00-00-digits, 2026-01-02T00-00-00-digits"),
    ("2026-01-01T00-00-00-digist", "no run .* in .*; there is 2026.*; did you mean '2026-01-01T.*-digits'"),
    ("", "no run ''"),
    ("2026-01-01@bets", r"no checkpoint 'bets'; it has 100, 120, best \(step 120\); did you mean 'best'\?"),
    ("2026-01-01@110", "no checkpoint '110'; it has 100, 120"),
    ("2026-01-02", "no valid checkpoint: it is empty"),
    ("none.safetensors", "there is no file none.safetensors"),
])
def test_what_is_not_found(root: Path, text: str, message: str) -> None:
    with pytest.raises(NoCheckpoint, match=message):
        find_checkpoint(text, root)


def test_no_runs_at_all(tmp_path: Path) -> None:
    with pytest.raises(NoCheckpoint, match="there are no runs in"):
        find_run("x", tmp_path / "runs")
    with pytest.raises(NoCheckpoint, match="is no run folder"):
        find_run(str(tmp_path), tmp_path / "runs")


def test_a_skipped_newest(root: Path) -> None:
    folder = root / "2026-01-01T00-00-00-digits" / "checkpoints"
    (folder / "best.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match="best.safetensors: the file is empty"):
        assert find_checkpoint("2026-01-01", root).name == "step-00000120.safetensors"


@pytest.mark.parametrize(("name", "safe"), [
    ("a/b", "a-b"), ("../..", "unnamed"), ("", "unnamed"), ("ü.x_1", "ü.x_1"), ("a b\n", "a-b"),
    ("train.critic", "train.critic"),
])
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_long_names_stay_apart() -> None:
    assert len(safe_name("漢" * 300).encode()) < 255
    assert safe_name("x" * 300) != safe_name("x" * 301)


def test_environment(tmp_path: Path) -> None:
    value = environment(["edgraph", "run", "x.yaml"], tmp_path, {"device": "cpu"})
    assert json.loads(json.dumps(value)) == value
    assert value["command"] == ["edgraph", "run", "x.yaml"] and value["device"] == "cpu"
    assert "numpy" in value["packages"] and value["code"] is None
    assert versions(["no-such-package"]) == {}


def test_revision(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    if subprocess.run([*git, "init", "-q"], capture_output=True).returncode:
        pytest.skip("no git")
    assert revision(tmp_path) is None  # no commit yet
    (tmp_path / "a.py").write_text("1")
    subprocess.run([*git, "add", "a.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    found = revision(tmp_path)
    assert found is not None and len(found["commit"]) == 40 and found["dirty"] is False
    (tmp_path / "a.py").write_text("2")
    assert revision(tmp_path)["dirty"] is True  # type: ignore[index]
    assert revision(tmp_path / "nowhere") is None
