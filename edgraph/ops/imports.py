"""A pipeline's own modules: importing `imports: [my_ops]` from beside the pipeline, errors as diagnostics.

Modules of two folders may have one name. What a module registered, and the modules it brought along from its
folder, are remembered by file, so that pipelines of several folders can be used in turn in one process.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from edgraph.ops.registry import Item, Kind, registry
from edgraph.ops.signature import RegistrationError
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Name, Source, Span
from edgraph.text.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class _Imported:
    """What an import brought: modules of its folder with the times of their files, and registrations."""

    modules: dict[str, ModuleType]
    times: dict[Path, int]
    items: list[tuple[Kind, Item]]

    def fresh(self) -> bool:
        return all(file.exists() and file.stat().st_mtime_ns == time for file, time in self.times.items())


_IMPORTED: dict[tuple[Path, str], _Imported] = {}
_ACTIVE: list[tuple[Path, str]] = []


def import_modules(names: Iterable[Name], folder: Path, diagnostics: Diagnostics) -> None:
    """Import modules with `folder` first on the path. What they register is known until the next call.

    A module that is not there (`unknown-import`), that raises (`import-failed`, with the line of the user's
    file) or that registers something wrong (`bad-registration`) is a diagnostic at its name.
    """
    folder = folder.resolve()
    _deactivate(folder)
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        for name in names:
            _import(name, folder, diagnostics)
    finally:
        sys.path[:] = [*_added(before, folder), *before]


def _added(before: list[str], folder: Path) -> list[str]:
    """The folder stays on the path: modules may be imported later, when an object is constructed."""
    kept = [entry for entry in before if entry == str(folder)]
    return [] if kept else [str(folder)]


def _deactivate(folder: Path) -> None:
    """Take back what the last call registered; modules of another folder make room for those of this one."""
    for key in _ACTIVE:
        for kind, item in _IMPORTED[key].items:
            registry.remove(kind, item.name)
        if key[0] != folder:
            for name in _IMPORTED[key].modules:
                sys.modules.pop(name, None)
            while str(key[0]) in sys.path:
                sys.path.remove(str(key[0]))
    _ACTIVE.clear()


def _import(name: Name, folder: Path, diagnostics: Diagnostics) -> None:
    key = (folder, name.text)
    known = _IMPORTED.get(key)
    if known is not None and known.fresh():
        sys.modules.update(known.modules)
        if not _restore(known.items, name, diagnostics):
            return
        _ACTIVE.append(key)
        return
    for module in known.modules if known is not None else ():
        sys.modules.pop(module, None)
    _make_room(name.text, folder)
    before = set(sys.modules)
    with registry.recording() as items:
        failed = _failure(name, folder)
    modules = {m: sys.modules[m] for m in set(sys.modules) - before if _file_in(sys.modules[m], folder)}
    if failed is None:
        if not modules:  # an earlier module of the pipeline has imported it already
            items = _items_of(name.text, folder)
            _restore(items, name, diagnostics)
        times = {file: file.stat().st_mtime_ns for file in map(_file, modules.values()) if file is not None}
        _IMPORTED[key] = _Imported(modules, times, items)
        _ACTIVE.append(key)
        return
    for kind, item in items:
        registry.remove(kind, item.name)
    for module in modules:
        sys.modules.pop(module, None)
    code, message, help, related = failed
    diagnostics.error(code, message, name.span, help, related)


def _make_room(name: str, folder: Path) -> None:
    """A module of this name from elsewhere (a script's own) is not the one beside the pipeline."""
    head = name.partition(".")[0]
    module = sys.modules.get(head)
    beside = (folder / f"{head}.py").exists() or (folder / head / "__init__.py").exists()
    if module is not None and beside and not _file_in(module, folder):
        for other in [m for m in sys.modules if m == head or m.startswith(head + ".")]:
            del sys.modules[other]


def _items_of(name: str, folder: Path) -> list[tuple[Kind, Item]]:
    """What a module registered when another module of the folder imported it."""
    found: dict[tuple[Kind, str], tuple[Kind, Item]] = {}
    for key, record in _IMPORTED.items():
        if key[0] == folder:
            found.update({(kind, item.name): (kind, item)
                          for kind, item in record.items if item.module == name})
    return list(found.values())


def _restore(items: list[tuple[Kind, Item]], name: Name, diagnostics: Diagnostics) -> bool:
    for kind, item in items:
        try:
            registry.add(kind, item, getattr(item, "implementation", None) or getattr(item, "target", None))
        except RegistrationError as error:
            diagnostics.error("bad-registration", str(error), name.span)
            return False
    return True


_Failure = tuple[str, str, "str | None", tuple[tuple[str, Span], ...]]


def _failure(name: Name, folder: Path) -> _Failure | None:
    """Import the module; what went wrong, if anything did. A user's module may raise anything."""
    try:
        importlib.import_module(name.text)
        return None
    except ModuleNotFoundError as error:
        if error.name is not None and (name.text + ".").startswith(error.name + "."):
            near = did_you_mean(name.text, sorted(path.stem for path in folder.glob("*.py")))
            return ("unknown-import", f"no module '{name.text}' is beside the pipeline or installed",
                    near or f"'imports' names Python modules: {name.text.replace('.', '/')}.py beside the pipeline "
                    "would be one", ())
        return _raised(name, folder, error)
    except RegistrationError as error:
        return ("bad-registration", _relative(str(error), folder), None, _culprit(error, folder))
    except SyntaxError as error:
        span = _span(Path(error.filename or ""), error.lineno or 1, error.offset or 1, folder)
        place = f" ({span.place()})" if span else ""
        return ("import-failed", f"cannot import '{name.text}': {error.msg}{place}", "correct the module",
                ((error.msg, span),) if span else ())
    except (Exception, SystemExit) as error:
        return _raised(name, folder, error)


def _raised(name: Name, folder: Path, error: BaseException) -> _Failure:
    related = _culprit(error, folder)
    place = f" ({related[0][1].source.name}:{related[0][1].line})" if related else ""
    said = str(error).strip() or "no message"
    message = f"cannot import '{name.text}': {type(error).__name__}: {said}{place}"
    return "import-failed", message, "correct the module, or install what it needs", related


def _culprit(error: BaseException, folder: Path) -> tuple[tuple[str, Span], ...]:
    """The innermost line of a user's file in the traceback."""
    for frame in reversed(extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if folder in file.parents:
            span = _span(file, frame.lineno or 1, (frame.colno or 0) + 1, folder)
            if span is not None:
                return (("raised here", span),)
    return ()


def _span(file: Path, line: int, column: int, folder: Path) -> Span | None:
    try:
        source = Source(_relative(str(file), folder), file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    end = max(column + 1, len(source.line(line).rstrip()) + 1)
    return Span(source, line, column, line, end)


def _relative(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "")


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    # some modules are no files and say so with a bare name: torch.ops has `_ops.py`
    return Path(file).resolve() if file and Path(file).is_absolute() else None


def _file_in(module: ModuleType, folder: Path) -> bool:
    file = _file(module)
    return file is not None and folder in file.parents
