"""A pipeline as typed, frozen data with spans: what the rest of edgraph reads instead of YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from edgraph.language.expressions import Expression
from edgraph.language.parameters import Parameter
from edgraph.text.source import Entry, Mapping, Name, Plain, Source, Span, Tree

# -- clocks as written (section 3); the algebra is in edgraph/graph/clocks.py ---------------------

@dataclass(frozen=True, slots=True)
class EverySteps:
    """`10`, `{steps: 10, offset: 3, from: 95, until: 1000}`; with `grow`, a growing interval."""

    steps: int
    span: Span
    offset: int = 0
    start: int = 1
    until: int | None = None
    grow: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class EveryEpochs:
    epochs: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class EveryUpdates:
    updates: int
    of: Name | None  # an optimizer
    span: Span


@dataclass(frozen=True, slots=True)
class EveryTime:
    seconds: float
    span: Span


@dataclass(frozen=True, slots=True)
class EveryEdge:
    """`first`, `last`, `{first: STAGE}`, `{last: STAGE}`."""

    edge: Literal["first", "last"]
    stage: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class EveryCycle:
    cycle: int
    positions: tuple[int, ...]  # counted from 1
    span: Span


@dataclass(frozen=True, slots=True)
class EveryFirings:
    firings: int
    of: Name  # an op that is an effect
    span: Span


@dataclass(frozen=True, slots=True)
class EveryUnion:
    parts: tuple[Every, ...]
    span: Span


Every: TypeAlias = (EverySteps | EveryEpochs | EveryUpdates | EveryTime | EveryEdge | EveryCycle
                    | EveryFirings | EveryUnion)
Event = Literal["start", "resume", "epoch_start", "epoch_end", "end", "exception"]
EVENTS: tuple[Event, ...] = ("start", "resume", "epoch_start", "epoch_end", "end", "exception")


# -- ops and graphs -------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Input:
    """One data edge. `name` is None where the author gave a single expression or a list."""

    name: Name | None
    value: Expression


@dataclass(frozen=True, slots=True)
class OpEntry:
    """One entry of `ops`. The one-line form `NAME: EXPRESSION` is op `expr` with one input."""

    name: str
    name_span: Span
    op: Name
    span: Span
    inputs: tuple[Input, ...] = ()
    inputs_span: Span | None = None
    settings: Mapping | None = None  # the `with` mapping, interpolated
    every: Every | None = None
    at: tuple[tuple[Event, Span], ...] = ()
    during: tuple[Name, ...] = ()
    when: Expression | None = None
    after: tuple[Name, ...] = ()
    doc: str | None = None
    ignore: tuple[str, ...] = ()  # codes of warnings silenced at this node
    origin: Span | None = None  # the pattern's use that this op was expanded from


@dataclass(frozen=True, slots=True)
class GraphEntry:
    """One entry of `graphs`, not yet interpolated: `language.instantiate` does that for each use."""

    name: str
    span: Span
    tree: Mapping
    params: dict[str, Plain]


@dataclass(frozen=True, slots=True)
class GraphUse:
    """A graph with its parameters inserted: the body of a loop, or of a use in place."""

    name: str
    span: Span
    ops: dict[str, OpEntry]
    outputs: dict[str, Expression]
    over: Name | None = None  # a data set; a value comes in as input `over` of the loop
    repeat: int | None = None
    condition: Expression | None = None  # `while`
    maximum: int | None = None
    params: dict[str, Plain] = field(default_factory=dict)
    patterns: dict[str, PatternUse] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()  # ops in which something was reported already


@dataclass(frozen=True, slots=True)
class PatternUse:
    name: str
    span: Span
    use: Name
    settings: Mapping | None


# -- the sections ---------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Use:
    """`use:` and `with:` of a data set, model, optimizer or logger. `settings` keeps nested `use`."""

    use: Name
    settings: Mapping | None


@dataclass(frozen=True, slots=True)
class DataEntry:
    name: str
    span: Span
    use: Use | None
    batch_size: int = 1
    shuffle: bool = False
    drop_last: bool = False
    limit: int | None = None
    transform: Tree | None = None
    collate: Name | None = None
    sampler: Tree | None = None
    workers: int = 0
    prefetch: int = 2
    folds: int | None = None
    fold: int = 0
    part: Literal["train", "validation"] | None = None
    ignore: tuple[str, ...] = ()  # codes of warnings silenced here
    base: bool = field(default=False, compare=False)  # another entry is like it, or made from it


@dataclass(frozen=True, slots=True)
class Weights:
    """`weights: RUN@best`, `{run: RUN@best, model: ema}` or `{file: x.safetensors, prefix: enc., strict: true}`."""

    span: Span
    checkpoint: str | None = None
    model: str | None = None  # in the checkpoint; by default that of the same name
    file: str | None = None
    prefix: str = ""
    strict: bool = True


@dataclass(frozen=True, slots=True)
class ModelEntry:
    name: str
    span: Span
    use: Use | None = None
    copy: Name | None = None
    weights: Weights | None = None
    frozen: bool = False
    ignore: tuple[str, ...] = ()
    state: tuple[str, ...] = ()  # of a plain object: which attributes a checkpoint holds; `!name`: not this one
    state_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What an optimizer updates: a model or sub-module path, maybe only parameters that match."""

    model: Name
    match: tuple[str, ...] = ()
    settings: dict[str, Plain] = field(default_factory=dict)
    tree: Mapping | None = None  # the settings, with spans


@dataclass(frozen=True, slots=True)
class OptimizerEntry:
    name: str
    span: Span
    use: Use
    updates: tuple[Group, ...]
    schedule: Expression | Mapping | None = None  # an expression, or {use: cosine, warmup: 500, …}
    per: Literal["update", "step"] = "update"
    clip_norm: float | None = None
    clip_value: float | None = None
    ema: Tree | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageEntry:
    """Exactly one of `until`, `length` and `condition`, or none for the last stage."""

    name: str
    span: Span
    until: tuple[Fraction, Literal["steps", "epochs"]] | None = None
    length: tuple[Fraction, Literal["steps", "epochs"]] | None = None
    condition: Expression | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointPolicy:
    """The default checkpointing of a run: `{every: 10 minutes, keep: 2}`, and always at the end."""

    every: Every | None
    keep: int = 2
    enabled: bool = True


CHECKPOINTS = "checkpoints"  # what `over` says of a run that evaluates those of another


@dataclass(frozen=True, slots=True)
class EvaluationEntry:
    """Of a run over checkpoints: of which run they are, and which of them."""

    of: Name  # a run folder, or the name of one
    which: Name | None = None  # None: the latest. `latest`, `all`, `new`, a name or a step
    filter: Expression | None = None  # by the checkpoint's `step` and `epoch`
    timeout: float | None = None  # seconds without a new one; None: until the run ends


@dataclass(frozen=True, slots=True)
class RunEntry:
    span: Span | None
    over: Name | None = None  # None: `train` if there is such a data set, else `none`
    num_steps: int | None = None
    num_epochs: float | None = None
    num_updates: int | None = None
    max_time: float | None = None  # seconds
    seed: int = 0
    backend: str = "torch"
    device: str = "auto"
    precision: str = "fp32"
    deterministic: bool = False
    checkpoint: CheckpointPolicy | None = None  # None: the default
    nonfinite: Literal["stop", "skip", "ignore"] = "stop"
    tags: tuple[str, ...] = ()
    root: str = "runs"
    ignore: tuple[str, ...] = ()  # codes of warnings silenced in the whole pipeline
    spans: dict[str, Span] = field(default_factory=dict)  # of each key that was written
    evaluation: EvaluationEntry | None = None

    @property
    def evaluates(self) -> bool:
        """Whether it is a run over checkpoints."""
        return self.over is not None and self.over.text == CHECKPOINTS


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The whole file, includes, parameters and overrides applied."""

    source: Source
    name: str
    run: RunEntry
    tree: Mapping  # resolved, for `expand`
    description: str = ""
    imports: tuple[Name, ...] = ()
    params: dict[str, Plain] = field(default_factory=dict)
    declared: dict[str, Parameter] = field(default_factory=dict)  # params that say what they may be
    data: dict[str, DataEntry] = field(default_factory=dict)
    fixed_examples: dict[str, tuple[list[int], Span]] = field(default_factory=dict)
    models: dict[str, ModelEntry] = field(default_factory=dict)
    optimizers: dict[str, OptimizerEntry] = field(default_factory=dict)
    stages: dict[str, StageEntry] = field(default_factory=dict)
    ops: dict[str, OpEntry] = field(default_factory=dict)
    patterns: dict[str, PatternUse] = field(default_factory=dict)
    graphs: dict[str, GraphEntry] = field(default_factory=dict)
    loggers: dict[str, Use] = field(default_factory=dict)
    param_trees: dict[str, Tree] = field(default_factory=dict)  # resolved, with spans
    # What the file or the command line says about ops that patterns make: laid over them when they are
    # expanded. `train.critic` → {every: 5}, or a null that removes it.
    adjustments: dict[str, Entry] = field(default_factory=dict)
    # Entries in which something was reported already, such as `ops.loss`: their names are known, but nothing
    # more should be said about them.
    broken: frozenset[str] = frozenset()
