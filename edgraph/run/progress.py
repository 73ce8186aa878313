"""What a person sees while a run goes on: a live line on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

REFRESH = 0.25  # seconds between two looks at the run
WINDOW = 15.0  # seconds that the speed is taken over
PLAIN = (2.0, 30.0)  # seconds between plain lines: the first and the longest interval; they grow by half
MOST = 6  # scalars in a plain line; on a terminal as many as fit


@dataclass
class Progress:
    """What the engine shares with whoever shows it: read by another thread, it costs the run nothing."""

    step: Callable[[], int]  # completed steps
    epoch: Callable[[], int] = lambda: 0
    scalars: Callable[[], Mapping[str, float]] = dict  # what was logged last
    steps: int | None = None  # at the end of the run, where it is known
    epochs: float | None = None
    start: int = 0  # the step that this process began after
    note: str = ""  # what the run does beside steps: "saving a checkpoint"
    _looks: deque[tuple[float, int]] = field(default_factory=deque)

    def look(self, now: float) -> tuple[int, float]:
        """The step, and steps per second over the last WINDOW seconds (0.0 where there is no telling)."""
        step = self.step()
        self._looks.append((now, step))
        while len(self._looks) > 2 and self._looks[1][0] < now - WINDOW:
            self._looks.popleft()
        (then, before) = self._looks[0]
        return step, (step - before) / (now - then) if now > then else 0.0

    def line(self, now: float) -> list[tuple[str, str]]:
        """The line in parts, each with what it is: step, epoch, speed, left, scalar, note."""
        step, speed = self.look(now)
        parts = [("step", f"step {step:,}" + (f"/{self.steps:,}" if self.steps else ""))]
        if epoch := self.epoch():
            parts.append(("epoch", f"epoch {epoch}" + (f"/{self.epochs:g}" if self.epochs else "")))
        if speed:
            parts.append(("speed", rate(speed)))
        if self.steps and speed and step < self.steps:
            parts.append(("left", f"{duration((self.steps - step) / speed)} left"))
        parts += [("scalar", f"{name} {value:.4g}") for name, value in self.scalars().items()]
        return parts + ([("note", self.note)] if self.note else [])


class ProgressDisplay:
    """Shows a Progress while its `with` block runs; `print` puts lines above it.

    On a terminal it is one live line. Elsewhere a plain line is written at growing intervals, up to every
    30 seconds, and at the end. quiet: nothing is written at all.
    """

    def __init__(self, progress: Progress, *, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._progress = progress
        self._stream = sys.stdout if stream is None else stream
        self._terminal = self._stream.isatty()
        self._quiet = quiet
        self._live: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = 0.0

    def __enter__(self) -> ProgressDisplay:
        self._began = time.monotonic()
        self._progress.look(self._began)
        if self._quiet:
            return self
        if self._terminal:
            self._live = _live(self._stream, self._render)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._write_plain_lines, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._thread is not None:
            self._thread.join()
        if not self._quiet:
            self._write(self._last_line())

    def print(self, text: str) -> None:
        """A line of its own: above the live line, or among the plain ones."""
        if self._quiet:
            return
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._write(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # whoever read it has gone; the run goes on
            self._quiet = True

    def _write_plain_lines(self) -> None:
        interval = PLAIN[0]
        while not self._stop.wait(interval):
            self._write(_plain(self._progress.line(time.monotonic())))
            interval = min(interval * 1.5, PLAIN[1])

    def _render(self) -> Any:
        from rich.text import Text

        styles = {"step": "bold", "speed": "cyan", "left": "cyan", "scalar": "green", "note": "yellow"}
        line = Text(no_wrap=True, overflow="ellipsis")
        for kind, text in self._progress.line(time.monotonic()):
            line.append(("  " if line.plain else "") + text, styles.get(kind))
        return line

    def _last_line(self) -> str:
        """How it ended: all steps, and the speed over all of them."""
        now = time.monotonic()
        took, done = now - self._began, self._progress.step() - self._progress.start
        speed = f" ({rate(done / took)})" if took > 0 and done else ""
        parts = [part for part in self._progress.line(now) if part[0] in ("step", "epoch", "scalar")]
        return _plain(parts, took=duration(took) + speed)


def _plain(parts: list[tuple[str, str]], took: str = "") -> str:
    """The parts as text, the first few scalars only."""
    scalars = [text for kind, text in parts if kind == "scalar"]
    shown = scalars[:MOST] + (["…"] if len(scalars) > MOST else [])
    head = [text for kind, text in parts if kind not in ("scalar", "note")] + ([took] if took else [])
    return "  ".join([*head, *shown, *(text for kind, text in parts if kind == "note")])


def rate(speed: float) -> str:
    """Of steps per second: `1,250 steps/s`, `2.5 steps/s`, `4 s/step`."""
    if speed >= 10:
        return f"{speed:,.0f} steps/s"
    return f"{speed:.2g} steps/s" if speed >= 1 else f"{1 / speed:.3g} s/step"


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `3:05:00`, `4 d 02:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02d}:{minutes:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _live(stream: TextIO, render: Callable[[], Any]) -> Any:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, force_terminal=True)
    return Live(get_renderable=render, console=console, refresh_per_second=1 / REFRESH, transient=True,
                redirect_stdout=stream is sys.stdout, redirect_stderr=True)
