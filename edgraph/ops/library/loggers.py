"""Declarations of the built-in loggers. Metrics as JSON lines and images are always written."""

from __future__ import annotations

from typing import Any

from edgraph.ops.registry import logger


@logger(at="edgraph.run.tensorboard:TensorBoard")
def tensorboard(*, folder: str | None = None) -> Any:
    """Write scalars, images, texts and histograms for TensorBoard.

    folder: where to, relative to the run folder; by default `tensorboard`.
    """
