"""The editor's schema of a pipeline, generated from the registry: `python -m edgraph.schema` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from edgraph.ops.registry import Registry, registry
from edgraph.schema_parts import clocks, ops, sections, snippets
from edgraph.schema_parts.values import INSERTED, Schema

FILE = Path("schemas/pipeline.schema.json")
NAME = r"[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*"

NAME_MESSAGE = "Expected a name: letters, digits and _, without a digit first."


def schema(vocabulary: Registry = registry) -> dict[str, Any]:
    """JSON Schema (draft 7) of a pipeline file, with whatever the registry knows at this moment."""
    specs = ops.in_order(vocabulary)
    used = sections.Used(vocabulary)
    node = {"$ref": "#/definitions/node"}
    ops_section = sections.named(node, "The ops, by name.", propertyNames={"$ref": "#/definitions/op_name"},
                                 patternProperties={"\\.": {"$ref": "#/definitions/part"}},
                                 allOf=[{"defaultSnippets": snippets.OPS}])
    patterns = sections.named(sections.pattern(used), "Reused pieces of graph, by name.",
                              allOf=[{"defaultSnippets": snippets.TRAINERS}])
    indices = {"type": "array", "minItems": 1, "uniqueItems": True,
               "items": {"anyOf": [{"type": "integer", "minimum": 0}, INSERTED]}}
    properties: dict[str, Schema] = {
        "edgraph": {"description": "The version of the language.", "enum": [1]},
        "name": sections.text("What the run folder is named after; by default the file's name."),
        "description": sections.text("A text of your own."),
        "imports": ops.names_or_name("Python modules beside this file, or installed ones, that register ops, "
                                     "data sets, models and patterns."),
        "include": sections.include(),
        "params": sections.params(),
        "run": sections.run(),
        "data": sections.named(sections.data(used), "The data sets, by name."),
        "fixed_examples": sections.named(
            {"anyOf": [indices, INSERTED]}, "The examples that `fixed_examples` ops give, by data set."),
        "models": sections.named(sections.model(used), "The models, by name."),
        "optimizers": sections.named(sections.optimizer(used), "The optimizers, by name."),
        "stages": sections.named(sections.stage(), "Consecutive windows of the run, by name."),
        "ops": ops_section,
        "patterns": patterns,
        "graphs": sections.named(
            sections.graph(sections.named(node, "The ops of the graph, by name.",
                                          allOf=[{"defaultSnippets": snippets.OPS}]), patterns),
            "Sub-graphs, by name.", allOf=[{"defaultSnippets": snippets.GRAPHS}]),
        "loggers": sections.named(used.entry("logger", "A logger.", {}),
                                  "Where logged values go besides the run folder."),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": False,
        "patternProperties": {"^x-": {}}, "properties": properties, **_wholes(),
        "definitions": {
            "name": {"pattern": f"^{NAME}$", "patternErrorMessage": NAME_MESSAGE},
            "op_name": {"pattern": f"^{NAME}(\\.{NAME})*$", "patternErrorMessage": NAME_MESSAGE},
            "node": ops.node(specs), "part": {"type": ["object", "null"]}, **clocks.definitions(),
            **ops.definitions(specs), **used.definitions}}


def _wholes() -> Schema:
    """A file that includes others may say a part of an entry, or null to remove one; in any other file each
    entry is all there."""
    def sections(null: list[str], *, complete: bool) -> Schema:
        def each(types: list[str], *required: str, **more: Schema) -> Schema:
            wanted = {"required": list(required)} if complete and required else {}
            return {"additionalProperties": {"type": [*types, *null], **wanted, **more}}

        ops = {**each(["object", "string", "number", "boolean"], "op"), "patternProperties": {"\\.": {}}}
        graph = each(["object"], "ops", properties={"ops": ops})
        return {"properties": {
            "ops": ops, "data": each(["object"]), "models": each(["object"]),
            "optimizers": each(["object"], "use", "updates"), "loggers": each(["object"], "use"),
            "patterns": each(["object"], "use"), "graphs": graph}}

    dotted: Schema = {  # names of ops of a pattern, about which the file says more
        "if": {"not": {"required": ["patterns"]}},
        "then": {"properties": {"ops": {"propertyNames": {"$ref": "#/definitions/name"}}}}}
    return {"if": {"required": ["include"]},
            "then": sections(["null"], complete=False), "else": {**sections([], complete=True), **dotted}}


def text(vocabulary: Registry = registry) -> str:
    """The schema as it is written to a file."""
    return json.dumps(schema(vocabulary), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema to the file that is named, by default schemas/pipeline.schema.json."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
