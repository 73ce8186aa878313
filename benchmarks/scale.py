"""(d) Validating and planning pipelines of up to 10,000 ops, against PyYAML's C loader, which only composes the
file; and how the cost grows."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import yaml

from benchmarks.large import pipeline
from benchmarks.timing import Report, take_turns
from edgraph.compile import check, collector_paused
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.timetable import Timetable

SIZES = (100, 1000, 10_000)
ROUNDS = {100: 30, 1000: 12, 10_000: 5}
PATTERNS = 3  # of the first steps
TARGET = 2.5
LINEAR = 1.25  # the cost of an op may grow so much from 100 to 10,000


def compose(text: str) -> None:
    yaml.compose(text, Loader=yaml.CSafeLoader)


def validate_and_plan(path: Path) -> None:
    """As `edgraph plan` does: without collections of garbage, of which there is none."""
    with collector_paused():
        graph = check(path).require()
        timetable = Timetable(graph)
        for mask, _, _ in islice(timetable.stretches(1, graph.facts.last_step), PATTERNS):
            plan_pattern(graph, timetable, mask)


def main() -> None:
    report = Report("(d) pipelines of many ops: validated and planned")
    cost: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            text = pipeline(size)
            path = Path(folder) / f"{size}.yaml"
            path.write_text(text)
            rounds = take_turns({"edgraph": lambda path=path: validate_and_plan(path),
                                 "compose": lambda text=text: compose(text)}, ROUNDS[size], warm_up=1)
            cost[size] = rounds.ratio("edgraph", "compose")
            report.say(f"{size:,} ops ({len(text) / 1e6:.2f} MB): edgraph {rounds.seconds('edgraph'):.3f} s, "
                       f"compose {rounds.seconds('compose'):.3f} s, {cost[size]:.2f} times as long")
    report.at_most("10,000 ops, edgraph / compose", cost[SIZES[-1]], TARGET)
    report.at_most("cost of an op in units of compose, 10,000 ops / 100 ops", cost[SIZES[-1]] / cost[SIZES[0]], LINEAR)
    report.end()


if __name__ == "__main__":
    main()
