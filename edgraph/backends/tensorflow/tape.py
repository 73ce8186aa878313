"""One gradient tape a step: opened, paused and gone on with by `record`, asked for as many gradients as there are.

Only what is watched is recorded: the variables that some due optimizer needs (edgraph/backends/tensorflow/forward.py)
and the values that a `gradient` is taken with respect to. The tape is persistent, since several losses may go through
one forward pass; inside a tf.function that costs nothing, and nothing is kept that no gradient needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgraph.backends.tensorflow.framework import tf


class Recorder:
    """`recorder(True)` goes on recording, `recorder(False)` pauses."""

    def __init__(self) -> None:
        self._tape: Any = None
        self.on = False
        self.checks: list[Any] = []  # assertions of this step, which its updates wait for

    def __call__(self, on: bool) -> None:
        if on is self.on:
            return
        self.on = on
        if on:
            if self._tape is None:
                self._tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
            self._tape.__enter__()
        elif self._tape is not None:
            self._tape.__exit__(None, None, None)

    def fresh(self) -> None:
        """A new step: what was recorded before is forgotten."""
        self(False)
        self._tape = None
        self.checks = []

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Inside, a loop has steps of its own: what was recorded outside is neither gone on with nor forgotten."""
        was, tape, checks = self.on, self._tape, self.checks
        self.fresh()
        try:
            yield
        finally:
            self(False)
            self._tape, self.checks = tape, checks
            self(was)

    def watch(self, values: Sequence[Any]) -> None:
        """Values or variables that gradients will be taken with respect to; before they are used."""
        was = self.on
        self(True)  # a paused tape does not listen
        self._tape.watch(values)
        self(was)

    def gradient(self, of: Any, wrt: Any, seed: Any = None) -> Any:
        """The gradients of a recorded value; None where it was not computed from one of `wrt`. They are recorded
        themselves while recording is on. seed: what they are multiplied with."""
        if self._tape is None:
            return None if not isinstance(wrt, list) else [None] * len(wrt)
        return self._tape.gradient(of, wrt, output_gradients=seed)
