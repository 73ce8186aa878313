"""(e) The peak memory of a process that trains a model of 200 MB with Adam, as a pipeline and by a script. The script
saves no checkpoints; the pipeline neither, and then one at every other step."""

from __future__ import annotations

from statistics import median

from benchmarks.scripts import scripts
from benchmarks.timing import Report

HIDDEN = [5000, 5000, 4900]  # 50 million parameters
STEPS = 5
CHECKPOINTS = "{every: 2 steps, keep: 1}"
ROUNDS = 3
TARGET = 1.05


def main() -> None:
    report = Report("(e) peak memory with a model of 200 MB")
    with scripts(HIDDEN, STEPS) as both:
        rounds = [(both.by_hand()["memory"], both.edgraph()["memory"], both.edgraph(CHECKPOINTS)["memory"])
                  for _ in range(ROUNDS)]
    for what, column in (("by hand", 0), ("edgraph", 1), ("edgraph, with checkpoints", 2)):
        report.say(f"{what}: {median(row[column] for row in rounds) / 1024:,.0f} MiB")
    report.at_most("edgraph / by hand", median(row[1] / row[0] for row in rounds), TARGET)
    report.at_most("edgraph, with checkpoints / by hand without", median(row[2] / row[0] for row in rounds), TARGET)
    report.end()


if __name__ == "__main__":
    main()
