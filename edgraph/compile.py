"""The compiler on one page: every arrow from text to plan, one line each.

    text --> tree --> pipeline --> with patterns --> graph --> checked, clocked graph --> plans --> source --> run
    text/    text/    language/    graph/patterns    graph/    graph/passes/              plan/     plan/      run/

Nothing here reads data or imports a framework; `edgraph.run.start` goes on from a checked graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgraph import language
from edgraph.data.lengths import static_length, steps_per_epoch
from edgraph.evaluation import evaluated_run
from edgraph.graph.build import build_graph
from edgraph.graph.facts import facts_of
from edgraph.graph.ir import Graph
from edgraph.graph.passes import run_passes
from edgraph.graph.patterns import work_in
from edgraph.language.pipeline import Pipeline
from edgraph.ops.imports import import_modules
from edgraph.ops.registry import registry
from edgraph.text.collector import collector_paused
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.source import Source


@dataclass(slots=True)
class Checked:
    """A pipeline as far as it could be understood, and everything there is to say about it."""

    diagnostics: Diagnostics
    pipeline: Pipeline | None = None
    graph: Graph | None = None
    folder: Path = field(default_factory=Path)
    data: dict[str, Any] = field(default_factory=dict)  # opened data sets, by name

    @property
    def ok(self) -> bool:
        return self.graph is not None and not self.diagnostics.failed

    def require(self) -> Graph:
        """The checked graph, or PipelineError with the diagnostics."""
        if self.graph is None or self.diagnostics.failed:
            raise PipelineError(self.diagnostics)
        return self.graph


def check(source: str | Path | Mapping[str, Any] | Source, overrides: Sequence[str] = (), *, imports: bool = False,
          data: bool = False) -> Checked:
    """From a pipeline to a checked graph.

    source: a file, a mapping, or the text of a file as it would be (an editor's, or one that is being fixed).
    imports: import the pipeline's own modules, so that their ops are checked too.
    data: open the data sets, so that what depends on their length is checked too.
    """
    diagnostics = Diagnostics()
    path = source.name if isinstance(source, Source) else source
    folder = Path() if isinstance(path, Mapping) else Path(path).parent
    with collector_paused():
        pipeline = language.load(source, list(overrides), diagnostics)
        if pipeline is None:
            return Checked(diagnostics, folder=folder)
        return check_pipeline(pipeline, diagnostics, folder, imports=imports, data=data)


def check_pipeline(pipeline: Pipeline, diagnostics: Diagnostics, folder: Path, *, imports: bool = False,
                   data: bool = False, opened: Mapping[str, Any] | None = None,
                   shared: Sequence[tuple[str, str]] = ()) -> Checked:
    """From a pipeline to a checked graph.

    opened: data sets that are open already. shared: pairs of models that share parameters.
    """
    checked = Checked(diagnostics, pipeline, folder=folder)
    imports = imports or data
    if imports:
        before = len(diagnostics)
        import_modules(pipeline.imports, folder, diagnostics)
        if len(diagnostics) > before:  # what is not known may be what that module has
            imports = data = False
    lenient = bool(pipeline.imports) and not imports
    checked.pipeline = pipeline = work_in(pipeline, registry, diagnostics, lenient=lenient)
    if opened is not None:
        checked.data = dict(opened)
    elif data:
        checked.data = open_all(pipeline, diagnostics, folder)
    if data:
        evaluated_run(pipeline, diagnostics)
    lengths = {name: epoch_length(checked, name) for name in pipeline.data}
    facts = facts_of(pipeline, lengths, fields_of(checked), diagnostics)
    facts.same.update(one_object(shared))
    check_fixed_examples(checked)
    graph = build_graph(pipeline, facts, registry, diagnostics, lenient=lenient)
    run_passes(graph, diagnostics)
    checked.graph = graph
    return checked


def one_object(shared: Sequence[tuple[str, str]]) -> dict[str, str]:
    """For each model that shares parameters the one that stands for all that it shares them with."""
    heads: dict[str, str] = {}
    for one, two in shared:
        head, other = heads.setdefault(one, one), heads.setdefault(two, two)
        heads.update({name: head for name, of in heads.items() if of == other})
    return heads


def epoch_length(checked: Checked, name: str) -> int | None:
    """How many steps an epoch of a data set has, where that is known. A sampler says so only when it is open."""
    assert checked.pipeline is not None
    if name in checked.data:
        return int(checked.data[name].stream().steps_per_epoch)
    length = static_length(checked.pipeline.data[name])
    return steps_per_epoch(checked.pipeline.data[name], length) if length else None


def known_length(checked: Checked, name: str) -> int | None:
    """How many examples a data set has, where it is open or says so without being read."""
    assert checked.pipeline is not None
    opened = checked.data.get(name)
    return opened.length if opened is not None else static_length(checked.pipeline.data[name])


def fields_of(checked: Checked) -> dict[str, tuple[str, ...] | None]:
    """The fields of each data set, where they are known."""
    assert checked.pipeline is not None
    found: dict[str, tuple[str, ...] | None] = {}
    for name, entry in checked.pipeline.data.items():
        opened = checked.data.get(name)
        if opened is not None and opened.fields:
            found[name] = tuple(opened.fields)
        else:
            known = registry.data.get(entry.use.use.text) if entry.use else None
            plain = entry.transform is None and entry.collate is None
            found[name] = tuple(known.fields) if known is not None and known.fields and plain else None
    return found


def check_fixed_examples(checked: Checked) -> None:
    """Every index that was given is in its data set, where the length is known."""
    assert checked.pipeline is not None
    for name, (indices, span) in checked.pipeline.fixed_examples.items():
        length = known_length(checked, name) if name in checked.pipeline.data else None
        if length is not None:
            from edgraph.data.fixed import check_fixed
            check_fixed(indices, length, name, span, checked.diagnostics)


def open_all(pipeline: Pipeline, diagnostics: Diagnostics, folder: Path) -> dict[str, Any]:
    """Opens every data set; what cannot be opened is reported and left out."""
    from edgraph.data.source import open_data
    opened = {}
    for name, entry in pipeline.data.items():
        source = open_data(entry, registry, pipeline.run.seed, diagnostics, folder)
        if source is not None:
            opened[name] = source
    return opened
