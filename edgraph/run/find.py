"""From what a person types (`RUN`, `RUN@best`, `RUN@120`, a path) to a run folder or a checkpoint file."""

from __future__ import annotations

from pathlib import Path

from edgraph.run.checkpoints import SUFFIX, FolderStore, NoCheckpoint, did_you_mean


def find_run(text: str, root: Path) -> Path:
    """The folder of a run: a path, a name under `root`, or the beginning of exactly one such name.

    Raises NoCheckpoint, which lists the newest runs.
    """
    for path in (Path(text), root / text):
        if text and path.is_dir() and _is_run(path):
            return path
    names = sorted(path.name for path in root.iterdir() if _is_run(path)) if root.is_dir() else []
    fits = [name for name in names if text and name.startswith(text)]
    if len(fits) == 1:
        return root / fits[0]
    if fits:
        raise NoCheckpoint(f"'{text}' could be any of {len(fits)} runs in {root}: {_some(fits)}")
    if text and Path(text).is_dir():
        raise NoCheckpoint(f"{text} is no run folder: it has neither status.json nor checkpoints/")
    if not names:
        raise NoCheckpoint(f"no run '{text}': there are no runs in {root}")
    raise NoCheckpoint(f"no run '{text}' in {root}; there is {_some(names)}{did_you_mean(text, names)}")


def find_checkpoint(text: str, root: Path) -> Path:
    """The file that `RUN@best`, `RUN@120` (a step), `RUN@latest` (the newest valid one, as is `RUN`) or a
    path means.

    root: where the runs are. Raises NoCheckpoint with what there is and the nearest name.
    """
    if Path(text).is_file():
        return Path(text)
    run, at, which = text.rpartition("@")
    if not at or Path(text).is_dir() or (root / text).is_dir():  # a folder may have `@` in its name
        run, which = text, "latest"
    if not at and text.endswith(SUFFIX):
        raise NoCheckpoint(f"there is no file {text}")
    store = FolderStore(find_run(run, root) / "checkpoints", writing=False)
    if which not in ("latest", ""):
        return store.find(which).path
    newest = store.latest()
    if newest is None:
        empty = "" if store.list() else ": it is empty"
        raise NoCheckpoint(f"{store.folder} has no valid checkpoint{empty}")
    return newest.path


def _is_run(path: Path) -> bool:
    return (path / "checkpoints").is_dir() or (path / "status.json").is_file()


def _some(names: list[str]) -> str:
    """The last few names, which are the newest runs."""
    return ("…, " if len(names) > 6 else "") + ", ".join(names[-6:])
