"""Objects that a pipeline names: from `use:` and `with:` to an instance, errors at their spans."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edgraph.ops.registry import Registered, load_target
from edgraph.text import source as text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Scalar, Sequence, Span, Tree, plain
from edgraph.text.suggest import did_you_mean

_IMPORTABLE = re.compile(r"[^\W\d]\w*([.:][^\W\d]\w*)+")


class Failed(Exception):
    """The object cannot be made; the reason is in the diagnostics."""


class Constructor:
    """Makes objects from trees. Paths are relative to `folder`, where the pipeline is."""

    def __init__(self, registered: Mapping[str, Registered], folder: Path, diagnostics: Diagnostics,
                 kind: str) -> None:
        self.registered = registered
        self.folder = folder
        self.diagnostics = diagnostics
        self.kind = kind  # for messages: "data set", "transform", …

    def make(self, use: str, span: Span, settings: text.Mapping | None) -> Any:
        """An instance of a class, or the result of a function. Raises Failed."""
        target = self.find(use, span)
        arguments = self.arguments(target, use, span, settings)
        try:
            return target(**arguments)
        except Exception as error:  # whatever a user's constructor raises is shown at its place
            raise self.fail("data-error" if self.kind == "data set" else "bad-value",
                            f"{self.kind} '{use}' could not be made: {reason(error)}",
                            settings.span if settings else span, missing_help(error, self.folder)) from error

    def function(self, tree: Tree) -> Callable[..., Any]:
        """A callable: a dotted path, or `{use: …, with: …}`. A class is instantiated with the settings, a
        function is called with them besides what it is given. Raises Failed."""
        use, span, settings = self._written(tree)
        target = self.find(use, span)
        if inspect.isclass(target):
            made = self.make(use, span, settings)
            if not callable(made):
                raise self.fail("bad-value", f"'{use}' cannot be called, so it is no {self.kind}", span,
                                "give the class a method __call__")
            return made  # type: ignore[no-any-return]
        arguments = self.arguments(target, use, span, settings, whole=False)
        return partial(target, **arguments) if arguments else target

    def find(self, use: str, span: Span) -> Callable[..., Any]:
        """What a registered name or a dotted path (`module.Class`, `module:Class.method`) names."""
        if use not in self.registered and not _IMPORTABLE.fullmatch(use):
            raise self.fail(f"unknown-{self.kind.split()[0]}", f"there is no {self.kind} '{use}'", span,
                            did_you_mean(use, self.registered)
                            or f"name a registered one or give a dotted path such as 'my_ops.{use}'")
        return self._load(use, span)

    def arguments(self, target: Callable[..., Any], use: str, span: Span, settings: text.Mapping | None,
                  whole: bool = True) -> dict[str, Any]:
        """The keyword arguments that `settings` gives. whole: nothing required may be missing."""
        try:
            parameters = inspect.signature(target).parameters
        except (TypeError, ValueError):  # some classes written in C have none
            parameters = None
        entries = settings.entries if settings else {}
        if parameters is not None:
            self._check(use, span, settings, parameters, whole)
        known: Mapping[str, inspect.Parameter] = parameters or {}
        return {key: self._value(entry.value, known[key].annotation if key in known else "")
                for key, entry in entries.items()}

    def fail(self, code: str, message: str, span: Span | None, help: str | None = None) -> Failed:
        self.diagnostics.error(code, message, span, help=help)
        return Failed(message)

    def _check(self, use: str, span: Span, settings: text.Mapping | None,
               parameters: Mapping[str, inspect.Parameter], whole: bool) -> None:
        entries = settings.entries if settings else {}
        takes = {name: p for name, p in parameters.items()
                 if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        failed = None
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            for key, entry in entries.items():
                if key not in takes:
                    failed = self.fail("unknown-parameter", f"{self.kind} '{use}' has no parameter '{key}'",
                                       entry.span, did_you_mean(key, takes) or listing(takes))
        missing = [name for name, p in takes.items() if p.default is p.empty and name not in entries]
        if whole and missing:
            listed = ", ".join(map(repr, missing))
            failed = self.fail("missing-parameter", f"{self.kind} '{use}' needs {listed} under 'with'", span)
        if failed:
            raise failed

    def _value(self, tree: Tree, annotation: Any) -> Any:
        if isinstance(tree, text.Mapping):
            if "use" in tree.entries and set(tree.entries) <= {"use", "with"}:
                return self.make(*self._written(tree))
            return {key: self._value(entry.value, "") for key, entry in tree.entries.items()}
        if isinstance(tree, Sequence):
            return [self._value(item, annotation) for item in tree.items]
        # Annotations are text where the module has postponed evaluation, and types elsewhere.
        if isinstance(tree.value, str) and "Path" in str(annotation):
            return self.folder / Path(tree.value).expanduser()
        return tree.value

    def _written(self, tree: Tree) -> tuple[str, Span, text.Mapping | None]:
        use = tree.get("use") if isinstance(tree, text.Mapping) else tree
        settings = tree.get("with") if isinstance(tree, text.Mapping) else None
        if not isinstance(use, Scalar) or not isinstance(use.value, str):
            raise self.fail("wrong-type", f"expected a dotted path or {{use: …, with: …}} for a {self.kind}, "
                            f"found {plain(tree)!r}", tree.span)
        if settings is not None and not isinstance(settings, text.Mapping):
            if isinstance(settings, Scalar) and settings.value is None:
                return use.value, use.span, None
            raise self.fail("wrong-type", f"'with' takes a mapping, found {plain(settings)!r}", settings.span)
        return use.value, use.span, settings

    def _load(self, use: str, span: Span) -> Callable[..., Any]:
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


def reason(error: BaseException) -> str:
    """`FileNotFoundError: [Errno 2] …` as one says it."""
    said = str(error).strip() or type(error).__name__
    plain_words = isinstance(error, (ValueError, FileNotFoundError, ModuleNotFoundError)) and " " in said
    return said if plain_words else f"{type(error).__name__}: {said}"


def missing_help(error: BaseException, folder: Path) -> str | None:
    """Where relative paths were looked for, when a file is missing."""
    return f"relative paths start at {folder}" if isinstance(error, FileNotFoundError) else None


def listing(names: Iterable[str]) -> str:
    """`it takes 'a', 'b'`."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"it takes {listed}" if listed else "it takes none"
