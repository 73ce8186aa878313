"""Which checkpoint of a run comes next: one that has not been evaluated, or one that is still to be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edgraph.backends.base import StateTree
from edgraph.run.checkpoints import Checkpoints, describe, did_you_mean
from edgraph.run.statefile import Damaged
from edgraph.run.watched import Ending, Watched

SERIES = ("latest", "all", "new")  # what `which` may say besides a name or a step
POLL = 0.5  # seconds between two looks at a run that is waited for
AGAIN = (0.5, 1.0, 2.0, 4.0)  # seconds until a checkpoint that cannot be read is tried again


class Loaded(NamedTuple):
    """A checkpoint with its state."""

    step: int
    epoch: int  # 0: not known
    tree: StateTree


@dataclass(frozen=True, slots=True)
class Wanted:
    """which: `latest`, `all`, `new`, a checkpoint's name or a step.  passes: the filter, by step and epoch.
    filter: its text.  timeout: seconds without a new one; None: until the run has ended."""

    which: str = "latest"
    passes: Callable[[int, int], bool] = lambda step, epoch: True
    filter: str = ""
    timeout: float | None = None


@dataclass(slots=True)
class Series:
    """The checkpoints that an evaluation goes through, each step of the run once. `all` and `new` go by step.

    reason: why there is no next one.  done: the steps that are evaluated, with their epochs.
    """

    run: Watched
    wanted: Wanted
    warn: Callable[[str], None] = print
    done: dict[int, int] = field(default_factory=dict)
    reason: str = ""
    _taken: bool = False  # where there is only one to take
    _tries: dict[tuple[str, int], tuple[int, float]] = field(default_factory=dict)  # so often, again at this time

    def next(self, stopped: Callable[[], bool] = lambda: False, *, waits: bool = True) -> Loaded | None:
        """The next one, waited for if need be. None: there is none, for `reason`; or `stopped` says so.

        waits: False for a look at what is there now.
        """
        began = self.run.now()
        while not stopped():
            ending = self.run.ended()  # before the look: what is written after it is not missed
            found, pending = self._look(ending)
            if found is not None or not waits:
                return found
            if not pending and self._over(ending, self.run.now() - began):
                return None
            self.run.wait(POLL)
        return None

    def finished(self, one: Loaded) -> None:
        """One has been evaluated."""
        self.done[one.step] = one.epoch

    def missing(self) -> str:
        """Why nothing at all was found, for a message."""
        there, which = self.run.list(), self.wanted.which
        if not there:
            return f"{self.run} has no checkpoints"
        fits = self._fitting(there)
        if not fits:
            near = describe(there, which)
            more = "" if "did you mean" in near or which == "best" else did_you_mean(which, list(SERIES))
            return f"{self.run} has no checkpoint '{which}'{near}{more}"
        if all(each.damage is not None for each in fits):
            return f"no checkpoint of {self.run} can be read: {fits[-1].damage}"
        known = describe([each for each in fits if each.damage is None]).removeprefix("; it has ")
        return f"no checkpoint of {self.run} passes the filter '{self.wanted.filter}': there is {known}"

    def state(self) -> dict[str, Any]:
        """What a resumed evaluation goes on from."""
        return {"of": str(self.run), "steps": [[step, epoch] for step, epoch in self.done.items()]}

    def load_state(self, state: dict[str, Any]) -> None:
        self.done = {int(step): int(epoch) for step, epoch in state["steps"]}

    # -- what is there ---------------------------------------------------------------------------------

    def _look(self, ending: Ending | None) -> tuple[Loaded | None, bool]:
        """The next one that can be read now; and whether one has to be tried again."""
        if self._taken:
            return None, False
        gone = False
        for each in self._candidates():
            key = each.path.name, each.serial
            tries, again = self._tries.get(key, (0, 0.0))
            if tries and self.run.now() < again:
                return None, True
            try:
                file = self.run.read(each)
            except FileNotFoundError:  # the run has removed it, to make room for another
                self._tries[key], gone = (tries + 1, 0.0), True
                continue
            except (Damaged, OSError) as error:
                if self._gives_up(key, tries, ending, error):
                    continue
                return None, True
            loaded = Loaded(int(file.about["step"]), int(file.about.get("epoch", 0)), file.tree)
            if self._is_single():
                self._taken = True
                return (None if loaded.step in self.done else loaded), False
            if loaded.step not in self.done and self.wanted.passes(loaded.step, loaded.epoch):
                return loaded, False  # one under a name may be another by now than was listed
        return None, gone

    def _is_single(self) -> bool:
        return self.wanted.which not in ("all", "new")

    def _candidates(self) -> Checkpoints:
        """Those to try, in order. Of one whose header cannot be read nothing is known but its file's name."""
        found = self._fitting(self.run.list())
        found = [each for each in found if self._tries.get((each.path.name, each.serial), (0, 0.0))[0] <= len(AGAIN)
                 and (each.damage is not None or self.wanted.passes(each.step, each.epoch))]
        if self._is_single():
            return sorted(found, key=lambda each: (each.damage is not None, -each.serial))
        return sorted((each for each in found if each.damage is not None or each.step not in self.done),
                      key=lambda each: (each.damage is not None, each.step, each.name or ""))

    def _fitting(self, there: Checkpoints) -> Checkpoints:
        """Those that `which` means."""
        which = self.wanted.which
        if which in SERIES:
            return there
        step = int(which) if which.isdecimal() else None
        fits = [each for each in there if (each.name == which if step is None else each.step == step)]
        newest = max((each.serial for each in fits), default=0)
        return fits if step is not None else [each for each in fits if each.serial == newest]

    def _gives_up(self, key: tuple[str, int], tries: int, ending: Ending | None, error: Exception) -> bool:
        """A file that cannot be read may be on its way; of a run that has ended it is tried once more."""
        last = len(AGAIN) if ending is None else 1
        if tries < last:
            self._tries[key] = tries + 1, self.run.now() + AGAIN[tries]
            return False
        self._tries[key] = len(AGAIN) + 1, 0.0
        self.warn(f"checkpoint skipped, after {tries + 1} tries: {error}")
        return True

    # -- the end ---------------------------------------------------------------------------------------

    def _over(self, ending: Ending | None, waited: float) -> bool:
        """Whether no further one is waited for."""
        number, timeout = len(self.done), self.wanted.timeout
        if self.wanted.which != "new":
            self.reason = "no other checkpoint" if self._is_single() else f"all {number} checkpoints"
            return True
        if timeout is not None and waited >= timeout:
            how = "" if ending is None else f": the run {ending.how}"
            self.reason = f"no new checkpoint for {timeout:g} seconds{how}"
            return True
        if ending is not None and (ending.final or timeout is None):
            self.reason = f"the run {ending.how}"
            return True
        return False

