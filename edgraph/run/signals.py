"""SIGINT and SIGTERM: the first one asks the run to stop after its step, the second one ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
TERMINATED = 143
EXIT_CODES = {int(signal.SIGINT): INTERRUPTED, int(signal.SIGTERM): TERMINATED}


class StopNow(KeyboardInterrupt):
    """A second signal: the run is to end without finishing its step. `exit_code` is 130 or 143."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.exit_code = EXIT_CODES[signum]
        super().__init__(f"second {signal.Signals(signum).name}")


@contextmanager
def stop_signals(on_stop: Callable[[int], None]) -> Iterator[None]:
    """While it lasts, the first signal calls `on_stop(signum)` and every further one raises StopNow.

    `on_stop` runs between two bytecodes of the main thread, so it should do little: note the signal, drain
    the iterator of steps. Afterwards the handlers are as before. Outside the main thread, where Python
    allows no handlers, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = False
    owner = os.getpid()

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if os.getpid() != owner:  # a worker forked from the run: it must die of SIGTERM, and Ctrl-C
            if signum == signal.SIGTERM:  # reaches it too, but the run finishes its step with it
                os._exit(TERMINATED)
            return
        if stopping:
            raise StopNow(signum)
        stopping = True
        on_stop(signum)

    before = {signum: signal.signal(signum, handle) for signum in EXIT_CODES}
    try:
        yield
    finally:
        for signum, handler in before.items():
            # None: a handler that was not installed from Python, which cannot be put back
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
