"""Workers that prepare batches ahead: threads where that is safe, else processes.

Python's, NumPy's and torch's global generators are one for all threads of a process, so user code that
may draw from them beside a running training loop can only be reproducible in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from edgraph.data.fetcher import Fetcher
from edgraph.data.order import Indices


class Workers:
    """`count` workers, started by the first batch that is submitted."""

    def __init__(self, fetch: Fetcher, count: int) -> None:
        self._fetch = fetch
        self._count = count
        self._executor: Executor | None = None

    def submit(self, indices: Indices, epoch: int) -> Future[dict[str, Any]]:
        """Begin to make a batch."""
        if self._executor is None:
            self._executor = self._start()
        if self._fetch.draws:
            return self._executor.submit(_fetch_in_worker, indices, epoch)
        return self._executor.submit(self._fetch, indices, epoch)

    def result(self, future: Future[dict[str, Any]]) -> dict[str, Any]:
        """The batch; whatever the worker raised is raised here."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            self._executor = None
            raise RuntimeError("a data worker ended unexpectedly, maybe for want of memory: "
                               "try fewer 'workers'") from error

    def close(self) -> None:
        """End the workers; what they were preparing is lost."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _start(self) -> Executor:
        if not self._fetch.draws:
            return ThreadPoolExecutor(self._count, thread_name_prefix="edgraph-data")
        # Forked workers share the data set's memory and need not pickle it.
        method = "fork" if sys.platform == "linux" else "spawn"
        return ProcessPoolExecutor(self._count, multiprocessing.get_context(method), _begin, (self._fetch,))


_fetch: Fetcher | None = None  # in a worker process


def _begin(fetch: Fetcher) -> None:
    global _fetch
    _fetch = fetch
    for number in (signal.SIGINT, signal.SIGTERM):
        # The run decides when to stop; a worker only follows. (A handler of the run's was inherited.)
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)  # its threads did not survive the fork


def _end_with_parent() -> None:
    """A killed run leaves no worker behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fetch_in_worker(indices: Indices, epoch: int) -> dict[str, Any]:
    assert _fetch is not None
    return _fetch(indices, epoch)
