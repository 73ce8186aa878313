"""What is known of stages whose windows are not: none begins before the fixed ends of those before it."""

from __future__ import annotations

from typing import Any

import edgraph

NET = {"use": "mlp", "with": {"sizes": [64, 10]}}


def said(stages: dict[str, Any]) -> list[str]:
    """Of two optimizers of one model, in the first and in the last stage."""
    names = list(stages)
    ops: dict[str, Any] = {
        "batch": {"op": "load_batch"},
        "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}},
        "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
        **{name: {"op": "optimize", "inputs": "loss", "with": {"optimizer": name}, "during": name}
           for name in (names[0], names[-1])}}
    optimizers = {name: {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}} for name in (names[0], names[-1])}
    tree = {"run": {"num_steps": 50}, "data": {"train": {"use": "digits", "batch_size": 64}}, "models": {"net": NET},
            "optimizers": optimizers, "stages": stages, "ops": ops}
    return [d.code for d in edgraph.load(tree).validate() if d.severity == "error"]


def test_a_stage_after_one_that_ends_by_a_condition_is_after_all_before_it() -> None:
    ends = {"until": {"when": "hold(loss, 9.0) < 1.0"}}
    assert said({"one": {"until": 10}, "two": ends, "three": {}}) == []
    assert said({"one": {"until": 10}, "two": ends, "three": ends, "four": {"until": 30}, "five": {}}) == []
    assert said({"one": ends, "two": {}}) == []
