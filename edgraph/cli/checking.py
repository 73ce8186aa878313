"""What the commands that look into a pipeline have in common: a checked graph, or its errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgraph.compile import Checked


def checked(path: str, overrides: Sequence[str], *, data: bool = False) -> Checked:
    """A pipeline without errors, its own modules imported. Raises PipelineError."""
    from edgraph.compile import check
    found = check(path, overrides, imports=True, data=data)
    found.require()
    return found
