"""The fixed keys of the language with what the editor's schema says of them, so that it is said in one place."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from edgraph.lsp.names import SECTIONS
from edgraph.lsp.sites import Key, Kind
from edgraph.ops.registry import KINDS, registry

Schema = dict[str, Any]
SECTION_KINDS: dict[str, Kind] = SECTIONS
# Sections whose entries have names of their own: what one of them looks like.
ENTRIES = {"ops.*": ("ops", "*"), "graphs.*": ("graphs", "*"), "data.*": ("data", "*"), "model.*": ("models", "*"),
           "optimizer.*": ("optimizers", "*"), "logger.*": ("loggers", "*"), "stages.*": ("stages", "*"),
           "patterns.*": ("patterns", "*"), "run": ("run",), "": ()}


def whole() -> Schema:
    """The schema of a pipeline, with whatever is registered now."""
    return _schema(tuple(len(registry.table(kind)) for kind in KINDS))


@lru_cache(maxsize=2)
def _schema(_sizes: tuple[int, ...]) -> Schema:
    from edgraph.schema import schema
    return schema()


def resolved(schema: Schema) -> Schema:
    """Without a reference at its top."""
    while "$ref" in schema:
        schema = whole()["definitions"][schema["$ref"].removeprefix("#/definitions/")] | {
            key: value for key, value in schema.items() if key != "$ref"}
    return schema


def at(path: tuple[str, ...]) -> Schema:
    """The schema at a path of keys; `*` is any entry. Empty where nothing is known of it."""
    schema = resolved(whole())
    for part in path:
        inner = schema.get("properties", {}).get(part)
        if inner is None:
            inner = schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        schema = resolved(inner)
    return schema


def keys(path: tuple[str, ...]) -> dict[str, Schema]:
    """The fixed keys of the mapping at a path."""
    return {name: resolved(schema) for name, schema in at(path).get("properties", {}).items()}


def clock_keys() -> dict[str, Schema]:
    """The keys of the forms of a clock."""
    return {name: resolved(schema) for name, schema in whole()["definitions"]["clock"]["properties"].items()}


def parameter(owner: str, name: str) -> Schema:
    """The schema of a parameter of `op:forward`, `model:mlp`, …"""
    kind, _, of = owner.partition(":")
    definition = whole()["definitions"].get(f"with_{of}" if kind == "op" else f"{kind}_{of}", {})
    return resolved(definition.get("properties", {}).get(name, {}))


def describe_key(key: Key) -> str:
    """What is said of a fixed key."""
    schema = keys(ENTRIES.get(key.scope, ())).get(key.name, {})
    text = schema.get("markdownDescription") or schema.get("description") or FALLBACK.get(key.name, "")
    default = schema.get("default")
    more = f" By default `{default if not isinstance(default, bool) else str(default).lower()}`." \
        if default is not None else ""
    return f"**{key.name}**: {text}{more}" if text else ""


# Keys whose schemas differ from entry to entry, so that the schema has no text for them in general.
FALLBACK = {"op": "The op type: what this node does.",
            "use": "A registered name, or the import path of a class or function.",
            "with": "Parameters: values known before the run.",
            "inputs": "Data edges: one expression, a list of them, or a mapping by input name."}
