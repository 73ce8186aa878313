"""Loops that are entered again and again."""

from __future__ import annotations

import pytest
from toy import both


def test_a_smaller_last_batch_weighs_less_at_every_entry() -> None:
    """Five examples in batches of two: 0, 1 | 2, 3 | 4; their mean is 2 at the second entry too."""
    data = {"use": "numbers", "with": {"length": 5}, "batch_size": 2}
    ran = both({
        "run": {"num_steps": 3, "checkpoint": False, "over": "none"}, "data": {"validation": data},
        "graphs": {"evaluate": {"over": "validation", "outputs": {"mean": "mean"}, "ops": {
            "batch": {"op": "load_batch"}, "value": "mean(batch.x)", "mean": {"op": "average", "inputs": "value"}}}},
        "ops": {"score": {"op": "loop", "with": {"graph": "evaluate"}},
                "say": {"op": "note", "inputs": "score.mean", "every": 1}},
    })
    assert [float(value) for value in ran.inputs("say")] == pytest.approx([2.0, 2.0, 2.0])
