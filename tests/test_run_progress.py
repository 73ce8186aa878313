"""Progress: one live line on a terminal, a few plain ones elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from edgraph.run import progress
from edgraph.run.progress import Progress, ProgressDisplay, duration, rate


def texts(shown: Progress, now: float) -> dict[str, str]:
    return dict(shown.line(now))


def test_parts() -> None:
    step = [0]
    shown = Progress(lambda: step[0], lambda: 2, lambda: {"report.loss": 0.123456}, steps=2880, epochs=20)
    assert texts(shown, 0.0) == {"step": "step 0/2,880", "epoch": "epoch 2/20",
                                 "scalar": "report.loss 0.1235"}
    step[0] = 500
    assert texts(shown, 2.0) == {"step": "step 500/2,880", "epoch": "epoch 2/20", "speed": "250 steps/s",
                                 "left": "0:10 left", "scalar": "report.loss 0.1235"}
    step[0] = 2880
    shown.note = "saving a checkpoint"
    assert "left" not in texts(shown, 9.0) and texts(shown, 9.0)["note"] == "saving a checkpoint"


def test_without_an_end() -> None:
    step = [0]
    shown = Progress(lambda: step[0])
    shown.look(0.0)
    step[0] = 3
    assert texts(shown, 30.0) == {"step": "step 3", "speed": "10 s/step"}


def test_speed_is_that_of_the_last_seconds() -> None:
    step = [0]
    shown = Progress(lambda: step[0])
    for second in range(100):
        step[0] += 1000 if second < 50 else 10
        _, speed = shown.look(float(second))
    assert speed == pytest.approx(10)


@pytest.mark.parametrize(("seconds", "text"), [
    (0.4, "0:00"), (7, "0:07"), (750, "12:30"), (11_100, "3:05:00"), (352_800, "4 d 02:00")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("speed", "text"), [
    (1250.4, "1,250 steps/s"), (10, "10 steps/s"), (2.54, "2.5 steps/s"), (0.25, "4 s/step"), (0.013, "76.9 s/step")])
def test_rate(speed: float, text: str) -> None:
    """A slow run's last line said `0 steps/s`."""
    assert rate(speed) == text


def test_plain_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN", (0.02, 0.1))
    out = io.StringIO()
    scalars = {f"s{i}": float(i) for i in range(9)}
    with ProgressDisplay(Progress(lambda: 5, scalars=lambda: scalars), stream=out) as display:
        display.print("[b]a line")
        time.sleep(0.4)
    lines = out.getvalue().splitlines()
    assert lines[0] == "[b]a line" and 3 <= len(lines) <= 12
    assert re.fullmatch(r"step 5  0:0\d \(\d+ steps/s\)  s0 0  s1 1  s2 2  s3 3  s4 4  s5 5  …", lines[-1])
    assert "\x1b" not in out.getvalue()


def test_a_short_run_has_one_line() -> None:
    out = io.StringIO()
    with ProgressDisplay(Progress(lambda: 0), stream=out):
        pass
    assert out.getvalue() == "step 0  0:00\n"


def test_quiet() -> None:
    out = io.StringIO()
    with ProgressDisplay(Progress(lambda: 5), stream=out, quiet=True) as display:
        display.print("a line")
    assert out.getvalue() == ""


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_nobody_listens() -> None:
    with ProgressDisplay(Progress(lambda: 5), stream=Gone()) as display:
        display.print("a line")


CODE = """
import time
from edgraph.run.progress import *
step = 0
with ProgressDisplay(Progress(lambda: step, steps=60, scalars=lambda: {"report.loss": 0.5})) as display:
    for step in range(1, 61):
        time.sleep(0.01)
        if step == 30:
            display.print("[b]a line")
            print("of a user's op")
print("after")
"""


def on_a_terminal(code: str) -> str:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    out = b""
    while True:
        try:
            data: Any = os.read(master, 65536)
        except OSError:  # how a closed terminal ends on Linux
            break
        if not data:
            break
        out += data
    process.wait()
    os.close(master)
    return out.decode()


def test_terminal() -> None:
    out = on_a_terminal(CODE)
    assert "\x1b[2K" in out  # the line is redrawn
    assert "[b]a line\r\n" in out and "of a user's op\r\n" in out
    assert out.endswith("after\r\n")
    assert "step 60/60  0:0" in out.splitlines()[-2]
    assert out.rfind("\x1b[?25h") > out.rfind("\x1b[?25l")  # the cursor is back
