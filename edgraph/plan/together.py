"""Steps together: where nothing of the host is due but the batches, many steps of a pattern are one call.

That is so for a pattern that is one region, fed by the batches of the data set that the run is over, by fixed examples,
and by numbers that follow from the step. What a step keeps for `hold` and `previous` must not be read at the next one,
and each step must keep it anew, as only the last one does: not where that depends on whether an update was applied.
"""

from __future__ import annotations

from edgraph.graph.ir import Graph
from edgraph.graph.models import data_of
from edgraph.plan.body import Body
from edgraph.plan.call_code import Line
from edgraph.plan.pattern import Call
from edgraph.plan.region_code import GIVEN, Given
from edgraph.plan.regions import Region
from edgraph.plan.timetable import ALWAYS_GUARD


def together(body: Body) -> list[Line] | None:
    """The function that goes through the steps of a pattern, if they can be together: it runs as many as it can in
    one call, and gives those that it leaves to the loop, always the last one among them.

    What follows the decorator gives, from the step, every argument of the region that is not rows of the data set.
    """
    if not _is_alone(body):
        return None
    [code] = body.regions
    batches = {call.node.name for call in _host(body) if call.node.op == "load_batch"}
    rows: dict[str, str] = {}
    rest: list[Given] = []
    for one in code.given:
        if one.source is None or one.source.node not in batches:
            rest.append(one)
            continue
        written = body.writer.value(*one.source)
        match one.source.field:
            case ("count",):
                count = f'{body.names.need("_count", "count")}(step)'
                rest.append(one._replace(text=one.text.replace(written, count)))
            case (str(field),) if one.text == written and field != "index":
                rows[one.name] = field
            case _:
                return None
    computed = {body.names.variable(call.node.name) for call in _host(body) if call.node.op == "expr"}
    each = tuple(one.name for one in rest if _is_of_step(one, computed))
    kept = [line for line in body.lines if line.node not in (None, *batches)]
    fetched = {body.names.variable(name) for name in batches}
    if any(_words(text) & fetched for text in (*(one.text for one in rest), *(line.text for line in kept))):
        return None  # the host looks into the batch itself
    return [Line(f"@_together({code.name}, rows={rows}, each={each})"), Line(f"def {body.name}_steps(step):"),
            *(Line(f"    {text}", node) for text, node in kept),
            Line(f"    return ({''.join(f'{one.text}, ' for one in rest)})")]


def _is_alone(body: Body) -> bool:
    """Whether the pattern is one region and what can be there before it."""
    graph, plan = body.graph, body.plan
    if body.shared.traces is None or body.shared.keep or graph.use is not None or len(body.regions) != 1:
        return False
    written = {body.slots[slot] for slot, _ in plan.slots}
    bounded = graph.pipeline.run.num_updates is not None or any(stage.condition for stage in graph.stages)
    return (not bounded and not written & body.writer.remembered
            and all(guard == ALWAYS_GUARD for _, guard in plan.slots) and body.regions[0].region.guard == ALWAYS_GUARD
            and all(_comes_before(call, graph) for call in _host(body)) and not _writes_before_taking(body))


def _host(body: Body) -> list[Call]:
    return [item for item in body.items if not isinstance(item, Region)]


def _comes_before(call: Call, graph: Graph) -> bool:
    node = call.node
    if node.op == "load_batch":
        return not node.settings.get("stream") and data_of(node, graph) == graph.facts.over
    return call.guard == ALWAYS_GUARD and node.op in ("fixed_examples", "expr") and not call.records


def _writes_before_taking(body: Body) -> bool:
    """Whether a loss that is not finite could be found after something was written."""
    written = False
    for call in body.regions[0].region.calls:
        if call.node.kind == "gradients" and written:
            return True
        written = written or (call.node.spec.update and call.node.kind == "op")
    return False


def _is_of_step(given: Given, computed: set[str]) -> bool:
    """Whether an argument is a number that may differ from step to step."""
    return given.name in GIVEN or bool(_words(given.text) & {"step", *computed})


def _words(text: str) -> set[str]:
    """The names in a line of source, without its comment."""
    code = text.partition("  # ")[0]
    return set("".join(c if c.isalnum() or c == "_" else " " for c in code).split())
