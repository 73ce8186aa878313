"""The torch backend. Importing this imports torch."""

from __future__ import annotations

from edgraph.backends.torch.backend import TorchBackend

__all__ = ["TorchBackend"]
