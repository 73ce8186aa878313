"""Which op failed, at which step, on which inputs. Found from the traceback, so it costs nothing until then."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import CannotSave, NonFiniteLoss

if TYPE_CHECKING:
    from edgraph.graph.ir import Graph, Node
    from edgraph.plan.codegen import StepSource
    from edgraph.run.context import Context
    from edgraph.run.graphrun import GraphRun
    from edgraph.run.interpreter import Interpreter


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # a disk that takes no more


@dataclass(slots=True)
class Failure:
    """What is said of an op that raised."""

    error: BaseException
    node: str | None = None
    place: str | None = None
    step: int | None = None
    event: str | None = None  # between steps: `epoch_end, after step 23`
    inputs: list[str] = field(default_factory=list)
    written: bool = True  # whether the step had changed state by then
    updated: bool = False  # whether an update was part of that
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The message above the original traceback."""
        kind = type(self.error).__name__
        where = f" at step {self.step}" if self.step is not None else f" at {self.event}" if self.event else ""
        if self.node is None:
            head = f"the run failed{where}: {kind}: {self.error}"
        else:
            head = f"{self.place}: '{self.node}' failed{where}: {kind}: {self.error}"
        return "\n".join([head, *(f"  {line}" for line in self.inputs), *(f"  {note}" for note in self.notes)])

    @property
    def full(self) -> bool:
        """It was a disk, and nothing of the step."""
        return getattr(self.error, "errno", None) in FULL

    def traceback(self) -> str:
        """The original traceback; empty where the message says it all."""
        if isinstance(self.error, NonFiniteLoss | CannotSave) or self.full:
            return ""
        return "".join(traceback.format_exception(self.error))


def attribute(error: BaseException, main: GraphRun, context: Context, node: str | None,
              interpreter: Interpreter) -> Failure:
    """Finds the op: the interpreter knows it (`node`), else it is found by the line of generated code that ran."""
    failure = _by_line(error, main, context, node)
    if node is not None:
        _blame(failure, interpreter, main)
    if isinstance(error, NonFiniteLoss):
        state = "an update stands before it, so the weights may not be" if failure.updated else "the weights are"
        failure.notes.append(f"{state} as they were before this step; "
                             "see run.nonfinite (stop, skip, ignore) and clip_norm")
    return failure


def _by_line(error: BaseException, main: GraphRun, context: Context, node: str | None) -> Failure:
    runs = [main, *context.loops]
    failure = Failure(error, node)
    found = main.graph.nodes.get(node) if node else None
    frame = error.__traceback__
    ran: list[str] = []
    here: dict[GraphRun, dict[str, Any]] = {}  # values, those of a region over those of the step
    while frame is not None:
        for run in runs:
            source = run.sources.get(frame.tb_frame.f_code.co_filename)
            if source is None:
                continue
            values = here[run] = {**here.get(run, {}), **frame.tb_frame.f_locals}
            if run is main:
                failure.step = failure.step or values.get("step")
                ran += source.before(frame.tb_lineno)
            name = source.lines.get(frame.tb_lineno)
            if name is not None:
                found = run.graph.nodes[name]
                failure.inputs = _inputs(found, run, values, source.variables)
                if run is main:
                    _note([*ran, *_at_once(source, frame.tb_frame.f_code, name, run), name], failure, run)
        frame = frame.tb_next
    if failure.full:
        failure.inputs = []
    if found is not None:
        failure.node = found.name.removesuffix(".gradients")
        failure.place = found.place
    return failure


def _at_once(source: StepSource, code: CodeType, name: str, run: GraphRun) -> list[str]:
    """What else may have run of a compiled region that failed: everything but what follows from the failed node."""
    failed = run.regions.failed
    if failed is None or failed.__code__ is not code:
        return []
    follows = {name}
    names = source.below(code.co_firstlineno)
    for other in names:
        node = run.graph.nodes[other]
        if any(read.node in follows for read in node.reads) or f"{other}.gradients" in follows:
            follows.add(other)
    return [other for other in names if other not in follows]


def _inputs(node: Node, run: GraphRun, values: dict[str, Any], variables: Mapping[str, str]) -> list[str]:
    """The kind and shape of each input, from the variables of the failed step."""
    from edgraph.graph.refs import uses
    found: list[str] = []
    for argument in node.inputs:
        for use in uses(argument.value.root):
            target = run.graph.targets.get(use.ref.path)
            if target is None:
                continue
            value: Any = values.get(variables.get(target.node, ""), run.arguments.get(target.node))
            name = use.ref.text()
            for part in target.field:
                if not _has(value, part):
                    name = target.node  # what is shown is as much of it as there is
                    break
                value = value[part]
            line = f"{name}: {describe(value)}"
            if line not in found:
                found.append(line)
    return found


def _has(value: Any, part: str | int) -> bool:
    """Whether a value has this part by itself: `logits.argmax` is made of it by the backend."""
    if isinstance(part, str):
        return isinstance(value, Mapping) and part in value
    try:
        value[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def describe(value: Any) -> str:
    """The kind and shape of a value, in one line."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        text = f"{type(value).__name__} of shape {tuple(shape)}, {getattr(value, 'dtype', '')}"
        return f"{text}, value {value.item():.6g}" if not tuple(shape) and hasattr(value, "item") else text
    if isinstance(value, dict):
        return "mapping of " + ", ".join(f"{key}: {describe(part)}" for key, part in list(value.items())[:6])
    if isinstance(value, list | tuple) and any(hasattr(part, "shape") for part in value):
        more = "; …" if len(value) > 3 else ""
        return f"{type(value).__name__} of {len(value)}: " + "; ".join(map(describe, value[:3])) + more
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 80 else text[:77] + '…'}"


def _blame(failure: Failure, interpreter: Interpreter, run: GraphRun) -> None:
    """The same for a step of the interpreter, or an event, which knows what it was doing."""
    if interpreter.event is None:
        failure.step = interpreter.step
    else:
        failure.event = f"{interpreter.event}, after step {interpreter.step}"
    _note(interpreter.fired, failure, run)
    node = run.graph.nodes[interpreter.fired[-1]]
    made = {f"v{index}": value for index, value in enumerate(interpreter.made.values())}
    names = {name: f"v{index}" for index, name in enumerate(interpreter.made)}
    failure.inputs = failure.inputs or _inputs(node, run, made, names)


def _note(ran: list[str], failure: Failure, run: GraphRun) -> None:
    """Whether one of the ops that ran in the step may have changed state. The last one is that which failed."""
    *before, failed = (run.graph.nodes[name] for name in ran)
    graph = run.graph
    failure.written = any(_writes(node, graph, run) for node in before) or _writes(failed, graph, run, half=True)
    failure.updated = any(map(_updates, before)) or (failed.body is not None and _updates(failed))


def _updates(node: Node) -> bool:
    """Whether an op, or one in a loop, updates a model."""
    if node.body is not None:
        return any(map(_updates, node.body.nodes.values()))
    return node.kind == "op" and node.spec.update


def _writes(node: Node, graph: Graph, run: GraphRun, *, half: bool = False) -> bool:
    """Whether an op changes what a checkpoint holds. half: it failed, so it may have. Then its own log line was
    not written."""
    if node.kind != "op":
        return node.counts is not None
    if node.body is not None:
        return any(_writes(inner, node.body, run) for inner in node.body.nodes.values())
    spec = node.spec
    if spec.update or spec.state or spec.writes or (spec.effect and not half):
        return True
    if node.op == "load_batch":  # the position of the run's own stream is the step
        data, own = node.settings.get("data"), graph.use is None and not node.settings.get("stream")
        return data is not None and not (own and data == graph.facts.over)
    return node.op == "forward" and node.train_mode and _has_buffers(str(node.settings["model"]), run)


def _has_buffers(model: str, run: GraphRun) -> bool:
    """Whether a call of the model in train mode changes it (batch norm)."""
    state = run.context.backend.state()["models"].get(model.split(".", 1)[0], {})
    return not isinstance(state, dict) or bool(state.get("buffers", True))
