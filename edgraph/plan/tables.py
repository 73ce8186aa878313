"""Plans as text tables: the ops of a pattern in order, loops with their graphs, a grid of ops by steps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from edgraph.graph.ir import Node
from edgraph.plan.listing import Listing, Row, Survey, listing
from edgraph.plan.outlook import Outlook
from edgraph.plan.wording import pattern_words, step_list

WIDTH = 100
RUNS, MAY_RUN, RESTS = "●", "◐", "·"
NAMES, WORKS = 32, 36  # the widest columns of names and ops
GRID = 40  # steps that a grid shows


class Rows:
    """The rows of one text. A loop's graph is written out below its first row, and referred to after that."""

    def __init__(self, title: str = "") -> None:
        self.title = title  # of the part that is being written
        self._loops: dict[str, str] = {}  # where a loop's graph is written out

    def of(self, found: Listing, table: Outlook, indent: str = "  ") -> Iterator[str]:
        """The lines of a listing, what trains and what observes divided by a line."""
        name = min(NAMES, max((len(row.label) for row in found.rows), default=0))
        work = min(WORKS, max((len(row.work) for row in found.rows), default=0))
        training = bool(found.rows) and found.rows[0].training
        for row in found.rows:
            if training and not row.training:
                training = False
                yield f"{indent}{'─' * 4} observing: after every update of the step {'─' * 4}"
            yield from _line(row, name, work, indent)
            node = table.graph.nodes[row.name]
            if node.body is not None and not row.part:
                yield from self._loop(node, indent + "    ")

    def _loop(self, node: Node, indent: str) -> Iterator[str]:
        body = node.body
        assert body is not None
        if body.name in self._loops:
            yield f"{indent}its graph: see {self._loops[body.name]}"
            return
        self._loops[body.name] = self.title
        inner = Outlook(body)
        patterns = Survey(inner, 1, body.facts.last_step).patterns()
        yield f"{indent}{loop_words(node)}:"
        for pattern in patterns:
            if len(patterns) > 1:
                words = pattern_words(inner, pattern.masks, "iteration")
                yield f"{indent}  {words or f'iterations {step_list(pattern.firings)}'}:"
            yield from self.of(pattern.listing, inner, indent + ("    " if len(patterns) > 1 else "  "))
        yield from self._end(patterns[0].masks[0] if patterns else 0, inner, indent)

    def _end(self, mask: int, inner: Outlook, indent: str) -> Iterator[str]:
        if any(node.metric for node in inner.graph.nodes.values()):
            yield f"{indent}once, when it has ended:"
            yield from self.of(listing(inner, inner.plan(mask, epilogue=True)), inner, indent + "  ")


def _line(row: Row, name: int, work: int, indent: str) -> Iterator[str]:
    mark = RUNS if row.when is None else MAY_RUN
    head = f"{indent}{mark} {row.label:<{name}}  {_cut(row.work, work):<{work}}  "
    if row.notes and len(head) > WIDTH - 20:
        yield head.rstrip()
        head = " " * (len(indent) + 6)
    notes = list(_filled(row.notes, WIDTH - len(head))) or [""]
    yield (head + notes[0]).rstrip()
    yield from (" " * len(head) + note for note in notes[1:])


def _filled(notes: Sequence[str], width: int) -> Iterator[str]:
    """Notes in lines, broken between two of them where that is possible."""
    line = ""
    for position, note in enumerate(notes):
        text = note if position == len(notes) - 1 else f"{note},"
        if line and len(line) + 1 + len(text) > width:
            yield from textwrap.wrap(line, width)
            line = ""
        line = f"{line} {text}" if line else text
    yield from textwrap.wrap(line, width)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length - 1].rstrip() + "…"


def loop_words(node: Node) -> str:
    """What a loop goes through: "for each batch of 'validation'"."""
    body = node.body
    assert body is not None and body.use is not None
    use, settings = body.use, node.settings
    data = settings.get("over") or (use.over.text if use.over is not None else None)
    values = next((argument.value.text for argument in node.inputs if argument.port == "over"), None)
    repeat = settings.get("repeat") or use.repeat
    words = []
    if values is not None:
        words.append(f"for each {settings.get('batch_size') or 1} rows of {values}")
    elif data is not None:
        words.append(f"for each batch of '{data}'")
    if repeat is not None:
        words.append(f"{repeat} times")
    if use.condition is not None:
        words.append(f"while {use.condition.text}")
    if use.maximum is not None:
        words.append(f"at most {use.maximum} times")
    return ", ".join(words) or "in a loop"


def grid(survey: Survey, first: int, last: int) -> Iterator[str]:
    """Ops by steps: what runs, and what may run."""
    steps = [survey.listing(survey.table.mask(step)) for step in range(first, last + 1)]
    place = {name: position for position, name in enumerate(survey.table.graph.order)}
    rows = {row.name: row for found in steps for row in found.ops}
    ordered = sorted(rows.values(), key=lambda row: place[row.name])
    name = max((len(row.name) for row in ordered), default=0)
    gap = " " if name + 4 + 2 * len(steps) <= WIDTH else ""
    marks = [{row.name: RUNS if row.when is None else MAY_RUN for row in found.ops} for found in steps]
    yield from (f"  {'':<{name}}  {line}".rstrip() for line in _ruler(first, last, gap))
    training = bool(ordered) and ordered[0].training
    for row in ordered:
        if training and not row.training:
            training = False
            yield f"  {'─' * name}  {'─' * (len(steps) * (1 + len(gap)) - len(gap))}"
        yield f"  {row.name:<{name}}  " + gap.join(found.get(row.name, RESTS) for found in marks)


def _ruler(first: int, last: int, gap: str) -> list[str]:
    """The numbers of the steps, read from top to bottom; what does not change is left out."""
    texts = [f"{step:>{len(str(last))}}" for step in range(first, last + 1)]
    lines = []
    for digit in range(len(str(last))):
        shown = [text[digit] if position == 0 or digit == len(text) - 1
                 or text[:digit + 1] != texts[position - 1][:digit + 1] else " " for position, text in enumerate(texts)]
        lines.append(gap.join(shown))
    return lines


def wrapped(head: str, text: str) -> Sequence[str]:
    """A paragraph whose lines after the first are indented below the first."""
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [head.rstrip()]
