"""What is due by the clock on the wall: times as clocks, the time limit of a run, stages that end by a condition."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edgraph.graph.clocks import Atom


class Alarms:
    """Clocks in minutes: each fires at the first step that begins at least that long after its last firing.

    A step costs no look at the time: a timer calls `ring`, which ends the current stretch of steps.
    """

    def __init__(self, atoms: frozenset[Atom], max_time: float | None, ring: Callable[[], None],
                 now: Callable[[], float] = time.monotonic) -> None:
        self.atoms = sorted((atom for atom in atoms if atom.kind == "time"), key=lambda atom: atom.key)
        self.max_time = max_time
        self._ring = ring
        self._now = now
        self._fired = dict.fromkeys(self.atoms, now())
        self._started = now()
        self._timer: threading.Timer | None = None

    def due(self) -> frozenset[Atom]:
        """The clocks that fire at a step that begins now."""
        now = self._now()
        return frozenset(atom for atom in self.atoms if now - self._fired[atom] >= atom.key)

    def fired(self, atoms: frozenset[Atom], at: float) -> Callable[[], None]:
        """Takes note of firings; what it returns takes that back."""
        before = dict(self._fired)
        self._fired.update(dict.fromkeys(atoms & set(self.atoms), at))
        return lambda: self._fired.update(before)

    def now(self) -> float:
        return self._now()

    def spent(self) -> float:
        """Seconds since the run began, those before a resume included."""
        return self._now() - self._started

    def over(self) -> bool:
        return self.max_time is not None and self.spent() >= self.max_time

    def arm(self) -> None:
        """Have the next alarm ring."""
        self.disarm()
        waits = [atom.key - (self._now() - self._fired[atom]) for atom in self.atoms]
        if self.max_time is not None:
            waits.append(self.max_time - self.spent())
        if waits:
            self._timer = threading.Timer(max(0.001, min(waits)), self._ring)
            self._timer.daemon = True
            self._timer.start()

    def disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def state(self) -> dict[str, float]:
        """How long ago each clock fired, in seconds."""
        return {"spent": self.spent(), **{str(atom.key): self._now() - self._fired[atom] for atom in self.atoms}}

    def load_state(self, state: dict[str, float]) -> None:
        self._started = self._now() - state["spent"]
        for atom in self.atoms:
            self._fired[atom] = self._now() - state.get(str(atom.key), 0.0)
