"""How a process asks a running run for something: a file in `inbox/` of its folder, answered in `changes.jsonl`."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edgraph.run.files import replace_file

INBOX = "inbox"  # the one folder in a run's folder that others write into
CHANGES = "changes.jsonl"


class Change(NamedTuple):
    """What was set after which completed step, or why it was refused.

    values, before: by parameter.  request: what the request was called.  time: in seconds since 1970.
    """

    step: int
    values: dict[str, Any]
    before: dict[str, Any]
    request: str
    time: float
    refused: str = ""


class Request(NamedTuple):
    name: str
    values: dict[str, Any]


class Mailbox:
    """The requests of one run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / INBOX

    def post(self, values: dict[str, Any]) -> str:
        """Ask for changes, all of them or none; gives the request's name."""
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"  # so that they are taken in the order of their time
        replace_file(self._file(name), [json.dumps({"set": values}).encode()], durable=False)
        return name

    def remove(self, name: str) -> None:
        """It was answered, or is withdrawn."""
        self._file(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Of the requests that wait, oldest first."""
        try:
            return sorted(path.stem for path in self.path.iterdir()
                          if path.suffix == ".json" and not path.name.startswith("."))
        except FileNotFoundError:
            return []

    def read(self, name: str) -> Request | None:
        """None where it was withdrawn. Raises ValueError where it is no request."""
        try:
            found = json.loads(self._file(name).read_bytes())
        except FileNotFoundError:
            return None
        values = found.get("set") if isinstance(found, dict) else None
        if not isinstance(values, dict) or not values:
            raise ValueError(f"{self._file(name)} is no request: it has no 'set'")
        return Request(name, values)

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.json"


def read_changes(folder: Path) -> list[Change]:
    """In the order of their steps. Raises ValueError where the file is damaged."""
    try:
        lines = (folder / CHANGES).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    try:
        return [Change(**json.loads(line)) for line in lines]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{folder / CHANGES} is damaged: {error}") from None


def write_changes(folder: Path, changes: Iterable[Change]) -> None:
    """All of them at once, safe on the disk when it returns."""
    replace_file(folder / CHANGES, [json.dumps(change._asdict()).encode() + b"\n" for change in changes])


def without(changes: Sequence[Change], names: Iterable[str]) -> list[Change]:
    """The changes without those of some parameters."""
    gone = set(names)
    kept = [change._replace(values={name: value for name, value in change.values.items() if name not in gone})
            for change in changes]
    return [change for change in kept if change.values]
