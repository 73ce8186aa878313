"""Import paths: what `package.module:name` and `package.module.name` mean."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load_target(path: str) -> Any:
    """Import `package.module:name` or `package.module.name`. Raises ImportError that says what is missing."""
    module_name, colon, attributes = path.partition(":")
    if colon:
        found: Any = import_module(module_name)
        names = attributes.split(".")
    else:
        found, names = _longest_module(path)
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            owner = getattr(found, "__name__", repr(found))
            raise ImportError(f"'{owner}' has no '{name}' (in '{path}')") from None
    return found


def _longest_module(path: str) -> tuple[Any, list[str]]:
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        try:
            return import_module(name), parts[end:]
        except ModuleNotFoundError as error:
            # only the absence of this very module means "try a shorter one"
            if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
                raise
    raise ImportError(f"there is no module '{parts[0]}' (in '{path}')")
