"""Life-cycle events: ticks between steps."""

from __future__ import annotations

from typing import Any

import pytest
from toy import TRAIN, both, errors, run, said


def go(steps: int = 6, pipeline: dict[str, Any] | None = None, **ops: Any) -> Any:
    return both({"run": {"num_steps": steps, "checkpoint": False}, "data": {"train": TRAIN, "other": TRAIN},
                 "ops": {"n": {"op": "clocked"}, **ops}, **(pipeline or {})})


def order(ran: Any) -> list[str]:
    return [firing.node for firing in ran.journal.firings]


def test_events_around_steps_and_epochs() -> None:
    events = ["start", "resume", "epoch_start", "epoch_end", "end", "exception"]
    ran = go(**{event: {"op": "note", "at": event} for event in events}, say={"op": "note"})
    assert order(ran) == ["start", "epoch_start", "say", "say", "say", "say", "epoch_end", "epoch_start", "say", "say",
                          "end"]


def test_a_complete_last_epoch_ends() -> None:
    ran = go(4, over={"op": "note", "at": ["epoch_end", "end"]}, begin={"op": "note", "at": ["epoch_start"]})
    assert order(ran) == ["begin", "over", "over"]


def test_a_clock_and_an_event() -> None:
    ran = go(say={"op": "note", "inputs": "hold(n, 0)", "every": 4, "at": ["start", "end"]})
    assert ran.inputs("say") == ["0", "4.0", "6.0"]


def test_an_op_without_a_clock_fires_with_the_event_of_its_inputs() -> None:
    ran = go(first={"op": "constant", "at": "start"}, second="first + 1", third={"op": "note", "inputs": "second"})
    assert order(ran) == ["first", "third"] and ran.inputs("third") == ["2.0"]


def test_what_events_may_read() -> None:
    """Held values, and what sources on demand make: never the loop's batch."""
    ran = go(5, {"fixed_examples": {"train": [3, 5]}}, fixed={"op": "fixed_examples"},
             other={"op": "load_batch", "with": {"data": "other"}}, noise={"op": "draw"},
             say={"op": "note", "inputs": ["fixed.index", "other.index", "hold(n, 0)", "fixed.count"],
                  "at": ["start", "end"]},
             also={"op": "note", "inputs": "noise", "at": ["start", "end"]})
    assert ran.inputs("say") == [("[3, 5]", "[0, 1]", "0", "2"), ("[3, 5]", "[2, 3]", "5.0", "2")]
    assert len(set(ran.inputs("also"))) == 2


def test_a_condition_at_an_event() -> None:
    ran = go(say={"op": "note", "when": "hold(n, 0) > 4", "at": ["epoch_end", "end"]},
             also={"op": "note", "inputs": "either(once, 0.0)", "at": ["start", "end"]},
             once={"op": "constant", "at": "start"})
    assert [name for name in order(ran) if name != "n"] == ["once", "also", "say", "also"]
    assert ran.inputs("also") == ["1.0", "0.0"]


def test_state_and_held_values_change_at_events_too() -> None:
    ran = go(seen={"op": "tally", "at": ["start", "epoch_end"]}, say={"op": "note", "inputs": "hold(seen)", "every": 2},
             twice={"op": "tally", "inputs": "previous(twice, 0.0)", "at": ["start", "epoch_end", "end"]})
    assert ran.inputs("say") == ["1.001", "1.001", "2.002"]
    assert ran.inputs("twice") == ["0.0", "1.0", "2.001"]


def test_a_stop_at_an_event_ends_the_run() -> None:
    ran = go(9, say={"op": "note"}, enough={"op": "stop", "at": "epoch_end"}, end={"op": "note", "at": "end"})
    assert order(ran) == ["say"] * 4 + ["enough", "end"] and ran.outcome.step == 4
    assert order(go(say={"op": "note"}, no={"op": "stop", "at": "start"}, end={"op": "note", "at": "end"})) == [
        "no", "end"]


def test_exception() -> None:
    ops = {"say": {"op": "note"}, "bad": {"op": "fail", "with": {"at": 3}}, "later": {"op": "note"},
           "rescue": {"op": "note", "inputs": "hold(bad, 0.0)", "at": "exception"}, "end": {"op": "note", "at": "end"}}
    for interpret in (False, True):
        ran = run({"run": {"num_steps": 5, "checkpoint": False}, "ops": ops}, interpret=interpret)
        assert ran.outcome.end == "failed" and ran.outcome.step == 2 and ran.outcome.exit_code == 1
        assert ran.inputs("rescue") == ["2.0"] and ran.values("end") == [] and len(ran.values("later")) == 2
        assert ran.outcome.failure is not None
        assert ran.outcome.failure.node == "bad" and (interpret or ran.outcome.failure.step == 3)


@pytest.mark.parametrize("inputs", ["batch.x", "n_fast", "either(batch, slow)"])
def test_an_event_cannot_read_what_steps_make(inputs: str) -> None:
    ops = {"batch": {"op": "load_batch"}, "n_fast": {"op": "clocked", "every": 1},
           "slow": {"op": "clocked", "every": 2}, "say": {"op": "note", "inputs": inputs, "at": "epoch_end"}}
    assert errors({"data": {"train": TRAIN}, "ops": ops}) == ["stale-input"]


def test_an_op_with_state_is_no_source_on_demand() -> None:
    """What it has seen must not depend on who asks."""
    ops = {"n": {"op": "clocked"}, "seen": {"op": "tally", "inputs": "n"},
           "say": {"op": "note", "inputs": "seen", "at": "end"}}
    assert errors({"ops": ops}) == ["stale-input"]


def test_the_words_at_an_event() -> None:
    ops = {"batch": {"op": "load_batch"}, "say": {"op": "note", "inputs": "batch.x", "at": "end"}}
    assert said({"data": {"train": TRAIN}, "ops": ops}, "stale-input") == (
        "'say' fires at end, but its inputs are not made there "
        "(between steps there is no batch of the loop: use hold(…), or fixed examples)")


def test_epochs_of_a_run_over_no_data_set() -> None:
    for event in ("epoch_start", "epoch_end"):
        assert errors({"ops": {"say": {"op": "note", "at": event}}}) == ["no-epochs"]
