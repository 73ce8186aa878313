"""One version of a document and what the compiler knows of it. Everything beyond its diagnostics is made when it is
first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from edgraph.compile import Checked, check_pipeline
from edgraph.graph.ir import Graph
from edgraph.language.loading import load_source
from edgraph.lsp.files import File, files_of
from edgraph.lsp.index import Index
from edgraph.lsp.positions import Text
from edgraph.lsp.sites import Site
from edgraph.lsp.timing import Timings
from edgraph.text.collector import collector_paused
from edgraph.text.diagnostics import Diagnostic, Diagnostics
from edgraph.text.source import Source


class Analysis:
    """What is known of a text. Nothing in it changes, but for what is made when it is first asked for.

    good: the newest version of the document without errors, this one or an earlier one. Its graph answers questions
    about clocks and parts of values while the text is being changed.
    """

    def __init__(self, source: Source, checked: Checked, before: Analysis | None, encoding: str = "utf-16") -> None:
        self.source = source
        self.checked = checked
        self.good: Checked | None = checked if checked.ok else before.good if before is not None else None
        self._known = before._timings() if before is not None else None
        self.diagnostics: tuple[Diagnostic, ...] = tuple(checked.diagnostics)
        self.encoding = encoding

    @cached_property
    def text(self) -> Text:
        return Text(self.source, self.encoding)

    @cached_property
    def files(self) -> list[File]:
        """The document and the files that it includes."""
        return files_of(self.text)

    @cached_property
    def index(self) -> Index:
        """Where each name is given and used."""
        return Index(self.files)

    @cached_property
    def timings(self) -> Timings | None:
        """When each op runs, as of the good version."""
        if self.graph is None or (self._known is not None and self._known.graph is self.graph):
            return self._known
        return Timings(self.graph, self._known)

    def _timings(self) -> Timings | None:
        """Those that were asked for, of this version or an earlier one."""
        return self.timings if "timings" in self.__dict__ else self._known

    @property
    def graph(self) -> Graph | None:
        """The graph of the good version."""
        return None if self.good is None else self.good.graph

    def site(self, offset: int) -> Site | None:
        """The name that stands at, or ends at, an offset of the document."""
        return self.index.at(self.text, offset)


def analyse(name: str, text: str, before: Analysis | None = None, *, imports: bool = False,
            encoding: str = "utf-16") -> Analysis:
    """The text of a document as it is in the editor. Files that it includes are read from disk.

    name: the path of its file. before: the analysis of an earlier version. imports: import the pipeline's modules.
    """
    source = Source(name, text)
    diagnostics = Diagnostics()
    folder = Path() if name.startswith("<") else Path(name).parent
    with collector_paused():
        pipeline = load_source(source, (), diagnostics)
        checked = (Checked(diagnostics, folder=folder) if pipeline is None
                   else check_pipeline(pipeline, diagnostics, folder, imports=imports))
    return Analysis(source, checked, before, encoding)
