"""Warm starts: the checkpoints whose weights a run begins with, for all models or for some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from edgraph.backends.base import StateTree
from edgraph.language.pipeline import ModelEntry
from edgraph.run.checkpoints import NoCheckpoint, did_you_mean
from edgraph.run.find import find_checkpoint
from edgraph.run.statefile import Damaged, StateFile, read_state


class Warm(NamedTuple):
    """Where weights came from: of which models (none: of all), from which checkpoint, as it was named, its
    file and its step."""

    models: list[str]
    checkpoint: str
    file: str
    step: int


class _Asked(NamedTuple):
    checkpoint: str
    model: str | None  # in it
    models: list[str]  # of the pipeline


class WarmStart:
    """Reads the checkpoints that a run starts from, each once, and remembers which."""

    def __init__(self, root: Path) -> None:
        self.root = root  # where the runs are
        self.taken: list[Warm] = []
        self._read: dict[str, tuple[Path, StateFile]] = {}
        self._asked: dict[str, _Asked] = {}  # by what a backend asks for

    def all_models(self, text: str) -> StateTree:
        """The state of the models in `RUN@best`, which the option `--from` names. Raises NoCheckpoint."""
        return self._take([], text)["models"]

    def entries(self, models: Mapping[str, ModelEntry]) -> dict[str, ModelEntry]:
        """The models of a pipeline as a backend is given them: it asks `models` for the weights by a text of which this
        knows the checkpoint and the model in it."""
        found = dict(models)
        for name, entry in models.items():
            if entry.weights is not None and entry.weights.checkpoint is not None:
                text, of = entry.weights.checkpoint, entry.weights.model
                asked = text if of is None else f"model {of} of {text}"
                self._asked.setdefault(asked, _Asked(text, of, [])).models.append(name)
                found[name] = replace(entry, weights=replace(entry.weights, checkpoint=asked))
        return found

    def models(self, asked: str) -> StateTree:
        """All models of a checkpoint, or the one that was named. Raises NoCheckpoint."""
        text, of, names = self._asked[asked]
        tree = self._take(names, text)["models"]
        if of is None:
            return tree
        if of not in tree["models"]:
            raise NoCheckpoint(f"the checkpoint has no model '{of}'{did_you_mean(of, list(tree['models']))}")
        return {"models": {of: tree["models"][of]}}

    def shown(self) -> list[str]:
        """What to tell whoever watches the run."""
        return [f"weights of {', '.join(each.models) or 'all models'} from {each.file} (step {each.step})"
                for each in self.taken]

    def forget(self) -> None:
        """Everything is constructed: what was read need not stay in memory."""
        self._read.clear()

    def _take(self, names: list[str], text: str) -> StateTree:
        if text not in self._read:
            path = find_checkpoint(text, self.root)
            try:
                self._read[text] = path, read_state(path)
            except Damaged as error:
                raise NoCheckpoint(f"'{text}' cannot be read: {error}") from None
        path, found = self._read[text]
        taken = Warm(names, text, str(path), int(found.about["step"]))
        if taken not in self.taken:
            self.taken.append(taken)
        return found.tree
