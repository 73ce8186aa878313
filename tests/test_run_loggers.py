"""Loggers: files and memory alike, taken back on resume, never the end of a run."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory import MemoryLogger

from edgraph.run.loggers import FileLogger, Loggers, TensorBoard, summary
from edgraph.run.metrics import read_metrics
from edgraph.run.statefile import decode_state, encode_state

pytest.importorskip("PIL")
Make = Callable[[], Any]


@pytest.fixture(params=["files", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return lambda: MemoryLogger(lambda: 3, lambda: 9.0)
    return lambda: FileLogger(tmp_path, lambda: 3, lambda: 9.0)


def rows(logger: Any) -> list[dict[str, Any]]:
    return logger.metrics.read() if isinstance(logger, MemoryLogger) else read_metrics(logger._metrics.path)


def log_step(loggers: Loggers, step: int) -> None:
    loggers.scalars(step, {"report.loss": np.float32(1 / 2 ** step)})
    loggers.images(step, "panel", np.zeros((2, 8, 8)), ["a", "b"])
    loggers.text(step, "sample", f"text {step}")
    loggers.table(step, "confusion", ["a", "b"], [[1, step], [3, 4]])
    loggers.histogram(step, "weights", np.arange(step + 1))


def test_histograms_are_of_numbers() -> None:
    with pytest.raises(TypeError, match=r"'names' is a list, .*; a histogram is of numbers"):
        Loggers({"memory": MemoryLogger(lambda step: 1)}).histogram(1, "names", ["a", "b"])


def test_all_kinds(make: Make) -> None:
    logger = make()
    loggers = Loggers({"files": logger}, line=lambda text: None)
    log_step(loggers, 1)
    log_step(loggers, 2)
    assert [(r["step"], r["epoch"], r["time"], r["report.loss"]) for r in rows(logger)] == [
        (1, 3, 9, 0.5), (2, 3, 9, 0.25)]
    assert loggers.latest == {"report.loss": 0.25}
    loggers.flush()
    loggers.close()


def test_restore(make: Make) -> None:
    """After a restore and the same steps again everything is as if they had been made once."""
    logger = make()
    loggers = Loggers({"files": logger}, line=lambda text: None)
    for step in (1, 2):
        log_step(loggers, step)
    loggers.flush()
    position = loggers.position()
    position = decode_state(b"".join(encode_state(position)[0]), "").tree  # as a checkpoint holds it
    for step in (3, 4):
        log_step(loggers, step)
    loggers.restore(position)
    assert [row["step"] for row in rows(logger)] == [1, 2]
    log_step(loggers, 3)
    assert [row["step"] for row in rows(logger)] == [1, 2, 3]
    loggers.restore(None)
    assert rows(logger) == []


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_files(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path, lambda: 1, lambda: 0.0)
    loggers = Loggers({"files": logger})
    for step in (1, 2):
        log_step(loggers, step)
    position, before = loggers.position(), snapshot(tmp_path)
    assert sorted(before) == [
        "histograms/weights.jsonl", "images/panel/step-00000001.png", "images/panel/step-00000002.png",
        "metrics.jsonl", "tables/confusion/step-00000001.csv", "tables/confusion/step-00000002.csv",
        "text/sample/step-00000001.txt", "text/sample/step-00000002.txt"]
    assert before["text/sample/step-00000002.txt"] == b"text 2\n"
    with open(tmp_path / "tables/confusion/step-00000002.csv", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["1", "2"], ["3", "4"]]
    histogram = json.loads(before["histograms/weights.jsonl"].splitlines()[1])
    assert (histogram["step"], histogram["count"], histogram["mean"]) == (2, 3, 1.0)
    log_step(loggers, 3)
    loggers.histogram(3, "late", np.zeros(3))
    loggers.close()
    after = snapshot(tmp_path)

    again = Loggers({"files": FileLogger(tmp_path, lambda: 1, lambda: 0.0)})
    again.restore(position)
    assert snapshot(tmp_path) == {**before, "histograms/late.jsonl": b""}
    log_step(again, 3)
    again.histogram(3, "late", np.zeros(3))
    assert snapshot(tmp_path) == after


def test_names_stay_in_the_folder(tmp_path: Path) -> None:
    loggers = Loggers({"files": FileLogger(tmp_path / "run", lambda: 1)})
    loggers.text(1, "../../escape", "x")
    written, = tmp_path.rglob("*.txt")
    assert written == tmp_path / "run/text/escape/step-00000001.txt"


class Failing:
    def __init__(self) -> None:
        self.calls = 0

    def scalars(self, step: int, values: dict[str, float]) -> None:
        self.calls += 1
        raise OSError(28, "No space left on device")

    def position(self) -> int:
        return 7


def test_a_failing_logger_is_left_out() -> None:
    warned: list[str] = []
    failing, memory = Failing(), MemoryLogger(lambda: 1)
    loggers = Loggers({"mine": failing, "memory": memory}, warn=warned.append)
    assert loggers.position() == {"mine": 7, "memory": {"metrics": 0}}
    for step in (1, 2, 3):
        loggers.scalars(step, {"a": 1})
    assert failing.calls == 1 and len(memory.metrics.read()) == 3
    assert warned == ["logger 'mine' failed and is left out from now on: "
                      "OSError: [Errno 28] No space left on device"]
    assert list(loggers.position()) == ["memory"]
    strict = Loggers({"mine": failing}, strict=frozenset({"mine"}))
    with pytest.raises(OSError, match="No space"):
        strict.scalars(1, {"a": 1})


def test_an_ops_mistake_is_the_ops() -> None:
    loggers = Loggers({"memory": MemoryLogger(lambda: 1)})
    with pytest.raises(TypeError, match="'a' is a str"):
        loggers.scalars(1, {"a": "text"})
    with pytest.raises(ValueError, match="'step'"):
        loggers.scalars(1, {"step": 1})
    with pytest.raises(ValueError, match="no batch of images"):
        loggers.images(1, "x", np.zeros(3))
    with pytest.raises(ValueError, match="a row of 1"):
        loggers.table(1, "x", ["a", "b"], [[1]])
    loggers.scalars(1, {"a": math.nan})
    assert len(loggers.position()) == 1


def test_a_restore_that_cannot_be_done(tmp_path: Path) -> None:
    warned: list[str] = []
    loggers = Loggers({"files": FileLogger(tmp_path, lambda: 1)}, warn=warned.append)
    loggers.restore({"files": {"metrics": 10_000, "histograms": {}, "step": 1}})
    assert len(warned) == 1 and "fewer than the 10000" in warned[0]


def test_summary() -> None:
    values = np.array([0.0, 1.0, np.nan, np.inf])
    result = summary(values, bins=2)
    assert json.loads(json.dumps(result)) == {
        "count": 4, "nonfinite": 2, "min": 0, "max": 1, "mean": 0.5, "std": 0.5, "edges": [0, 0.5, 1],
        "counts": [1, 1]}
    assert summary(np.array([])) == {"count": 0, "nonfinite": 0}


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from edgraph.run.loggers import FileLogger, Loggers
from edgraph.run.checkpoints import FolderStore
folder, killed_at = Path(sys.argv[1]), int(sys.argv[2])
store = FolderStore(folder / "checkpoints")
loggers = Loggers({"files": FileLogger(folder, lambda: 1, lambda: 0.0)})
last = store.latest()
loggers.restore(store.load()[0] if last else None)
for step in range(last.step + 1 if last else 1, 31):
    loggers.scalars(step, {"loss": 1 / step})
    loggers.histogram(step, "h", np.arange(step))
    if step == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if step % 7 == 0:
        loggers.flush()
        store.save(None, step, loggers.position())
"""


def test_no_duplicates_after_kills(tmp_path: Path) -> None:
    for folder, kills in (("killed", (5, 13, 14, 29, 99)), ("whole", (99,))):
        for killed_at in kills:
            done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / folder), str(killed_at)])
            assert done.returncode == (-signal.SIGKILL if killed_at < 99 else 0)
    for name in ("metrics.jsonl", "histograms/h.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# -- TensorBoard ----------------------------------------------------------------------------------

def events(folder: Path) -> list[tuple[int, str]]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    return [(event.step, value.tag) for path in sorted(folder.glob("events.*"))
            for event in EventFileLoader(str(path)).Load() for value in event.summary.value]


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    board = TensorBoard()
    board.attach(tmp_path)
    loggers = Loggers({"board": board})
    for step in (1, 2):
        log_step(loggers, step)
    position = loggers.position()
    log_step(loggers, 3)
    loggers.close()
    tags = ["report/loss", "panel", "sample", "confusion", "weights"]
    assert events(tmp_path / "tensorboard") == [(step, tag) for step in (1, 2, 3) for tag in tags]

    again = TensorBoard()
    again.attach(tmp_path)
    loggers = Loggers({"board": again})
    loggers.restore(position)
    log_step(loggers, 3)
    loggers.close()
    assert events(tmp_path / "tensorboard") == [(step, tag) for step in (1, 2, 3) for tag in tags]
    assert len(os.listdir(tmp_path / "tensorboard")) == 2
    loggers.restore(None)
    assert events(tmp_path / "tensorboard") == []


def test_tensorboard_needs_no_framework(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    code = ("import sys; from pathlib import Path; from edgraph.run.tensorboard import TensorBoard\n"
            "board = TensorBoard(folder='tb'); board.attach(Path(sys.argv[1]))\n"
            "board.scalars(1, {'a.b': 1.0}); board.close()\n"
            "assert not {'torch', 'tensorflow'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert len(os.listdir(tmp_path / "tb")) == 1


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgraph.run.tensorboard.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'edgraph\[tensorboard\]'"):
        TensorBoard()
