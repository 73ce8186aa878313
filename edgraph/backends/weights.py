"""`weights:` of a model: from a checkpoint of a run, or from a safetensors file; and whether weights fit a model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from edgraph.backends.base import ArrayBlob, StateTree
from edgraph.backends.entries import ModelEntry, Weights
from edgraph.backends.found import wrong
from edgraph.data.construct import reason
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean


class _Bad(Exception):
    """The weights do not fit; args: message, help."""


class Reader(NamedTuple):
    """How a backend reads tensors."""

    framework: str  # safetensors' name of it
    tensor: Callable[[ArrayBlob], Any]
    checkpoint: Callable[[str], StateTree]
    folder: Path


def find_weights(entry: ModelEntry, reader: Reader, wanted: Mapping[str, Any], needed: Collection[str],
                 diagnostics: Diagnostics) -> dict[str, Any] | None:
    """Tensors for a model's parameters and buffers, by name; None where they do not fit, which the diagnostics say.

    wanted: the model's own by name; one that has several names is there under each. needed: names that may only be
    missing where `strict` is false.
    """
    weights = entry.weights
    assert weights is not None
    try:
        found = _from_checkpoint(entry.name, weights, reader) if weights.checkpoint else _from_file(weights, reader)
        found = {name[len(weights.prefix):]: tensor for name, tensor in found.items()
                 if name.startswith(weights.prefix)}
        if not found:
            raise _Bad(f"no tensor starts with '{weights.prefix}'", None)
        return _fitting(found, wanted, needed, weights.strict)
    except _Bad as error:
        message, help = error.args
        what = weights.checkpoint or weights.file
        diagnostics.error("bad-weights", f"weights of model '{entry.name}' from '{what}': {message}",
                          weights.span, help)
        return None


def _from_checkpoint(name: str, weights: Weights, reader: Reader) -> dict[str, Any]:
    assert weights.checkpoint is not None
    try:
        models = reader.checkpoint(weights.checkpoint)["models"]
    except (OSError, ValueError, LookupError) as error:
        raise _Bad(str(error), None) from error
    if name not in models and len(models) != 1:
        raise _Bad(f"the checkpoint has no model '{name}'", did_you_mean(name, models) or None)
    tree = models[name] if name in models else next(iter(models.values()))
    return {key: reader.tensor(blob) for part in ("parameters", "buffers") for key, blob in tree[part].items()}


def _from_file(weights: Weights, reader: Reader) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    assert weights.file is not None
    path = reader.folder / Path(weights.file).expanduser()
    try:
        with safe_open(path, framework=reader.framework) as file:  # reads only the tensors that are asked for
            names = [name for name in file.keys() if name.startswith(weights.prefix)]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise _Bad("there is no such file",
                   f"relative paths start at the pipeline's folder, {reader.folder.resolve()}") from None
    except (OSError, SafetensorError) as error:
        raise _Bad(f"it is not a safetensors file ({reason(error)})", None) from error


def _fitting(found: Mapping[str, Any], wanted: Mapping[str, Any], needed: Collection[str],
             strict: bool) -> dict[str, Any]:
    matched = wanted.keys() & found.keys()
    if not matched:
        raise _Bad("no name in it is one of the model's",
                   f"it has {_some(found)}; the model has {_some(wanted)}")
    for name in sorted(matched):
        theirs, mine = tuple(found[name].shape), tuple(wanted[name].shape)
        if theirs != mine:
            raise _Bad(f"'{name}' has shape {theirs} and in the model {mine}", None)
    have = {id(wanted[name]) for name in matched}
    missing = [name for name in wanted if name in needed and id(wanted[name]) not in have]
    extra = [name for name in found if name not in wanted]
    if strict and (missing or extra):
        parts = [f"{len(names)} {what}: {_some(names)}"
                 for names, what in ((missing, "missing"), (extra, "that the model does not have")) if names]
        raise _Bad("; ".join(parts), "set strict: false to take what fits")
    return {name: found[name] for name in matched}


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(f"'{name}'" for name in listed[:3]) + (", …" if len(listed) > 3 else "")


def no_checkpoint(name: str) -> StateTree:
    """Reads no checkpoint: for models that are built outside of a run."""
    raise ValueError("there is no run folder to look in")


def check_same_shapes(target: str, source: str, mine: Mapping[str, tuple[int, ...]],
                      theirs: Mapping[str, tuple[int, ...]]) -> None:
    """One model can follow another: their parameters have the same names and shapes. Raises PipelineError."""
    if mine != theirs:
        odd = next(name for name in [*mine, *theirs] if mine.get(name) != theirs.get(name))
        raise wrong("different-models", f"'{target}' cannot follow '{source}': they differ in parameter '{odd}'", None,
                    f"make one a copy of the other: '{target}: {{copy: {source}}}'")


def check_same_names(model: str, what: str, mine: Collection[str], theirs: Collection[str]) -> None:
    """What a checkpoint holds of a model is what the model has. Raises ValueError, with the nearest name."""
    for name in mine:
        if name not in theirs:
            raise ValueError(f"the checkpoint has no {what} '{name}' of model '{model}'; "
                             f"{did_you_mean(name, theirs) or 'it is of another model'}")
    for name in theirs:
        if name not in mine:
            raise ValueError(f"the checkpoint has a {what} '{name}' that model '{model}' does not have; "
                             f"{did_you_mean(name, mine) or 'it is of another model'}")
