"""A run seen from outside: its checkpoints, and whether more of them will come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple, Protocol

from edgraph.run.checkpoints import Checkpoint, Checkpoints, FolderStore
from edgraph.run.folder import RunFolder, is_held
from edgraph.run.statefile import StateFile, read_state


class Ending(NamedTuple):
    """Why a run writes no more. final: it ended by itself or failed; else somebody may go on with it."""

    how: str
    final: bool


ENDINGS = {"finished": Ending("has finished", True), "failed": Ending("has failed", True),
           "interrupted": Ending("was interrupted", False), "running": Ending("was killed", False)}


class Watched(Protocol):
    """A run that may be writing meanwhile, and the clock on the wall."""

    def list(self) -> Checkpoints:
        """The checkpoints that are there now."""
        ...

    def read(self, which: Checkpoint) -> StateFile:
        """Raises Damaged, FileNotFoundError where the run has removed it, and any other OSError."""
        ...

    def ended(self) -> Ending | None:
        """None as long as a process writes it, as far as is known."""
        ...

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


class WatchedFolder:
    """A run folder, which is only read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = FolderStore(path / "checkpoints", writing=False)

    def __str__(self) -> str:
        return str(self.path)

    def list(self) -> Checkpoints:
        return self._store.list()

    def read(self, which: Checkpoint) -> StateFile:
        return read_state(which.path)

    def ended(self) -> Ending | None:
        held = is_held(self.path)  # before its status, which it writes while it holds the folder
        status = RunFolder(self.path).status()
        state = "finished" if status is None else status.state
        if held or (held is None and state == "running"):
            return None
        return ENDINGS[state]

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
