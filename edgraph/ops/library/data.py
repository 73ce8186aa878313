"""Declarations of the built-in data sets. Paths are relative to the pipeline."""

from __future__ import annotations

from typing import Any, Literal

from edgraph.ops.registry import dataset, load_target


def _digits_length(settings: dict[str, Any]) -> int | None:
    lengths: dict[str, int] = load_target("edgraph.data.lengths:DIGITS")
    return lengths.get(settings.get("split", "train"))


@dataset(at="edgraph.data.digits:read", length=_digits_length, fields=("image", "label"))
def digits(*, split: Literal["train", "validation", "all"] = "train") -> Any:
    """Handwritten digits, 1,797 of them, from scikit-learn: `image` (1, 8, 8) from 0 to 1, `label` 0 to 9.

    split: four fifths for training, one fifth for validation, always the same; or all of them.
    """
