"""Everything is bound once before the first step: what cannot work says so now, not when it first fires."""

from __future__ import annotations

from dataclasses import replace

from edgraph.data.construct import reason
from edgraph.graph.ir import Node
from edgraph.plan.pattern import Call
from edgraph.plan.timetable import ALWAYS_GUARD
from edgraph.run.graphrun import GraphRun
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.source import Span


def bind_everything(run: GraphRun) -> None:
    """Binds every node of a graph and of its loops. Raises PipelineError with all that is wrong."""
    diagnostics = Diagnostics()
    _bind(run, diagnostics)
    if diagnostics.failed:
        raise PipelineError(diagnostics)


def _bind(run: GraphRun, diagnostics: Diagnostics) -> None:
    loops = len(run.context.loops)
    for node in run.graph.nodes.values():
        if node.kind in ("condition", "argument") or node.op == "expr":
            continue
        try:
            run.binder.bound(Call(node, ALWAYS_GUARD))
        except PipelineError as error:
            diagnostics.extend(replace(found, span=found.span or _span(node, found.code))
                               for found in error.diagnostics)
        except Exception as error:  # a user's class or function
            _report(node, error, diagnostics)
    _check_states(run, diagnostics)
    for loop in run.context.loops[loops:]:
        _bind(loop, diagnostics)


def _report(node: Node, error: Exception, diagnostics: Diagnostics) -> None:
    if node.op == "call" and isinstance(error, ImportError | AttributeError):
        diagnostics.error("import-failed", f"'{node.settings['function']}' cannot be imported: {reason(error)}",
                          _span(node, "unknown-function"), "write the path of a function, `package.module.name`; "
                          "modules beside the pipeline count")
    else:
        diagnostics.error("cannot-construct", f"'{node.name}' ({node.op}) cannot be made: {reason(error)}", node.span,
                          "correct what it is given under `with`, or the class of the op")


def _check_states(run: GraphRun, diagnostics: Diagnostics) -> None:
    """What a checkpoint cannot hold, or not give back, is no surprise for later."""
    made = {name: instance for name, instance in run.binder.instances.items() if hasattr(instance, "state_dict")}
    for name, instance in made.items():
        try:
            instance.load_state_dict(run.context.backend.unpack(run.context.backend.pack(instance.state_dict())))
        except Exception as error:  # a user's class
            diagnostics.error("cannot-save", f"the state of '{name}' cannot be saved and restored: {reason(error)}",
                              run.graph.nodes[name].span, "correct its `state_dict` and `load_state_dict`; an op that "
                              "need not remember anything says `state=None`")


def _span(node: Node, code: str) -> Span:
    """Where a node names what is not there: `unknown-model` is about its `model`."""
    settings = node.entry.settings if node.entry else None
    value = settings.get(code.removeprefix("unknown-")) if settings else None
    return node.span if value is None else value.span
