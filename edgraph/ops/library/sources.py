"""Where batches come from."""

from __future__ import annotations

from typing import Annotated

from edgraph.ops.markers import Data
from edgraph.ops.registry import op
from edgraph.ops.spec import PortSpec

_BATCH = (PortSpec("count", "how many examples the batch has"),
          PortSpec("index", "(batch,) which examples of the data set they are"))


@op(engine=True, differentiable=False, ports=_BATCH)
def load_batch(*, data: Annotated[str | None, Data()] = None, stream: str | None = None):  # type: ignore[no-untyped-def]
    """The next batch of a data set: a mapping of its fields, `batch.image` (batch, ...).

    All load_batch nodes of a data set share a stream, and so see the same batch at a step. `count` and `index` are
    those of the batch: a field of the data set that has one of these names cannot be read, so give it another.

    data: the data set; by default the one that the loop is over.
    stream: a name of your own makes it another stream over the data set, with its own order and position.
    """


@op(engine=True, differentiable=False, ports=_BATCH)
def fixed_examples(*, data: Annotated[str | None, Data()] = None):  # type: ignore[no-untyped-def]
    """The same examples of a data set every time: those of `fixed_examples`, else as many as a batch.

    Where none are named they are drawn once from the seed and recorded in the run folder. They are read
    without shuffling and without moving any stream.

    data: the data set; by default the one that the loop is over.
    """
