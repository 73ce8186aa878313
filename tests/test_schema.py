"""The editor schema: fresh, and of one mind with the language about what is right."""


from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgraph import schema as module
from edgraph.language import load
from edgraph.ops.registry import op, registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.source import Source, plain

ROOT = Path(__file__).parent.parent
DIGITS = (ROOT / "pipelines" / "digits.yaml").read_text(encoding="utf-8")
HEAD = """
data: {train: {use: digits, batch_size: 8}}
models: {net: {use: mlp, with: {sizes: [64, 10]}}}
optimizers: {adam: {use: Adam, updates: [net]}}
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    made = module.schema()
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


def parse(text: str) -> Any:
    """A text as the language reads it: YAML 1.2, not PyYAML's."""
    diagnostics = Diagnostics()
    tree = read(Source("pipeline.yaml", text), diagnostics)
    assert tree is not None and not len(diagnostics), list(diagnostics)
    return plain(tree)


def mistakes(validator: Any, text: str) -> list[str]:
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(parse(text))]


def test_the_file_is_fresh() -> None:
    written = (ROOT / module.FILE).read_text(encoding="utf-8")
    assert written == module.text(), "run: python -m edgraph.schema"


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("**/*.yaml")), ids=lambda path: path.name)
def test_our_pipelines_are_right(validator: Any, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    if "\nimports:" not in text:  # their own ops are in a schema of their own
        assert mistakes(validator, text) == []


CLOCKS = ["10", "1e2", "10 steps", "1 epoch", "0.5 epochs", "10 updates", "{updates: 10, of: adam}", "10 minutes",
          "30 s", "2 h", "first", "last", "{steps: 10, offset: 3}", "{steps: 10, from: 95, until: 1000}",
          "{steps: 1, grow: 2, max: 1000}", "{cycle: 6, positions: [1, 2, 3, 4, 5]}", "{firings: 5, of: a}",
          "{first: pretrain}", "{last: pretrain}", "[first, 50 steps, {steps: 7}]", '"${n}"', '"${n} steps"']


@pytest.mark.parametrize("clock", CLOCKS)
def test_every_form_of_clock(validator: Any, clock: str) -> None:
    text = ("params: {n: 5}\nstages: {pretrain: {until: 1000 steps}, tail: {}}\n" + HEAD
            + "ops:\n  a: {op: load_batch}\n  b: {op: log_scalars, inputs: a.image, every: " + clock + "}\n")
    assert mistakes(validator, text) == []
    assert errors(text) == []


GOOD = {
    "one-line ops": "a: {op: load_batch}\n  b: a.image * 2\n  c: 3\n  d: true\n",
    "inputs": "a: {op: load_batch}\n  b: {op: expr, inputs: 3}\n  c: {op: mse, inputs: [b, 0.5]}\n"
              "  d: {op: mse, inputs: {input: b, target: 1}}\n  e: {op: log_scalars, inputs: {any: b, name: c}}\n",
    "edges": "a: {op: stop, every: 3, at: [start, end], during: [x, y], when: step > 3, after: b, doc: x, "
             "ignore: [never-fires]}\n  b: {op: stop, at: resume, during: x, when: true}\n",
    "insertion": 'a: {op: forward, inputs: "batch.image", with: {model: "${m}", mode: "${mode}"}}\n'
                 '  b: {op: normal, with: {shape: ["${n}", 3], std: "${s}"}}\n  c: {op: normal, with: {shape: "${t}"}}\n',
    "accumulation": "a: {op: optimize, inputs: {loss: 1.0, count: 3}, with: {optimizer: adam, accumulate: {until: 9}}}\n",
    "any function": "a: {op: call, with: {function: my.function, size: [3, {use: x.Y}]}}\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_ops_that_are_right(validator: Any, name: str) -> None:
    assert mistakes(validator, HEAD + "ops:\n  " + GOOD[name]) == []


SECTIONS = [
    "edgraph: 1\nname: x\ndescription: y\nimports: my_ops\nx-mine: {a: [1]}\nparams: {a: 1, b: {c: null}}\n",
    "imports: [my_ops, other.ops]\nrun: {over: none, num_steps: 10, num_epochs: 0.5, num_updates: 3, max_time: 2 h, "
    "seed: 3, device: cuda:1, precision: bf16, deterministic: true, checkpoint: {every: [10 minutes, last], keep: 3}, "
    "nonfinite: skip, tags: [a, 2024], root: out}\n",
    "run: {checkpoint: false, num_steps: null, seed: '${seed}', device: '${device}'}\n",
    "data:\n  a: {use: my.Data, with: {x: {use: y.Z}}, transform: my.f, collate: my.g, sampler: {use: weighted}}\n"
    "  b: {like: a, batch_size: 3, limit: 10}\n  c: {from: a, folds: 5, fold: 0, part: train, transform: [m.f, {use: m.G}]}\n"
    "  d: {use: csv, with: {file: x.csv, target: 0}, workers: 2, prefetch: 0, drop_last: true, sampler: weighted}\n",
    "fixed_examples: {train: [0, 1, 2], validation: '${indices}'}\n",
    "models:\n  a: {use: torch.nn.Linear, with: {in_features: 3}}\n  b: {copy: a, frozen: true}\n  c: {use: mlp, with: "
    "{sizes: [1, 2]}, weights: RUN@best}\n  d: {use: convnet, with: {channels: [3], classes: 2}, weights: {file: x.safetensors, "
    "prefix: enc., strict: false}}\n",
    "optimizers:\n  a: {use: SGD, updates: net, with: {lr: 0.1}, schedule: '0.1 / updates', per: step, clip_norm: 1}\n"
    "  b: {use: torch.optim.SGD, updates: [{model: net, match: ['*.bias'], weight_decay: 0.0}, x.head], clip_value: 0.5}\n"
    "  c: {use: AdamW, updates: [net], schedule: {use: cosine, steps: 100, warmup: 5}}\n"
    "  d: {use: Adam, updates: [net], schedule: {use: StepLR, step_size: 3}, with: {betas: [0.5, 0.9]}}\n",
    "stages: {a: {until: 1000}, b: {for: 5 epochs}, c: {until: {when: 'hold(x, 0) > 0.9'}}, d: {for: 9}, e: null}\n",
    "loggers: {board: {use: tensorboard, with: {folder: tb}}, mine: {use: my.Logger}}\n",
    "patterns: {critic: {use: losses, with: {model: a}}}\nops: {critic.loss: {every: 5}, x: 3}\n",
    "graphs:\n  g:\n    doc: x\n    params: {model: null}\n    over: ${data}\n    ops: {a: 1, b: {op: load_batch}}\n"
    "    patterns: {p: {use: h}}\n    outputs: {a: a, b: b.label}\n  h: {repeat: '${n}', ops: {a: 1}}\n"
    "  i: {while: a > 3, max: 5, ops: {a: 1}}\n",
    "include: base.yaml\nops: {panel: null, report: {every: 10}}\noptimizers: {adam: {clip_norm: 1}}\ndata: {test: null}\n",
    "include: [base.yaml, {file: train.yaml, only: [params, models]}]\n",
]


@pytest.mark.parametrize("text", SECTIONS)
def test_sections_that_are_right(validator: Any, text: str) -> None:
    assert mistakes(validator, text) == []


BAD = [
    ("run: {device: gpu}", "run.device: 'gpu' does not match"),
    ("ops: {a: {op: foward}}", "ops.a.op: 'foward' is not one of"),
    ("ops: {a: {inputs: 3}}", "ops.a: 'op' is a required property"),
    ("ops: {a: null}", "ops.a: None is not of type"),
    ("ops: {a: [b]}", "ops.a: ['b'] is not of type"),
    ("ops: {a.b: {every: 5}}", "ops: 'a.b' does not match"),
    ("ops: {1a: 3}", "ops: '1a' does not match"),
    ("ops: {a: {op: stop, evry: 5}}", "ops.a: Additional properties are not allowed ('evry' was unexpected)"),
    ("ops: {a: {op: forward, inputs: b}}", "ops.a: 'with' is a required property"),
    ("ops: {a: {op: forward, with: {model: a}}}", "ops.a: 'inputs' is a required property"),
    ("ops: {a: {op: mse, inputs: {input: b, targt: c}}}", "ops.a.inputs: Additional properties are not allowed"),
    ("ops: {a: {op: mse, inputs: [b, c, d]}}", "ops.a.inputs: ['b', 'c', 'd'] is too long"),
    ("ops: {a: {op: mse, inputs: [b]}}", "ops.a.inputs: ['b'] is too short"),
    ("ops: {a: {op: stop, with: {rn: true}}}", "ops.a.with: Additional properties are not allowed"),
    ("ops: {a: {op: stop, with: {run: 1}}}", "ops.a.with.run: 1 is not valid under any of the given schemas"),
    ("ops: {a: {op: stop, at: strt}}", "ops.a.at: 'strt' is not valid"),
    ("ops: {a: {op: update_ema, with: {target: a, source: b, decay: 2}}}", "ops.a.with.decay: 2 is not valid"),
    ("graphs: {g: {ops: {a: {op: foward}}}}", "graphs.g.ops.a.op: 'foward' is not one of"),
    ("graphs: {g: {ops: {a: {every: 3}}}}", "graphs.g.ops.a: 'op' is a required property"),
    ("graphs: {g: {outputs: {a: a}}}", "graphs.g: 'ops' is a required property"),
    ("opps: {}", "'opps' does not match any of the regexes: '^x-'"),
    ("graphs: {g: {ops: {a.b: 3}}}", "graphs.g.ops: 'a.b' does not match"),
    ("edgraph: 2", "edgraph: 2 is not one of [1]"),
    ("run: {seed: -1}", "run.seed: -1 is not valid"),
    ("run: {backend: troch}", "run.backend: 'troch' is not valid"),
    ("run: {max_time: 2}", "run.max_time: 2 is not of type"),
    ("data: {a: {use: digits, with: {split: tran}}}", "data.a.with.split: 'tran' is not valid"),
    ("data: {a: {use: digts}}", "data.a.use: 'digts' is not valid"),
    ("data: {a: {use: digits, batchsize: 3}}", "data.a: Additional properties are not allowed"),
    ("models: {a: {use: mlp}}", "models.a: 'with' is a required property"),
    ("models: {a: {use: mlp, with: {sizes: [3]}}}", "models.a.with.sizes: [3] is not valid"),
    ("models: {a: mlp}", "models.a: 'mlp' is not of type 'object'"),
    ("optimizers: {a: {use: Adam}}", "optimizers.a: 'updates' is a required property"),
    ("optimizers: {a: {use: Adam, updates: [b], with: {lr: -1}}}", "optimizers.a.with.lr: -1 is not valid"),
    ("optimizers: {a: {use: Adam, updates: b, schedule: {use: cosine, stps: 1}}}",
     "optimizers.a.schedule: Additional properties"),
    ("stages: {a: {until: many}}", "stages.a.until: 'many' does not match"),
    ("fixed_examples: {a: [-1]}", "fixed_examples.a: [-1] is not valid"),
    *((f"ops: {{a: {{op: stop, every: {clock}}}}}", "ops.a.every") for clock in (
        "0", "1.5", "10 stps", "true", "{step: 3}", "{steps: 0}", "{steps: 3, max: 4}", "{cycle: 6}", "{firings: 5}",
        "{}", "[]", "[3, frist]", "{offset: 3}")),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_mistakes_are_found(validator: Any, text: str, message: str) -> None:
    found = mistakes(validator, text)
    assert any(message in mistake for mistake in found), found


def errors(text: str) -> list[str]:
    """What the language itself says."""
    value = parse(text)
    assert isinstance(value, Mapping)
    diagnostics = Diagnostics()
    load(value, [], diagnostics)
    return [f"{d.code}: {d.message}" for d in diagnostics]


# what only one of them looks at: names of the registry, which the language does not know; files
REGISTRY = ("op: foward", "op: forward,", "op: mse", "with: {r", "op: update_ema", "split: tran", "digts", "use: mlp",
            "with: {lr", "stps")


@pytest.mark.parametrize("text", [text for text, _ in BAD if not any(part in text for part in REGISTRY)])
def test_the_language_finds_the_same_mistakes(text: str) -> None:
    assert errors(text if "ops:" in text else text + "\nops: {x: 1}")


@pytest.mark.parametrize("text", [text for text in SECTIONS if "include" not in text and "${" not in text])
def test_the_language_agrees_about_what_is_right(text: str) -> None:
    assert errors(text if "\nops:" in text else text + "\nops: {x: 1}\n") == []


def test_ops_of_a_user_are_in_the_schema() -> None:
    @op
    def my_loss(a: Any, *, weight: float) -> Any:
        """My own."""

    try:
        made = module.schema()
        assert made["definitions"]["with_my_loss"]["required"] == ["weight"]
        valid = jsonschema.Draft7Validator(made)
        assert mistakes(valid, "ops: {x: {op: my_loss, inputs: 3, with: {weight: 1}}}") == []
        assert mistakes(valid, "ops: {x: {op: my_loss, inputs: 3, with: {weigt: 1}}}")
    finally:
        registry.remove("op", "my_loss")


def test_it_keeps_to_what_editors_handle() -> None:
    text = json.dumps(module.schema())
    for word in ("oneOf", "unevaluatedProperties", "deprecationMessage"):
        assert f'"{word}"' not in text
    assert "title" not in module.schema()
