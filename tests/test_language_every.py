"""`every:` in all its forms."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from language_tools import bare, codes

from edgraph.language.every import parse_every
from edgraph.language.pipeline import (
    Every,
    EveryCycle,
    EveryEdge,
    EveryEpochs,
    EveryFirings,
    EverySteps,
    EveryTime,
    EveryUnion,
    EveryUpdates,
)
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.source import Name, Source, Span

S = Span(Source("f", ""), 1, 1, 1, 1)


def parse(text: str) -> tuple[Every | None, Diagnostics]:
    diagnostics = Diagnostics()
    tree = read(Source("f", f"every: {text}\n"), diagnostics)
    assert tree is not None
    value = tree.get("every")
    assert value is not None
    found = parse_every(value, "op 'a'", diagnostics)
    assert (found is None) == diagnostics.failed
    return found, diagnostics


@pytest.mark.parametrize(("text", "clock"), [
    ("10", EverySteps(10, S)), ("10 steps", EverySteps(10, S)), ("1 step", EverySteps(1, S)), ("10steps",
                                                                                               EverySteps(10, S)),
    ("1e3", EverySteps(1000, S)), ("'10'", EverySteps(10, S)), ("1e3 steps", EverySteps(1000, S)),
    ("1 epoch", EveryEpochs(Fraction(1), S)), ("0.5 epochs", EveryEpochs(Fraction(1, 2), S)),
    ("0.1 epochs", EveryEpochs(Fraction(1, 10), S)), (".25 epoch", EveryEpochs(Fraction(1, 4), S)),
    ("10 updates", EveryUpdates(10, None, S)), ("{updates: 10, of: adam}", EveryUpdates(10, Name("adam", S), S)),
    ("10 minutes", EveryTime(600.0, S)), ("30 s", EveryTime(30.0, S)), ("2 h", EveryTime(7200.0, S)),
    ("0.5 s", EveryTime(0.5, S)), ("1 day", EveryTime(86400.0, S)), ("5 min", EveryTime(300.0, S)),
    ("first", EveryEdge("first", None, S)), ("last", EveryEdge("last", None, S)),
    ("{first: main}", EveryEdge("first", Name("main", S), S)), ("{last: main}", EveryEdge("last", Name("main", S),
                                                                                          S)),
    ("{steps: 10, offset: 3}", EverySteps(10, S, 3)),
    ("{steps: 10, from: 95, until: 1000}", EverySteps(10, S, 0, 95, 1000)),
    ("{steps: 1, grow: 2, max: 1000}", EverySteps(1, S, grow=2, maximum=1000)),
    ("{cycle: 6, positions: [5, 1, 2]}", EveryCycle(6, (1, 2, 5), S)), ("{cycle: 6, positions: 6}", EveryCycle(6, (6,
                                                                                                                   ),
                                                                                                                   S)),
    ("{firings: 5, of: train.critic}", EveryFirings(5, Name("train.critic", S), S)),
    ("[first, 50 steps]", EveryUnion((EveryEdge("first", None, S), EverySteps(50, S)), S)),
    ("[{steps: 2}, 1 epoch]", EveryUnion((EverySteps(2, S), EveryEpochs(Fraction(1), S)), S)),
])
def test_forms(text: str, clock: Every) -> None:
    found, _ = parse(text)
    assert bare(found) == bare(clock)


@pytest.mark.parametrize(("text", "code"), [
    ("0", "out-of-range"), ("-1", "out-of-range"), ("0 steps", "out-of-range"), ("0 epochs", "out-of-range"),
    ("-1 epochs", "out-of-range"), ("0 updates", "out-of-range"), ("0 s", "out-of-range"), (".nan", "not-finite"),
    (".inf", "not-finite"), ("1e400", "not-finite"), ("2.5", "bad-clock"), ("0.5 steps", "bad-clock"), ("0.5 updates",
                                                                                                        "bad-clock"),
    ("true", "bad-clock"), ("null", "bad-clock"), ("", "missing-value"), ("often", "bad-clock"), ("'1_000 steps'",
                                                                                                  "bad-clock"),
    ("1e99999999 steps", "bad-clock"), ("99999999999999999999 steps", "out-of-range"), ("10 stepps", "bad-clock"),
    ("5 m", "bad-clock"),
    ("[]", "bad-clock"), ("[[1]]", "bad-clock"), ("[1, 0]", "out-of-range"), ("{}", "bad-clock"), ("{epochs: 1}",
                                                                                                   "bad-clock"),
    ("{steps: 0}", "out-of-range"), ("{steps: x}", "wrong-type"), ("{steps: }", "missing-value"), ("{steps: null}",
                                                                                                   "missing-value"),
    ("{steps: 10, offset: 10}", "out-of-range"), ("{steps: 10, offset: -1}", "out-of-range"), ("{steps: 1, grow: 1}",
                                                                                               "out-of-range"),
    ("{steps: 1, grow: 2.5}", "out-of-range"), ("{steps: 10, max: 5}", "bad-clock"), ("{steps: 10, grow: 2, max: 5}",
                                                                                      "out-of-range"),
    ("{steps: 10, grow: 2, offset: 3}", "exclusive-keys"), ("{steps: 1, from: 0}", "out-of-range"),
    ("{steps: 1, from: 9, until: 8}", "out-of-range"), ("{steps: 1, cycle: 2}", "exclusive-keys"),
    ("{steps: 1, x: 2}", "unknown-key"),
    ("{cycle: 3}", "missing-key"), ("{cycle: 3, positions: []}", "bad-clock"), ("{cycle: 3, positions: [4]}",
                                                                                "out-of-range"),
    ("{cycle: 3, positions: [1, 1]}", "bad-clock"), ("{firings: 5}", "missing-key"), ("{firings: 5, of: [a]}",
                                                                                      "wrong-type"),
    ("{first: }", "missing-value"), ("{stesp: 3}", "unknown-key"), ("{updates: 1.5}", "out-of-range"),
])
def test_mistakes(text: str, code: str) -> None:
    _, diagnostics = parse(text)
    assert code in codes(diagnostics)


@pytest.mark.parametrize(("text", "help"), [
    ("epoch", "'1 epoch'"), ("every 10 steps", "'10 steps'"), ("epoch_end", "'at: epoch_end'"), ("fisrt", "'first'"),
    ("2 epohcs", "'epochs'"),
    ("0.5", "'0.5 epochs'"), ("{minutes: 10}", "'10 minutes'"), ("{epochs: 2}", "'2 epochs'"), ("5 m", "'minutes'"),
])
def test_help_says_what_to_write(text: str, help: Any) -> None:
    _, diagnostics = parse(text)
    assert help in (next(iter(diagnostics)).help or "")
