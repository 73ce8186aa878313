"""(c) `edgraph validate` on a pipeline against the import of the framework that it does without."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.timing import Report, take_turns

FILE = "pipelines/digits.yaml"
ROUNDS = 15
TARGET = 1 / 3
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "numpy", "sklearn", "networkx", "pydantic", "rich"}

VALIDATE = [sys.executable, "-m", "edgraph", "validate", FILE]
LOADED = ("import sys; from edgraph.cli.main import main; code = main(['validate', sys.argv[1]]); "
          "print(code, *(name for name in sys.modules if '.' not in name))")


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    report = Report(f"(c) edgraph validate {FILE}, against python -c 'import torch'")
    rounds = take_turns({"validate": lambda: run(VALIDATE),
                         "import torch": lambda: run([sys.executable, "-c", "import torch"]),
                         "python": lambda: run([sys.executable, "-c", "pass"])}, ROUNDS)
    for name in rounds.times:
        report.say(f"{name}: {rounds.seconds(name) * 1000:.0f} ms")
    report.at_most("validate / import torch", rounds.ratio("validate", "import torch"), TARGET)
    code, *loaded = run([sys.executable, "-c", LOADED, FILE]).splitlines()[-1].split()
    report.holds(f"nothing wrong, and none of {', '.join(sorted(FRAMEWORKS))} is imported",
                 code == "0" and not FRAMEWORKS & set(loaded))
    report.end()


if __name__ == "__main__":
    main()
