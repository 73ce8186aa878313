"""From a Python function or class to an OpSpec: positional parameters are inputs, keyword-only ones what
`with` takes; annotations give types and roles, the docstring the texts."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from edgraph.ops import markers
from edgraph.ops.docstring import Docstring, split
from edgraph.ops.spec import REQUIRED, InputSpec, OpSpec, ParamSpec, Passes, PortSpec, Rule

Parameter = inspect.Parameter
Ports = Sequence["str | PortSpec"] | Mapping[str, str]
Role = Literal["value", "model", "models", "optimizer", "data", "graph", "op"]
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class RegistrationError(TypeError):
    """A declaration of an op, model, data set or pattern is wrong; the message names its file and line."""


class _Unset:
    """The decorator's `state` was not given."""


UNSET = _Unset()


@dataclass(frozen=True, slots=True)
class Options:
    """What the decorator `op` was told besides the signature."""

    name: str | None = None
    family: str = "user"
    effect: bool = False
    update: bool = False
    state: bool | _Unset | None = UNSET
    metric: bool = False
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    random: bool = False
    differentiates: bool = False
    differentiable: bool = True
    passes: tuple[Passes, ...] = ()
    backends: tuple[str, ...] = ()
    engine: bool = False
    ports: Ports = ()
    open_ports: bool = True
    rule: Rule | None = None


def place(target: Any) -> str:
    """`my_ops.py:12`: where a function or class is written, as far as Python knows."""
    try:
        file = inspect.getsourcefile(target) or inspect.getfile(target)
    except (TypeError, OSError):
        return getattr(target, "__module__", None) or "<unknown>"
    code = getattr(target, "__code__", None)
    if code is not None:
        return f"{file}:{code.co_firstlineno}"
    try:
        return f"{file}:{inspect.findsource(target)[1] + 1}"
    except (OSError, TypeError, IndexError):
        return file


def op_spec(target: Callable[..., Any], options: Options) -> OpSpec:
    """The spec of an op. Raises RegistrationError where the declaration is wrong."""
    name = options.name or target.__name__
    is_class = isinstance(target, type)
    positional = _inputs_of(target, name, options)
    keyword_owner = target.__init__ if is_class else target
    keywords = _keyword_only(keyword_owner, name, is_class)
    ports = _ports(options.ports)
    doc = split(target.__doc__, {p.name for p in (*positional, *keywords)} | {p.name for p in ports})
    params = tuple(_param(p, keyword_owner, doc) for p in keywords if p.kind is Parameter.KEYWORD_ONLY)
    reads = (*options.reads, *(p.name for p in params if _access(p.annotation) == "reads"))
    writes = (*options.writes, *(p.name for p in params if _access(p.annotation) == "updates"))
    effect = options.effect or options.update or bool(writes)
    return OpSpec(
        name=name, family=options.family, summary=doc.summary, doc=doc.text,
        inputs=tuple(_input(p, doc) for p in positional), params=params,
        open_params=any(p.kind is Parameter.VAR_KEYWORD for p in keywords),
        ports=tuple(PortSpec(p.name, p.doc or doc.entries.get(p.name, ""), p.derived) for p in ports),
        open_ports=options.open_ports,
        effect=effect, has_value=not (effect and _returns_none(target, options)), update=options.update,
        state=_state(target, name, options), metric=options.metric,
        reads=tuple(dict.fromkeys(reads)), writes=tuple(dict.fromkeys(writes)),
        random=options.random, differentiates=options.differentiates, differentiable=options.differentiable,
        passes=options.passes, backends=options.backends, engine=options.engine, rule=options.rule,
        implementation=target, module=target.__module__)


def _inputs_of(target: Callable[..., Any], name: str, options: Options) -> list[Parameter]:
    """The parameters that are inputs: positional, without self and what `passes` adds."""
    call: Any = target
    if isinstance(target, type):
        wanted = ("update", "compute", "reset") if options.metric else ("__call__",)
        missing = [method for method in wanted if not inspect.isfunction(getattr(target, method, None))]
        if missing:
            raise RegistrationError(f"{place(target)}: op '{name}' is a class without {', '.join(missing)}")
        call = getattr(target, wanted[0])
    elif options.metric and not options.backends:
        raise RegistrationError(f"{place(target)}: metric '{name}' must be a class with update, compute and "
                                "reset")
    parameters = [p for p in inspect.signature(call).parameters.values()
                  if p.kind in _POSITIONAL or p.kind is Parameter.VAR_POSITIONAL]
    if isinstance(target, type):
        parameters = parameters[1:]
    taken = tuple(p.name for p in parameters[:len(options.passes)])
    if taken == options.passes:
        parameters = parameters[len(taken):]
    elif not (options.engine or options.backends):
        raise RegistrationError(f"{place(target)}: op '{name}' says passes={options.passes!r}, so its first "
                                f"arguments must be named {', '.join(options.passes)}")
    return parameters


def _returns_none(target: Any, options: Options) -> bool:
    """Whether its annotation says that it returns nothing. The value of a metric is what `compute` returns."""
    call = target
    if isinstance(target, type):
        call = getattr(target, "compute" if options.metric else "__call__")
    return evaluate(inspect.signature(call).return_annotation, call) in (None, type(None))


def _keyword_only(owner: Any, name: str, is_class: bool) -> list[Parameter]:
    if is_class and owner is object.__init__:
        return []
    parameters = list(inspect.signature(owner).parameters.values())
    if is_class:
        loose = [p.name for p in parameters[1:] if p.kind in _POSITIONAL]
        if loose:
            raise RegistrationError(f"{place(owner)}: parameter '{loose[0]}' of op '{name}' must be "
                                    "keyword-only: write `def __init__(self, *, ...)`")
    return [p for p in parameters if p.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)]


def _state(target: Any, name: str, options: Options) -> bool:
    """Whether the op keeps state between steps. A class has to say so, or that it does not."""
    if not isinstance(options.state, _Unset) and not (options.state and isinstance(target, type)):
        return bool(options.state)
    if not isinstance(target, type) or options.metric:
        return False
    if callable(getattr(target, "state_dict", None)) and callable(getattr(target, "load_state_dict", None)):
        return True
    raise RegistrationError(
        f"{place(target)}: op '{name}' is a class without state_dict and load_state_dict, so what it keeps "
        "would be lost on resume; add both, or say @op(state=None) if it keeps nothing between steps")


def parameters_of(target: Any) -> tuple[tuple[ParamSpec, ...], bool, Docstring]:
    """Every named parameter of a model, data set or function, whether it takes others, and its docstring."""
    is_class = isinstance(target, type)
    owner = target.__init__ if is_class else target
    if owner is object.__init__:
        return (), False, split(target.__doc__)
    parameters = list(inspect.signature(owner).parameters.values())[1 if is_class else 0:]
    doc = split(target.__doc__ or owner.__doc__, {p.name for p in parameters})
    named = [p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    is_open = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    return tuple(_param(p, owner, doc) for p in named), is_open, doc


def _input(parameter: Parameter, doc: Docstring) -> InputSpec:
    variadic = parameter.kind is Parameter.VAR_POSITIONAL
    return InputSpec(parameter.name, doc.entries.get(parameter.name, ""),
                     required=not variadic and parameter.default is Parameter.empty, variadic=variadic)


def _param(parameter: Parameter, owner: Any, doc: Docstring) -> ParamSpec:
    annotation = evaluate(parameter.annotation, owner)
    default = REQUIRED if parameter.default is Parameter.empty else parameter.default
    text = doc.entries.get(parameter.name, "")
    return ParamSpec(parameter.name, annotation, default, text, _role(annotation))


def evaluate(annotation: Any, owner: Any) -> Any:
    """An annotation as an object. One that cannot be evaluated (a name imported only for type checkers) is
    Any: nothing is checked of it. Raises RegistrationError for markers that are wrong."""
    if annotation is Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    scope = getattr(owner, "__globals__", {})
    if annotation in scope:
        return scope[annotation]
    try:
        return eval(annotation, scope)  # what typing.get_type_hints does, one parameter at a time
    except Exception as error:
        if isinstance(error, TypeError | ValueError) and "Annotated[" in annotation:
            raise RegistrationError(f"{place(owner)}: the annotation {annotation} cannot be: {error}") from None
        return Any


def marks(annotation: Any) -> tuple[Any, ...]:
    """The markers of an annotation, also those inside Optional and list."""
    if get_origin(annotation) is Annotated:
        return (*annotation.__metadata__, *marks(annotation.__origin__))
    if get_origin(annotation) in (Union, types.UnionType, list, tuple, Sequence):
        return tuple(mark for part in get_args(annotation) for mark in marks(part))
    return ()


def _access(annotation: Any) -> markers.Access | None:
    return next((mark.access for mark in marks(annotation) if isinstance(mark, markers.Model)), None)


def _role(annotation: Any) -> Role:
    for mark in marks(annotation):
        match mark:
            case markers.Model():
                return "models" if _is_list(annotation) else "model"
            case markers.Optimizer():
                return "optimizer"
            case markers.Data():
                return "data"
            case markers.Graph():
                return "graph"
    return "value"


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_list(annotation.__origin__)
    if origin in (Union, types.UnionType):
        return any(_is_list(part) for part in get_args(annotation))
    return origin in (list, tuple, Sequence)


def _ports(ports: Ports) -> tuple[PortSpec, ...]:
    if isinstance(ports, Mapping):
        return tuple(PortSpec(name, doc) for name, doc in ports.items())
    return tuple(port if isinstance(port, PortSpec) else PortSpec(port) for port in ports)
