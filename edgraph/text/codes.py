"""Every code that a message can have: what it says, and the way out.

`examples/CODE.yaml` is the smallest pipeline that gives it, and `examples/CODE.out` what is said of it then. From these
come docs/diagnostics.md and `edgraph explain CODE`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_EXAMPLES = Path(__file__).parent / "examples"
_FILE = "#: "  # before a line of an example: another file begins, whose name follows


class Code(NamedTuple):
    name: str
    about: str
    way_out: str
    warns: bool = False


class Example(NamedTuple):
    """command: as on the command line. files: by name, the pipeline first. output: what is said of it."""

    command: str
    files: dict[str, bytes]
    output: str


_ALL = (
    Code("alias-bomb", "Aliases (`*name`) expand the file to more values than it could hold by hand.",
         "Write out what is needed, or less of it."),
    Code("ambiguous-name", "A path such as `a.b` can be read in two ways: as the op `a.b`, or as a part of the op `a`.",
         "Rename one of the two."),
    Code("bad-clock", "`every` has no such form.",
         "Write a number of steps, `10 steps`, `1 epoch`, `10 updates`, `10 minutes`, `first`, `last`, or one of the "
         "mappings of the table of clocks."),
    Code("bad-expression", "An expression uses what the small language of expressions does not have.",
         "Use its operators and functions; what needs more is an op in Python."),
    Code("bad-fold", "The folds of a data set do not fit its length, or are said in half.",
         "Say `folds`, `fold` and `part`, with at most as many folds as there are examples."),
    Code("bad-interpolation", "`${…}` is not written as it must be, or inserts what does not fit there.",
         "Write `${NAME}` with the name of a parameter, or `${env:NAME}`."),
    Code("bad-key", "A key is a number, a list or empty; keys are names.", "Put it in quotes if it is meant as text."),
    Code("bad-name", "A name is no Python identifier, or is a keyword of Python.",
         "Use letters, digits and `_`, and begin with no digit."),
    Code("bad-override", "An override on the command line names what cannot be set that way.",
         "Name the key of a mapping; a list is given as a whole: `key=[1, 2]`."),
    Code("bad-pattern", "A pattern cannot be made from what it was given.",
         "The message of the pattern says what it needs."),
    Code("bad-registration", "A module registers something under a name that is taken.", "Give it another name."),
    Code("bad-value", "A value of the right type that this key or parameter cannot take.",
         "The message says what is possible."),
    Code("bad-weights", "The weights that a model is to begin with cannot be read, or do not fit.",
         "Check the file or the run, `prefix` and `strict`."),
    Code("between-steps", "What is looked at between steps (the end of a stage, say) reads a value of a step.",
         "Take the latest value with `hold(x, initial)`."),
    Code("cannot-construct", "An op's class raises an error when it is made.", "Correct its parameters, or the class."),
    Code("cannot-save", "The state of an op or a model cannot be saved to a checkpoint and restored from it.",
         "Let `state_dict` return numbers, texts, lists, mappings and arrays."),
    Code("checkpoint-in-loop", "A checkpoint would be taken within a step, where half of the state is of one step and "
                               "half of the next.",
         "Give the loop an output, and save outside of it."),
    Code("clock-too-complex", "Whether a clock keeps its promise cannot be decided in reasonable time.",
         "Use fewer intervals, or such as divide each other."),
    Code("clocks-never-meet", "There is no step in this run on which all inputs of an op are made.",
         "Change one of the clocks, or take an older value with `hold`.", True),
    Code("control-character", "The file has a character that YAML forbids; most often it came in by copying.",
         "Remove it."),
    Code("copy-cycle", "Models are copies of each other, so that none of them says what it is.",
         "Give one of them a `use`."),
    Code("cycle", "Ops need each other's values at the same step.",
         "Let one of them read the value of the step before: `previous(x, initial)`."),
    Code("data-cycle", "Data sets are made of each other by `like` or `from`.", "Let one of them say `use`."),
    Code("data-error", "The first example of a data set cannot be read: the data set, its transform or collate raised "
                       "an error, or lacks a field that the data set declares.",
         "Correct the function that is named."),
    Code("different-models", "A model cannot follow another as its average, since their parameters differ.",
         "Make it a copy: `average: {copy: net}`."),
    Code("duplicate-key", "A key stands twice in one mapping.", "Remove one of them, or rename it."),
    Code("duplicate-value", "An index of `fixed_examples` is given twice.", "Remove one of them."),
    Code("empty-data", "A data set has no examples.", "Check its parameters and its files."),
    Code("empty-file", "The file holds no pipeline.", "Write one; `edgraph new FILE` begins one."),
    Code("empty-stage", "A stage ends before it begins.",
         "`until` is a step of the run, `for` a length: use one that ends later."),
    Code("endless-loop", "Nothing says when a loop ends.", "Give its graph `over`, `repeat` or `while`."),
    Code("event-in-loop", "An op in a loop is to run at an event of the run, but a loop is within a step.",
         "Say `at` of the loop itself."),
    Code("exclusive-keys", "Two keys that exclude each other are both given.", "Keep one of them."),
    Code("file-too-large", "A file is far larger than any pipeline.",
         "Keep data out of the pipeline, and give its path instead."),
    Code("frozen-model", "An optimizer or an op updates a model that is frozen.",
         "Drop `frozen: true`, or take the model out of `updates`."),
    Code("held-every-step", "A value that `hold` or `previous` reads is made at every step, and with it a batch or a "
                            "model's output that is needed ten times less often.",
         "Give the op that makes it an `every`.", True),
    Code("import-failed", "A module, class or function that the pipeline names cannot be imported.",
         "Correct the name or the module; modules beside the pipeline count."),
    Code("include-cycle", "Files include each other.", "Remove one of the includes."),
    Code("index-out-of-range", "A fixed example is not in its data set.", "Indices count from 0; use smaller ones."),
    Code("initial-value", "The initial value of a `hold` makes a condition true before the real value is there, and "
                          "with that ends the run or a stage, saves a checkpoint, changes a learning rate or lets an "
                          "update run; or it is itself taken as a learning rate.",
         "Take one with which nothing is decided; `nan` compares false with everything.", True),
    Code("interpolated-expression", "`${…}` stands in an expression.", "Write `params.NAME` there."),
    Code("lazy-model", "A model has layers without a shape until their first input, so that no optimizer can be made "
                       "for it.",
         "Give the sizes."),
    Code("merge-key", "`<<` is not part of the language.",
         "Use `like:` in a data set, `include:` for files, or a pattern."),
    Code("misses-last-step", "`run.checkpoint` is off, and the checkpoints of ops leave out the end of the run.",
         "Add `last` to the op's `every`, or leave `run.checkpoint` on.", True),
    Code("missing-file", "A file that is named is not there.", "Paths are relative to the file that names them."),
    Code("missing-input", "An op is not given an input that it needs.",
         "Give it; `edgraph ops NAME` lists an op's inputs."),
    Code("missing-key", "A mapping lacks a key that it needs.", "Add it."),
    Code("missing-package", "The framework of a backend is not installed.",
         "Install edgraph with the extra that the message names."),
    Code("missing-parameter", "An op, model, data set or pattern is not given a parameter that it needs.",
         "Add it under `with`; `edgraph ops NAME` lists the parameters."),
    Code("missing-value", "A key has nothing after its colon.", "Write a value, or remove the key."),
    Code("needs-closure", "An optimizer evaluates its loss several times in one update, which a graph of ops cannot "
                          "do.",
         "Use Adam, SGD or another that takes one gradient."),
    Code("never-fires", "An op's clock has no step in this run.",
         "Let it fire more often, or let the run be longer.", True),
    Code("no-checkpoint", "The run that is to be evaluated has no such checkpoint.",
         "Name one that it has, or `latest`."),
    Code("no-data", "An op reads the data set that the run is over, but there is none.",
         "Name a data set: `with: {data: NAME}`, or `run.over`."),
    Code("no-epochs", "Something is counted in epochs, but the run is over no data set.",
         "Name a data set with `run.over`, or count steps."),
    Code("no-gradient", "No gradient of the loss reaches what the optimizer updates.",
         "Let the loss depend on the model through a `forward`, not through `hold`, `previous` or `detach`."),
    Code("no-initial-value", "A `hold` or `previous` may be read before its source has run.",
         "Give an initial value: `hold(x, 0.0)`."),
    Code("no-run", "The run whose checkpoints are to be evaluated is not there.",
         "Runs are named by their folder, from where edgraph is started, or by their name."),
    Code("no-steps", "An epoch of a data set has no step.", "Use a smaller `batch_size`, or `drop_last: false`."),
    Code("no-value", "An expression reads an op that has no value, such as a log or an update of an average.",
         "Read what that op reads, or come `after` it."),
    Code("not-a-data-set", "What a data set's `use` names is no data set.",
         "It has `__len__` and `__getitem__(index)`, which returns a mapping."),
    Code("not-a-mapping", "The file is a list or a single value; a pipeline is a mapping of sections.",
         "Begin lines with `ops:`, `data:` and so on."),
    Code("not-a-model", "What a model's `use` names does not give a model.",
         "Name a class of models, or a function that returns one."),
    Code("not-an-effect", "Firings are counted of an op that runs only when something needs it, so that they are no "
                          "clock.",
         "Count the firings of an effect, or of an update."),
    Code("not-an-optimizer", "What an optimizer's `use` names does not give an optimizer.",
         "Name a class of optimizers."),
    Code("not-callable", "What is named as a transform, collate, sampler or model cannot be called.",
         "Name a function, or a class with `__call__`."),
    Code("not-finite", "A number is `.nan` or `.inf` where a finite one is needed.", "Write a number."),
    Code("not-in-evaluation", "What trains or saves has no place in a run over checkpoints.",
         "Remove it: such a run only looks at weights that there are."),
    Code("not-live", "A parameter was filled in before the run (`${…}`), so that no change of it could reach every "
                     "place.",
         "Read it as `params.NAME` in expressions."),
    Code("not-on-backend", "An op, a parameter or a section is not there on the backend that `run.backend` names.",
         "Choose a backend that has it; the message says which do."),
    Code("not-over-checkpoints", "A key of `run` is for a run over checkpoints, and this run is none.",
         "Write `over: checkpoints`, or remove the key."),
    Code("not-utf-8", "The file is not UTF-8 text.", "Save it as UTF-8."),
    Code("nothing-to-update", "An optimizer finds no parameter to update in what it names.",
         "Check `match`, and what other groups before it have taken."),
    Code("only-logged", "An op logs at every step, and a batch is fetched or a model runs for nothing but that.",
         "Give it an `every`.", True),
    Code("order-cycle", "The order that is asked for contradicts itself.", "Drop one of the `after`."),
    Code("other-model", "A model of the pipeline is not in the checkpoints that are to be evaluated, or has another "
                        "shape there.",
         "Declare it as the pipeline of that run does: `include: [{file: train.yaml, only: [models]}]`."),
    Code("out-of-range", "A number is too small or too large.", "The message says from where to where."),
    Code("parameter-cycle", "Parameters are made of each other.", "Give one of them a value."),
    Code("pattern-failed", "A pattern in Python raised an error, or returned no ops.", "Correct its function."),
    Code("recursive-alias", "An alias stands inside of what it names.", "Write the value out."),
    Code("recursive-graph", "A graph runs itself.", "Break the circle."),
    Code("reserved-name", "A name has a meaning of its own in the language.", "Choose another."),
    Code("resume-mismatch", "A run cannot go on with this pipeline: it is in the middle of another order of its data, "
                            "or its state does not fit.",
         "Put back what was changed, or begin a new run from its weights: `--from RUN`."),
    Code("said-twice", "A pattern and the pipeline say different things about the same.", "Remove one of the two."),
    Code("several-documents", "A file holds more than one YAML document.",
         "Remove the `---`, or put the second into a file of its own."),
    Code("stale-gradient", "A model is updated between a forward and the gradients through it.",
         "Let the gradients be taken first, or run the forward `after` the update."),
    Code("stale-input", "An op fires on a step on which one of its inputs is not made.",
         "Change one of the clocks, drop `every`, or take the latest value with `hold(x, initial)`."),
    Code("stream-clock", "A `load_batch` of the data set that the run is over has an `every`, but that data set "
                         "advances at every step.",
         "Drop the `every`, or name another `stream`."),
    Code("syntax", "The text is not YAML.", "The message says what the reader stumbled over."),
    Code("time-in-loop", "An op in a loop has a clock in minutes; the steps of a loop are within a step of the run.",
         "Give the loop itself that clock."),
    Code("too-deep", "Values are nested deeper than any pipeline needs.", "Most often a bracket is not closed."),
    Code("two-schedules", "The learning rate of an optimizer is set by its `schedule` and by the op "
                          "`set_learning_rate`.",
         "Drop one of them."),
    Code("unexpected-input", "An op is given more inputs than it takes.",
         "Remove one; `edgraph ops NAME` lists an op's inputs."),
    Code("unknown-alias", "`*name` names nothing that stands above.", "Text that begins with `*` needs quotes."),
    Code("unknown-collate", "What `collate` names is neither registered nor an import path.",
         "Write `module.function`; modules beside the pipeline count."),
    Code("unknown-data", "There is no data set of this name.", "Correct the name, or declare it under `data`."),
    Code("unknown-device", "This machine has no such device.", "Use `auto`, or a device that is there."),
    Code("unknown-field", "A value has no such part.", "Correct the name; `edgraph ops NAME` lists an op's parts."),
    Code("unknown-graph", "There is no graph of this name.", "Correct the name, or declare it under `graphs`."),
    Code("unknown-import", "A module under `imports` is neither beside the pipeline nor installed.",
         "Correct the name, or write the module."),
    Code("unknown-input", "An op has no input of this name.",
         "Correct the name; `edgraph ops NAME` lists an op's inputs."),
    Code("unknown-key", "A mapping has no such key.",
         "Correct it, or remove it. What is only for you goes under a key `x-…` of the file."),
    Code("unknown-last", "The last step of a stage that ends by a condition is not known while it runs.",
         "Use the first step of the next stage."),
    Code("unknown-logger", "There is no logger of this name.", "Correct the name, or give an import path."),
    Code("unknown-method", "A model has no such method.", "Correct `method`."),
    Code("unknown-model", "There is no model of this name.", "Correct the name, or declare it under `models`."),
    Code("unknown-name", "There is no op of this name.",
         "Correct the name; only ops of the same graph and its inputs are known."),
    Code("unknown-op", "There is no such type of op.",
         "Correct it; `edgraph ops` lists them. Your own come from a module under `imports`."),
    Code("unknown-optimizer", "There is no optimizer of this name.",
         "Correct the name, or declare it under `optimizers`."),
    Code("unknown-parameter", "There is no parameter of this name.",
         "Correct it; `edgraph ops NAME` lists an op's parameters, `params` those of the pipeline."),
    Code("unknown-pattern", "There is no pattern or graph of this name.",
         "Correct the name, or declare a graph under `graphs`."),
    Code("unknown-precision", "A precision that this device does not have.",
         "Use `fp32`, or one that the message names."),
    Code("unknown-sampler", "There is no sampler of this name.", "Correct it, or write `module.function`."),
    Code("unknown-schedule", "There is no schedule of this name.", "Correct it, or write an expression."),
    Code("unknown-stage", "There is no stage of this name.", "Correct the name, or declare it under `stages`."),
    Code("unknown-transform", "What `transform` names is no import path.",
         "Write `module.function`; modules beside the pipeline count."),
    Code("unknown-value", "A parameter takes one of a few values, and this is none of them.",
         "Use one that the message lists."),
    Code("unknown-version", "The file is written for another version of the language.",
         "Write `edgraph: 1`, or install the edgraph that reads it."),
    Code("unknown-warning", "`ignore` names no warning.", "Correct the code. Errors cannot be silenced.", True),
    Code("unordered-writes", "Two ops update the same model at the same step, in no order.",
         "Say `after`, use clocks that never meet, or one optimizer for both losses."),
    Code("unquoted-comma", "An expression with a comma stands in braces without quotes, so that YAML cuts it in two.",
         "Put it in quotes."),
    Code("unreached-model", "No gradient of an optimizer's losses reaches one of the models that it updates.",
         "Let a loss depend on the model, or take it from `updates`.", True),
    Code("unread-value", "Nothing reads the value of an op that does nothing else, so it never runs.",
         "Read it, log it, or remove it.", True),
    Code("unreadable-file", "A file cannot be read: it is a folder, or permission is missing.",
         "Name a file that can be read."),
    Code("unset-variable", "An environment variable that the pipeline inserts is not set.",
         "Set it, or give a value for its absence: `${env:NAME:-value}`."),
    Code("untrained-model", "A model runs, but nothing updates it: it is not frozen, is no average and is given no "
                            "weights.",
         "Update it, say `frozen: true`, or give it `weights`.", True),
    Code("unused-data", "No op reads a data set, and none is made of it.", "Read it, or remove it.", True),
    Code("unused-model", "No op runs a model, and none is a copy of it.", "Run it, or remove it.", True),
    Code("unused-optimizer", "No op trains with an optimizer.", "Add an `optimize`, or remove the optimizer.", True),
    Code("which-model", "The average of an optimizer could be of several models.",
         "Say which one it copies: `average: {copy: net}` under `models`."),
    Code("which-optimizer", "A clock counts updates, and it is not said of which optimizer.",
         "Write `{updates: 10, of: NAME}`."),
    Code("wrong-type", "A value is of another type than expected: a text for a number, say.",
         "The message says what is expected. Numbers stand without quotes, texts may have them."),
    Code("yaml-tag", "A tag such as `!!python/object` stands in the file; a pipeline holds data only.",
         "Leave it out; objects are made with `use` and `with`."),
)
CODES = {code.name: code for code in _ALL}
WARNINGS = tuple(code.name for code in _ALL if code.warns)  # all others are errors


def example(code: str) -> Example:
    """The smallest pipeline that gives a message with this code."""
    data = (_EXAMPLES / f"{code}.yaml").read_bytes()
    files, name = {"pipeline.yaml": b""}, "pipeline.yaml"
    for line in data.splitlines(keepends=True):
        if line.startswith(_FILE.encode()):
            name = line.decode()[len(_FILE):].strip()
            files[name] = b""
        else:
            files[name] += line
    head = data.split(b"\n", 1)[0].decode(errors="replace")
    command = head[2:] if head.startswith("# edgraph ") else "edgraph validate pipeline.yaml"
    out = _EXAMPLES / f"{code}.out"
    return Example(command, files, out.read_text(encoding="utf-8") if out.exists() else "")
