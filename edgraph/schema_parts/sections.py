"""The sections of a pipeline beside its ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgraph.language.parameters import KINDS
from edgraph.language.runs import BACKENDS
from edgraph.ops.registry import Kind, Registered, Registry
from edgraph.schema_parts.choice import by_name
from edgraph.schema_parts.clocks import COUNT, duration, length
from edgraph.schema_parts.ops import EXPRESSION, names_or_name
from edgraph.schema_parts.values import INSERTED, Schema, open_to_insertion, parameters

PATH: Schema = {"type": "string", "pattern": r"^[^\s.:]+([.:][^\s.:]+)+$"}  # of a class or function


def text(description: str) -> Schema:
    return {"description": description, "type": "string"}


def typed(description: str, schema: Schema, **more: Any) -> Schema:
    return {"description": description, **open_to_insertion(schema), **more}


def flag(description: str, default: bool = False) -> Schema:
    return typed(description, {"type": "boolean"}, default=default)


def count(description: str, minimum: int = 1, **more: Any) -> Schema:
    return typed(description, {"type": "integer", "minimum": minimum}, **more)


def choice(description: str, *options: str) -> Schema:
    return typed(description, {"enum": list(options)}, default=options[0])


def closed(properties: dict[str, Schema], description: str, **more: Any) -> Schema:
    return {"description": description, "type": "object", "additionalProperties": False,
            "properties": properties, **more}


def named(entry: Schema, description: str, **more: Any) -> Schema:
    """A section: entries by name."""
    if entry.get("type") == "object":  # said by `schema._wholes`: an include may remove an entry
        entry = {key: value for key, value in entry.items() if key != "type"}
    return {"description": description, "type": "object", "propertyNames": {"$ref": "#/definitions/name"},
            "additionalProperties": entry, **more}


# -- what has `use` and `with` -------------------------------------------------------------------------

class Used:
    """Entries that construct an object: a registered name and its parameters, or an import path."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.definitions: dict[str, Schema] = {}

    def entry(self, kind: Kind, description: str, beside: dict[str, Schema]) -> Schema:
        """A closed mapping with `use`, `with` and what stands beside them."""
        items = self._items(kind)
        for name, item in items.items():
            self.definitions[f"{kind}_{name}"] = {"description": f"Parameters of {name}.",
                                                  **parameters(item.params or (), item.open_params)}

        def leaf(name: str) -> Schema:
            made: Schema = {"properties": {"use": {"markdownDescription": markdown(items[name])},
                                           "with": {"$ref": f"#/definitions/{kind}_{name}"}}}
            needed = any(p.required for p in items[name].params or ())
            return {"required": ["with"], **made} if needed and "like" not in beside else made

        return closed({"use": self.use(kind), "with": {"type": "object"}, **beside}, description,
                      **by_name("use", list(items), leaf))

    def beside(self, kind: Kind, types: list[str], description: str) -> Schema:
        """A mapping with `use` whose parameters stand beside it, or another type: a schedule."""
        items = self._items(kind)
        for name, item in items.items():
            use = {"use": {"markdownDescription": markdown(item)}}
            self.definitions[f"{kind}_{name}"] = parameters(item.params or (), item.open_params, use)
        return {"description": description, "type": types, "required": ["use"],
                "properties": {"use": self.use(kind)},
                **by_name("use", list(items), lambda name: {"$ref": f"#/definitions/{kind}_{name}"})}

    def use(self, kind: Kind) -> Schema:
        items = self._items(kind)
        names: Schema = {"enum": list(items), "enumDescriptions": [item.summary for item in items.values()]}
        other = {"type": "string", "pattern": "^[A-Z]"} if kind in ("optimizer", "schedule") else None
        known = [names] if items else []
        if kind == "pattern":  # or a graph of the file, which has any name
            return {"anyOf": [*known, {"type": "string"}]}
        return {"anyOf": [*known, PATH, *([other] if other else []), INSERTED]}

    def _items(self, kind: Kind) -> Mapping[str, Registered]:
        table = self.registry.table(kind)
        return {name: item for name, item in table.items() if isinstance(item, Registered)}


def markdown(item: Registered) -> str:
    return "\n\n".join(part for part in (f"**{item.name}**: {item.summary}", item.doc) if part)


# -- the sections --------------------------------------------------------------------------------------

def _bound(kind: str, **limits: int) -> Schema:
    return {"type": [kind, "null"], **limits}


def run() -> Schema:
    every = {"$ref": "#/definitions/every"}
    return closed({
        "over": text("The data set that the loop is over, or `none`; by default `train`, if there is one. Or "
                     "`checkpoints`, to evaluate those of the run `of`."),
        "of": {**text("Over checkpoints: the run whose checkpoints they are, its folder or its name."),
               "type": ["string", "null"]},
        "which": {"description": "Over checkpoints: the latest one, all there are (the oldest first), new ones too as "
                                 "they are written, or the one with a name (`best`) or of a step.",
                  "type": ["string", "integer", "null"], "minimum": 0, "default": "latest",
                  "examples": ["latest", "best", "all", "new"]},
        "filter": {"description": "Over checkpoints: only those for which this holds, such as `step % 1000 == 0`; it "
                                  "may name `step` and `epoch`.", "type": ["string", "boolean", "null"]},
        "timeout": duration("Over checkpoints, with `which: new`: end when so long no new one has come; by default "
                            "when the run has ended."),
        "num_steps": typed("Stop after so many steps; wins over num_epochs.", _bound("integer", minimum=1)),
        "num_epochs": typed("Stop after so many epochs.", _bound("number", exclusiveMinimum=0)),
        "num_updates": typed("Stop after so many applied updates.", _bound("integer", minimum=1)),
        "max_time": duration("Stop after so long: `2 h`."),
        "seed": count("Everything random is drawn from it.", 0, default=0),
        "backend": choice("What computes: a framework, or plain Python with NumPy.", *BACKENDS),
        "device": {**text("`auto`, `cpu`, `cuda`, `cuda:1`, … or `mps`"), "default": "auto",
                   "pattern": r"^(auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,3}))?)$|^\$\{[^}]+\}$",
                   "patternErrorMessage": "Expected a device: auto, cpu, cuda, cuda:1 or mps."},
        "precision": choice("Of the forward passes.", "fp32", "bf16", "fp16"),
        "deterministic": flag("Only algorithms that give the same bits each time."),
        "checkpoint": {
            "description": "When all state is saved, besides the end of the run; false: never.",
            "type": ["object", "boolean", "string"], "pattern": INSERTED["pattern"],
            "additionalProperties": False,
            "properties": {"every": every, "keep": count("How many to keep.", default=2)}},
        "nonfinite": choice("When a loss is not finite: stop the run, leave the update out, or go on.",
                            "stop", "skip", "ignore"),
        "tags": {"description": "Words to find the run by.", "type": ["array", "string"],
                 "items": {"type": ["string", "number"]}},
        "root": {**text("The folder in which run folders are made."), "default": "runs"},
        "ignore": names_or_name("Codes of warnings that are not shown for the whole pipeline."),
    }, "Bounds and settings of the run.")


def params() -> Schema:
    """A mapping with a `value` declares a parameter; any other is a value."""
    declared = closed({
        "value": {"description": "Its value, unless the command line or another file gives another."},
        "type": typed("What it may be; by default what its value is.", {"enum": list(KINDS)}),
        "min": typed("The least that it may be.", {"type": "number"}),
        "max": typed("The most that it may be.", {"type": "number"}),
        "choices": {"description": "The only values that it may have.", "type": ["array", "string"], "minItems": 1,
                    "items": {"type": ["string", "number", "boolean"]}},
        "doc": text("A text of your own; `edgraph set RUN` shows it."),
    }, "A parameter: `1e-3`, or `{value: 1e-3, min: 0, max: 1}`.")
    return {"description": "Values that `${name}` inserts, and `params.name` in expressions.", "type": "object",
            "propertyNames": {"$ref": "#/definitions/name"},
            "additionalProperties": {"if": {"type": "object", "required": ["value"]}, "then": declared}}


def data(used: Used) -> Schema:
    callable_ = {"type": ["string", "object"], "required": ["use"], "additionalProperties": False,
                 "properties": {"use": text("An import path."), "with": {"type": "object"}}}
    return used.entry("data", "A data set and how it is read.", {
        "batch_size": count("Examples in a batch.", default=1),
        "shuffle": flag("A new order in each epoch, drawn from the seed."),
        "drop_last": flag("Leave out a smaller last batch."),
        "limit": count("Only the first so many examples."),
        "transform": {"description": "What each example passes through: an import path, "
                                     "`{use: …, with: {…}}`, or a list of them.",
                      **callable_, "type": ["string", "object", "array"], "items": callable_},
        "collate": text("The import path of a function from a list of examples to a batch."),
        "sampler": {"description": "Which examples an epoch draws, instead of each once: `weighted`, an "
                                   "import path, or `{use: …, with: {…}}`.", **callable_},
        "workers": count("Processes that read ahead; they do not change the order.", 0, default=0),
        "prefetch": count("Batches that are read ahead.", 0, default=2),
        "like": text("Another data set: its keys hold where this entry has none."),
        "from": text("Another data set, of which this one is a fold."),
        "folds": count("Into how many folds it is divided.", 2),
        "fold": count("Which fold, counted from 0, is for validation.", 0),
        "part": typed("The fold itself, or the others.", {"enum": ["train", "validation"]}),
        "ignore": names_or_name("Codes of warnings that are not shown for this data set."),
    })


def model(used: Used) -> Schema:
    part = {"prefix": text("Only names that begin so, without it."),
            "strict": flag("Every weight must be there.", True)}
    return used.entry("model", "A model.", {
        "copy": text("Another model: the same kind, with the same weights at the start."),
        "weights": {
            "description": "Weights to start with: a checkpoint (`RUN@best`), or `{file: x.safetensors}`.",
            "type": ["string", "object"], "required": ["file"], "additionalProperties": False, "properties": {
                "file": text("A .safetensors file."), **part}},
        "from": {
            "description": "A checkpoint whose weights it starts with: `RUN`, `RUN@best`, `RUN@120`, a file, or "
                           "`{run: RUN@best, model: NAME}`.",
            "type": ["string", "object"], "required": ["run"], "additionalProperties": False, "properties": {
                "run": text("A checkpoint: `RUN@best`."),
                "model": text("Which model in it; by default the one of the same name."), **part}},
        "frozen": flag("Always in eval mode; nothing may update it."),
        "state": {"description": "On the backend `python`: the attributes that a checkpoint holds, by default all; `*` "
                                 "stands for any part of a name, `\"!name\"` takes out what the model makes anew by "
                                 "itself.", "type": ["string", "array"], "items": {"type": "string"}},
        "ignore": names_or_name("Codes of warnings that are not shown for this model."),
    })


def optimizer(used: Used) -> Schema:
    positive = {"type": "number", "exclusiveMinimum": 0}
    match = {"description": "Only parameters whose names match: `[\"*.bias\"]`.", "type": ["string", "array"],
             "items": {"type": "string"}}
    group = {"type": ["string", "object"], "required": ["model"], "properties": {
        "model": text("A model, or a sub-module's path."), "match": match},
        "description": "A model, a sub-module, or `{model: net, match: [\"*.bias\"], weight_decay: 0.0}`."}
    return used.entry("optimizer", "An optimizer and what it updates.", {
        "updates": {"description": "Models, sub-modules or groups of parameters; the first match wins.",
                    "type": ["string", "array"], "items": group, "minItems": 1},
        "schedule": used.beside(
            "schedule", ["string", "number", "object"],
            "The learning rate over time: `{use: cosine, steps: 10000, warmup: 500}`, or an expression such "
            "as `params.lr * min(1, updates / 500)`."),
        "per": choice("What the schedule counts: its own updates, or global steps.", "update", "step"),
        "clip_norm": typed("Scale the gradients down to this norm.", positive),
        "clip_value": typed("Cut each gradient to this size.", positive),
        "ema": {"description": "A running mean of what it updates, kept after each update."},
        "ignore": names_or_name("Codes of warnings that are not shown for this optimizer."),
    })


def stage() -> Schema:
    return {"type": ["object", "null"], "additionalProperties": False,
            "description": "A stage: it begins where the one before it ends; the last one runs to the end.",
            "properties": {
                "until": length("Where it ends: an absolute step (`1000 steps`, `5 epochs`), or "
                                "`{when: EXPRESSION}`.", condition=True),
                "for": length("How long it is: `1000 steps`, `5 epochs`."),
                "ignore": names_or_name("Codes of warnings that are not shown for this stage.")}}


def graph(ops: Schema, patterns: Schema) -> Schema:
    return closed({
        "doc": text("A text of your own."),
        "params": {"description": "Parameters and defaults; null where one must be given.", "type": "object"},
        "over": text("As a loop: the data set to go through."),
        "repeat": {**COUNT, "description": "As a loop: how many times."},
        "while": {**EXPRESSION, "description": "As a loop: as long as this holds, at most `max` times."},
        "max": {**COUNT, "description": "The most rounds of `while`."},
        "ops": ops,
        "patterns": patterns,
        "outputs": {"description": "What goes out, by name: expressions.", "type": "object",
                    "additionalProperties": EXPRESSION},
    }, "A sub-graph, run as a loop (op `loop`) or used in place (`patterns`).")


def pattern(used: Used) -> Schema:
    """Kept in `definitions`: graphs have patterns too."""
    made = used.entry("pattern", "A use of a pattern or graph in place: its ops are named `NAME.…`.", {})
    used.definitions["pattern"] = {key: value for key, value in made.items() if key != "type"}
    return {"$ref": "#/definitions/pattern"}


def include() -> Schema:
    item = {"type": ["string", "object"], "required": ["file"], "additionalProperties": False, "properties": {
        "file": text("Relative to this file."), "only": names_or_name("Only these sections of it.")}}
    return {**item, "type": ["string", "object", "array"], "items": item,
            "description": "Files that this one is laid over."}
