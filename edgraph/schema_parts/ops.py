"""The node: one entry of `ops`, whose inputs and parameters depend on the op."""

from __future__ import annotations

from edgraph.ops.document import example, family_order
from edgraph.ops.registry import Registry
from edgraph.ops.spec import InputSpec, OpSpec
from edgraph.schema_parts.choice import by_name
from edgraph.schema_parts.values import INSERTED, Schema, parameters

EXPRESSION: Schema = {"type": ["string", "number", "boolean"]}
OPTIONAL: Schema = {"type": ["string", "number", "boolean", "null"]}
EVENTS = ["start", "resume", "epoch_start", "epoch_end", "end", "exception"]


def names_or_name(description: str) -> Schema:
    return {"type": ["string", "array", "null"], "items": {"type": "string"}, "description": description}


def node(specs: list[OpSpec]) -> Schema:
    """An entry of `ops`: a closed mapping, or an expression for an op that only computes."""
    names = [spec.name for spec in specs]
    known = {spec.name: spec for spec in specs}
    events = {"enum": EVENTS}
    properties: Schema = {
        # no descriptions here: editors would show them instead of what is said of the op in question
        "op": {"enum": names, "enumDescriptions": [spec.summary for spec in specs]},
        "inputs": {},
        "with": {"type": "object"},
        "every": {"$ref": "#/definitions/every"},
        "at": {"description": "Events between steps instead of, or besides, steps.",
               "anyOf": [events, {"type": ["array", "null"], "minItems": 1, "items": events}, INSERTED]},
        "during": names_or_name("Only inside this stage, or these."),
        "when": {**OPTIONAL, "description": "Only where this expression holds: `record.since >= 5`."},
        "after": names_or_name("In a step that runs both, after these ops."),
        "doc": {"type": "string", "description": "A text of your own."},
        "ignore": names_or_name("Codes of warnings that are not shown for this op."),
    }
    return {
        "additionalProperties": False, "properties": properties,  # its types: see `schema._wholes`
        "description": "An op: `{op: TYPE, inputs: …, with: {…}}`, or an expression.",
        **by_name("op", names, lambda name: _leaf(known[name]))}


def definitions(specs: list[OpSpec]) -> dict[str, Schema]:
    """`with` and `inputs` of each op."""
    made: dict[str, Schema] = {}
    for spec in specs:
        description = f"Parameters of {spec.name}: values known before the run."
        made[f"with_{spec.name}"] = {"description": description, **parameters(spec.params, spec.open_params)}
        made[f"inputs_{spec.name}"] = inputs(spec.inputs)
    return made


def in_order(registry: Registry) -> list[OpSpec]:
    """All ops, family by family."""
    return sorted(registry.ops.values(), key=lambda spec: family_order(spec.family))


def _leaf(spec: OpSpec) -> Schema:
    required = [key for key, needed in (
        ("inputs", any(item.required for item in spec.inputs)),
        ("with", any(param.required for param in spec.params))) if needed]
    made: Schema = {"properties": {
        "op": {"markdownDescription": markdown(spec)},
        "inputs": {"$ref": f"#/definitions/inputs_{spec.name}"},
        "with": {"$ref": f"#/definitions/with_{spec.name}"}}}
    return {"required": required, **made} if required else made


def inputs(specs: tuple[InputSpec, ...]) -> Schema:
    """One expression, a list of them, or a mapping by name."""
    plain = [spec for spec in specs if not spec.variadic]
    variadic = len(plain) < len(specs)
    required = [spec.name for spec in plain if spec.required]
    described = ", ".join(f"*{s.name}" if s.variadic else s.name if s.required else f"{s.name} (optional)"
                          for s in specs)
    made: Schema = {
        "description": f"Data edges: one expression, a list, or a mapping by name. Inputs: {described}."
                       if specs else "It takes no inputs.",
        "type": ["string", "number", "boolean", "array", "object"],
        "items": EXPRESSION, "minItems": max(1, len(required)),
        "properties": {spec.name: {**EXPRESSION, "description": spec.doc} if spec.doc else EXPRESSION
                       for spec in plain},
        "additionalProperties": EXPRESSION if variadic else False}
    if required:
        made["required"] = required
    if not variadic:
        made["maxItems"] = len(plain)
    return made


def markdown(spec: OpSpec) -> str:
    """What an editor shows for an op."""
    parts = [f"**{spec.name}**: {spec.summary}" if spec.summary else f"**{spec.name}**", spec.doc]
    lines = [f"- `{'*' if item.variadic else ''}{item.name}`: {item.doc}" for item in spec.inputs if item.doc]
    parts.append("\n".join(lines))
    if spec.ports:
        parts.append("Ports: " + ", ".join(f"`{port.name}`" for port in spec.ports))
    parts.append(f"```yaml\n{example('op', spec)}\n```")
    return "\n\n".join(part for part in parts if part)
