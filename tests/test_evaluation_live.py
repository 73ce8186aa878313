"""Evaluating a run that is training in another process, both of them killed now and then."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from evaluated import rows, write

import edgraph
from edgraph.data.saved import SavedExamples
from edgraph.run.folder import RunFolder, is_held

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["evaluated", "edgraph.run.start", "edgraph.backends.torch"])
LATER = 60.0  # seconds after which a test has gone wrong


def attempt(pipeline: Path, folder: Path, overrides: list[str]) -> None:
    """In a process of its own: begins a run, or goes on with it."""
    begun = (folder / "status.json").exists()
    ended = edgraph.load(pipeline, overrides).run(None if begun else folder, resume=folder if begun else None)
    os._exit(ended.exit_code)


def start(pipeline: Path, folder: Path, *overrides: str) -> BaseProcess:
    if folder.exists() and not (folder / "status.json").exists():  # killed before it had begun
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    process = CONTEXT.Process(target=attempt, args=(pipeline, folder, list(overrides)))
    process.start()
    return process


def until(what: Callable[[], object]) -> None:
    limit = time.monotonic() + LATER
    while not what():
        assert time.monotonic() < limit, "it does not happen"
        time.sleep(0.005)


def ends(process: BaseProcess, code: int = 0) -> None:
    process.join(LATER)
    assert process.exitcode == code


def training(folder: Path, steps: int, *overrides: str) -> BaseProcess:
    process = start(folder / "train.yaml", folder / "run", f"run.num_steps={steps}", *overrides)
    until(lambda: (folder / "run" / "status.json").exists() or process.exitcode is not None)
    return process


def evaluation(folder: Path, *overrides: str) -> BaseProcess:
    return start(folder / "evaluate.yaml", folder / "e", f"run.of={folder / 'run'}", "run.which=new", *overrides)


def saved(folder: Path) -> list[int]:
    return sorted(int(path.stem[5:]) for path in (folder / "run" / "checkpoints").glob("step-*"))


def test_every_checkpoint_is_evaluated_once_while_the_run_trains(tmp_path: Path) -> None:
    write(tmp_path)
    trains = training(tmp_path, 200)
    evaluates = evaluation(tmp_path)
    ends(trains)
    ends(evaluates)
    assert rows(tmp_path / "e") == rows(tmp_path / "run")
    assert [row["step"] for row in rows(tmp_path / "e")] == saved(tmp_path)
    status = RunFolder.open(tmp_path / "e").status()
    assert status is not None and status.reason == "the run has finished"


def kills(tmp_path: Path, steps: int, times: int, seed: int) -> None:
    """Both processes are killed so many times, at random moments, and taken up again."""
    draw = random.Random(seed)
    write(tmp_path, evaluate={
        "ops": {"kept": {"op": "loop", "with": {"graph": "keep"}}},
        "graphs": {"keep": {"over": "validation", "ops": {
            "batch": {"op": "load_batch"}, "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "ema"}},
            "saved": {"op": "save_examples", "inputs": {"index": "batch.index", "logits": "logits"}}}}}})
    train = lambda: training(tmp_path, steps)  # noqa: E731
    evaluate = lambda: evaluation(tmp_path, "run.timeout=30 s")  # noqa: E731
    trains, evaluates = train(), evaluate()
    for _ in range(times):
        time.sleep(draw.uniform(0.0, 0.6))
        if draw.random() < 0.7:
            evaluates.kill()
            evaluates.join()
            assert evaluates.exitcode in (-signal.SIGKILL, 0)
            if evaluates.exitcode != 0:
                evaluates = evaluate()
        elif trains.exitcode is None:
            trains.kill()
            trains.join()
            if trains.exitcode != 0:
                trains = train()
    ends(trains)
    ends(evaluates)
    measured = {row["step"]: row for row in rows(tmp_path / "run")}
    found = rows(tmp_path / "e")
    steps = [row["step"] for row in found]
    assert found == [measured[step] for step in steps]
    assert steps == sorted(set(steps))
    # killed right after it had saved `best`, the training has no other checkpoint of that step
    assert set(saved(tmp_path)) <= set(steps)
    sets = sorted((tmp_path / "e" / "examples" / "kept.saved").iterdir())  # whole ones, of what is recorded
    assert [path.name for path in sets] == [f"step-{step:08d}" for step in steps]
    assert {len(SavedExamples(folder=str(path))) for path in sets} == {360}


def test_kills_of_both(tmp_path: Path) -> None:
    kills(tmp_path, 240, 4, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_kills_of_both(seed: int, tmp_path: Path) -> None:
    kills(tmp_path, 1000, 25, seed)


def test_a_run_that_keeps_one_checkpoint(tmp_path: Path) -> None:
    """It removes them while they are looked at. What is evaluated is what was trained, once, and the last one is."""
    write(tmp_path)
    trains = training(tmp_path, 200, "run.checkpoint.keep=1")
    evaluates = evaluation(tmp_path)
    ends(trains)
    ends(evaluates)
    measured = {row["step"]: row for row in rows(tmp_path / "run")}
    found = rows(tmp_path / "e")
    assert len({row["step"] for row in found}) == len(found) and found[-1]["step"] == 200
    assert all(row == measured[row["step"]] for row in found)
    assert "skipped" not in (tmp_path / "e" / "log.txt").read_text()


def test_a_killed_run_ends_the_wait(tmp_path: Path) -> None:
    write(tmp_path)
    trains = training(tmp_path, 1_000_000)
    until(lambda: saved(tmp_path))
    evaluates = evaluation(tmp_path, "run.filter=step <= 8")
    until(lambda: (tmp_path / "e" / "metrics.jsonl").exists() and len(rows(tmp_path / "e")) == 2)
    assert evaluates.exitcode is None and is_held(tmp_path / "run")
    trains.kill()
    ends(evaluates)
    status = RunFolder.open(tmp_path / "e").status()
    assert status is not None and status.reason == "the run was killed"
    assert is_held(tmp_path / "run") is False


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    write(tmp_path)
    trains = training(tmp_path, 1_000_000)
    until(lambda: saved(tmp_path))
    evaluates = evaluation(tmp_path, "run.filter=step <= 8")
    until(lambda: (tmp_path / "e" / "metrics.jsonl").exists() and len(rows(tmp_path / "e")) == 2)
    assert evaluates.pid is not None
    os.kill(evaluates.pid, signal.SIGINT)
    ends(evaluates, 130)
    trains.kill()
    trains.join()
