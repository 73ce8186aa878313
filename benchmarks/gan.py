"""(g) pipelines/digits-gan.yaml, five steps of the critic and one of the generator in turn, against a loop that was
optimised by hand: steps per second on one thread, and the peak memory of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

import edgraph
from benchmarks.timing import Report

PIPELINE = "pipelines/digits-gan.yaml"
BY_HAND = Path(__file__).parent / "gan_by_hand.py"
STEPS = 600  # a round: with ten log lines and a picture
ROUNDS = 40
PROCESSES = 3
SPEED, MEMORY = 0.97, 1.05


def peak(command: list[str]) -> float:
    """The peak memory of a process in MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_maxrss / 1024


def memory(report: Report, data: Path, folder: Path) -> None:
    """This process must not have imported torch: its own memory counts for the processes that it starts."""
    rounds = [(peak([str(BY_HAND), str(data), str(folder), str(STEPS)]),
               peak(["-m", "edgraph", "run", PIPELINE, f"run.num_steps={STEPS}", "--quiet",
                     "--folder", str(folder / f"run-{number}")])) for number in range(PROCESSES)]
    for what, column in (("by hand", 0), ("edgraph", 1)):
        report.say(f"{what}: {median(row[column] for row in rounds):,.0f} MiB")
    report.at_most("memory, edgraph / by hand", median(row[1] / row[0] for row in rounds), MEMORY)


def speed(report: Report, data: Path, folder: Path) -> None:
    import torch

    from benchmarks.gan_by_hand import ByHand
    from benchmarks.turns import WARM_UP, Turns

    torch.set_num_threads(1)
    turns = Turns({"by hand": ByHand(data, folder, STEPS)}, torch.enable_grad)
    run = edgraph.load(PIPELINE, [f"run.num_steps={STEPS * (ROUNDS + WARM_UP)}",
                                  f"ops.others={{op: take_turns, every: {STEPS}}}"]).run(folder / "run")
    assert run.end == "finished", run.failure
    rounds = turns.rounds()
    for contender in rounds.times:
        report.say(f"{contender}: {STEPS / rounds.seconds(contender):,.0f} steps/s")
    report.at_least("steps per second, edgraph / by hand", rounds.ratio("by hand", "edgraph"), SPEED)


def main() -> None:
    report = Report(f"(g) {PIPELINE}: steps per second, and memory")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays = edgraph.load(PIPELINE).check(data=True).data["train"].arrays
        np.savez(folder / "data.npz", **arrays)
        memory(report, folder / "data.npz", folder)
        speed(report, folder / "data.npz", folder)
    report.end()


if __name__ == "__main__":
    main()
