"""Where the batches of a run come from: streams with a position, fixed examples, the batches of a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from edgraph.backends.base import Backend, Batch, Bound
from edgraph.graph.ir import Graph, Node
from edgraph.graph.models import data_of

if TYPE_CHECKING:
    from edgraph.data.source import DataSource
    from edgraph.data.stream import BatchStream
    from edgraph.run.graphrun import GraphRun
    from edgraph.run.loops import LoopRun

Fetch = Callable[[int], Batch]
Place: TypeAlias = "int | tuple[int, int] | list[int]"  # of a stream, as a checkpoint holds it


class Stream:
    """A stream that advances when it is demanded. Within one step everybody sees the same batch."""

    def __init__(self, batch: Fetch, place: Place = 0) -> None:
        self._batch = batch
        self.position = 0  # batches consumed
        self._moment: int | None = None
        self._taken = False
        self._current: Batch | None = None
        self.move(place)

    def take(self, moment: int) -> Batch:
        """The next batch, consumed at this moment (a step, or the key of a step in a loop)."""
        batch = self.peek(moment)
        if not self._taken:
            self._taken = True
            self.position += 1
        return batch

    def peek(self, moment: int) -> Batch:
        """The batch that `take` gives at this moment, left where it is."""
        if self._moment != moment:
            self._moment, self._taken, self._current = moment, False, None
        if self._current is None:
            self._current = self._batch(self.position - self._taken)
        return self._current

    def state(self) -> Place:
        """The position; with the moment at which the last batch was taken, since the events after a step see it too."""
        return (self.position, self._moment) if self._taken and self._moment is not None else self.position

    def move(self, place: Place) -> None:
        self.position, self._moment = place if isinstance(place, tuple | list) else (place, None)
        self._taken, self._current = self._moment is not None, None


class LoopSource:
    """The batches that one entry of a loop goes through. size: how many examples batch `number` has."""

    def __init__(self, steps: int, batch: Fetch, size: Callable[[int], int]) -> None:
        self.steps = steps
        self._batch = batch
        self._size = size
        self._step = 0
        self._current: Batch | None = None

    def take(self, step: int) -> Batch:
        if self._step != step or self._current is None:
            self._step, self._current = step, self._batch(step - 1)
        return self._current

    def size(self, step: int) -> int:
        return self._size(step - 1)


class Sources:
    """All data of a run."""

    def __init__(self, data: dict[str, DataSource], backend: Backend, over: str | None, seed: int,
                 fixed: dict[str, Any]) -> None:
        self.data = data
        self.backend = backend
        self.over = over
        self.seed = seed
        self.fixed_indices = fixed
        self.streams: dict[str, Stream] = {}
        self._own: BatchStream | None = None
        self._fetchers: dict[tuple[str, str], tuple[Fetch, BatchStream]] = {}
        self._fixed: dict[str, Batch] = {}
        self._loaders: dict[str, Callable[[Any], Batch]] = {}
        self._places: dict[str, Place] = {}  # of streams that nobody has asked for yet since the run was resumed

    def size(self, step: int) -> int:
        """How many examples the run's own batch has at a step; 1 for a run over no data set."""
        if self.over is None:
            return 1
        if self._own is None:
            self._own = self.data[self.over].stream()
        return len(self._own.indices(step - 1))

    def fetcher(self, data: str, name: str | None, *, once: bool = False) -> tuple[Fetch, BatchStream]:
        """Batches of a stream by number (from 0), and the stream. once: no more than one epoch of them is asked for."""
        source = self.data[data]
        stream = source.stream(name)
        indices = stream.indices
        if source.arrays is not None:
            load = self._loader(data)

            def batch(number: int) -> Batch:
                chosen = indices(number)
                found = load(chosen)
                found["index"], found["count"] = chosen, len(chosen)
                return found
        else:
            read, convert = source.reader(stream).batch, self.backend.convert
            stop = stream.steps_per_epoch if once else None

            def batch(number: int) -> Batch:
                found = convert(read(number, stop))
                found["index"] = chosen = indices(number)
                found["count"] = len(chosen)
                return found
        return batch, stream

    def _loader(self, data: str) -> Callable[[Any], Batch]:
        if data not in self._loaders:
            self._loaders[data] = self.backend.loader(self.data[data].dataset)
        return self._loaders[data]

    def has_rows(self, fields: Iterable[str]) -> bool:
        """Whether these fields of the data set that the run is over are whole values on the device."""
        if self.over is None or self.data[self.over].arrays is None:
            return not list(fields)
        return set(fields) <= set(getattr(self._loader(self.over), "tensors", ()))

    def rows(self, steps: Iterable[int]) -> tuple[dict[str, Any], Any]:
        """The fields of that data set, and (steps, n) which rows of them the batches of some steps are. All these
        batches are of one size."""
        import numpy as np

        assert self.over is not None
        self.size(1)
        assert self._own is not None
        whole: dict[str, Any] = self._loader(self.over).tensors  # type: ignore[attr-defined]
        return whole, np.stack([self._own.indices(step - 1) for step in steps])

    def load(self, node: Node, run: GraphRun, moves: bool) -> Bound:
        """The batch of a `load_batch` node. moves: where it is a source of training, whether training demands it;
        else what observes looks at the batch without taking it."""
        graph = run.graph
        data, name = node.settings.get("data"), node.settings.get("stream")
        if graph.use is not None and data is None:
            return Bound(lambda step: run.source.take(step), ("step",))  # type: ignore[attr-defined]
        data = data_of(node, graph, self.over)
        if graph.use is None and data == self.over and name is None:
            batch, _ = self.fetcher(data, None)
            return Bound(lambda step: batch(step - 1), ("step",))
        key = f"{data}.{name}" if name else data
        if graph.use is not None:
            key = f"{graph.name}.{key}"
        if key not in self.streams:
            self.streams[key] = Stream(self.fetcher(data, name)[0], self._places.pop(key, 0))
        stream = self.streams[key]
        if node.training:
            takes = moves or not node.shares
        else:
            takes = not any(other.training and other.op == "load_batch" and other.settings.get("stream") == name
                            and data_of(other, graph, self.over) == data for other in graph.nodes.values())
        return Bound(stream.take if takes else stream.peek, ("step",) if graph.use is None else ("key",))

    @contextmanager
    def untouched(self, prefix: str) -> Iterator[None]:
        """While it lasts, the streams of a loop are only looked at: afterwards they stand where they stood."""
        before = self.state()
        yield
        for name, stream in self.streams.items():
            if name.startswith(prefix):
                stream.move(before.get(name, 0))

    def fixed(self, node: Node, graph: Graph) -> Bound:
        """The same few examples every time."""
        data = data_of(node, graph, self.over)
        if data not in self._fixed:
            chosen = self.fixed_indices[data]
            found = self.backend.convert(self.data[data].fetch(chosen))
            self._fixed[data] = {**found, "index": chosen, "count": len(chosen)}
        batch = self._fixed[data]
        return Bound(lambda: batch)

    def enter(self, loop: LoopRun, value: Any, key: int) -> LoopSource | None:
        """What a loop goes through at one entry: a data set from its first batch, or a value in batches."""
        if value is not None:
            return self._over_value(loop, value, key)
        data = loop.node.settings.get("over") or (loop.use.over.text if loop.use.over else None)
        if data is None:
            return None
        if (data, loop.graph.name) not in self._fetchers:
            self._fetchers[data, loop.graph.name] = self.fetcher(data, loop.graph.name, once=True)
        batch, stream = self._fetchers[data, loop.graph.name]
        return LoopSource(stream.steps_per_epoch, batch, lambda number: len(stream.indices(number)))

    def _over_value(self, loop: LoopRun, value: Any, key: int) -> LoopSource:
        import numpy as np

        from edgraph.ops.random import mix, node_base

        if isinstance(value, dict):
            value = {name: part for name, part in value.items() if name != "count"}  # it is that of each batch
        rows = len(next(iter(value.values()), ())) if isinstance(value, dict) else len(value)
        size = loop.node.settings.get("batch_size") or max(rows, 1)
        order = np.arange(rows)
        if loop.node.settings.get("shuffle"):
            seed = mix(node_base(self.seed, f"{loop.graph.name}.over"), key)
            order = np.random.Generator(np.random.Philox(key=seed)).permutation(rows)

        def chosen(number: int) -> Any:
            return order[number * size:(number + 1) * size]

        def batch(number: int) -> Batch:
            indices = chosen(number)
            found: Batch = self.backend.rows(value, indices)
            return {"index": indices, **found, "count": len(indices)} if isinstance(found, dict) else found
        return LoopSource(-(-rows // size), batch, lambda number: len(chosen(number)))

    def state(self) -> dict[str, Place]:
        return {**self._places, **{name: stream.state() for name, stream in self.streams.items()}}

    def load_state(self, state: dict[str, Place]) -> None:
        for name, stream in self.streams.items():
            stream.move(state.get(name, 0))
        self._places = {name: place for name, place in state.items() if name not in self.streams}

    def close(self) -> None:
        for source in self.data.values():
            source.close()
