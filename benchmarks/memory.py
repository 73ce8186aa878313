"""(e) The peak memory of a process that trains a model of 200 MB, as a pipeline and by a script. Neither saves
checkpoints."""

from __future__ import annotations

from statistics import median

from benchmarks.scripts import scripts
from benchmarks.timing import Report

HIDDEN = [5000, 5000, 4900]  # 50 million parameters
STEPS = 4
ROUNDS = 3
TARGET = 1.05


def main() -> None:
    report = Report("(e) peak memory with a model of 200 MB")
    with scripts(HIDDEN, STEPS) as both:
        pairs = [(both.edgraph()["memory"], both.by_hand()["memory"]) for _ in range(ROUNDS)]
    report.say(f"edgraph: {median(ours for ours, _ in pairs) / 1024:,.0f} MiB")
    report.say(f"by hand: {median(theirs for _, theirs in pairs) / 1024:,.0f} MiB")
    report.at_most("edgraph / by hand", median(ours / theirs for ours, theirs in pairs), TARGET)
    report.end()


if __name__ == "__main__":
    main()
