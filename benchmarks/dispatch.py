"""(a) What a step costs besides its ops: ten trivial functions at mixed frequencies, as a pipeline and as a loop
written by hand. Six run at every step, two every 10, one every 100 and one every 1,000 steps."""

from __future__ import annotations

import time

import edgraph
from benchmarks.plain import engine_of, go_on
from benchmarks.timing import Report, take_turns

STEPS = 100_000  # a round
ROUNDS = 30
TARGET = 1.15


@edgraph.op(passes=("step",))
def start(step):
    """The first value of a step."""
    return step


@edgraph.op
def pass_on(value):
    """The same value."""
    return value


@edgraph.op(effect=True)
def take(value):
    """Something that is done with a value."""


PIPELINE = {
    "run": {"backend": "python", "num_steps": STEPS, "checkpoint": False},
    "ops": {
        "a": {"op": "start"},
        "b": {"op": "pass_on", "inputs": "a"},
        "c": {"op": "pass_on", "inputs": "b"},
        "d": {"op": "pass_on", "inputs": "c"},
        "e": {"op": "pass_on", "inputs": "d"},
        "f": {"op": "take", "inputs": "e"},
        "g": {"op": "pass_on", "inputs": "b"},
        "h": {"op": "take", "inputs": "g", "every": 10},
        "i": {"op": "take", "inputs": "c", "every": 100},
        "j": {"op": "take", "inputs": "d", "every": 1000},
    },
}


def by_hand(first: int, last: int) -> None:
    for step in range(first, last + 1):
        a = start(step)
        b = pass_on(a)
        c = pass_on(b)
        d = pass_on(c)
        e = pass_on(d)
        take(e)
        if step % 10 == 0:
            g = pass_on(b)
            take(g)
        if step % 100 == 0:
            take(c)
        if step % 1000 == 0:
            take(d)


def main() -> None:
    report = Report("(a) dispatch: ten trivial ops at mixed frequencies")
    engine = engine_of(PIPELINE)
    rounds = take_turns({"edgraph": lambda: go_on(engine, STEPS),
                         "by hand": lambda: by_hand(engine.done + 1, engine.done + STEPS)}, ROUNDS,
                        clock=time.process_time)
    for name in rounds.times:
        report.say(f"{name}: {rounds.seconds(name) / STEPS * 1e9:.0f} ns a step")
    report.at_most("time of a step, edgraph / by hand", rounds.ratio("edgraph", "by hand"), TARGET)
    report.end()


if __name__ == "__main__":
    main()
