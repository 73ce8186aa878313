"""Signals: the first stops after the step, the second at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from edgraph.run.signals import EXIT_CODES, StopNow, stop_signals


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_first_and_second(signum: signal.Signals) -> None:
    seen: list[int] = []
    before = {each: signal.getsignal(each) for each in EXIT_CODES}
    with pytest.raises(StopNow) as caught, stop_signals(seen.append):
        signal.raise_signal(signum)
        assert seen == [signum]
        signal.raise_signal(signum)
    assert caught.value.exit_code == {2: 130, 15: 143}[signum] and isinstance(caught.value, KeyboardInterrupt)
    assert seen == [signum]
    assert {each: signal.getsignal(each) for each in EXIT_CODES} == before


def test_different_signals() -> None:
    seen: list[int] = []
    with pytest.raises(StopNow) as caught, stop_signals(seen.append):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.exit_code == 143


def test_outside_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGINT)
    inside: list[bool] = []

    def work() -> None:
        with stop_signals(lambda signum: None):
            inside.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [True]


def test_draining_an_iterator() -> None:
    """How the engine uses it: the loop itself checks nothing."""
    steps = iter(range(1, 1_000_000))
    done = []
    with stop_signals(lambda signum: [*steps] and None):
        for step in steps:
            if step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
            done.append(step)
    assert done[-1] < 1000


def test_forked_workers_die_of_sigterm() -> None:
    code = """
import os, signal, time
from edgraph.run.signals import stop_signals
with stop_signals(lambda signum: print("parent only", signum, flush=True)):
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "143\n", done.stderr
