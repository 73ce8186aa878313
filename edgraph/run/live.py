"""Live parameters: what `params.NAME` reads, changed between steps and recorded, so that a resumed run repeats it.

`values` is the one dictionary that generated code, the interpreter and schedules read, each time anew. What a backend
compiles is given them as arguments, but for those in schedules: a change has everything compiled anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgraph.backends.base import StateTree
from edgraph.graph.ir import Graph
from edgraph.graph.live import Settable, settable
from edgraph.language.parameters import shown
from edgraph.run.folder import RunFolder
from edgraph.run.mailbox import Change, Mailbox, Request, read_changes, without, write_changes

RECORD = "params.json"  # what there is to set, for whoever asks
LOOK = 0.5  # seconds between two looks into the inbox


def parameters(graph: Graph) -> dict[str, Settable]:
    """The parameters of a run. In a pipeline that was recorded by a run, `${NAME}` is filled in already: that run has
    noted where."""
    known = settable(graph)
    path = Path(graph.pipeline.source.name)
    if known and path.name == "resolved.yaml" and (path.parent / RECORD).exists():
        noted = RunFolder(path.parent).read_json(RECORD)
        known = {name: each if each.inserted or name not in noted else each._replace(
            inserted=tuple(noted[name]["inserted"]), keys=tuple(noted[name]["keys"])) for name, each in known.items()}
    return known


class LiveParams:
    """The parameters of a run, and their changes."""

    def __init__(self, folder: RunFolder, values: dict[str, Any], known: Mapping[str, Settable],
                 line: Callable[[str], None], ring: Callable[[], None], changed: Callable[[], None]) -> None:
        self.values = values
        self.known = known
        self._folder = folder
        self._line, self._ring, self._changed = line, ring, changed
        self._live = [name for name, each in known.items() if each.refusal(name) is None]
        self._written = {name: values[name] for name in self._live}  # as the pipeline gives them
        self._mailbox = Mailbox(folder.path)
        self._changes: list[Change] = []
        self._taken = 0  # so many changes have taken effect; the others are repeated at their steps
        self._called = bool(self._live)  # a look into the inbox is due: the first one at once
        self._closed = threading.Event()

    # -- the run's beginning and end -------------------------------------------------------------------

    def begin(self, state: StateTree = None, *, resumed: bool = False, replayed: Path | None = None) -> None:
        """state: that of the checkpoint that the run goes on from.  replayed: a run whose changes are made again.

        Raises ValueError where a record is damaged, or the changes do not fit.
        """
        if replayed is not None and not resumed:
            self._replay(replayed)
        if resumed and self._live:
            self._changes = read_changes(self._folder.path)
            self._restore(state or {})
        self._record()

    def _replay(self, run: Path) -> None:
        changes = [change for change in read_changes(run) if not change.refused]
        for change in changes:
            wrong = self._wrong(Request(change.request, change.values))
            if wrong is not None:
                raise ValueError(f"the changes of {run} cannot be made again: {wrong}")
        if changes:
            self._keep(changes)

    def _restore(self, state: dict[str, Any]) -> None:
        """A value that the pipeline gives anew holds, whatever was set before."""
        self._taken = state.get("taken", 0)
        given = state.get("written", {})
        self.values.update({name: value for name, value in state.get("now", {}).items()
                            if name in self._written and given.get(name) == self._written[name]})
        record = self._folder.read_json(RECORD, {})
        changed = {name for name in self._live if name in record and record[name]["written"] != self._written[name]}
        pending = self._changes[self._taken:]
        if any(changed & change.values.keys() for change in pending):
            self._line(f"the pipeline gives {', '.join(sorted(changed))} anew: later changes are not repeated")
            self._keep(without(pending, changed))

    def watch(self) -> None:
        """Have a request that comes in ring, so that the run looks at it when its step is done."""
        if self._live:
            threading.Thread(target=self._watch, name="edgraph inbox", daemon=True).start()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK):
            self.look()

    def look(self) -> None:
        """Whether a request waits."""
        if self._mailbox.names():
            self._called = True
            self._ring()

    def unwatch(self) -> None:
        self._closed.set()

    def close(self, step: int, end: str) -> None:
        """Refuse what has come too late."""
        for name in self._mailbox.names() if self._live else ():
            self._refuse(step, name, f"the run has ended: {end} after step {step}")

    # -- between steps ---------------------------------------------------------------------------------

    def limit(self, step: int) -> int | None:
        """The last step before the next change, where `step` comes next."""
        if self._called:
            return step
        return self._changes[self._taken].step if self._taken < len(self._changes) else None

    def settle(self, step: int, *, begun: bool = False) -> None:
        """`step` is done: make the changes that belong here.

        begun: ops that belong to the next step have run, those of `at: epoch_start`; it is too late for new changes.
        """
        while self._taken < len(self._changes) and self._changes[self._taken].step <= step:
            self._take(self._changes[self._taken], ", as before")
        if self._called and not begun:
            self._called = False
            for name in self._mailbox.names():
                self._answer(step, name)

    def _answer(self, step: int, name: str) -> None:
        if any(change.request == name for change in self._changes):  # the run was killed right after it
            self._mailbox.remove(name)
            return
        try:
            request = self._mailbox.read(name)
        except ValueError as error:
            self._refuse(step, name, str(error))
            return
        if request is None:
            return
        refusal = self._wrong(request)
        if refusal is not None:
            self._refuse(step, name, refusal)
            return
        before = {name: self.values[name] for name in request.values}
        change = Change(step, request.values, before, name, round(time.time(), 3))
        pending = self._changes[self._taken:]
        self._keep([change, *without(pending, request.values)])  # first: a run that is killed now repeats it
        self._mailbox.remove(name)
        self._take(change)

    def _wrong(self, request: Request) -> str | None:
        for name, value in request.values.items():
            known = self.known.get(name)
            if known is None:
                return f"there is no parameter '{name}'"
            refusal, misfit = known.refusal(name), known.misfit(value)
            if refusal is not None:
                return f"{name} cannot be changed: {refusal}"
            if misfit is not None:
                return f"{name} cannot be {shown(value)}; expected {misfit.expected}"
        return None

    def _refuse(self, step: int, name: str, why: str) -> None:
        self._keep([Change(step, {}, {}, name, round(time.time(), 3), why), *self._changes[self._taken:]])
        self._taken += 1
        self._mailbox.remove(name)
        self._line(f"warning: a change was refused: {why}")

    def _take(self, change: Change, more: str = "") -> None:
        self._taken += 1
        self.values.update({name: value for name, value in change.values.items() if name in self._written})
        self._changed()
        for name, value in change.values.items():
            self._line(f"{name} = {shown(value)} from step {change.step + 1} on{more}"
                       + (f" (it was {shown(change.before[name])})" if not more else ""))
        self._record()

    # -- records ---------------------------------------------------------------------------------------

    def _keep(self, rest: list[Change]) -> None:
        """What follows the changes that have taken effect."""
        self._changes[self._taken:] = rest
        write_changes(self._folder.path, self._changes)

    def _record(self) -> None:
        if self.known:
            self._folder.write_json(RECORD, {
                name: {**each.as_json(), "written": each.parameter.value, "value": self.values[name]}
                for name, each in self.known.items()})

    def state(self) -> StateTree:
        now = {name: self.values[name] for name in self._live}
        return {"written": dict(self._written), "now": now, "taken": self._taken}
