"""The batches of one stream by number, maybe prepared ahead by workers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from edgraph.data.fetcher import Fetcher
from edgraph.data.stream import BatchStream
from edgraph.data.workers import Workers


class Reader:
    """The batches of one stream by number. With workers, the next `ahead` batches are prepared meanwhile.

    It keeps no position and gives the same batch for a number whatever was asked before and however many
    workers there are. Asking for one number after the other is what makes workers useful.
    """

    def __init__(self, stream: BatchStream, fetch: Fetcher, workers: Workers | None = None,
                 ahead: int = 2) -> None:
        self.stream = stream
        self._fetch = fetch
        self._workers = workers
        self._ahead = ahead
        self._pending: dict[int, Future[dict[str, Any]]] = {}

    def batch(self, number: int, stop: int | None = None) -> dict[str, Any]:
        """Batch `number` (from 0): a mapping from field to array or list.

        stop: batches from this number on will not be asked for, so they are not prepared.
        """
        if self._workers is None:
            return self._fetch(self.stream.indices(number), self.stream.epoch_of(number))
        end = number + 1 + self._ahead
        wanted = range(number, end if stop is None else max(min(end, stop), number + 1))
        for stale in [n for n in self._pending if n not in wanted]:
            self._pending.pop(stale).cancel()
        for n in wanted:
            if n not in self._pending:
                self._pending[n] = self._workers.submit(self.stream.indices(n), self.stream.epoch_of(n))
        return self._workers.result(self._pending.pop(number))
