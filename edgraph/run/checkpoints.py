"""Checkpoints of a run, with rotation and a newest valid one."""

from __future__ import annotations

import re
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from edgraph.backends.base import StateTree
from edgraph.ops.library.control import check_name
from edgraph.run.files import flush_folder, remove_partial
from edgraph.run.statefile import (
    Damaged,
    StateFile,
    read_about,
    read_state,
    write_state,
)

SUFFIX = ".safetensors"
ASIDE = "set-aside"  # the folder of checkpoints that a rewound run has left behind


class Checkpoint(NamedTuple):
    """What is known of a stored checkpoint without a look at its arrays."""

    name: str | None
    step: int
    serial: int  # counts the saves of a run, so that the newest is known whatever the clock says
    path: Path
    saved: float = 0.0  # seconds since 1970
    epoch: int = 0  # that of the step; 0 where there is none
    damage: str | None = None  # why its header cannot be read; then only its name (or step) is known


class NoCheckpoint(LookupError):
    """There is no such checkpoint, or no such run. The message lists what there is."""


Checkpoints: TypeAlias = list[Checkpoint]  # a name for it, because in the classes `list` is a method


class Store(ABC):
    """Checkpoints of one run: names, order, rotation and the search for the newest valid one, wherever they lie.

    Unnamed ones are a series of which the newest `keep` stay (None: all). Under a name there is one, the last
    that was saved, or as many of the last as `save` was told to keep.
    """

    def __init__(self, keep: int | None = 2, warn: Callable[[str], None] = warnings.warn) -> None:
        if keep is not None and keep < 1:
            raise ValueError(f"keep is {keep}; at least 1 checkpoint must be kept (None keeps all)")
        self.keep = keep
        self._warn = warn

    def save(self, name: str | None, step: int, tree: StateTree, keep: int | None = None, epoch: int = 0) -> Path:
        """Store all state after `step` completed steps, the last of them in `epoch`. keep: how many of this series,
        if not the default.

        When it returns, the checkpoint is whole and has been read back; when it raises (Unsaveable, OSError,
        Damaged), what was stored before is still there.
        """
        if name is None:
            keep, stem = keep or self.keep, f"step-{step:08d}"
        else:
            keep = keep or 1
            stem = check_name(name) if keep == 1 else f"{check_name(name)}-step-{step:08d}"
        serial = max((each.serial for each in self.list()), default=0) + 1
        about = {"name": name, "step": step, "serial": serial, "saved": time.time(), "epoch": epoch}
        path = self._write(stem, tree, about)
        if keep is not None:  # only now that the new one is proven
            for old in [each for each in self.list() if each.name == name][:-keep]:
                self._remove(old)
        return path

    def load(self, which: str | int | None = None) -> tuple[StateTree, int]:
        """Tree and step of a name, of a step, or of the newest valid one. Raises NoCheckpoint, Damaged."""
        found = None if which is None or which == "latest" else self.find(which)
        state = self._newest() if found is None else self._read(found)
        if state is None:
            raise NoCheckpoint(f"{self} has no valid checkpoint")
        return state.tree, int(state.about["step"])

    def latest(self) -> Checkpoint | None:
        """The newest that is whole, named or not. Damaged ones are skipped with a warning."""
        state = self._newest()
        return None if state is None else next(e for e in self.list() if e.serial == state.about["serial"])

    def find(self, which: str | int) -> Checkpoint:
        """The newest of a name, or that of a step (an unnamed one first). Raises NoCheckpoint."""
        there = self.list()
        step = which if isinstance(which, int) else int(which) if which.isdecimal() else None
        fits = [e for e in there if (e.name == which if step is None else e.step == step)]
        if not fits:
            raise NoCheckpoint(f"{self} has no checkpoint '{which}'" + describe(there, str(which)))
        return min(fits, key=lambda e: (e.name is not None, -e.serial))

    def rewind(self, step: int) -> None:
        """The run goes on from `step`: set checkpoints of later steps aside, they are another future's."""
        for each in self.list():
            if each.step > step:
                self._set_aside(each)

    def _newest(self) -> StateFile | None:
        for each in sorted(self.list(), key=lambda e: (e.damage is not None, e.serial), reverse=True):
            try:
                return self._read(each)
            except (Damaged, OSError) as error:  # a bad disk, or rotated away meanwhile by the run
                self._warn(f"checkpoint skipped: {error}")
        return None

    @abstractmethod
    def list(self) -> Checkpoints:
        """All of them in the order in which they were saved."""

    @abstractmethod
    def _write(self, stem: str, tree: StateTree, about: dict[str, Any]) -> Path: ...

    @abstractmethod
    def _read(self, which: Checkpoint) -> StateFile: ...

    @abstractmethod
    def _remove(self, which: Checkpoint) -> None: ...

    @abstractmethod
    def _set_aside(self, which: Checkpoint) -> None: ...


class FolderStore(Store):
    """Checkpoints as files, `step-00000120.safetensors` and `best.safetensors`.

    writing: this process is the one that writes the run; leftovers of killed ones are removed.
    """

    def __init__(self, folder: Path, keep: int | None = 2, *, writing: bool = True,
                 warn: Callable[[str], None] = warnings.warn) -> None:
        super().__init__(keep, warn)
        self.folder = folder
        if writing:
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial(folder)

    def __str__(self) -> str:
        return str(self.folder)

    def list(self) -> Checkpoints:
        paths = [path for path in self.folder.glob(f"*{SUFFIX}") if not path.name.startswith(".")]
        return sorted(map(_look, paths), key=lambda each: (each.serial, each.step))

    def _write(self, stem: str, tree: StateTree, about: dict[str, Any]) -> Path:
        path = self.folder / (stem + SUFFIX)
        write_state(path, tree, about)
        return path

    def _read(self, which: Checkpoint) -> StateFile:
        return read_state(which.path)

    def _remove(self, which: Checkpoint) -> None:
        which.path.unlink(missing_ok=True)

    def _set_aside(self, which: Checkpoint) -> None:
        aside = self.folder / ASIDE
        aside.mkdir(exist_ok=True)
        which.path.replace(aside / which.path.name)
        flush_folder(self.folder)


def describe(there: Checkpoints, wanted: str = "") -> str:
    """The end of a message: what there is, and which of it was meant."""
    if not there:
        return "; it has none yet"
    names = [each.name or str(each.step) for each in there]
    shown = ", ".join(f"{e.name} (step {e.step})" if e.name else str(e.step) for e in there[-12:])
    more = f" and {len(there) - 12} older ones" if len(there) > 12 else ""
    return f"; it has {shown}{more}" + did_you_mean(wanted, names)


def did_you_mean(name: str, candidates: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, candidates, 1, 0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def _look(path: Path) -> Checkpoint:
    """What a file's header says, or, where it is damaged, what its name says."""
    parts = re.fullmatch(r"(?:(.+)-)?step-(\d+)", path.stem)
    try:
        about = read_about(path)
        return Checkpoint(about["name"], int(about["step"]), int(about["serial"]), path, about["saved"],
                          int(about.get("epoch", 0)))
    except Damaged as error:
        reason = error.reason
    except (LookupError, TypeError, ValueError):
        reason = "its header lacks the step"
    except FileNotFoundError:
        reason = "it is gone"  # rotated away by the run that writes here
    name, step = (parts[1], int(parts[2])) if parts else (path.stem, -1)
    return Checkpoint(name, step, 0, path, damage=reason)
