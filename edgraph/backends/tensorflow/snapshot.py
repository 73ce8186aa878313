"""All state of models as trees, and back: named and laid out as the torch backend does it."""

from __future__ import annotations

from typing import Any

from edgraph.backends.base import StateTree
from edgraph.backends.tensorflow.state import assign, to_blob
from edgraph.backends.tensorflow.tree import random_states, variables
from edgraph.backends.weights import check_same_names


def model_state(model: Any) -> StateTree:
    """Parameters, buffers and the states of random generators, by name."""
    own = variables(model)
    return {"parameters": {name: to_blob(v) for name, v in own.parameters.items()},
            "buffers": {name: to_blob(v) for name, v in own.buffers.items()},
            "extra": {str(number): to_blob(v) for number, v in enumerate(random_states(model))}}


def load_model(name: str, model: Any, state: StateTree) -> None:
    """Restore it in place. Raises ValueError where it is another model's."""
    own = variables(model)
    for what, mine, saved in (("parameter", own.parameters, state["parameters"]),
                              ("buffer", own.buffers, state["buffers"])):
        check_same_names(name, what, mine, saved)
        for key, variable in mine.items():
            assign(variable, saved[key], f"{what} '{key}' of model '{name}'")
    for number, variable in enumerate(random_states(model)):
        if str(number) in state["extra"]:
            assign(variable, state["extra"][str(number)], f"a random state of model '{name}'")
