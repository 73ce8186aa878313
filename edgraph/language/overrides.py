"""Overrides of the command line: `key.path=value`, laid over the file's tree."""

from __future__ import annotations

from collections.abc import Sequence as Seq

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping, Source


def apply_overrides(root: Mapping, overrides: Seq[str], diagnostics: Diagnostics) -> tuple[Mapping, list[Source]]:
    return root, []
