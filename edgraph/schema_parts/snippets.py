"""What editors offer to write for an author: an op, a trainer, an evaluation."""

from __future__ import annotations

from typing import Any

Snippet = dict[str, Any]


def _snippet(label: str, description: str, body: dict[str, Any]) -> Snippet:
    return {"label": label, "description": description, "body": body}


OPS = [
    _snippet("op", "An op: its type, and what it reads.", {"${1:name}": {"op": "${2:forward}", "inputs": "${3:x}"}}),
    _snippet("expression", "A value that is computed from others.", {"${1:total}": "${2:a + 0.1 * b}"}),
    _snippet("log", "Numbers that are logged now and then.",
             {"${1:report}": {"op": "log_scalars", "inputs": "[${2:loss}]", "every": "${3:50}"}}),
    _snippet("training step", "A batch, a model, a loss, and an update.", {
        "batch": {"op": "load_batch"},
        "logits": {"op": "forward", "inputs": "batch.${1:image}", "with": {"model": "${2:classifier}"}},
        "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.${3:label}"}},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "${4:adam}"}}}),
    _snippet("evaluation", "A loop over other examples after each epoch; its graph is a snippet of `graphs`.", {
        "${1:score}": {"op": "loop", "with": {"graph": "${2:evaluate}"}, "every": "${3:1 epoch}"},
        "${4:result}": {"op": "log_scalars", "inputs": "${1:score}.${5:accuracy}"}}),
]
GRAPHS = [
    _snippet("evaluation loop", "What is done with each batch of other examples, and what comes out.", {
        "${1:evaluate}": {
            "over": "${2:validation}",
            "ops": {
                "batch": {"op": "load_batch"},
                "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "${3:classifier}"}},
                "accuracy": {"op": "accuracy", "inputs": {"input": "logits", "target": "batch.label"}}},
            "outputs": {"accuracy": "accuracy"}}}),
]
TRAINERS = [
    _snippet("trainer", "Train losses, each with an optimizer of its own, at every step.", {
        "${1:train}": {"use": "base_trainer", "with": {
            "losses": {"${2:main}": "${3:loss}"}, "optimizers": {"${2:main}": "${4:adam}"}}}}),
    _snippet("trainer in turns", "Some steps of one loss, then some of the next, over and over.", {
        "${1:train}": {"use": "frequency_trainer", "with": {
            "losses": {"${2:critic}": "${3:d_loss}", "${4:generator}": "${5:g_loss}"},
            "optimizers": {"${2:critic}": "${6:adam_critic}", "${4:generator}": "${7:adam_generator}"},
            "frequency": {"${2:critic}": 5, "${4:generator}": 1}}}}),
]
