"""Arrays that NumPy saved in one file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgraph.data.arrays import ArrayData
from edgraph.text.suggest import did_you_mean


def read(*, file: Path, fields: list[str] | dict[str, str] | None = None) -> ArrayData:
    """The arrays of an `.npz` file; the first axis of each counts the examples.

    fields: which of them, or a mapping from the field's name to the array's; by default all. Types stay as
    they are. Raises FileNotFoundError, ValueError.
    """
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError(f"{file} holds a single array, expected the .npz of numpy.savez")
        with loaded as stored:
            names = _chosen(fields, list(stored.files), file)
            arrays = {field: stored[name] for field, name in names.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{file} is no .npz file, or a damaged one: {error}") from error
    except ValueError as error:
        if "pickle" in str(error):
            raise ValueError(f"{file} holds Python objects, or is no .npz file; nothing is unpickled: save "
                             "plain arrays with numpy.savez") from error
        raise
    for field, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"'{field}' in {file} is a single number, not one value an example")
    return ArrayData(arrays)


def _chosen(fields: list[str] | dict[str, str] | None, stored: list[str], file: Path) -> dict[str, str]:
    fields = stored if fields is None else fields
    names = dict(fields) if isinstance(fields, dict) else {name: name for name in fields}
    for name in names.values():
        if name not in stored:
            raise ValueError(f"{file} has no array '{name}': {did_you_mean(name, stored) or 'it is empty'}")
    return names
