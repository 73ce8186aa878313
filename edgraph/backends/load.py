"""The backend that a pipeline asks for; its framework is imported here, and nowhere earlier."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from edgraph.backends.base import Backend
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.suggest import did_you_mean

BACKENDS = ("torch",)


def load_backend(pipeline: Any, diagnostics: Diagnostics) -> Backend:
    """The backend of `run.backend`, not built yet. Raises PipelineError where it is not installed.

    pipeline: language.pipeline.Pipeline.
    """
    run = pipeline.run
    span = run.spans.get("backend", run.span)
    if run.backend not in BACKENDS:
        diagnostics.error("unknown-backend", f"there is no backend '{run.backend}' in this version", span,
                          did_you_mean(run.backend, list(BACKENDS)) or f"it has: {', '.join(BACKENDS)}")
        raise PipelineError(diagnostics)
    if find_spec("torch") is None:
        diagnostics.error("missing-package", "the backend 'torch' needs PyTorch, which is not installed", span,
                          'pip install "edgraph[torch]"')
        raise PipelineError(diagnostics)
    from edgraph.backends.torch.backend import TorchBackend
    try:
        return TorchBackend(device=run.device, precision=run.precision, deterministic=run.deterministic,
                            nonfinite=run.nonfinite)
    except PipelineError as error:
        raise PipelineError([replace(found, span=found.span or run.spans.get(found.code.removeprefix("unknown-"), span))
                             for found in error.diagnostics]) from None
