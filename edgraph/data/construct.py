"""Objects that a pipeline names: from `use:` and `with:` to an instance, errors at their spans."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edgraph.ops.annotations import describe
from edgraph.ops.check import check_settings
from edgraph.ops.registry import Registered, load_target
from edgraph.ops.signature import parameters_of
from edgraph.ops.spec import ParamSpec
from edgraph.text import source as text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean

_IMPORTABLE = re.compile(r"[^\W\d]\w*([.:][^\W\d]\w*)+")
_PACKAGE = str(Path(__file__).parents[1])


class Failed(Exception):
    """The object cannot be made; the reason is in the diagnostics."""


class Constructor:
    """Makes objects from trees. Where a parameter is annotated as Path, relative paths start at `folder`,
    which is where the pipeline is."""

    def __init__(self, registered: Mapping[str, Registered], folder: Path, diagnostics: Diagnostics,
                 kind: str) -> None:
        self.registered = registered
        self.folder = folder
        self.diagnostics = diagnostics
        self.kind = kind  # for messages: "data set", "transform", …

    def make(self, use: str, span: Span, settings: text.Mapping | None) -> Any:
        """An instance of a class, or the result of a function. Raises Failed."""
        target = self.find(use, span)
        several, settings = self._several(target, use, settings)
        arguments = self._arguments(use, span, settings, self._parameters(use, target))
        try:
            return target(*several, **arguments)
        except Failed:
            raise
        except Exception as error:  # whatever a constructor raises is shown at its place
            code = "missing-file" if isinstance(error, FileNotFoundError) else "cannot-construct"
            raise self.fail(code, f"{self.kind} '{use}' could not be made: {reason(error)}",
                            _blamed(error, arguments, settings) or span, self._missing_help(error)) from error

    def function(self, tree: Tree) -> Callable[..., Any]:
        """A callable: a dotted path, or `{use: …, with: …}`. A class is instantiated with the settings; a
        function takes them as keyword arguments besides what it is called with. Raises Failed."""
        use, span, settings = self._written(tree)
        target = self.find(use, span)
        if inspect.isclass(target):
            made = self.make(use, span, settings)
            if not callable(made):
                raise self.fail("not-callable", f"'{use}' cannot be called, so it is no {self.kind}", span,
                                "give the class a method __call__")
            return made  # type: ignore[no-any-return]
        settable = _settable(self._parameters(use, target), target)
        arguments = self._arguments(use, span, settings, settable)
        return partial(target, **arguments) if arguments else target

    def find(self, use: str, span: Span) -> Callable[..., Any]:
        """What a registered name or an import path (`module.Class`, `module:Class.method`) names."""
        if use not in self.registered and not _IMPORTABLE.fullmatch(use):
            raise self.fail(f"unknown-{self.kind.split()[0]}", f"there is no {self.kind} '{use}'", span,
                            did_you_mean(use, self.registered)
                            or f"name a registered one or give an import path such as 'my_ops.{use}'")
        try:
            found = self.registered[use].load() if use in self.registered else load_target(use)
        except ImportError as error:
            raise self.fail("import-failed", f"{self.kind} '{use}' cannot be imported: {error}", span,
                            "modules are looked for beside the pipeline and where Python looks") from error
        except Exception as error:  # a user's module may raise anything
            raise self.fail("import-failed", f"{self.kind} '{use}' cannot be imported: {reason(error)}",
                            span) from error
        if not callable(found):
            raise self.fail("import-failed", f"'{use}' is a {type(found).__name__}, not a class or function",
                            span)
        return found

    def fail(self, code: str, message: str, span: Span | None, help: str | None = None) -> Failed:
        """Write a diagnostic; raise what this returns."""
        self.diagnostics.error(code, message, span, help=help or None)
        return Failed(message)

    def _parameters(self, use: str, target: Callable[..., Any]) -> tuple[tuple[ParamSpec, ...] | None, bool]:
        """What it takes (None: not known), and whether it takes other keywords too."""
        item = self.registered.get(use)
        if item is not None and item.params is not None:
            return item.params, item.open_params
        try:
            params, is_open, _ = parameters_of(target)
        except (TypeError, ValueError):  # some classes written in C have no signature
            return None, True
        return params, is_open

    def _several(self, target: Callable[..., Any], use: str,
                 settings: text.Mapping | None) -> tuple[list[Any], text.Mapping | None]:
        """`*args` of a class such as torch.nn.Sequential, given as a list under its name; and the other settings."""
        name = _var_positional(target)
        entry = settings.entries.get(name) if settings is not None and name is not None else None
        if entry is None or settings is None:
            return [], settings
        if not isinstance(entry.value, Sequence):
            raise self.fail("wrong-type", f"'{name}' of {self.kind} '{use}' is a list of what it takes by position",
                            entry.value.span, f"write {name}: [{{use: …}}, …]")
        rest = {key: other for key, other in settings.entries.items() if key != name}
        return self._built(entry.value), text.Mapping(rest, settings.span)

    def _arguments(self, use: str, span: Span, settings: text.Mapping | None,
                   parameters: tuple[tuple[ParamSpec, ...] | None, bool]) -> dict[str, Any]:
        """The keyword arguments that `settings` gives; what was left out has its default in the signature."""
        found = Diagnostics()
        values = check_settings(parameters[0], settings, found, what=f"{self.kind} '{use}'", span=span,
                                is_open=parameters[1], defaults=False)
        self.diagnostics.extend(found)
        if found.failed:
            raise Failed(use)
        return {key: self._built(value) for key, value in values.items()}

    def _built(self, value: Any) -> Any:
        """A setting with its nested `use:` constructed and its paths made absolute."""
        match value:
            case Path():
                return self.folder / value.expanduser()
            case text.Mapping() if "use" in value.entries:
                return self.make(*self._written(value))
            case text.Mapping():
                return {key: self._built(entry.value) for key, entry in value.entries.items()}
            case Sequence():
                return [self._built(item) for item in value.items]
            case Scalar():
                return value.value
            case list() | tuple():
                return type(value)(map(self._built, value))
            case dict():
                return {key: self._built(item) for key, item in value.items()}
        return value

    def _written(self, tree: Tree) -> tuple[str, Span, text.Mapping | None]:
        """The parts of `{use: …, with: …}`, or of a name alone."""
        use: Tree | None = tree
        settings: Tree | None = None
        if isinstance(tree, text.Mapping):
            use, settings = tree.get("use"), tree.get("with")
            for key, entry in tree.entries.items():
                if key not in ("use", "with"):
                    raise self.fail("unknown-key", f"'{key}' is not a key beside 'use'", entry.span,
                                    did_you_mean(key, ("use", "with")) or "parameters go under 'with'")
        if not isinstance(use, Scalar) or not isinstance(use.value, str):
            raise self.fail("wrong-type", f"a {self.kind} is an import path or {{use: …, with: …}}, found "
                            f"{describe(use or tree)}", (use or tree).span)
        if isinstance(settings, Scalar) and settings.value is None:
            settings = None
        if settings is not None and not isinstance(settings, text.Mapping):
            found = describe(settings)
            raise self.fail("wrong-type", f"'with' takes a mapping, found {found}", settings.span)
        return use.value, use.span, settings

    def _missing_help(self, error: BaseException) -> str | None:
        if not isinstance(error, FileNotFoundError):
            return None
        return f"relative paths start at the pipeline's folder, {self.folder.resolve()}"


def reason(error: BaseException) -> str:
    """What an exception says, with its type where that says more, and the line of user code it comes from."""
    said = str(error).strip() or type(error).__name__
    speaks = isinstance(error, (ValueError, FileNotFoundError, ModuleNotFoundError)) and " " in said
    place = _place(error)
    return (said if speaks else f"{type(error).__name__}: {said}") + (f" ({place})" if place else "")


def _place(error: BaseException) -> str:
    """`my_ops.py:12`: the innermost line that is neither edgraph's nor that of an installed package."""
    ours = (_PACKAGE, sys.prefix, sys.base_prefix, "<")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(ours)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _blamed(error: BaseException, arguments: Mapping[str, Any], settings: text.Mapping | None) -> Span | None:
    """The span of the path that the message is about."""
    for key, value in arguments.items():
        if settings is not None and isinstance(value, Path) and str(value) in str(error):
            return settings.entries[key].value.span
    return None


def _var_positional(target: Callable[..., Any]) -> str | None:
    """The name of `*args`, where a callable has it and nothing else without a default to take by position."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)


def _settable(parameters: tuple[tuple[ParamSpec, ...] | None, bool],
              target: Callable[..., Any]) -> tuple[tuple[ParamSpec, ...] | None, bool]:
    """The parameters without those that the function is called with: positional ones without a default."""
    if parameters[0] is None:
        return parameters
    kinds = {p.name: p.kind for p in inspect.signature(target).parameters.values()}
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    kept = tuple(p for p in parameters[0] if not p.required or kinds.get(p.name) is keyword_only)
    return kept, parameters[1]
