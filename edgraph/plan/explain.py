"""`edgraph explain`: an op's clock in words, when it runs and why, what it waits for and what needs it."""

from __future__ import annotations

from collections.abc import Iterator

from edgraph.graph.availability import available
from edgraph.graph.clocks import ALWAYS, union, words
from edgraph.graph.ir import Graph, Node
from edgraph.graph.models import ema_sources
from edgraph.graph.surface import atom_node, clock_of, find_stage, stage_clock
from edgraph.plan.causes import (
    blame,
    demand_words,
    due_words,
    nearest_words,
    way_words,
    ways_to_sinks,
)
from edgraph.plan.outlook import DEFAULT_CHECKPOINT, Outlook, without_default_checkpoint
from edgraph.plan.relations import Relation, needed_by, owner, parts, state_words, waits_for, way_to_update
from edgraph.plan.tables import loop_words, wrapped
from edgraph.plan.timeline import Status, Timeline, may_fire
from edgraph.plan.window import window
from edgraph.plan.wording import EVENTS, guard_note, in_unit, on, op_words
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.suggest import did_you_mean

FIRST = 5  # firings that are listed
LABEL = 11  # the width of the column of headings


class UnknownOp(LookupError):
    """There is no op of that name. `suggestion` may be empty."""

    def __init__(self, name: str, suggestion: str) -> None:
        super().__init__(f"there is no op '{name}'" + (f"; {suggestion}" if suggestion else ""))
        self.name = name
        self.suggestion = suggestion


def explain(graph: Graph, name: str, step: int | None = None) -> str:
    """What there is to know about an op of a checked graph; with `step`, why it runs on that step or does not.

    name: an op; inside a loop `loop.op`, and then steps are iterations. Raises UnknownOp and NoSuchSteps.
    """
    found, node, loops = find(graph, name)
    if node.name != DEFAULT_CHECKPOINT:
        found = without_default_checkpoint(found)
    if step is not None:
        window(found, step, step)
    explainer = Explainer(found, node, loops)
    return "\n".join(explainer.step(step) if step is not None else explainer.all()) + "\n"


def find(graph: Graph, name: str) -> tuple[Graph, Node, list[Node]]:
    """The graph that an op is in, the op, and the loops around it. Raises UnknownOp."""
    node = graph.nodes.get(name)
    if node is not None and node.kind == "op":
        return graph, node, []
    for loop in graph.nodes.values():
        if loop.body is not None and name.startswith(f"{loop.name}."):
            try:
                found, node, loops = find(loop.body, name[len(loop.name) + 1:])
            except UnknownOp:
                continue
            return found, node, [loop, *loops]
    raise UnknownOp(name, did_you_mean(name, list(_names(graph))))


def _names(graph: Graph, prefix: str = "") -> Iterator[str]:
    for node in graph.nodes.values():
        if node.visible:
            yield prefix + node.name
            if node.body is not None:
                yield from _names(node.body, f"{prefix}{node.name}.")


class Explainer:
    """Writes about one op."""

    def __init__(self, graph: Graph, node: Node, loops: list[Node]) -> None:
        self.graph = graph
        self.node = node
        self.loops = loops
        self.name = ".".join([*(loop.name for loop in loops), node.name])
        self.unit = "iteration" if loops else "step"
        self.table = Outlook(graph)
        self.timeline = Timeline(self.table, node.name)

    # -- in general --------------------------------------------------------------------------------

    def all(self) -> list[str]:
        lines = [*self._title()]
        lines += self._entry("clock", self.clock())
        lines += self._entry("runs", self._runs())
        lines += self._entry("slice", [self.slice()])
        lines += self._entry("order", [self.order()])
        lines += self._entry("state", state_words(self.node, self.graph))
        lines += self._relations("waits for", waits_for(self.node, self.graph), "nothing")
        lines += self._relations("needed by", needed_by(self.node, self.graph),
                                 "nothing: it is due by itself" if self.node.sink else "nothing, so it never runs")
        return lines

    def _title(self) -> Iterator[str]:
        node = self.node
        yield f"{self.name}: {op_words(node, self.graph)}    {node.place}"
        if node.op != "expr":
            yield from wrapped("  ", node.spec.summary)
        if node.entry is not None and node.entry.doc:
            yield from wrapped("  ", " ".join(node.entry.doc.split()))
        for loop in self.loops:
            yield from wrapped("  ", f"Inside the loop '{loop.name}', which runs {on(words(loop.clock))}, "
                               f"{loop_words(loop)}; an iteration is a step of the loop.")
        yield ""

    def _entry(self, head: str, texts: list[str], names: list[str] | None = None) -> Iterator[str]:
        """Texts below each other beside their heading. names: what each of them is about, as a column."""
        width = max(map(len, names), default=0) + 2 if names else 0
        for position, text in enumerate(texts):
            name = names[position] if names else ""
            yield from wrapped(f"  {head if position == 0 else '':<{LABEL}}{name:<{width}}", text)

    def _relations(self, head: str, found: list[Relation], otherwise: str) -> Iterator[str]:
        if not found:
            return self._entry(head, [otherwise])
        return self._entry(head, [self._words(what) for _, what in found], [name for name, _ in found])

    def _words(self, text: str) -> str:
        return in_unit(text, self.unit)

    def clock(self) -> list[str]:
        """When it may run, and where that comes from."""
        node, entry = self.node, self.node.entry
        if node.metric:
            return ["once, when the loop has ended: it is made of a metric"]
        head = self._words(words(node.clock))
        said: list[tuple[str, str]] = []  # which key of the file, and what it says
        if entry is not None and entry.every is not None:
            said.append(("every", self._words(words(clock_of(entry.every, self.graph, Diagnostics())))))
        if entry is not None and entry.during:
            stages = [find_stage(name, self.graph, Diagnostics()) for name in entry.during]
            said.append(("during", self._words(words(union([stage_clock(stage) for stage in stages if stage])))))
        if len(said) == 1 and said[0][1] == head:
            found = [f"{head}, as `{said[0][0]}` says"]
        else:
            found = [head, *(f"`{key}` says: {text}" for key, text in said)]
        lasting = " or ".join(f"'{stage.text}'" for stage in entry.during) if entry else ""
        events = [f"at: {event}, {EVENTS[event]}" + (f", during {lasting}" if lasting else "")
                  for event, _ in (entry.at if entry else ())]
        if entry is None or (entry.every is None and not entry.at):
            found += self._inherited(bool(said))
        found = [*(found if node.clock.terms or not events else []), *events]
        return [*found, *(f"when {name.removeprefix('when ')}: known only at run time" for name in node.conditions)]

    def _inherited(self, limited: bool) -> list[str]:
        """The clocks of an op that declares none."""
        sources = [(argument.value.text, available(argument.value.root, self.graph))
                   for part in parts(self.node, self.graph) for argument in part.inputs if part is not self.node
                   or part.op != "optimize"]
        for name in self.node.conditions:
            sources += [(argument.value.text, available(argument.value.root, self.graph))
                        for argument in self.graph.nodes[name].inputs]
        if self.node.op == "update_ema":
            sources += [(source.name, source.clock) for source in ema_sources(self.node, self.graph)]
        narrow = {text: clock for text, clock in sources if clock != ALWAYS}
        if narrow:
            return [f"it declares none: '{text}' is made {on(self._words(words(clock)))}"
                    for text, clock in narrow.items()]
        if limited:
            return []
        every = f"every {self.unit}"
        return [f"it declares none, and all that it needs is there on {every}" if sources else
                f"it declares none, and needs nothing: it can run on {every}"]

    def _is_planned(self) -> bool:
        """Whether it can be said before the run on which steps it may run."""
        return not self.node.clock.terms or any(all(atom_node(atom) is not None for atom in term.atoms)
                                                for term in self.node.clock.terms)

    def _runs(self) -> list[str]:
        """When it does run: the first steps, and how many there are."""
        node = self.node
        if node.metric:
            return ["once each time that the loop runs"]
        found = [self._first_steps()] if not (node.entry and node.entry.at) or node.clock.terms else []
        due = due_words(node, self.graph)
        found.append(f"by itself, when its clock and its conditions hold: {due}" if due
                     else "on demand: when something that is due needs it")
        if not due:
            found += [f"for {way_words(way)} {on(self._words(words(self.graph.nodes[way[-1]].clock)))}"
                      for way in ways_to_sinks(node, self.graph)[:FIRST]]
        return found

    def _first_steps(self) -> str:
        firings = self.timeline.firings()
        steps = firings.kinds.get(True)
        if steps is None:
            return "never"
        if not self._is_planned():
            return f"on which {self.unit}s is known only at run time"
        verb = "at most " if Status.MAY in self.timeline.tally().kinds else ""
        listed = steps.listed(FIRST + 1)
        text = (f"{self.unit}{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed[:FIRST]))}"
                f"{', …' if len(listed) > FIRST else ''}: {verb}")
        if steps.rate is None:
            return text + _number(firings.until, steps.number, firings.complete, self.unit)
        count, period = steps.rate
        return text + (f"every {self.unit}" if period == 1 else f"{count} of every {period} {self.unit}s")

    def slice(self) -> str:
        """Whether it trains or observes."""
        if self.node.training:
            way = way_to_update(self.node, self.graph)
            if way is None or len(way) == 1:
                return "training: it is an update itself"
            through = f" through {', '.join(way[1:-1])}" if len(way) > 2 else ""
            return f"training: it leads to the update '{way[-1]}'{through}"
        if self.loops and not any(node.training for node in self.graph.nodes.values()):
            return "observing: the loop updates nothing"
        return f"observing: no update depends on it, so it comes after every update of the {self.unit}"

    def order(self) -> str:
        """Its place among the ops of a step."""
        order = [name for name in self.graph.order if self.graph.nodes[name].kind == "op"]
        at = order.index(self.node.name)
        text = f"place {at + 1} of {len(order)}"
        text += f", after '{order[at - 1]}'" if at else ", the first"
        text += f", before '{order[at + 1]}'" if at + 1 < len(order) else ", the last"
        if self.node.op == "optimize":
            before = self.graph.nodes[self.graph.order[self.graph.order.index(f"{self.node.name}.gradients") - 1]]
            those = "those of " if before.kind == "gradients" else ""
            text += f"; its gradients are taken after {those}'{owner(before.name, self.graph)}'"
        return text

    # -- at a step ---------------------------------------------------------------------------------

    def step(self, step: int) -> list[str]:
        """Why it runs on a step, or does not."""
        mask = self.table.mask(step)
        status = self.timeline.status(mask)
        if self.node.metric:
            return [f"{self.name} on {self.unit} {step}: runs when the loop has ended, if this is the last {self.unit}"]
        lines = [f"{self.name} on {self.unit} {step}: {self._verdict(status, mask)}"]
        reasons = self._why(step, mask) if status is not Status.RESTS else self._why_not(step, mask)
        for reason in reasons:
            lines += wrapped("  ", self._words(reason))
        return lines

    def _verdict(self, status: Status, mask: int) -> str:
        call = self.timeline.call(mask)
        if call is None or status is Status.RUNS:
            return status.value
        return f"may run, {guard_note(call.guard, self.table)}"

    def _why(self, step: int, mask: int) -> list[str]:
        node = self.node
        plan = self.table.plan(mask)
        found = []
        due = due_words(node, self.graph)
        if due and may_fire(node.clock, step):
            found.append(f"its clock is due ({words(node.clock)}), and {due}")
        found += [f"{demander} needs it" for demander in demand_words(node, plan, self.table)]
        call = self.timeline.call(mask)
        if call is not None and call.early:
            found.append("whether it is needed depends on a condition that is known only later, so it runs anyway")
        if call is not None and node.conditions and not call.early:
            found += [f"whether {name.removeprefix('when ')} holds is known only at that step"
                      for name in node.conditions]
        return found

    def _why_not(self, step: int, mask: int) -> list[str]:
        node, graph = self.node, self.graph
        before, after = self.timeline.around(step)
        runs = f"it {'may run' if node.conditions else 'runs'} on other {self.unit}s: {nearest_words(before, after)}"
        if not may_fire(node.clock, step):
            reasons = blame(node, step, graph)
            return [*reasons, runs] if len(reasons) > 1 and (before or after) else reasons
        ways = ways_to_sinks(node, graph)
        if not ways:
            return ["nothing that is ever due needs it, so it never runs"]
        plan = self.table.plan(mask)
        due = {call.node.name for call in plan.calls}
        found = [f"it could run ({words(node.clock)}), but nothing that is due on step {step} needs it"]
        for way in ways[:FIRST]:
            sink = graph.nodes[way[-1]]
            if sink.name in due:
                found.append(f"{way_words(way)} runs, but takes another alternative of an `either`")
            else:
                found.append(f"{way_words(way)} would, {on(words(sink.clock))}")
        return [*found, runs] if before or after else [*found, "it runs on no step of the run"]


def _number(until: int | None, number: int, complete: bool, unit: str) -> str:
    if until is None:
        return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{number} of {'the first ' if not complete else ''}{until} {unit}s"
