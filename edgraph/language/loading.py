"""From a file (or a Python mapping) and overrides to a typed Pipeline."""

from __future__ import annotations

import gc
from collections.abc import Mapping as Map
from collections.abc import Sequence as Seq
from pathlib import Path
from typing import Any

from edgraph.language.data import read_data, read_fixed_examples
from edgraph.language.declare import read_params
from edgraph.language.fields import Fields, describe, first_line, unknown_key
from edgraph.language.graphs import read_graphs
from edgraph.language.include import MAPPING, read_root, read_with_includes
from edgraph.language.ops import OpReader
from edgraph.language.overrides import apply_overrides
from edgraph.language.pipeline import OpEntry, Pipeline
from edgraph.language.runs import read_loggers, read_patterns, read_run, read_stages
from edgraph.language.sections import Context
from edgraph.language.training import read_models, read_optimizers
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Mapping, Name, Scalar, Source, plain
from edgraph.text.suggest import did_you_mean, hint

SECTIONS = ("edgraph", "name", "description", "imports", "include", "params", "run", "data", "fixed_examples",
            "models", "optimizers", "stages", "ops", "patterns", "graphs", "loggers")
VERSION = 1
_HINTS = {"dataset": "did you mean 'data'?", "datasets": "did you mean 'data'?",
          "steps": "did you mean 'ops'?",
          "nodes": "did you mean 'ops'?", "version": "the language's version is 'edgraph: 1'",
          "parameters": "did you mean 'params'?", "seed": "write run: {seed: …}",
          "device": "write run: {device: …}",
          "num_epochs": "write run: {num_epochs: …}", "num_steps": "write run: {num_steps: …}",
          "backend": "write run: {backend: …}"}


def load(path_or_mapping: str | Path | Map[str, Any] | Source, overrides: Seq[str],
         diagnostics: Diagnostics) -> Pipeline | None:
    """The pipeline of a file; None where the text or an include could not be read.

    With other errors there is a pipeline nevertheless, whose `broken` names the entries concerned, so that
    later passes can report what they find in the rest.
    """
    source = read_root(path_or_mapping, diagnostics)
    return None if source is None else load_source(source, overrides, diagnostics)


def load_source(source: Source, overrides: Seq[str], diagnostics: Diagnostics) -> Pipeline | None:
    """The pipeline of a text; what it includes is looked for beside the source's name."""
    collecting = gc.isenabled()
    gc.disable()  # a pipeline has no cycles: collecting while it grows would only cost time
    try:
        root = read_with_includes(source, diagnostics)
        if root is None:
            return None
        root = apply_overrides(root, overrides, SECTIONS, diagnostics)
        return _pipeline(source, root, bool(overrides) or source.name == MAPPING, diagnostics)
    finally:
        if collecting:
            gc.enable()


def _pipeline(source: Source, root: Mapping, mixed: bool, diagnostics: Diagnostics) -> Pipeline:
    _check_sections(root, diagnostics)
    context = Context(diagnostics, {})
    section = context.mapping(root, "params", "write params: {NAME: VALUE}")
    given = None if section is None else read_params(section, diagnostics)
    params = {} if given is None else given.values
    context = Context(diagnostics, params, mixed or "${" in source.text or "include" in root.entries)
    if given is not None:
        context.resolved["params"] = Entry(root.entries["params"].span, given.tree)
    head_keys = ("name", "description", "imports")
    context.resolved.update({key: Entry(entry.span, context.insert(entry.value))
                             for key, entry in root.entries.items() if key in head_keys})
    head = Fields(Mapping({**root.entries, **context.resolved}, root.span), "the pipeline", root.entries,
                  diagnostics)
    ops, adjustments = _ops(root, context)
    sections: dict[str, Any] = {
        "run": read_run(root, context), "data": read_data(root, context),
        "fixed_examples": read_fixed_examples(root, context), "models": read_models(root, context),
        "optimizers": read_optimizers(root, context), "stages": read_stages(root, context),
        "patterns": read_patterns(root, context), "graphs": read_graphs(root, context),
        "loggers": read_loggers(root, context)}
    entries = {key: context.resolved.get(key, entry) for key, entry in root.entries.items()
               if key != "include"}
    return Pipeline(
        source, head.text("name") or _stem(source), tree=Mapping(entries, root.span),
        description=head.text("description", empty=True) or "", imports=_imports(head),
        params={name: plain(tree) for name, tree in params.items()},
        declared=given.declared if given else {}, ops=ops, param_trees=params, adjustments=adjustments,
        broken=frozenset(context.broken), **sections)


def _stem(source: Source) -> str:
    return "pipeline" if source.name.startswith("<") else Path(source.name).stem


def _check_sections(root: Mapping, diagnostics: Diagnostics) -> None:
    meant = {unknown_key(key, entry.span, "the pipeline", SECTIONS, diagnostics, _HINTS,
                         root.entries)
             for key, entry in root.entries.items() if key not in SECTIONS and not key.startswith("x-")}
    version = root.get("edgraph")
    if version is not None and not (isinstance(version, Scalar) and version.value == VERSION
                                    and not isinstance(version.value, bool)):
        diagnostics.error("unknown-version", f"'edgraph' is {describe(version)}; this edgraph reads version {VERSION} "
                          "of the language", first_line(version.span), f"write edgraph: {VERSION}")
    if not {"ops", "patterns"} & (root.entries.keys() | meant):
        diagnostics.error("missing-key", "the pipeline has no 'ops'",
                          first_line(root.span)._replace(end_line=root.span.line),
                          "write ops: {NAME: {op: TYPE, …}}")


def _imports(head: Fields) -> tuple[Name, ...]:
    names = []
    for name in head.names("imports"):
        module = name.text[:-3].removeprefix("./").replace("/", ".") if name.text.endswith(".py") else name.text
        if module != name.text or not all(part.isidentifier() for part in module.split(".")):
            help = hint(f"write {module}", module) if module != name.text \
                else "write it as Python's `import` does: package.module"
            head.diagnostics.error("bad-name", f"'imports' takes names of Python modules, not {name.text!r}",
                                   name.span, help)
        names.append(Name(module, name.span))  # the file that is meant can be imported all the same
    return tuple(names)


def _ops(root: Mapping, context: Context) -> tuple[dict[str, OpEntry], dict[str, Entry]]:
    """The ops, and what is said about ops of patterns."""
    section = context.mapping(root, "ops", "write NAME: {op: TYPE, …} for each op")
    if section is None:
        return {}, {}
    patterns = root.get("patterns")
    names = patterns.entries if isinstance(patterns, Mapping) else {}
    adjustments = {name: entry for name, entry in section.entries.items()
                   if "." in name and _adjusts(name, entry, names, context)}
    own = section if not adjustments else Mapping(
        {name: entry for name, entry in section.entries.items() if name not in adjustments}, section.span)
    reader = OpReader(context.diagnostics, context.interpolator, context.scope)
    read = reader.section(own)
    context.broken.update(f"ops.{name}" for name in read.broken)
    adjustments = {name: Entry(entry.span, context.insert(entry.value, ("inputs", "when")))
                   for name, entry in adjustments.items()}
    resolved = Mapping({**read.trees, **adjustments}, section.span)
    context.resolved["ops"] = Entry(root.entries["ops"].span, resolved)
    return read.ops, adjustments


def _adjusts(name: str, entry: Entry, patterns: Map[str, Entry], context: Context) -> bool:
    """Whether `train.critic: {every: 5}` is about an op of a pattern. In an expanded pipeline it is the op itself."""
    head = name.split(".")[0]
    if head in patterns:
        return True
    if (isinstance(entry.value, Mapping) and "op" in entry.value.entries) or isinstance(entry.value, Scalar):
        return False
    context.diagnostics.error("unknown-pattern", f"there is no pattern {head!r} that makes an op {name!r}", entry.span,
                              did_you_mean(head, patterns) or None)
    return True
