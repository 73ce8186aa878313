"""The vocabulary: ops, models, data sets, optimizers, loggers, schedules and patterns by name.

The built-in declarations (edgraph/ops/library) are imported when a table is first looked at; they name their
targets as text (`edgraph.data.arrays:Digits`), so that looking costs neither NumPy nor a framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar, overload

from edgraph.ops.signature import (
    UNSET,
    Options,
    Ports,
    RegistrationError,
    _Unset,
    op_spec,
    parameters_of,
    place,
)
from edgraph.ops.spec import OpSpec, ParamSpec, Passes, Rule
from edgraph.ops.target import load_target

Kind = Literal["op", "data", "model", "optimizer", "logger", "schedule", "pattern"]
KINDS: tuple[Kind, ...] = ("op", "data", "model", "optimizer", "logger", "schedule", "pattern")
PATTERNS = "edgraph.ops.patterns."  # of the library too
F = TypeVar("F", bound=Callable[..., Any])
Length: TypeAlias = Callable[[dict[str, Any]], "int | None"]


@dataclass(frozen=True, slots=True)
class Registered:
    """A model, data set, optimizer, logger, schedule or pattern."""

    name: str
    params: tuple[ParamSpec, ...] | None  # None: an import path; what it takes is not known before the run
    target: str | Callable[..., Any] = field(compare=False)  # `package.module:name` (see `on`), or the object itself
    summary: str = ""
    doc: str = ""
    open_params: bool = False
    backends: tuple[str, ...] = ()  # empty: every backend
    length: Length | None = field(default=None, compare=False)  # of a data set, from its settings, unread
    fields: tuple[str, ...] = ()  # of a data set, where they are known
    module: str = ""

    def on(self, backend: str) -> Registered:
        """The same, where its target names the backend as `{backend}`."""
        return replace(self, target=self.target.replace("{backend}", backend)) if isinstance(self.target, str) else self

    def load(self) -> Callable[..., Any]:
        """The class or function. Raises ImportError with a readable message."""
        return load_target(self.target) if isinstance(self.target, str) else self.target


Item: TypeAlias = "OpSpec | Registered"


class Registry:
    """Tables by kind. Names of the library cannot be registered again."""

    def __init__(self, library: str | None = "edgraph.ops.library") -> None:
        self._tables: dict[Kind, dict[str, Item]] = {kind: {} for kind in KINDS}
        self._library = library
        self._to_load = library
        self._record: list[tuple[Kind, Item]] | None = None

    # -- looking ---------------------------------------------------------------------------------------

    @property
    def ops(self) -> MappingProxyType[str, OpSpec]:
        return self._view("op")

    @property
    def data(self) -> MappingProxyType[str, Registered]:
        return self._view("data")

    @property
    def models(self) -> MappingProxyType[str, Registered]:
        return self._view("model")

    @property
    def optimizers(self) -> MappingProxyType[str, Registered]:
        return self._view("optimizer")

    @property
    def loggers(self) -> MappingProxyType[str, Registered]:
        return self._view("logger")

    @property
    def schedules(self) -> MappingProxyType[str, Registered]:
        return self._view("schedule")

    @property
    def patterns(self) -> MappingProxyType[str, Registered]:
        return self._view("pattern")

    def table(self, kind: Kind) -> MappingProxyType[str, Item]:
        return self._view(kind)

    def _view(self, kind: Kind) -> MappingProxyType[str, Any]:
        if self._to_load is not None:
            module, self._to_load = self._to_load, None
            import_module(module)
        return MappingProxyType(self._tables[kind])

    def resolve(self, kind: Kind, name: str) -> Item | None:
        """A registered name, or (not for ops and patterns) an import path such as `torch.nn.Linear`, which is
        taken on trust: it is imported when it is constructed. None: neither."""
        item = self.table(kind).get(name)
        if item is not None or kind in ("op", "pattern"):
            return item
        parts = name.replace(":", ".").split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            return None
        return Registered(name, None, name, open_params=True)

    def is_builtin(self, kind: Kind, name: str) -> bool:
        item = self.table(kind).get(name)
        return item is not None and self._of_library(item)

    def _of_library(self, item: Item) -> bool:
        return self._library is not None and item.module.startswith((f"{self._library}.", PATTERNS))

    # -- adding ----------------------------------------------------------------------------------------

    def add(self, kind: Kind, item: Item, target: Any) -> None:
        """Register an item. Raises RegistrationError where another module, or the library, has the name."""
        known = (self._tables[kind] if self._of_library(item) else self.table(kind)).get(item.name)
        if known is not None and known.module != item.module:
            owner = "edgraph itself" if self._of_library(known) else f"module '{known.module}'"
            raise RegistrationError(f"{place(target)}: {kind} '{item.name}' is already registered by {owner}"
                                    "; choose another name")
        if not item.name.isidentifier():
            raise RegistrationError(f"{place(target)}: '{item.name}' cannot be the name of a {kind}: "
                                    "a name is a Python identifier")
        self._tables[kind][item.name] = item
        if self._record is not None:
            self._record.append((kind, item))

    def remove(self, kind: Kind, name: str) -> None:
        """Forget a user's entry."""
        if not self.is_builtin(kind, name):
            self._tables[kind].pop(name, None)

    @contextmanager
    def recording(self) -> Iterator[list[tuple[Kind, Item]]]:
        """The list of what is registered inside the `with` block."""
        before, self._record = self._record, []
        try:
            yield self._record
        finally:
            self._record = before


registry = Registry()


# -- decorators ----------------------------------------------------------------------------------------

@overload
def op(target: F, /) -> F: ...
@overload
def op(*, name: str | None = None, family: str | None = None, effect: bool = False, update: bool = False,
       state: bool | None = ..., metric: bool = False, reads: tuple[str, ...] = (),
       writes: tuple[str, ...] = (), random: bool = False, differentiates: bool = False,
       differentiable: bool = True, passes: tuple[Passes, ...] = (), backends: tuple[str, ...] = (),
       engine: bool = False, ports: Ports = (), open_ports: bool = True,
       rule: Rule | None = None) -> Callable[[F], F]: ...
def op(target: F | None = None, /, *, name: str | None = None, family: str | None = None,
       effect: bool = False, update: bool = False, state: bool | _Unset | None = UNSET, metric: bool = False,
       reads: tuple[str, ...] = (), writes: tuple[str, ...] = (), random: bool = False,
       differentiates: bool = False, differentiable: bool = True, passes: tuple[Passes, ...] = (),
       backends: tuple[str, ...] = (), engine: bool = False, ports: Ports = (),
       open_ports: bool = True, rule: Rule | None = None) -> F | Callable[[F], F]:
    """Register a function or a class as an op type.

    Positional parameters are inputs (`*values`: any number), keyword-only ones what `with` takes.
    name, family: by default the function's name, and `user`: the heading under which `edgraph ops` lists it.
    effect: it changes something outside its value; one annotated `-> None` has no value that could be read.
    update: an effect that trains. state: None for a class that keeps nothing between steps; other classes need
    state_dict and load_state_dict. metric: a class with update, compute and reset. reads, writes: parameters that
    name a model (also by annotation). random: it draws random numbers. differentiates: it takes gradients of its
    inputs itself. differentiable: gradients pass through it. passes: extra leading arguments (`step`,
    `global_step`, `key`, `count`). backends: those that have it; none named: every one. engine: it is the engine
    that does it. ports: parts of its value with a name of their own; open_ports: other parts may be asked for too.
    rule: what the types of parameters cannot say, see `edgraph.ops.spec.Rule`. Raises RegistrationError.
    """
    def register(target: F) -> F:
        options = Options(
            name=name, family=family or _family(target.__module__), effect=effect, update=update, state=state,
            metric=metric, reads=reads, writes=writes, random=random, differentiates=differentiates,
            differentiable=differentiable, passes=passes, backends=backends, engine=engine, ports=ports,
            open_ports=open_ports, rule=rule)
        registry.add("op", op_spec(target, options), target)
        return target

    return register if target is None else register(target)


def _family(module: str) -> str:
    return module.rpartition(".")[2] if module.startswith("edgraph.ops.library") else "user"


class Registrar:
    """A decorator that registers one kind of thing: `@dataset`, or `@dataset(name="faces")`.

    Its parameters become what `with` takes. Raises RegistrationError where another module has the name.
    """

    def __init__(self, kind: Kind, doc: str) -> None:
        self.kind = kind
        self.__doc__ = doc

    @overload
    def __call__(self, target: F, /) -> F: ...
    @overload
    def __call__(self, /, *, name: str | None = None, at: str | None = None, backends: tuple[str, ...] = (),
                 length: Length | None = None, fields: tuple[str, ...] = ()) -> Callable[[F], F]: ...
    def __call__(self, target: Any = None, /, *, name: str | None = None, at: str | None = None,
                 backends: tuple[str, ...] = (), length: Length | None = None,
                 fields: tuple[str, ...] = ()) -> Any:
        """name: by default the declaration's own. at: where the object really is, for a function that only declares it
        (`package.module:name`). backends: those that it is for; none named: every one. length, fields: of data sets.
        """
        def register(declaration: F) -> F:
            params, is_open, doc = parameters_of(declaration)
            registry.add(self.kind, Registered(
                name or declaration.__name__, params, at or declaration, doc.summary, doc.text, is_open,
                backends, length, fields, declaration.__module__), declaration)
            return declaration

        return register if target is None else register(target)


dataset = Registrar("data", """Register a data set: a class, or a function that makes one, with `__len__` and
`__getitem__` returning a mapping. length: from its settings to its length, or None where that is not known
without reading it. fields: the names that its examples have.""")
model = Registrar("model", """Register a model: a class, or a function that makes one, of the backend's framework;
on the backend `python` any object.""")
optimizer = Registrar("optimizer", "Register an optimizer: a class made with parameters and its settings.")
logger = Registrar("logger", "Register a logger.")
schedule = Registrar("schedule", "Register a learning-rate schedule.")
pattern = Registrar("pattern", """Register a pattern: a function from parameters to a mapping of ops, or to an
`edgraph.Expansion`, which also says something about optimizers, stages and the run. It raises what
`edgraph.Mistakes` collects where its parameters do not fit each other.""")

__all__ = ["KINDS", "Item", "Kind", "Registered", "RegistrationError", "Registry", "dataset", "load_target",
           "logger", "model", "op", "optimizer", "pattern", "registry", "schedule"]
