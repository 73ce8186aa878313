"""The documents that are open, each with its newest text and analysis. Analyses are made one at a time in a thread of
their own; one that a newer text has overtaken is not made, or is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from edgraph.lsp.analysis import Analysis, analyse

T = TypeVar("T")


@dataclass(slots=True)
class Document:
    """An open file: its text, which version that is, and what is known of it."""

    name: str
    text: str
    version: int
    analysis: Analysis | None = None  # of some version, the newest that there is
    analysed: tuple[int, int] | None = None  # which, and what had been forgotten by then
    forgotten: int = 0  # how often files that it may include have changed


class Documents:
    """imports: import the pipelines' own modules. encoding: in which units editors count columns."""

    def __init__(self, imports: bool = False) -> None:
        self.imports = imports
        self.encoding = "utf-16"
        self._open: dict[str, Document] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edgraph-lsp")
        self._typing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edgraph-lsp-typing")

    def put(self, uri: str, name: str, text: str, version: int) -> None:
        """A text was opened or changed."""
        known = self._open.get(uri)
        if known is None:
            self._open[uri] = Document(name, text, version)
        else:
            known.text, known.version = text, version

    def drop(self, uri: str) -> None:
        self._open.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        return self._open.get(uri)

    def uris(self) -> list[str]:
        return list(self._open)

    async def analysis(self, uri: str) -> Analysis | None:
        """Of the newest text. None: the document was closed."""
        while (document := self._open.get(uri)) is not None:
            if document.analysed == (document.version, document.forgotten) and document.analysis is not None:
                return document.analysis
            await self.work(partial(self._analyse, document))
        return None

    async def work(self, task: Callable[[], T]) -> T:
        """Does something in the worker's thread, after what is being done."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, task)

    async def at_once(self, task: Callable[[], T]) -> T:
        """Does something that only looks at what is known already, beside whatever the worker does."""
        return await asyncio.get_running_loop().run_in_executor(self._typing, task)

    def forget(self) -> None:
        """All analyses: a file that they include may have changed."""
        for document in self._open.values():
            document.forgotten += 1

    def _analyse(self, document: Document) -> None:
        state, text = (document.version, document.forgotten), document.text
        if document.analysed != state:
            document.analysis = analyse(document.name, text, document.analysis, imports=self.imports,
                                        encoding=self.encoding)
            document.analysed = state

