"""Checkpoint stores, on disk and in memory: rotation, the newest valid one, killed writers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory import MemoryStore

from edgraph.run import files
from edgraph.run.checkpoints import ASIDE, FolderStore, NoCheckpoint, check_name
from edgraph.run.statefile import Damaged
from edgraph.run.tree import Unsaveable

Make = Callable[..., Any]


@pytest.fixture(params=["folder", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return MemoryStore
    return lambda *args, **settings: FolderStore(tmp_path / "checkpoints", *args, **settings)


def tree(step: int) -> dict[str, Any]:
    return {"step": step, "a": np.full(50, step)}


def names(store: Any) -> list[str | int]:
    return [each.name or each.step for each in store.list()]


def test_save_and_load(make: Make) -> None:
    store = make(keep=2)
    assert store.latest() is None and store.list() == []
    for step in (10, 20, 30):
        path = store.save(None, step, tree(step))
    assert path.name == "step-00000030.safetensors"
    store.save("best", 30, tree(30))
    assert names(store) == [20, 30, "best"]
    loaded, step = store.load(20)
    assert step == 20 and loaded["a"].tolist() == [20] * 50
    assert store.load("20")[1] == 20
    assert store.load("best")[1] == store.load()[1] == store.load("latest")[1] == 30
    store.save("best", 40, tree(40))
    assert store.load("best")[1] == 40 and store.latest().name == "best"
    assert names(store) == [20, 30, "best"]


def test_what_is_loaded_is_a_copy(make: Make) -> None:
    store = make()
    state = tree(1)
    store.save(None, 1, state)
    state["a"][:] = 7
    loaded, _ = store.load()
    loaded["a"][:] = 8
    assert store.load()[0]["a"].tolist() == [1] * 50


def test_the_same_step_twice_is_one_checkpoint(make: Make) -> None:
    store = make(keep=2)
    store.save(None, 10, tree(10))
    store.save(None, 20, tree(20))
    store.save(None, 20, tree(21))
    assert names(store) == [10, 20] and store.load()[0]["step"] == 21


def test_keep(make: Make) -> None:
    store = make(keep=None)
    for step in range(5):
        store.save(None, step, step)
    assert names(store) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="at least 1"):
        make(keep=0)


def test_several_of_a_name(make: Make) -> None:
    store = make(keep=1)
    store.save("best", 10, 10)
    for step in (20, 30, 40):
        path = store.save("best", step, step, keep=2)
        store.save(None, step, step)
    assert path.name == "best-step-00000040.safetensors"
    assert [(each.name, each.step) for each in store.list()] == [("best", 30), ("best", 40), (None, 40)]
    assert store.load("best") == (40, 40) and store.load(30) == (30, 30)
    store.save("best", 50, 50)
    assert [(each.name, each.step) for each in store.list()] == [(None, 40), ("best", 50)]


def test_newest_is_what_was_saved_last(make: Make) -> None:
    store = make(keep=3)
    for step in (10, 20, 30):
        store.save(None, step, step)
    store.rewind(10)
    assert store.load() == (10, 10)
    store.save(None, 15, 15)
    assert names(store) == [10, 15]


def test_what_is_not_there(make: Make) -> None:
    store = make()
    with pytest.raises(NoCheckpoint, match="none yet"):
        store.find("best")
    with pytest.raises(NoCheckpoint, match="no valid"):
        store.load()
    store.save("best", 10, 1)
    store.save(None, 20, 1)
    with pytest.raises(NoCheckpoint, match=r"no checkpoint 'bset'; it has best \(step 10\), 20; .*'best'"):
        store.find("bset")
    with pytest.raises(NoCheckpoint, match="no checkpoint '120'"):
        store.load(120)


@pytest.mark.parametrize("name", ["", "latest", "step-12", "best-step-12", "12", "a/b", "../a", ".a", "a b"])
def test_names_that_no_checkpoint_may_have(make: Make, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a checkpoint"):
        make().save(name, 1, None)
    assert check_name("best_ema.2") == "best_ema.2" and check_name("größte") == "größte"


def test_what_cannot_be_saved_harms_nothing(make: Make) -> None:
    store = make(keep=1)
    store.save(None, 10, 1)
    with pytest.raises(Unsaveable):
        store.save(None, 20, {"op": object()})
    assert store.load() == (1, 10)


# -- files only -----------------------------------------------------------------------------------

def spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-9], "flipped": whole[:-1] + b"\xee", "header": whole[:20] + b"}" * 99,
                      "empty": b""}[how])


@pytest.mark.parametrize("how", ["cut", "flipped", "header", "empty"])
def test_a_damaged_one_is_skipped_with_a_warning(tmp_path: Path, how: str) -> None:
    warned: list[str] = []
    store = FolderStore(tmp_path, keep=3, warn=warned.append)
    for step in (10, 20, 30):
        store.save(None, step, tree(step))
    spoil(store.find(30).path, how)
    assert store.latest().step == 20  # type: ignore[union-attr]
    assert len(warned) == 1 and "step-00000030.safetensors" in warned[0]
    assert store.load()[1] == 20
    with pytest.raises(Damaged):
        store.load(30)
    for step in (30, 40):  # the run goes on
        store.save(None, step, tree(step))
    assert names(store) == [20, 30, 40] and store.load(30)[1] == 30


def test_all_damaged(tmp_path: Path) -> None:
    warned: list[str] = []
    store = FolderStore(tmp_path, warn=warned.append)
    spoil(store.save(None, 10, 1), "cut")
    spoil(store.save("best", 10, 1), "header")
    assert store.latest() is None and len(warned) == 2


def test_the_previous_one_stays_until_the_new_one_is_proven(tmp_path: Path, monkeypatch: Any) -> None:
    store = FolderStore(tmp_path, keep=1)
    store.save(None, 10, tree(10))
    store.save("best", 10, tree(10))
    seen = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(store.load(10)[1]), real(a, b)))
    store.save(None, 20, tree(20))
    assert seen == [10] and names(store) == ["best", 20]

    def spoiled(file: Any) -> None:
        Path(file.name).write_bytes(b"?" * 5000)

    monkeypatch.setattr(files, "_forget_cached", spoiled)
    for name in (None, "best"):
        with pytest.raises(Damaged, match="the earlier file is kept"):
            store.save(name, 30, tree(30))
    assert store.load()[1] == 20 and store.load("best")[1] == 10
    assert sorted(os.listdir(tmp_path)) == ["best.safetensors", "step-00000020.safetensors"]


def test_leftovers_are_removed_by_the_writer_only(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.save(None, 10, 1)
    left = tmp_path / f".step-00000020.safetensors.abcd{files.PARTIAL}"
    left.write_bytes(b"half")
    assert names(FolderStore(tmp_path, writing=False)) == [10] and left.exists()
    assert names(FolderStore(tmp_path)) == [10] and not left.exists()


def test_rewound_checkpoints_are_not_lost(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.save(None, 10, 1)
    store.save("best", 20, 1)
    store.rewind(10)
    assert names(store) == [10] and (tmp_path / ASIDE / "best.safetensors").exists()


WRITER = """
import sys, numpy as np
from pathlib import Path
from edgraph.run.checkpoints import FolderStore
store = FolderStore(Path(sys.argv[1]), keep=1)
last = store.latest()
step = last.step if last else 0
if last:
    assert (store.load()[0]["a"] == step).all()
print("ready", flush=True)
while True:
    step += 1
    store.save(None, step, {"a": np.full(20_000, step)})
    if step % 3 == 0:
        store.save("best", step, {"a": np.full(20_000, step)})
    print(step, flush=True)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """What was reported as saved is there after kill -9, and so is a whole `best`."""
    rng = random.Random(0)
    done = 0
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)],
                                  stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.02, 0.25))
        writer.send_signal(signal.SIGKILL)
        reported = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        done = max([done, *reported])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded, step = FolderStore(tmp_path, writing=False).load()
        assert step >= done and (loaded["a"] == step).all()
        done = step
    best, step = FolderStore(tmp_path).load("best")
    assert step % 3 == 0 and (best["a"] == step).all() and step >= done - 3
    assert not list(tmp_path.glob(f".*{files.PARTIAL}"))
