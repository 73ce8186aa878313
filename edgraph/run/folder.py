"""The run folder: everything needed to resume, report on or reproduce a run, written by one process."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time as clock
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from edgraph.run.checkpoints import FolderStore
from edgraph.run.files import AppendFile, remove_partial, replace_text, safe_name
from edgraph.run.metrics import Row, read_metrics

State = Literal["running", "finished", "interrupted", "failed"]


class FolderError(Exception):
    """A run folder cannot be used. The message says why, and what to do instead."""


class Status(NamedTuple):
    """How far a run is. `running` in a folder that no process holds is a run that was killed."""

    state: State
    step: int = 0
    epoch: int = 0
    reason: str = ""  # of an interruption or failure
    time: float = 0.0  # when it was written, in seconds since 1970


class RunFolder:
    """Paths and files of one run.

    pipeline.yaml (as written, with what it includes under includes/), resolved.yaml, plan.txt,
    environment.json, fixed_examples.json, metrics.jsonl, log.txt, status.json, checkpoints/, images/, text/,
    tables/, histograms/.
    """

    def __init__(self, path: Path, lock: _Lock | None = None) -> None:
        self.path = path
        self._lock = lock
        self._log: AppendFile | None = None

    @classmethod
    def create(cls, root: Path, name: str, time: float, explicit: Path | None = None) -> RunFolder:
        """Make and lock `root/<time>-<name>/`, which no other run has, or the folder `explicit`.

        time: seconds since 1970. Raises FolderError where it cannot be made, or `explicit` has anything in it.
        """
        try:
            if explicit is not None:
                path = explicit
                _make_empty(path)
            else:
                started = clock.strftime("%Y-%m-%dT%H-%M-%S", clock.localtime(time))
                path = _make_new(root, f"{started}-{safe_name(name)}")
        except OSError as error:
            raise FolderError(f"no run folder can be made in {explicit or root}: {error.strerror}") from None
        return cls(path, _Lock(path))

    @classmethod
    def open(cls, path: Path, *, writing: bool = False) -> RunFolder:
        """A folder that is there, to read from or (writing) to go on with the run.

        Raises FolderError where it is no run folder, or another process writes into it.
        """
        if not path.is_dir():
            raise FolderError(f"there is no run folder {path}")
        if not (path / "status.json").exists() and not (path / "checkpoints").is_dir():
            raise FolderError(f"{path} is no run folder: it has neither status.json nor checkpoints/")
        lock = _Lock(path) if writing else None
        if writing:
            remove_partial(path)
        return cls(path, lock)

    def checkpoints(self, keep: int | None = 2, warn: Callable[[str], None] | None = None) -> FolderStore:
        """The run's checkpoints, to be written too if this folder is open for writing."""
        settings: dict[str, Any] = {} if warn is None else {"warn": warn}
        return FolderStore(self.path / "checkpoints", keep, writing=self._lock is not None, **settings)

    def write_pipeline(self, text: str, includes: Mapping[str, str] | None = None) -> None:
        """The pipeline as its author wrote it, and the files it includes (name as written → text)."""
        replace_text(self.path / "pipeline.yaml", text)
        for number, (name, included) in enumerate((includes or {}).items(), 1):
            replace_text(self.path / "includes" / f"{number:02d}-{safe_name(Path(name).name)}", included)

    def write_text(self, name: str, text: str) -> None:
        """A whole file at once: resolved.yaml, plan.txt."""
        replace_text(self.path / name, text)

    def write_json(self, name: str, value: Any) -> None:
        replace_text(self.path / name, json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def read_json(self, name: str, default: Any = None) -> Any:
        """What `write_json` wrote; `default` where there is no such file. Raises FolderError if damaged."""
        try:
            found = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return default
        except ValueError as error:
            raise FolderError(f"{self.path / name} is damaged: {error}") from None
        if not isinstance(found, dict):
            raise FolderError(f"{self.path / name} is damaged: it holds no mapping")
        return found

    def write_environment(self, value: Mapping[str, Any]) -> None:
        """environment.json: that of the start, and under `resumed` that of each time the run was taken up."""
        first = self.read_json("environment.json")
        whole = {**first, "resumed": [*first.get("resumed", []), dict(value)]} if first else dict(value)
        self.write_json("environment.json", whole)

    def write_status(self, state: State, step: int, epoch: int = 0, reason: str = "") -> None:
        self.write_json("status.json", Status(state, step, epoch, reason, round(clock.time(), 3))._asdict())

    def status(self) -> Status | None:
        """What the run last said of itself; None where it never did."""
        value = self.read_json("status.json")
        if value is not None and (value.get("state") not in get_args(State) or value.keys() - {*Status._fields}):
            raise FolderError(f"{self.path / 'status.json'} is damaged: it is no status of a run")
        return None if value is None else Status(**value)

    def is_running(self) -> bool:
        """Whether a process is at work on the run. Its status alone does not tell: one that was killed still says
        `running`, and one that begins, or is taken up again, says so only when all is ready."""
        held = is_held(self.path)
        if held is None:
            status = self.status()
            return status is not None and status.state == "running"
        return held

    def metrics(self) -> list[Row]:
        return read_metrics(self.path / "metrics.jsonl")

    def log(self, line: str) -> None:
        """Add a line to log.txt, with the time. The log tells what happened: resuming takes nothing away."""
        if self._log is None:
            self._log = AppendFile(self.path / "log.txt")
        stamp = clock.strftime("%Y-%m-%d %H:%M:%S")
        self._log.append("".join(f"{stamp} {part}\n" for part in line.splitlines() or [""])
                         .encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Let go of the folder, so that another process may go on with the run."""
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def discard(self) -> None:
        """Remove the folder of a run that could not begin."""
        self.close()
        shutil.rmtree(self.path)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return str(self.path)


class _Lock:
    """One writing process a folder. The system releases it when the process ends, however it ends."""

    _held: ClassVar[set[tuple[int, int]]] = set()  # folders, by device and inode

    def __init__(self, folder: Path) -> None:
        import fcntl

        about = folder.stat()
        self._key = (about.st_dev, about.st_ino)
        if self._key in self._held:  # first, as the system's lock is per process and ends with any close
            raise FolderError(f"this process already writes into {folder}; close that run first")
        self._handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):  # others: a file system that has no locks
                holder = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip()
                os.close(self._handle)
                raise FolderError(f"another process{holder and f' ({holder})'} is writing into {folder}; "
                                  "wait for it or stop it first") from None
        self._held.add(self._key)
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"process {os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)
        self._held.discard(self._key)


def is_held(folder: Path) -> bool | None:
    """Whether a process writes into a run folder; None where there is no telling: a file system without locks."""
    about = folder.stat()
    if (about.st_dev, about.st_ino) in _Lock._held:  # first: closing any handle would end this process's lock
        return True
    try:
        handle = os.open(folder / ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # a copy
        return False
    try:
        os.lockf(handle, os.F_TEST, 0)
    except OSError as error:
        return True if error.errno in (errno.EACCES, errno.EAGAIN) else None
    finally:
        os.close(handle)
    return False


def _make_new(root: Path, name: str) -> Path:
    """`root/name`, or with `-2`, `-3`, … where that is taken by a run of the same second."""
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _make_empty(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise FolderError(f"{path} is a file; a run needs a folder of its own") from None
    if any(entry.name != ".lock" for entry in path.iterdir()):
        if (path / "status.json").exists():
            raise FolderError(f"{path} has a run in it; name a new folder, or go on with it: --resume {path}")
        raise FolderError(f"{path} is not empty; a run needs a new or empty folder of its own")
