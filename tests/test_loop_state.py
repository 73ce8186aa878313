"""A loop may train a model and look at it too: the order of the two is that of its own graph."""

from __future__ import annotations

from typing import Any

import edgraph


def test_a_loop_reads_what_it_trains() -> None:
    learn = {"repeat": 2, "ops": {
        "guess": {"op": "forward", "inputs": "x", "with": {"model": "net"}},
        "loss": {"op": "mse", "inputs": {"input": "guess", "target": "x"}},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}},
        "seen": {"op": "forward", "inputs": "x", "with": {"model": "net"}, "after": ["update"]},
        "sum_": "sum(seen)"}, "outputs": {"seen": "sum_"}}
    tree: dict[str, Any] = {
        "run": {"num_steps": 3, "over": "none"},
        "models": {"net": {"use": "mlp", "with": {"sizes": [4, 4], "batch_norm": True}}},
        "optimizers": {"sgd": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}},
        "ops": {"x": {"op": "normal", "with": {"shape": [6, 4]}},
                "learn": {"op": "loop", "inputs": {"x": "x"}, "with": {"graph": "learn"}},
                "report": {"op": "log_scalars", "inputs": "learn.seen"}},
        "graphs": {"learn": learn}}
    assert [d.message for d in edgraph.load(tree).validate()] == []
