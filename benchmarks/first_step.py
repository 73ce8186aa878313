"""(f) From the start of the process to the end of the first step, as a pipeline and by a script."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.scripts import scripts
from benchmarks.timing import Report, take_turns

ROUNDS = 12
TARGET = 1.1


def main() -> None:
    report = Report("(f) from the start of the process to the end of the first step")

    def measured(run: Callable[[], dict[str, float]]) -> Callable[[], float]:
        def once() -> float:
            started = time.monotonic()
            return run()["first step"] - started
        return once

    with scripts([128], 1) as both:
        rounds = take_turns({"edgraph": measured(both.edgraph), "by hand": measured(both.by_hand)}, ROUNDS)
    for name in rounds.times:
        report.say(f"{name}: {rounds.seconds(name):.2f} s")
    report.at_most("edgraph / by hand", rounds.ratio("edgraph", "by hand"), TARGET)
    report.end()


if __name__ == "__main__":
    main()
