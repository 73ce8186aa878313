"""What the author has said of an optimizer, so that a run that goes on knows what was changed since."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch

from edgraph.backends.base import StateTree
from edgraph.backends.torch.moments import settings
from edgraph.backends.torch.schedules import Schedule, Stepped
from edgraph.backends.torch.state import pack


class Declared:
    """The settings of an optimizer and its schedule before the first update. Whoever changes one of them and goes on
    with a run wants the new one, and of all others what has become of them."""

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: Schedule | None) -> None:
        self.groups = [_packed(group) for group in settings(optimizer)]
        self.schedule: StateTree = None
        with suppress(TypeError):  # what cannot be kept is reported where it is saved
            if isinstance(schedule, Stepped):  # all others are functions of the position
                self.schedule = {"use": type(schedule.scheduler).__name__, **schedule.state()}

    def state(self) -> StateTree:
        return {"groups": self.groups, "schedule": self.schedule}

    def changed(self, before: StateTree) -> list[set[str]]:
        """Of each group the settings that are not as they were in the state of another one. With a schedule of torch's,
        which makes each learning rate of the one before, `lr` is one of them if the schedule is another one."""
        found = [{key for key, value in now.items() if key in then and then[key] != value}
                 for now, then in zip(self.groups, before["groups"], strict=True)]
        if self.schedule != before["schedule"]:
            found = [keys | {"lr"} for keys in found]
        return found


def _packed(group: dict[str, Any]) -> dict[str, StateTree]:
    packed = {}
    for key, value in group.items():
        with suppress(TypeError):
            packed[key] = pack(value)
    return packed
