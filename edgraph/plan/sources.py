"""`edgraph plan --code`: the generated step function of every pattern, each with the steps that it runs on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from edgraph.graph.clocks import Atom
from edgraph.graph.ir import Graph, Node
from edgraph.plan.codegen import generate
from edgraph.plan.cycles import Cycle, spans
from edgraph.plan.events import event_listing, events
from edgraph.plan.outlook import STAGES, open_stages
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.regions import Traces
from edgraph.plan.tables import WIDTH, loop_words
from edgraph.plan.tally import Firings, tally
from edgraph.plan.timetable import Timetable
from edgraph.plan.wording import EVENTS, pattern_words, step_list, tick_words

SHOWN = 64  # patterns of a graph whose source is printed
SPANS = 4096  # pieces of the run that are searched for cycles


class Source(NamedTuple):
    """One function to print: its pattern, and when it runs."""

    mask: int
    when: str
    epilogue: bool = False


def text(graph: Graph, first: int, last: int | None, traces: Traces | None) -> str:
    """The source of all patterns of the steps first..last, and of the loops in them. traces: see generate."""
    parts = list(_graph(graph, "pattern", "step", first, last, traces))
    for event in events(graph):
        names = ", ".join(row.label for row in event_listing(graph, event)[1].rows)
        parts.append(_comment(f"at: {event}, {EVENTS[event]}: {names}. Between steps ops are run one by one."))
    return "\n\n".join(parts)


def _graph(graph: Graph, name: str, unit: str, first: int, last: int | None,
           traces: Traces | None) -> Iterator[str]:
    table = Timetable(graph)
    found = list(dict.fromkeys(_sources(table, unit, first, last)))
    functions: dict[int, str] = {}
    for number, source in enumerate(found[:SHOWN], 1):
        plan = plan_pattern(graph, table, source.mask, epilogue=source.epilogue)
        function = f"{name}_end" if source.epilogue else f"{name}_{number}"
        if not source.epilogue:
            functions.setdefault(source.mask, function)
        yield _comment(source.when) + generate(graph, table, plan, function, traces=traces).text
    if len(found) > SHOWN:
        yield _comment(f"… and {len(found) - SHOWN} more patterns; choose some steps to see theirs")
    yield from dict.fromkeys(_rounds(table, functions, unit, first, last))
    for node in graph.nodes.values():
        if node.body is not None:
            yield from _body(node, node.body, traces)


def _rounds(table: Timetable, functions: dict[int, str], unit: str, first: int, last: int | None) -> Iterator[str]:
    """Cycles of a few patterns run in one function, which has all their loops."""
    for ticks, words in _moments(table):
        for span in islice(spans(table, first, last, ticks), SPANS):
            if isinstance(span, Cycle) and all(mask in functions for mask in span.masks):
                steps = f"{span.start}..{span.stop}" if last is not None else f"{span.start}, {span.start + 1}, …"
                together = ", ".join(sorted((functions[mask] for mask in span.masks), key=_number))
                yield _comment(f"{f'{words}: ' if words else ''}{unit}s {steps} are rounds of {span.length}, for "
                               f"which the loops of {together} stand in one function")


def _number(function: str) -> int:
    return int(function.rsplit("_", 1)[1])


def _body(node: Node, body: Graph, traces: Traces | None) -> Iterator[str]:
    assert body.use is not None
    parts = list(_graph(body, "".join(c if c.isalnum() else "_" for c in body.name), "iteration", 1,
                        body.facts.last_step, traces))
    head = _comment(f"Loop '{body.name}': graph '{body.use.name}', {loop_words(node)}.")
    yield head + "\n" + parts[0]
    yield from parts[1:]


def _sources(table: Timetable, unit: str, first: int, last: int | None) -> Iterator[Source]:
    """Every pattern of the steps; what only the run will know is tried by itself, on a step like most."""
    for ticks, words in _moments(table):
        kinds = tally(table, lambda mask: mask, first, last, ticks).kinds
        for mask, firings in kinds.items():
            where = ", ".join(filter(None, (words, pattern_words(table, [mask], unit, ticks))))
            yield Source(mask, f"{where}: {unit}s {step_list(firings)}")
        usual = max(kinds.values(), key=_weight, default=None)
        stages = {atom.key for atom in ticks}
        for atom in sorted(table.ticks, key=lambda atom: atom.words):
            if usual is not None and (atom.kind not in STAGES or (atom.key in stages and atom not in ticks)):
                mask = table.mask(usual.first, ticks | {atom})
                where = ", ".join(filter(None, (words, tick_words(atom))))
                yield Source(mask, f"{where}, with what else is due on most steps")
    if any(node.metric for node in table.graph.nodes.values()):
        yield Source(table.mask(1), "once, when the loop has ended", True)


def _moments(table: Timetable) -> list[tuple[frozenset[Atom], str]]:
    """What may hold of the stages that only the run will know, one at a time, in words."""
    unknown = [Atom("stage", name) for name in open_stages(table.graph)]
    known = [(frozenset[Atom](), "")] if len(unknown) < max(1, len(table.graph.stages)) else []
    return [*known, *((frozenset({atom}), tick_words(atom)) for atom in unknown)]


def _weight(firings: Firings) -> float:
    return firings.rate[0] / firings.rate[1] * (1 << 62) if firings.rate else firings.number


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH - 2))
