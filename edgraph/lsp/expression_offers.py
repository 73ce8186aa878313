"""Completion within expressions: references, parts of values, functions, parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgraph.graph.edges import known_fields
from edgraph.language.grammar import ARGUMENTS
from edgraph.lsp.nodes import nodes_of
from edgraph.lsp.offers import Offer, Offers
from edgraph.ops.registry import registry

WORD = re.compile(r"(?:[^\W\d][\w.]*)?$")
REST = re.compile(r"\w*")
BUILTINS = {"step": "the step, counted from 1", "epoch": "the epoch, counted from 1", "stage": "the name of the stage",
            "params": "parameters: params.NAME"}
FUNCTIONS = {
    "hold": ("hold(${1:x}, ${2:0.0})", "hold(x, initial): the latest value of x, of this step or an earlier one"),
    "previous": ("previous(${1:x}, ${2:0.0})", "previous(x, initial): the value of x before this step"),
    "either": ("either(${1:x}, ${2:0})", "either(x, y, …): the first that is available at this step"),
    "detach": ("detach(${1:x})", "detach(x): x without its gradient"),
    "clip": ("clip(${1:x}, ${2:0}, ${3:1})", "clip(x, lowest, highest)"),
    "min": ("min(${1:x}, ${2:y})", "min(x, y, …)"), "max": ("max(${1:x}, ${2:y})", "max(x, y, …)"),
}


def in_expression(offers: Offers, schedule: bool) -> None:
    """schedule: that of an optimizer, which knows no ops."""
    word = WORD.search(offers.spot.before)
    path = (word[0] if word is not None else "").split(".")
    rest = REST.match(offers.spot.after)
    start, end = offers.offset - len(path[-1]), offers.offset + (rest.end() if rest is not None else 0)
    if path[0] == "params" and len(path) == 2:
        for name in dict.fromkeys([*offers.params(offers.scope), *offers.params("")]):
            offers.found.append(Offer(name, name, start, end, "param", "parameter"))
    elif len(path) > 1:
        for name, detail, doc in [] if schedule else parts(offers, path[:-1]):
            offers.found.append(Offer(name, name, start, end, "field", detail, doc))
    else:
        _words(offers, start, end, schedule)


def _words(offers: Offers, start: int, end: int, schedule: bool) -> None:
    if not schedule:
        names = offers.analysis.index.names if offers.analysis is not None else None
        arguments = list(names.arguments.get(offers.scope, ())) if names is not None else []
        for name in [*arguments, *offers.ops()]:
            kind = names.ops.get(offers.scope, {}).get(name, "") if names is not None else ""
            spec = registry.ops.get(kind)
            offers.found.append(Offer(name, name, start, end, "op", kind, spec.summary if spec is not None else ""))
    for name, doc in {**BUILTINS, **({"updates": "the optimizer's own updates so far"} if schedule else {})}.items():
        offers.found.append(Offer(name, name, start, end, "keyword", doc=doc))
    for name in ARGUMENTS:
        if schedule and name in ("hold", "previous", "either", "detach"):
            continue
        insert, doc = FUNCTIONS.get(name, (f"{name}(${{1:x}})", f"{name}(x)"))
        alone = offers.offset - start == len(offers.spot.before) and end - offers.offset == len(offers.spot.after)
        if offers.spot.flow and not offers.spot.quote and alone and ", " in insert:
            insert = f'"{insert}"'  # a comma would end the value
        offers.found.append(Offer(name, insert, start, end, "function", doc, snippet=True))


def parts(offers: Offers, path: list[str]) -> Iterator[tuple[str, str, str]]:
    """The parts of what a path means: (name, what it is, what is said of it)."""
    analysis = offers.analysis
    if analysis is None:
        return
    names, head = analysis.index.names, ".".join(path)
    scope = names.scope_of(offers.scope, path[0])
    graph = names.patterns.get(scope, {}).get(path[0])
    if graph is not None and path[0] not in names.ops.get(scope, ()) and len(path) == 1:
        nodes = analysis.graph.nodes if analysis.graph is not None and graph not in names.ops else ()
        made = [name.removeprefix(f"{head}.") for name in nodes if name.startswith(f"{head}.")]
        for name in [*names.ops.get(graph, ()), *names.outputs.get(graph, ()), *made]:
            if "." not in name:
                yield name, f"of pattern {head}", ""
        return
    loop = names.loops.get((scope, head), "")
    if loop:
        for name in sorted(names.outputs.get(loop, ())):
            yield name, f"output of graph {loop}", ""
        return
    found = nodes_of(analysis, scope, head)
    spec = found[0].node.spec if found else registry.ops.get(names.ops.get(scope, {}).get(head, ""))
    ports = {port.name: port.doc for port in spec.ports} if spec is not None else {}
    fields = known_fields(found[0].node, found[0].graph) or [] if found else []
    for name in dict.fromkeys([*fields, *ports]):
        yield name, f"of {head}", ports.get(name, "")
