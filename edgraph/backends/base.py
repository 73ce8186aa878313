"""What the engine asks of a backend. Nothing here knows of pipelines' text, graphs or plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = Any  # whatever the backend's ops make: a tensor, a number, a mapping of such
Batch: TypeAlias = dict[str, Value]
StateTree: TypeAlias = Any  # None, bool, int, float, str, list, dict[str, …], numpy arrays and ArrayBlobs
Given: TypeAlias = Literal["same", "each", "rows"]  # see Compiler.repeat
Accumulate: TypeAlias = int | Mapping[str, int]  # one update from n firings, or {"until": n}: from n examples


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


class Compiler(Protocol):
    """Makes one function of many calls. A *region* is a Python function that makes bound calls one after the other
    (see edgraph.plan.regions); it is run once for each kind of arguments, on symbols, to see what it does.

    Among a region's arguments are Python numbers (`step`, `epoch`, `key`, what expressions make of them): they become
    arrays (bool, int64, float32), so that another number is no other kind of argument; bound calls are given them so.
    Within a region nothing is raised for a loss that is not finite: instead, what has been found not to be finite
    keeps all that comes after it in the region from writing.
    """

    def mix(self, base: int, key: Value) -> Value:
        """edgraph.ops.random.mix, also of a key that is an array: the seed for `random`."""
        ...

    def operator(self, sign: str) -> Callable[..., Value]:
        """A sign of expressions, of arrays and Python's numbers: `+ - * / // % **` and comparisons of two; `and`,
        `or` of several, `not` of one, as truth values; `if` of a truth value and the two values to choose from."""
        ...

    def compile(self, region: Callable[..., Value]) -> Callable[..., Value]:
        """The region as one function. Raises NonFiniteLoss where a loss is not finite (policy `stop`), and whatever
        its calls raise, also after something was written."""
        ...

    def repeat(self, region: Callable[..., Value],
               kinds: tuple[Given, ...]) -> Callable[..., tuple[int, Exception | None]]:
        """`f(steps, *arguments)`: the region for so many steps, one after the other, in one call. Gives how many it
        completed and, where these are not all, the error that came in the next one, of which nothing is written if
        that is a NonFiniteLoss.

        kinds: what is given for each argument of the region. `same`: the argument, at all steps. `each`: an array
        (steps,) with that of every step. `rows`: a pair of a value and int64 indices (steps, n), of which step i has
        the rows indices[i].
        """
        ...


class Tape(Protocol):
    """For backends that record a step as a whole, and differentiate what was recorded."""

    def fresh(self) -> None:
        """A step (or an iteration of a loop that gradients do not pass through) begins: what was recorded before is
        forgotten."""
        ...

    def apart(self) -> AbstractContextManager[None]:
        """While a loop runs that gradients do not pass through: what was recorded outside of it is kept apart."""
        ...


class CannotSave(ValueError):
    """A model has something that a checkpoint cannot hold, or of which nobody said whether it is state."""


class Backend(Protocol):
    """Models, optimizers, gradients and arrays of one framework.

    A model is addressed by its path: an entry of `models`, maybe followed by a sub-module
    (`classifier.head`). Unless it is told otherwise the engine runs with recording of gradients off; only
    calls that `record(True)` surrounds record, and `apply`, `update_ema` are never called within.
    Methods that are given a path or a name raise PipelineError; where its diagnostics have no span, that is
    because the backend does not know it, and the engine puts in the node's. A backend without gradients (python) has
    none of the methods that are about them, `leaf` and `updates` among them: their ops are refused at validation.
    """

    name: str
    records: bool  # whether recording has to be turned on and off at all
    tape: Tape | None  # None where gradients are kept track of by the values themselves

    def build(self, models: Mapping[str, Any], optimizers: Mapping[str, Any], *, seed: int,
              schedules: Mapping[str, Callable[..., float]] | None = None,
              checkpoint: Callable[[str], StateTree] | None = None, folder: Path | None = None) -> None:
        """Construct what the entries (edgraph.backends.entries) declare.

        schedules: learning rate by (updates, step, epoch) for optimizers whose schedule is an expression;
        updates are those applied so far, step counts from 1.
        checkpoint: what `state()` gave, from a checkpoint named like `RUN@best`, for `weights`.
        folder: where the pipeline is; relative paths start there.
        Raises PipelineError with diagnostics at the spans of the entries.
        """
        ...

    @property
    def compiler(self) -> Compiler | None:
        """Of regions of a step. None: ops run one by one."""
        ...

    @property
    def record(self) -> Callable[[bool], Any]:
        """Turns the recording of gradients on or off. Called on the hot path: fetch it once."""
        ...

    # -- data ------------------------------------------------------------------------------------------

    def loader(self, dataset: Any, collate: Callable[..., Any] | None = None) -> Callable[[Any], Batch]:
        """From an array of indices (int64) to a batch on the device: a new mapping of fields. Where a compiler may
        take the rows itself, the loader has `tensors`, those fields by name as values on the device."""
        ...

    def convert(self, batch: Mapping[str, Any]) -> Batch:
        """A batch of NumPy arrays as a batch on the device; what are no arrays of numbers stays as it is."""
        ...

    def rows(self, value: Value, indices: Any) -> Value:
        """The rows (an int64 array) of a value, or of every value of a mapping."""
        ...

    # -- models and updates ----------------------------------------------------------------------------

    def forward(self, node: str, model: str, *, method: str | None = None, train: bool,
                trains: frozenset[str], buffers: bool, names: tuple[str, ...] = ()) -> Bound:
        """Run a model.

        node: what its random stream is named after. trains: the optimizers whose gradients pass through this
        call, so that only their parameters record (empty: none). buffers: whether a train-mode call may
        change the model's buffers. names: of the last inputs, which the model gets by name though they come in order.
        `passes` is ("key",) where the call may draw random numbers.
        """
        ...

    def model(self, path: str, *, trains: bool) -> Any:
        """The model or sub-module itself, for ops that name one. trains: they change it."""
        ...

    def fit(self, node: str, model: str, method: str, settings: Mapping[str, Any]) -> Bound:
        """Train a model by a method of its own, which gets the settings by name. Only where models have such methods
        (python). `passes` as for `forward`."""
        ...

    def gradients(self, optimizer: str, *, retain: bool, weighted: bool, accumulate: Accumulate = 1,
                  check: Literal["loss", "gradients"] = "loss") -> Callable[..., Value]:
        """`f(loss)`, or with `weighted` `f(loss, count)`: gradients of a loss with respect to the optimizer's
        parameters, for `apply` alone to look at, or None where the update is to be left out (`run.nonfinite:
        skip`). retain: the loss's graph is needed again. check: what must be finite. Raises NonFiniteLoss."""
        ...

    def apply(self, optimizer: str, ports: frozenset[str],
              accumulate: Accumulate = 1) -> Callable[[int, int, Value], Mapping[str, Value]]:
        """`f(global_step, epoch, gradients)`: clip, set the scheduled learning rate, update.

        Gives exactly the ports asked for: `lr`, `grad_norm` (nan without an update), `applied`, `updates`.
        """
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
        (`vq.decoder.last.weight`); differentiable where gradients are recorded. A value that it is taken with
        respect to was marked by `leaf` when it was made."""
        ...

    def shared_parameters(self) -> list[tuple[str, str]]:
        """Pairs of models that share a parameter tensor."""
        ...

    # -- values ----------------------------------------------------------------------------------------

    def implementation(self, op: str) -> Any:
        """The function or class that means op `op` on this backend; None where there is none."""
        ...

    def port(self, op: str, port: str) -> Callable[[Value], Value]:
        """A derived port of an op's value, such as `argmax` of `forward`."""
        ...

    def function(self, name: str) -> Callable[..., Value]:
        """A function of expressions (language.expressions.FUNCTIONS). It keeps the kind of value."""
        ...

    def detach(self, value: Value) -> Value: ...

    def leaf(self, value: Value) -> Value:
        """The value as one that gradients can be taken with respect to."""
        ...

    def to_numpy(self, value: Value) -> Any:
        """Arrays become NumPy's, numbers of the backend Python's; containers are kept."""
        ...

    def random(self, kind: str, key_seed: int, shape: tuple[int, ...], **settings: float) -> Value:
        """Noise (`normal`, `uniform`) on the device from a 63-bit seed."""
        ...

    def seed(self, number: int) -> None:
        """Seed all global generators that code of the author's may draw from: the framework's, NumPy's, Python's."""
        ...

    # -- state -----------------------------------------------------------------------------------------

    def pack(self, value: Value) -> StateTree:
        """A value as a state tree (tensors become ArrayBlobs). Raises TypeError for what cannot be one."""
        ...

    def unpack(self, tree: StateTree) -> Value: ...

    def state(self) -> StateTree:
        """Everything of models (parameters and buffers) and optimizers (moments, counts, partial sums of
        gradients, schedules) that the next step depends on: a mapping whose `models` has that of each model under its
        name. Blobs may be the live memory of the models: write
        or copy them before the next step."""
        ...

    def load_state(self, state: StateTree, *, only: str | None = None) -> None:
        """Restore it. only: "models" leaves the optimizers as they are (`run --from`). Raises ValueError
        where it is the state of other models or optimizers."""
        ...
