"""`edgraph set` on a run in another process, which is killed and goes on: as a run that is replayed in one piece."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from twins import differences, rows, run, saved_weights

import edgraph
from edgraph.cli.main import main
from edgraph.run.mailbox import read_changes

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["twins", "edgraph.run.start", "edgraph.backends.torch"])
PIPELINE = """
name: live
imports: [slow_ops]
params:
  lr: {value: 0.05, min: 0, max: 1}
  weight: {value: 1.0, min: 0}
  shown: {value: 1, type: integer, choices: [1, 2]}
  width: 16
run: {num_steps: 1200, seed: 3, checkpoint: {every: 200}}
data:
  train: {use: digits, with: {split: train}, batch_size: 16, shuffle: true}
models:
  net: {use: mlp, with: {sizes: [64, "${width}", 10], dropout: 0.2}}
optimizers:
  sgd: {use: SGD, updates: [net], with: {lr: 0.1, momentum: 0.9}, schedule: "params.lr * min(1, (updates + 1) / 50)"}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  total:  loss * params.weight
  update: {op: optimize, inputs: total, with: {optimizer: sgd}}
  slow:   {op: pause, inputs: loss, every: 1}
  report: {op: log_scalars, inputs: {total: total, lr: update.lr, shown: params.shown * 1.0, step: step}, every: 1}
"""
REFUSED = """\
command line:1:1: error[bad-override]: 'run.seed' cannot be changed while a run goes on: only parameters can
    1 | run.seed=3
      | ^^^^^^^^
   help: stop the run, and go on with: edgraph run --resume RUN run.seed=3

command line:1:1: error[not-live]: parameter 'width' cannot be changed: ${width} at live.yaml:13:38 was filled in before the run
    1 | width=3
      | ^^^^^
   help: only `params.width` in an expression follows a change, as in `schedule: params.width` of an optimizer

command line:1:1: error[unknown-parameter]: there is no parameter 'wieght'
    1 | wieght=1
      | ^^^^^^
   help: did you mean 'weight'?

command line:1:4: error[out-of-range]: parameter 'lr' cannot be the number 2; expected a number from 0 to 1
    1 | lr=2
      |    ^

command line:1:4: error[wrong-type]: parameter 'lr' cannot be null; expected a number from 0 to 1
    1 | lr=
      |    ^

command line:1:7: error[bad-value]: parameter 'shown' cannot be the number 3; expected 1 or 2
    1 | shown=3
      |       ^

command line:1:8: error[wrong-type]: parameter 'weight' cannot be the text 'x'; expected a number of at least 0
    1 | weight=x
      |        ^
"""
FILLED_IN = """\
command line:1:1: error[not-live]: parameter 'width' has no effect in the recorded pipeline: ${width} at live.yaml:13:38 was filled in before the run
    1 | width=8
      | ^^^^^
   help: override what it fills in (models.net.with.sizes), or name the pipeline's file: edgraph run FILE --resume RUN width=8
"""
SLOW = '''
import time

import edgraph


@edgraph.op(effect=True)
def pause(value):
    """A step takes a while."""
    time.sleep(0.002)
'''


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("slow_ops.py").write_text(SLOW)
    Path("live.yaml").write_text(PIPELINE)
    return Path("live.yaml")


def attempt(pipeline: Path, folder: Path) -> None:
    begun = (folder / "status.json").exists()
    ended = edgraph.load(pipeline).run(None if begun else folder, resume=folder if begun else None)
    os._exit(0 if ended.end == "finished" else 1)


@contextmanager
def running(pipeline: Path, folder: Path, beyond: int) -> Iterator[BaseProcess]:
    """The run in a process of its own, once it has logged a step."""
    process = CONTEXT.Process(target=attempt, args=(pipeline, folder))
    process.start()
    try:
        until = time.monotonic() + 60
        while not (folder / "metrics.jsonl").exists() or (rows(folder) or [{"step": 0}])[-1]["step"] <= beyond:
            assert process.exitcode is None and time.monotonic() < until
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.join()


def untimed(folder: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "time"} for row in rows(folder)]


def test_killed_and_resumed_runs_repeat_the_changes(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("runs/a")
    with running(pipeline, folder, 5):
        assert main(["set", "a", "lr=0.02", "shown=2"]) == 0
        said = capsys.readouterr().out.splitlines()
        [first] = read_changes(folder)
        assert said == [f"lr = 0.02 from step {first.step + 1} on (it was 0.05)",
                        f"shown = 2 from step {first.step + 1} on (it was 1)"]
    with running(pipeline, folder, 250):
        assert main(["set", "a", "weight=0.5"]) == 0
    with running(pipeline, folder, read_changes(folder)[-1].step) as process:
        process.join()
        assert process.exitcode == 0
    steps = [change.step for change in read_changes(folder)]
    assert 5 < steps[0] < steps[1]
    rates = [row["report.lr"] for row in rows(folder)]
    assert rates[steps[0] - 1:steps[0] + 1] == pytest.approx([0.05 * min(1, steps[0] / 50),
                                                              0.02 * min(1, (steps[0] + 1) / 50)])
    run(pipeline, Path("whole"), replay=folder)
    assert differences(saved_weights(folder), saved_weights(Path("whole"))) == []
    assert untimed(folder) == untimed(Path("whole"))
    assert next(row["step"] for row in rows(folder) if row["report.shown"] == 2) == steps[0] + 1


def test_what_set_says(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("runs/a")
    with running(pipeline, folder, 0):
        assert main(["set", "a"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "runs/a (running)",
            "  lr      0.05  a number from 0 to 1",
            "  weight  1     a number of at least 0",
            "  shown   1     1 or 2",
            "  width   16    cannot be changed: ${width} at live.yaml:13:38 was filled in before the run"]
        assert main(["set", "a", "lr=2", "wieght=1", "width=3", "weight=x", "shown=3", "run.seed=3", "lr="]) == 2
        assert capsys.readouterr().err == REFUSED
        assert main(["set", "a", "lr=0.1", "--no-wait"]) == 0
        assert "asked" in capsys.readouterr().out
    assert main(["set", "a", "lr=0.1"]) == 2
    assert capsys.readouterr().err == (
        "error: runs/a is not running: it was killed; to go on with another value: edgraph run --resume runs/a lr=0.1\n")
    assert main(["set", "a"]) == 0
    assert capsys.readouterr().out.startswith("runs/a (not running)\n")
    assert main(["set", "b", "lr=0.1"]) == 2 and "no run 'b'" in capsys.readouterr().err


def test_an_inserted_parameter_stays_so_in_the_recorded_pipeline(
        pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There `${width}` is filled in: the run that goes on knows it from the run's own record."""
    from edgraph.run.folder import RunFolder
    assert main(["run", str(pipeline), "run.num_steps=5", "--folder", "a", "--quiet"]) == 0
    assert main(["run", "--resume", "a", "run.num_steps=9", "--quiet"]) == 0
    assert RunFolder(Path("a")).read_json("params.json")["width"]["inserted"] == ["live.yaml:13:38"]
    capsys.readouterr()
    assert main(["run", "--resume", "a", "run.num_steps=12", "width=8", "lr=0.1"]) == 2
    assert capsys.readouterr().err == FILLED_IN
    assert main(["run", str(pipeline), "--resume", "a", "run.num_steps=12", "width=16", "lr=0.1", "--quiet"]) == 0
