"""What the backend of a run does not have: ops, models, optimizers, schedules, settings."""

from __future__ import annotations

from collections.abc import Sequence

from edgraph.graph.ir import Node
from edgraph.language.pipeline import Pipeline, Use
from edgraph.language.runs import BACKENDS
from edgraph.ops.library.schedules import TORCH
from edgraph.ops.registry import Kind, Registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span

CODE = "not-on-backend"
GRADIENTS = ("torch", "tensorflow")  # the backends that differentiate, and so have optimizers
# (backend, op): another way
INSTEAD = {("python", "optimize"): "'fit_batch' trains a model by its own method, such as partial_fit",
           ("torch", "fit_batch"): "'optimize' trains a model by gradients",
           ("tensorflow", "fit_batch"): "'optimize' trains a model by gradients"}
# A model by its path, by the package that it begins with. (A model of Keras may be one of torch's.)
PACKAGES = {"torch": ("torch",), "torchvision": ("torch",), "tensorflow": ("tensorflow",)}
# What `run` may say where a backend computes with NumPy, on the CPU and without optimizers.
PLAIN = {"device": ("auto", "cpu"), "precision": ("fp32",), "num_updates": (None,)}


def check_op(node: Node, pipeline: Pipeline, diagnostics: Diagnostics) -> None:
    """Reports an op, or a setting of one, that the backend of the run does not have."""
    spec, backend = node.spec, pipeline.run.backend
    if spec.backends and backend not in spec.backends:
        report(f"op '{spec.name}'", spec.backends, node.entry.op.span if node.entry else node.span, pipeline,
               diagnostics, INSTEAD.get((backend, spec.name)))
    elif backend not in GRADIENTS and spec.name == "forward" and node.settings.get("mode") == "train":
        tree = node.entry.settings.get("mode") if node.entry and node.entry.settings else None
        report("mode 'train'", GRADIENTS, node.span if tree is None else tree.span, pipeline, diagnostics,
               "drop it: models are called as they are")


def check_use(kind: Kind, what: str, use: Use, registry: Registry, pipeline: Pipeline,
              diagnostics: Diagnostics) -> None:
    """Reports a model, optimizer or schedule that is for other backends."""
    name, backend = use.use.text, pipeline.run.backend
    found = registry.table(kind).get(name)
    backends: tuple[str, ...] = GRADIENTS if kind in ("optimizer", "schedule") else ()
    if found is not None:
        backends = found.backends or backends
    elif kind == "schedule" and name in TORCH:
        backends = ("torch",)
    elif kind == "model" and backend in GRADIENTS:  # in plain Python any object may be a model
        backends = PACKAGES.get(name.partition(".")[0], ())
    if backends and backend not in backends:
        report(f"{what} '{name}'", backends, use.use.span, pipeline, diagnostics)


def check_run(pipeline: Pipeline, diagnostics: Diagnostics) -> None:
    """Reports settings that mean nothing on the backend: of `run`, and files of weights."""
    run = pipeline.run
    if run.backend in GRADIENTS:
        for model in pipeline.models.values():
            if model.state_span is not None:
                report("'state' of a model", ("python",), model.state_span, pipeline, diagnostics,
                       "parameters and buffers of a model are saved without being named")
        return
    for key, allowed in PLAIN.items():
        value = getattr(run, key)
        if value not in allowed and key in run.spans:
            report(f"'{key}: {value}'", GRADIENTS, run.spans[key], pipeline, diagnostics, "drop it")
    for model in pipeline.models.values():
        if model.weights is not None and model.weights.file:
            report("a file of weights", GRADIENTS, model.weights.span, pipeline, diagnostics,
                   "weights of a checkpoint (`weights: RUN@best`) exist on each")


def report(what: str, backends: Sequence[str], span: Span, pipeline: Pipeline, diagnostics: Diagnostics,
           instead: str | None = None) -> None:
    """One thing that exists on these backends only."""
    there = " and ".join(name for name in BACKENDS if name in backends)
    help = f"it exists on {there}" + (f"; {instead}" if instead else "")
    chosen = pipeline.run.spans.get("backend")
    if chosen is None:
        help += f" (`run: {{backend: {backends[0]}}}`)"
    diagnostics.error(CODE, f"{what} does not exist on the backend '{pipeline.run.backend}'", span, help,
                      (("the backend is chosen here", chosen),) if chosen is not None else ())

