"""All state of models as trees, and back: named and laid out as the torch backend does it."""

from __future__ import annotations

from typing import Any

from edgraph.backends.base import StateTree
from edgraph.backends.tensorflow.state import assign, to_blob
from edgraph.backends.tensorflow.tree import random_states, variables
from edgraph.text.suggest import did_you_mean


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
        _same_names(name, what, mine, saved)
        for key, variable in mine.items():
            assign(variable, saved[key], f"{what} '{key}' of model '{name}'")
    for number, variable in enumerate(random_states(model)):
        if str(number) in state["extra"]:
            assign(variable, state["extra"][str(number)], f"a random state of model '{name}'")


def _same_names(model: str, what: str, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name in mine:
        if name not in theirs:
            raise ValueError(f"the checkpoint has no {what} '{name}' of model '{model}'; "
                             f"{did_you_mean(name, theirs) or 'it is of another model'}")
    for name in theirs:
        if name not in mine:
            raise ValueError(f"the checkpoint has a {what} '{name}' that model '{model}' does not have; "
                             f"{did_you_mean(name, mine) or 'it is of another model'}")
