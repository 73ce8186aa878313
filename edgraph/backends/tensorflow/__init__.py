"""The TensorFlow backend. Importing this imports tensorflow."""

from __future__ import annotations

from edgraph.backends.tensorflow.backend import TensorFlowBackend

__all__ = ["TensorFlowBackend"]
