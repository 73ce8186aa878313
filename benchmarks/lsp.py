"""(h) What the language server takes to answer after a change of a pipeline of 300 ops, in which one types."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from benchmarks.large import pipeline
from benchmarks.timing import Report
from edgraph.lsp.actions import actions
from edgraph.lsp.analysis import Analysis, analyse
from edgraph.lsp.completion import complete
from edgraph.lsp.definition import references
from edgraph.lsp.hints import hints
from edgraph.lsp.hover import hover
from edgraph.lsp.rename import rename
from edgraph.lsp.symbols import symbols

OPS = 300
ROUNDS = 15
TARGET = 100.0  # milliseconds
NAME = "large.yaml"
# Times are of the processor, so that other work on the machine does not count.


def main() -> None:
    report = Report(f"(h) the language server after a change of a pipeline of {OPS} ops")
    text = pipeline(OPS)
    good = analyse(NAME, text)
    hints(good)
    middle = text.index("report_7:")
    reference = text.index("loss_7, k_7")
    wrong = text.replace("inputs: loss_7, with", "inputs: los_7, with")
    slower = text.replace("[loss_7, k_7, update_7.lr], every: [first, 50 steps]",
                          "[loss_7, k_7, update_7.lr], every: 70")
    typing = text[:reference] + "lo" + text[reference + len("loss_7"):]

    def changed(of: str) -> Analysis:
        """A new version of the text, of which nothing is known yet but what the last one left."""
        return analyse(NAME, of, good)

    features: dict[str, tuple[Callable[[], Analysis], Callable[[Analysis], object]]] = {
        "diagnostics": (lambda: changed(text), lambda made: made.diagnostics),
        "diagnostics of a mistake": (lambda: changed(wrong), lambda made: made.diagnostics),
        "completion of a reference": (lambda: good, lambda made: complete(made, typing, reference + 2)),
        "completion of a part": (lambda: good, lambda made: complete(
            made, text.replace("batch_7.image", "batch_7."), text.index("batch_7.image") + len("batch_7."))),
        "the first hover": (lambda: analyse(NAME, text), lambda made: hover(made, middle)),
        "hover of an op": (lambda: changed(text), lambda made: hover(made, middle)),
        "references of an op": (lambda: changed(text), lambda made: references(made, reference)),
        "outline": (lambda: changed(text), symbols),
        "ways out of a mistake": (lambda: changed(wrong), lambda made: actions(made, 0, len(wrong))),
        "numbers of firings, one screen": (lambda: changed(text), lambda made: hints(made, 100, 150)),
        "numbers of firings after another clock": (lambda: changed(slower), lambda made: hints(made, 100, 150)),
    }
    for name, (make, feature) in features.items():
        first, again = [], []
        for number in range(ROUNDS):
            started = time.process_time()
            made = make()
            ready = time.process_time()
            feature(made)
            done = time.process_time()
            if number:
                first.append((done - started if name.startswith("diagnostics") else done - ready) * 1000)
            feature(made)
            again.append((time.process_time() - done) * 1000)
        figure = f"{name}: milliseconds (and {median(again):.1f} when asked again)"
        report.at_most(figure, median(first), TARGET)
    started = time.process_time()
    number = len(rename(good, reference, "cost"))
    report.say(f"renaming an op at {number} places, and checking that nothing else changes: "
               f"{(time.process_time() - started) * 1000:.0f} ms")
    report.end()


if __name__ == "__main__":
    main()
