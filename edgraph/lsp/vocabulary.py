"""What the registry says of op types, parameters and the like, in Markdown."""

from __future__ import annotations

from edgraph.ops.document import typed
from edgraph.ops.registry import KINDS, Registered, registry
from edgraph.ops.spec import OpSpec, ParamSpec
from edgraph.schema_parts import ops, sections


def kind_words(name: str) -> str:
    """An op type, with its inputs, parameters and an example."""
    spec = registry.ops.get(name)
    if spec is None:
        return ""
    return "\n\n".join(part for part in (ops.markdown(spec), settings_list(spec.params)) if part)


def item_words(kind: str, name: str, brief: bool = False) -> str:
    """A registered model, data set, optimizer, …"""
    item = found(kind, name)
    if not isinstance(item, Registered) or not item.summary:
        return ""
    return sections.markdown(item) + ("" if brief else "\n\n" + settings_list(item.params or ())).rstrip()


def settings_list(params: tuple[ParamSpec, ...]) -> str:
    return "\n".join(f"- `{param.name}`: {typed(param)}" for param in params)


def params_of(owner: str) -> tuple[ParamSpec, ...]:
    """What `with` takes for an owner such as `op:forward` or `model:mlp`."""
    kind, _, name = owner.partition(":")
    item = found(kind, name)
    return (item.params or ()) if item is not None else ()


def found(kind: str, name: str) -> OpSpec | Registered | None:
    known = next((known for known in KINDS if known == kind), None)
    return registry.table(known).get(name) if known is not None else None


def setting_words(owner: str, name: str) -> str:
    """A parameter: its type, its default, what is said of it."""
    for param in params_of(owner):
        if param.name == name:
            return f"**{name}**: {typed(param)}" + (f"\n\n{param.doc}" if param.doc else "")
    return ""


def port_words(op: str, name: str) -> str:
    """An input of an op type."""
    spec = registry.ops.get(op)
    for item in spec.inputs if spec is not None else ():
        if item.name == name:
            return f"**{name}**: input of `{op}`{'' if item.required else ', optional'}" + (
                f"\n\n{item.doc}" if item.doc else "")
    return ""
