"""(d) Validating and planning pipelines of up to 10,000 ops, against PyYAML's C loader, which only composes the
file; and how the cost grows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import yaml

from benchmarks.large import pipeline
from benchmarks.timing import Report, take_turns
from edgraph.compile import check
from edgraph.plan.pattern import plan_pattern
from edgraph.plan.timetable import Timetable
from edgraph.text.collector import collector_paused

REPEATED = {100: 20, 1000: 4, 10_000: 1}  # ops -> how often in a turn, so that each turn is long enough
ROUNDS = 7
PATTERNS = 3  # of the first steps
TARGET = 2.5
LINEAR = 1.25  # how much more an op may cost among 10,000 than among 100


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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def turn(ops: int) -> Callable[[], None]:
            path = folder / f"{ops}.yaml"
            path.write_text(pipeline(ops))

            def several() -> None:
                for _ in range(REPEATED[ops]):
                    validate_and_plan(path)
            return several

        text = pipeline(10_000)
        rounds = take_turns({**{f"{ops} ops": turn(ops) for ops in REPEATED}, "compose": lambda: compose(text)},
                            ROUNDS, warm_up=1, clock=time.process_time)
    for ops, times in REPEATED.items():
        seconds = rounds.seconds(f"{ops} ops") / times
        report.say(f"{ops:,} ops: {seconds:.3f} s, {seconds / ops * 1e6:.0f} µs an op")
    report.say(f"PyYAML composes 10,000 ops ({len(text) / 1e6:.1f} MB) in {rounds.seconds('compose'):.3f} s")
    report.at_most("10,000 ops, edgraph / compose", rounds.ratio("10000 ops", "compose"), TARGET)
    growth = rounds.ratio("10000 ops", "100 ops") * REPEATED[100] / REPEATED[10_000] * 100 / 10_000
    report.at_most("cost of an op, among 10,000 / among 100", growth, LINEAR)
    report.end()


if __name__ == "__main__":
    main()
