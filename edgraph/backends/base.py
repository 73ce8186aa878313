"""What the engine asks of a backend. Nothing here knows of pipelines' text, graphs or plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = Any  # whatever the backend's ops make: a tensor, a number, a mapping of such
Batch: TypeAlias = dict[str, Value]
StateTree: TypeAlias = Any  # None, bool, int, float, str, list, dict[str, …], numpy arrays and ArrayBlobs


class ArrayBlob(NamedTuple):
    """An array as bytes: `dtype` in safetensors' names (F32, BF16, I64, …), C order, little endian."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


class Bound(NamedTuple):
    """A node's work, ready to be called: `call(*extra, *inputs)` with the extra arguments `passes` names
    (see edgraph.ops.spec.Passes)."""

    call: Callable[..., Value]
    passes: tuple[str, ...] = ()


class NonFiniteLoss(ArithmeticError):
    """A loss (or a gradient, with `check: gradients`) is not finite and the policy is `stop`.
    Raised before anything is written."""


class Backend(Protocol):
    """Models, optimizers, gradients and arrays of one framework.

    A model is addressed by its path: an entry of `models`, maybe followed by a sub-module
    (`classifier.head`). Unless it is told otherwise the engine runs with recording of gradients off.
    """

    name: str

    def build(self, models: Mapping[str, Any], optimizers: Mapping[str, Any], *, seed: int,
              schedules: Mapping[str, Callable[..., float]],
              checkpoint: Callable[[str], StateTree]) -> None:
        """Construct what the entries (language.pipeline.ModelEntry, OptimizerEntry) declare.

        schedules: learning rate by (updates, step, epoch) for optimizers whose schedule is an expression.
        checkpoint: the state tree of a checkpoint named like `RUN@best`, for `weights`.
        Raises PipelineError with diagnostics at the spans of the entries.
        """
        ...

    def record(self, on: bool) -> None:
        """Turn the recording of gradients on or off. Called on the hot path."""
        ...

    def loader(self, dataset: Any, collate: Callable[..., Any] | None = None) -> Callable[[Any], Batch]:
        """From an array of indices (int64) to a batch on the device: a mapping of the data set's fields."""
        ...

    def forward(self, node: str, model: str, *, method: str | None, train: bool,
                trains: frozenset[str], buffers: bool) -> Bound:
        """Run a model. trains: the optimizers whose gradients pass through this call, so that only their
        parameters record (empty: none). buffers: whether a train-mode call may change the model's buffers.
        `passes` is ("key",) where the call may draw random numbers."""
        ...

    def gradients(self, optimizer: str, *, retain: bool, weighted: bool) -> Callable[..., Value]:
        """`f(loss)` or `f(loss, count)`: gradients of a loss with respect to the optimizer's parameters, or
        None where the update is to be left out (`run.nonfinite: skip`). retain: the loss's graph is needed again.
        Raises NonFiniteLoss."""
        ...

    def apply(self, optimizer: str, ports: frozenset[str]) -> Callable[[int, int, Value], Mapping[str, Value]]:
        """`f(global_step, epoch, gradients)`: clip, set the scheduled learning rate, update; returns the ports asked for
        (`lr`, `grad_norm`, `applied`, `updates`)."""
        ...

    def updates(self, optimizer: str) -> int:
        """How many updates the optimizer has applied."""
        ...

    def update_ema(self, target: str, source: str, decay: float) -> Callable[[], None]: ...

    def set_learning_rate(self, optimizer: str) -> Callable[[Value], None]:
        """The engine calls it when the step has ended."""
        ...

    def gradient(self, wrt: str | None) -> Callable[..., Value]:
        """`f(of, wrt)` with respect to a value, or `f(of)` with respect to the parameter at the path `wrt`
        (`vq.decoder.last.weight`); the result is differentiable."""
        ...

    def implementation(self, op: str) -> Any:
        """The function or class that means op `op` on this backend; None where there is none."""
        ...

    def port(self, op: str, port: str) -> Callable[[Value], Value]:
        """A derived port of an op's value, such as `argmax` of `forward`."""
        ...

    def function(self, name: str) -> Callable[..., Value]:
        """A function of the expression language (language.expressions.FUNCTIONS) that keeps the kind of value."""
        ...

    def detach(self, value: Value) -> Value: ...

    def to_numpy(self, value: Value) -> Any: ...

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], **settings: float) -> Value:
        """Noise (`normal`, `uniform`) on the device from a 63-bit seed."""
        ...

    def pack(self, value: Value) -> StateTree:
        """A value as a state tree (tensors become ArrayBlobs)."""
        ...

    def unpack(self, tree: StateTree) -> Value: ...

    def state(self) -> StateTree:
        """Everything of models (parameters and buffers) and optimizers (moments, counts, partial sums of gradients,
        schedules) that the next step depends on."""
        ...

    def load_state(self, state: StateTree, *, only: str | None = None) -> None:
        """Restore it. only: "models" leaves the optimizers as they are (`run --from`)."""
        ...

    def shared_parameters(self) -> list[tuple[str, str]]:
        """Pairs of models that share a parameter tensor."""
        ...
