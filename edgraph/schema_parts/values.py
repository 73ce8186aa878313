"""Annotations as JSON Schema."""

from __future__ import annotations

import types
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from edgraph.ops import markers
from edgraph.ops.spec import ParamSpec

Schema = dict[str, Any]
INSERTED: Schema = {"type": "string", "pattern": "^\\$\\{[^}]+\\}$"}
_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", Path: "string", None: "null",
          types.NoneType: "null"}


def parameter(param: ParamSpec) -> Schema:
    """What `with` takes under a key: its type, what is said of it, and its default."""
    made: Schema = {"description": param.doc} if param.doc else {}
    made |= open_to_insertion(value(param.annotation))
    if not param.required and param.default is not None:
        made["default"] = _json(param.default)
    return made


def parameters(params: tuple[ParamSpec, ...], open: bool = False,
               first: dict[str, Schema] | None = None) -> Schema:
    """A mapping of parameters, closed unless it is open. first: keys that stand beside them."""
    required = [*(first or {}), *(p.name for p in params if p.required)]
    made: Schema = {"type": "object", "additionalProperties": open,
                    "properties": {**(first or {}), **{p.name: parameter(p) for p in params}}}
    return {**made, "required": required} if required else made


def open_to_insertion(schema: Schema) -> Schema:
    """The schema, or `${…}` in its place."""
    if accepts_text(schema):
        return schema
    if set(schema) == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], INSERTED]}
    return {"anyOf": [schema, INSERTED]}


def accepts_text(schema: Schema) -> bool:
    """Whether any text passes, so that `${…}` does too."""
    kinds = schema.get("type", [])
    free = not schema.keys() & {"enum", "const", "pattern", "minLength", "anyOf"}
    return not schema or (free and "string" in kinds)  # one type, or a list of them


def value(annotation: Any) -> Schema:
    """The schema of an annotation; {} where it says nothing that an editor can check."""
    if annotation in _PLAIN:
        return {"type": _PLAIN[annotation]}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(value(arguments[0]), arguments[1:])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _union([value(part) for part in arguments])
    if annotation is list or origin in (list, AbstractSequence):
        return {"type": "array", "items": open_to_insertion(value(arguments[0])) if arguments else {}}
    if origin is tuple:
        return _tuple(arguments)
    if annotation is dict or origin in (dict, AbstractMapping):
        inner = value(arguments[1]) if arguments else {}
        return {"type": "object", **({"additionalProperties": open_to_insertion(inner)} if inner else {})}
    if is_typeddict(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        return {"type": "object", "additionalProperties": False,
                "required": sorted(annotation.__required_keys__),
                "properties": {name: open_to_insertion(value(hint)) for name, hint in hints.items()}}
    return {}


def _tuple(arguments: tuple[Any, ...]) -> Schema:
    if len(arguments) == 2 and arguments[1] is ...:
        return {"type": "array", "items": open_to_insertion(value(arguments[0]))}
    items = [open_to_insertion(value(part)) for part in arguments]
    same = all(item == items[0] for item in items)
    size = {"minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "items": items[0] if same else items, **size}


def _union(parts: list[Schema]) -> Schema:
    """One schema with several types where the parts allow it, because editors explain that best."""
    if any(not part for part in parts):
        return {}
    null = {"type": "null"}
    rest = [part for part in parts if part != null]
    optional = len(rest) < len(parts)
    if len(rest) == 1 and isinstance(rest[0].get("type"), str):
        return {**rest[0], "type": [rest[0]["type"], "null"]} if optional else rest[0]
    if len(rest) == 1 and "enum" in rest[0]:
        return {"enum": [*rest[0]["enum"], None]} if optional else rest[0]
    flat = [inner for part in rest for inner in (part["anyOf"] if set(part) == {"anyOf"} else [part])]
    return {"anyOf": [*flat, null] if optional else flat}


def _marked(schema: Schema, marks: tuple[Any, ...]) -> Schema:
    made = dict(schema)
    for mark in marks:
        if isinstance(mark, markers.Every):
            return {"$ref": "#/definitions/every"}
        if isinstance(mark, markers.Range):
            bounds = {"minimum": mark.min, "maximum": mark.max, "exclusiveMinimum": mark.above,
                      "exclusiveMaximum": mark.below}
            made |= {key: _whole(bound) for key, bound in bounds.items() if bound is not None}
        elif isinstance(mark, markers.Length):
            counted = "Length" if schema.get("type") == "string" else "Items"
            made |= {f"min{counted}": mark.min} | ({} if mark.max is None else {f"max{counted}": mark.max})
    return made


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _json(default: Any) -> Any:
    return [_json(item) for item in default] if isinstance(default, list | tuple) else default
