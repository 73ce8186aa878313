"""Going on with a run: whether there is anything left to do, and what is not as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.source import Mapping, Scalar, Sequence, Span, Tree

if TYPE_CHECKING:
    from edgraph.graph.ir import Graph
    from edgraph.language.pipeline import Pipeline
    from edgraph.run.folder import RunFolder, Status

# What may differ without a word: bounds are raised, and the rest does not change what is trained.
FREE = ("edgraph", "name", "description", "imports", "include", "run.num_steps", "run.num_epochs", "run.num_updates",
        "run.max_time", "run.checkpoint", "run.tags", "run.root", "run.ignore", "loggers")
PREPARED = ("workers", "prefetch", "ignore")  # how batches are made, not which
SHOWN = 6
ABSENT: Any = object()


class Changed(NamedTuple):
    """A value that is not as it was; None where there is or was none."""

    path: str
    before: Any
    now: Any

    def text(self) -> str:
        if self.before is ABSENT:
            return f"{self.path} is new"
        if self.now is ABSENT:
            return f"{self.path} is gone"
        return f"{self.path}: {self.before!r} is now {self.now!r}"


class Resumption(NamedTuple):
    """extended: the run had ended by itself, and has a later end now.  changes: of the pipeline, in words."""

    extended: bool
    changes: list[str]

    def shown(self) -> list[str]:
        """What to tell whoever watches the run."""
        more = [f"and {len(self.changes) - SHOWN} more"] if len(self.changes) > SHOWN + 1 else []
        shown = self.changes[:SHOWN] if more else self.changes
        return [f"the pipeline is not as it was: {'; '.join(shown + more)}"] if shown else []


def resumption(folder: RunFolder, graph: Graph) -> Resumption:
    """How a run goes on with a pipeline, which may be another one than it was started with.

    Raises FolderError for a run that ended by itself and is not given a later end, PipelineError where its position in
    the data would mean something else.
    """
    from edgraph.run.folder import FolderError
    pipeline, status, before = graph.pipeline, folder.status(), recorded(folder.path)
    ended = status is not None and status.state == "finished"
    if status is not None and ended and not _has_later_end(status, graph, before):
        how = "" if not status.reason or status.reason.endswith(" steps") else f" ({status.reason})"
        raise FolderError(f"{folder.path} ended by itself after {status.step} steps{how}; to go on, give it a later "
                          f"end: {_later_end(status, pipeline)}")
    if before is None:
        return Resumption(ended, [])
    changes = list(differences(before.tree, pipeline.tree))
    _check_data(changes, graph)
    return Resumption(ended, [change.text() for change in changes if not _within(change.path, FREE)])


def recorded(folder: Path) -> Pipeline | None:
    """The resolved pipeline that a run folder holds; None where it holds none, or one of another version."""
    from edgraph.language import load
    path = folder / "resolved.yaml"
    return load(path, [], Diagnostics()) if path.exists() else None


# -- a run that ended by itself ------------------------------------------------------------------------

def _has_later_end(status: Status, graph: Graph, before: Pipeline | None) -> bool:
    run, last = graph.pipeline.run, graph.facts.last_step
    if last is not None and last <= status.step:
        return False
    if before is None:
        return True
    if graph.pipeline.run.evaluates and status.reason != "max_time" and _stopped_by(status) is None:
        return True  # there may be other checkpoints by now
    if status.reason == "max_time":
        return _more(run.max_time, before.run.max_time)
    if status.reason.endswith(" updates"):
        return _more(run.num_updates, before.run.num_updates)
    op = _stopped_by(status)
    return op is None or any(_within(change.path, (f"ops.{op}",))
                             for change in differences(before.tree, graph.pipeline.tree))


def _stopped_by(status: Status) -> str | None:
    """The op `stop` that ended the run."""
    return status.reason.split("'")[1] if status.reason.startswith("stopped by '") else None


def _more(now: float | None, before: float | None) -> bool:
    return now is None or (before is not None and now > before)


def _later_end(status: Status, pipeline: Pipeline) -> str:
    if status.reason == "max_time":
        return "a greater run.max_time, or null"
    if status.reason.endswith(" updates"):
        return "a greater run.num_updates"
    if (op := _stopped_by(status)) is not None:
        return f"ops.{op}=null, or another condition"
    if pipeline.run.num_steps is None and pipeline.run.num_epochs is not None:
        return "a greater run.num_epochs"
    return f"such as run.num_steps={2 * status.step}"


# -- another pipeline ----------------------------------------------------------------------------------

def differences(before: Tree | None, now: Tree | None, path: str = "") -> Iterator[Changed]:
    """The values that differ, by path, in the order of the tree as it is now. An entry that is new or gone is one."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*now.entries, *(key for key in before.entries if key not in now.entries)]:
            if not key.startswith("x-"):
                yield from differences(before.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif _plain(before) != _plain(now):
        yield Changed(path, _plain(before), _plain(now))


def _plain(tree: Tree | None) -> Any:
    match tree:
        case None:
            return ABSENT
        case Mapping():
            return {key: _plain(entry.value) for key, entry in tree.entries.items()}
        case Sequence():
            return [_plain(item) for item in tree.items]
        case Scalar():
            return tree.value
    return tree


def _check_data(changes: list[Changed], graph: Graph) -> None:
    """The run's position is a number of batches of the data that it is over."""
    over = graph.facts.over
    for path, before, now in changes:
        parts = path.split(".")
        if parts[:2] == ["run", "over"] or (parts[:2] == ["data", over] and parts[-1] not in PREPARED):
            diagnostics = Diagnostics()
            diagnostics.error("resume-mismatch", f"the run is in the middle of another order of its data: "
                              f"{Changed(path, before, now).text()}", _span(graph.pipeline.tree, parts),
                              "put it back as it was; to start a new run from the weights of this one: --from RUN")
            raise PipelineError(diagnostics)


def _span(tree: Tree, path: list[str]) -> Span:
    """The span of a value, or of what is nearest above it."""
    for key in path:
        inner = tree.get(key) if isinstance(tree, Mapping) else None
        if inner is None:
            break
        tree = inner
    return tree.span


def _within(path: str, tops: tuple[str, ...]) -> bool:
    return any(path == top or path.startswith(f"{top}.") for top in tops)
