"""`every:` in all its forms, stages' lengths, durations."""

from __future__ import annotations

from edgraph.schema_parts.values import INSERTED, Schema

_NUMBER = r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_TIME = "s|sec|seconds?|min|minutes?|h|hours?|d|days?"
_INSERTS = r"\$\{"
COUNT: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, INSERTED]}

_SNIPPETS = [{"label": text, "body": text}
             for text in ("1 epoch", "10 steps", "10 minutes", "10 updates", "first", "last")]
_TEXT: Schema = {
    "pattern": rf"^\s*(first|last|{_NUMBER}\s*(steps?|epochs?|updates?|{_TIME})?)\s*$|{_INSERTS}",
    "patternErrorMessage": 'Expected a clock: 10, "10 steps", "1 epoch", "10 updates", "10 minutes", first, '
                           "last."}


def _count(description: str, minimum: int = 1) -> Schema:
    return {"description": description, "anyOf": [{"type": "integer", "minimum": minimum}, INSERTED]}


_FORMS: Schema = {
    "steps": _count("Every so many steps."),
    "offset": _count("Fire this many steps after each multiple: 0 to steps - 1.", 0),
    "from": _count("No earlier than this step; it does not shift the phase."),
    "until": _count("No later than this step."),
    "grow": _count("A growing interval: multiplied by this after each firing.", 2),
    "max": _count("The largest interval that `grow` makes."),
    "updates": _count("On the step of every so many applied updates of an optimizer."),
    "of": {"type": "string", "description": "The optimizer whose updates, or op whose firings, are counted."},
    "cycle": _count("The length of a repeating cycle of steps."),
    "positions": {"description": "The steps of the cycle, counted from 1.",
                  "anyOf": [{"type": "array", "items": COUNT, "minItems": 1, "uniqueItems": True},
                            {"type": "integer", "minimum": 1}, INSERTED]},
    "firings": _count("When an effect fires for every so many times."),
    "first": {"type": "string", "description": "The first step of this stage."},
    "last": {"type": "string", "description": "The last step of this stage."},
}
_DEPENDENCIES: Schema = {
    "offset": ["steps"], "from": ["steps"], "until": ["steps"], "grow": ["steps"], "max": ["grow"],
    "cycle": ["positions"], "positions": ["cycle"], "firings": ["of"]}


def _clock(types: list[str]) -> Schema:
    return {"type": types, "minimum": 1, **_TEXT, "additionalProperties": False, "properties": _FORMS,
            "dependencies": _DEPENDENCIES, "minProperties": 1}


def definitions() -> dict[str, Schema]:
    return {
        "every": {
            "description": "How often: a number of steps, a text such as `10 steps`, `1 epoch`, `10 updates`,"
                           " `10 minutes`, `first` or `last`, a mapping such as `{steps: 10, from: 100}` or "
                           "`{cycle: 6, positions: [1, 2]}`, or a list of these.",
            **_clock(["integer", "string", "object", "array", "null"]), "defaultSnippets": _SNIPPETS,
            "minItems": 1, "items": {"$ref": "#/definitions/clock"}},
        "clock": {"description": "One clock of the list.", **_clock(["integer", "string", "object"])},
    }


def length(description: str, condition: bool = False) -> Schema:
    """Of a stage: steps or epochs; `until` may also be a condition."""
    types = ["integer", "string", "object"] if condition else ["integer", "string"]
    made: Schema = {
        "description": description, "type": types, "minimum": 1,
        "pattern": rf"^\s*{_NUMBER}\s*(steps?|epochs?)?\s*$|{_INSERTS}",
        "patternErrorMessage": 'Expected a number of steps or epochs: "1000 steps", "5 epochs".'}
    if condition:
        made |= {"required": ["when"], "additionalProperties": False, "properties": {
            "when": {"type": "string", "description": "It ends once this holds, looked at between steps."}}}
    return made


def duration(description: str) -> Schema:
    return {"description": description, "type": ["string", "null"],
            "pattern": rf"^\s*{_NUMBER}\s*({_TIME})\s*$|{_INSERTS}",
            "patternErrorMessage": 'Expected a length of time: "30 s", "10 minutes", "2 h".'}
