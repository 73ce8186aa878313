"""SIGKILL at random moments: resumed each time, the run ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import everything
import pytest
from twins import run

import edgraph
from edgraph.run.folder import RunFolder

# Each attempt is a process of its own, forked from one that has imported what takes long.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["twins", "edgraph.run.start", "edgraph.backends.torch"])


def attempt(pipeline: Path, folder: Path, overrides: list[str]) -> None:
    """In a process of its own: begins the run, or goes on with it."""
    begun = (folder / "status.json").exists()
    loaded = edgraph.load(pipeline, overrides)
    ended = loaded.run(None if begun else folder, resume=folder if begun else None)
    os._exit(0 if ended.end == "finished" else 1)


def start(pipeline: Path, folder: Path, overrides: list[str]) -> BaseProcess:
    if folder.exists() and not (folder / "status.json").exists():  # killed before it had begun
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    process = CONTEXT.Process(target=attempt, args=(pipeline, folder, overrides))
    process.start()
    return process


def kill_again_and_again(pipeline: Path, folder: Path, times: int, seed: int, overrides: list[str]) -> None:
    """Runs to the end, killed so many times on the way: while it takes up the run, trains, or saves."""
    draw = random.Random(seed)
    for kills in range(times):
        process = start(pipeline, folder, overrides)
        wait_for_steps(folder, process)
        process.join(draw.uniform(0.0, 0.5))
        if process.exitcode is not None:
            raise AssertionError(f"it ended with {process.exitcode} after {kills} kills: make the run longer")
        process.kill()
        process.join()
    process = start(pipeline, folder, overrides)
    process.join()
    assert process.exitcode == 0


def wait_for_steps(folder: Path, process: BaseProcess) -> None:
    """Until the process has taken up the run."""
    before = RunFolder.open(folder).status() if (folder / "status.json").exists() else None
    while process.exitcode is None:
        if (folder / "status.json").exists():
            status = RunFolder.open(folder).status()
            if status != before:
                return
        time.sleep(0.002)


def check(tmp_path: Path, times: int, seed: int, overrides: list[str]) -> None:
    pipeline = everything.write(tmp_path / "pipeline")
    run(pipeline, tmp_path / "whole", overrides)
    kill_again_and_again(pipeline, tmp_path / "run", times, seed, overrides)
    one, other = everything.traces(tmp_path / "run"), everything.traces(tmp_path / "whole")
    assert everything.differing(one, other) == []


def test_three_kills(tmp_path: Path) -> None:
    check(tmp_path, 3, 0, [])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_kills(seed: int, tmp_path: Path) -> None:
    check(tmp_path, 20, seed, ["run.num_steps=1000"])


@pytest.mark.slow
def test_twenty_kills_with_workers(tmp_path: Path) -> None:
    """Batches that are prepared ahead in other processes, which must not outlive the run."""
    check(tmp_path, 20, 3, ["run.num_steps=1000", "data.train.workers=2"])
