"""All names of a document and what it includes, by meaning and by place."""

from __future__ import annotations

from collections.abc import Sequence

from edgraph.lsp.files import File
from edgraph.lsp.names import Names
from edgraph.lsp.positions import Text
from edgraph.lsp.sites import Key, Site
from edgraph.lsp.walk import Walker


class Index:
    """All sites of a document and what it includes."""

    def __init__(self, files: Sequence[File]) -> None:
        self.names = Names([file.tree for file in files if file.tree is not None])
        self.texts = {id(file.text.source): file.text for file in files}
        walker = Walker(self.names)
        for file in files:
            if file.tree is not None:
                walker.file(file.text, file.tree)
        walker.finish()
        self.sites = walker.sites
        self.roles = walker.roles
        self._by_key: dict[Key, list[Site]] = {}
        self._by_line: dict[tuple[int, int], list[Site]] = {}
        for site in self.sites:
            self._by_key.setdefault(site.key, []).append(site)
            self._by_line.setdefault((id(site.span.source), site.span.line), []).append(site)

    def at(self, text: Text, offset: int) -> Site | None:
        """The name at an offset, or that ends there; the shortest where several do."""
        span = text.span(offset, offset)
        here = [site for site in self._by_line.get((id(text.source), span.line), ())
                if site.span.column <= span.column <= site.span.end_column]
        return min(here, default=None, key=lambda site: (site.span.end_column == span.column,
                                                         site.span.end_column - site.span.column))

    def left_of(self, site: Site) -> Site | None:
        """The name before a dot: `score` of `score.accuracy`."""
        return next((other for other in self._by_line.get((id(site.span.source), site.span.line), ())
                     if other.span.end_column == site.span.column - 1), None)

    def of(self, key: Key) -> list[Site]:
        """Every place at which a name stands."""
        return self._by_key.get(key, [])

    def given(self, key: Key) -> list[Site]:
        return [site for site in self.of(key) if site.gives]
