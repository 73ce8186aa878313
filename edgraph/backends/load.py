"""The backend that a pipeline asks for; its framework is imported here, and nowhere earlier."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from edgraph.backends.base import Backend
from edgraph.text.diagnostics import Diagnostics, PipelineError


class Framework(NamedTuple):
    """Where a backend is written, and the package that it computes with, which an extra of the same name installs."""

    target: str  # `package.module:Class`
    package: str
    title: str
    compiles: bool = False  # whether it has a compiler of regions (edgraph.backends.base)


BACKENDS = {
    "torch": Framework("edgraph.backends.torch.backend:TorchBackend", "torch", "PyTorch"),
    "tensorflow": Framework("edgraph.backends.tensorflow.backend:TensorFlowBackend", "tensorflow", "TensorFlow",
                            compiles=True),
    "python": Framework("edgraph.backends.python.backend:PythonBackend", "numpy", "NumPy"),
}


def compiles(backend: str) -> bool:
    """Whether a backend makes one function of many calls. It is not imported for that."""
    return backend in BACKENDS and BACKENDS[backend].compiles


def load_backend(pipeline: Any, diagnostics: Diagnostics) -> Backend:
    """The backend of `run.backend`, not built yet. Raises PipelineError where it is not installed.

    pipeline: language.pipeline.Pipeline.
    """
    run = pipeline.run
    span = run.spans.get("backend", run.span)
    framework = BACKENDS[run.backend]
    if find_spec(framework.package) is None:
        diagnostics.error("missing-package", f"the backend '{run.backend}' needs {framework.title}, which is not "
                          "installed", span, f'pip install "edgraph[{run.backend}]"')
        raise PipelineError(diagnostics)
    module, _, name = framework.target.partition(":")
    try:
        backend: Backend = getattr(import_module(module), name)(
            device=run.device, precision=run.precision, deterministic=run.deterministic, nonfinite=run.nonfinite)
    except PipelineError as error:
        raise PipelineError([replace(found, span=found.span or run.spans.get(found.code.removeprefix("unknown-"), span))
                             for found in error.diagnostics]) from None
    return backend
