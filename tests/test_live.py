"""Live parameters: changed between steps, recorded, and repeated by a run that goes on or is replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_memory import MemoryStore
from test_engine_resume import only
from toy import TRAIN, Ran, accepted, check, run, same
from toy_regions import ToyCompiler, compiling

from edgraph.graph.live import settable
from edgraph.run.live import LiveParams
from edgraph.run.mailbox import Change, Mailbox, read_changes
from edgraph.run.start import Runner

ASK: dict[int, dict[str, Any]] = {}  # what is asked for in which step
RUNNER: list[Runner] = []


def ask(step: int) -> float:
    """An op in whose step a request comes in, as the watching thread sees it."""
    if step in ASK:
        Mailbox(RUNNER[-1].job.folder.path).post(ASK[step])
        RUNNER[-1].live.look()
    return 0.0


PIPELINE: dict[str, Any] = {
    "params": {"a": {"value": 1.0, "min": 0, "max": 9}, "b": 10.0, "c": 5, "unread": 3},
    "run": {"num_steps": 12, "checkpoint": {"every": 4}},
    "data": {"train": TRAIN},
    "models": {"net": {"use": "toy", "with": {"w": 1.0}}},
    "optimizers": {"sgd": {"use": "sgd", "updates": ["net"], "with": {"lr": 0.1},
                           "schedule": "params.a * 0.01 * (updates + 1)"}},
    "ops": {
        "batch": {"op": "load_batch"},
        "out": {"op": "forward", "inputs": "batch.x", "with": {"model": "net"}},
        "loss": {"op": "total", "inputs": "out * params.b"},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "sgd"}},
        "asks": {"op": "call", "inputs": "step", "with": {"function": "test_live.ask"}},
        "say": {"op": "note", "inputs": ["params.a", "params.b", "inner.seen", "asks"]},
        "inner": {"op": "loop", "with": {"graph": "rounds"}},
        "begun": {"op": "note", "inputs": "params.c", "at": "epoch_start"},
    },
    "graphs": {"rounds": {"repeat": 2, "ops": {"seen": "params.c + 0.0"}, "outputs": {"seen": "seen"}}},
}


@pytest.fixture(autouse=True)
def _asks() -> None:
    ASK.clear()
    RUNNER.clear()


def go(path: Path, asks: dict[int, dict[str, Any]] | None = None, **how: Any) -> Ran:
    ASK.update(asks or {})
    path.mkdir(exist_ok=True)
    ran = run(check(PIPELINE), path=path, ready=RUNNER.append, **how)
    assert ran.outcome.end == "finished", ran.outcome.failure
    return ran


def said(ran: Ran) -> list[tuple[str, ...]]:
    """a, b and what a loop sees of c, at each step."""
    return [given[:3] for given in ran.inputs("say")]


@pytest.mark.parametrize("interpret", [False, True])
def test_a_change_holds_from_the_next_step_on(interpret: bool, tmp_path: Path) -> None:
    ran = go(tmp_path / "a", {3: {"a": 2.0, "c": 7}, 8: {"b": 0}}, interpret=interpret)
    assert said(ran) == [("1.0", "10.0", "5.0")] * 3 + [("2.0", "10.0", "7.0")] * 5 + [("2.0", "0", "7.0")] * 4
    assert [(change.step, change.values, change.before) for change in read_changes(tmp_path / "a")] == [
        (3, {"a": 2.0, "c": 7}, {"a": 1.0, "c": 5}), (8, {"b": 0}, {"b": 10.0})]
    assert "a = 2 from step 4 on (it was 1)" in ran.folder.lines
    assert ran.folder.files["params.json"]["a"]["value"] == 2.0 and not Mailbox(tmp_path / "a").names()


def test_generated_code_and_interpreter_change_the_same(tmp_path: Path) -> None:
    asks = {2: {"a": 3.0}, 4: {"c": 1}, 5: {"b": 2.0, "a": 0.5}}
    same(go(tmp_path / "a", asks), go(tmp_path / "b", asks, interpret=True))


@pytest.mark.parametrize("saved", [4, 8, 12])
def test_a_run_that_goes_on_repeats_the_changes_at_their_steps(saved: int, tmp_path: Path) -> None:
    """From a checkpoint before, between and after them. Step 4 and 8 end an epoch and take a checkpoint as well."""
    store = MemoryStore(keep=None)
    whole = go(tmp_path / "a", {4: {"a": 3.0}, 6: {"c": 9}, 8: {"b": 2.0}, 10: {"a": 0.5}}, store=store)
    ASK.clear()
    rest = go(tmp_path / "a", store=only(store, saved), resume=True)
    assert rest.weights == whole.weights and said(rest) == said(whole)[saved:]
    assert rest.inputs("begun") == whole.inputs("begun")[saved // 4:]
    assert [change.step for change in read_changes(tmp_path / "a")] == [4, 6, 8, 10]


def test_a_run_that_was_killed_before_its_first_checkpoint_repeats_them_too(tmp_path: Path) -> None:
    whole = go(tmp_path / "a", {1: {"a": 3.0}, 2: {"c": 9}})
    ASK.clear()
    rest = go(tmp_path / "a", store=MemoryStore(), resume=True)
    assert rest.weights == whole.weights and said(rest) == said(whole)


def test_a_replay_is_the_run_again(tmp_path: Path) -> None:
    whole = go(tmp_path / "a", {1: {"a": 3.0}, 7: {"c": 9}, 11: {"b": 0.0, "a": 1.0}})
    ASK.clear()
    again = go(tmp_path / "b", replay=tmp_path / "a")
    same(whole, again)
    assert read_changes(tmp_path / "b") == read_changes(tmp_path / "a")


def test_a_change_on_the_way_takes_the_place_of_those_to_come(tmp_path: Path) -> None:
    """Of the same parameter; the others are repeated."""
    store = MemoryStore(keep=None)
    go(tmp_path / "a", {7: {"a": 3.0, "c": 9}}, store=store)
    ASK.clear()
    rest = go(tmp_path / "a", {5: {"a": 2.0}}, store=only(store, 4), resume=True)
    assert [given[0] for given in said(rest)] == ["1.0"] + ["2.0"] * 7
    assert [given[2] for given in said(rest)] == ["5.0"] * 3 + ["9.0"] * 5
    assert [(change.step, change.values) for change in read_changes(tmp_path / "a")] == [(5, {"a": 2.0}), (7, {"c": 9})]
    ASK.clear()
    again = go(tmp_path / "a", store=only(store, 4), resume=True)
    assert said(again) == said(rest) and again.weights == rest.weights


def test_a_value_that_the_pipeline_gives_anew_holds(tmp_path: Path) -> None:
    store = MemoryStore(keep=None)
    first = go(tmp_path / "a", {3: {"a": 3.0}, 7: {"a": 4.0, "c": 9}}, store=store)
    ASK.clear()
    checked = check(PIPELINE, "a=0.25")
    rest = run(checked, path=tmp_path / "a", store=only(store, 4), resume=True,
               ready=lambda runner: (RUNNER.append(runner), runner.job.folder.files.update(first.folder.files)))  # type: ignore[attr-defined]
    assert {given[0] for given in said(rest)} == {"0.25"} and said(rest)[-1][2] == "9.0"
    assert any("gives a anew" in line for line in rest.folder.lines)


def test_a_request_that_was_answered_is_not_answered_again(tmp_path: Path) -> None:
    """The run was killed between writing a change down and removing the request."""
    go(tmp_path / "a", {3: {"a": 3.0}})
    [change] = read_changes(tmp_path / "a")
    box = Mailbox(tmp_path / "a")
    (box.path / f"{change.request}.json").write_text(json.dumps({"set": {"a": 3.0}}))
    ASK.clear()
    rest = go(tmp_path / "a", store=MemoryStore(), resume=True)
    assert read_changes(tmp_path / "a") == [change] and not box.names()
    assert [given[0] for given in said(rest)] == ["1.0"] * 3 + ["3.0"] * 9


@pytest.mark.parametrize(("values", "why"), [
    ({"a": 10}, "a cannot be 10; expected a number from 0 to 9"),
    ({"a": "x"}, "a cannot be x; expected a number from 0 to 9"),
    ({"a": 2.0, "d": 1}, "there is no parameter 'd'"),
    ({"unread": 1}, "unread cannot be changed: no expression reads params.unread"),
])
def test_what_the_run_refuses(values: dict[str, Any], why: str, tmp_path: Path) -> None:
    """All of a request or nothing; whoever has written it gets the answer."""
    ran = go(tmp_path / "a", {3: values})
    [change] = read_changes(tmp_path / "a")
    assert (change.values, change.refused) == ({}, why)
    assert set(said(ran)) == {("1.0", "10.0", "5.0")} and f"warning: a change was refused: {why}" in ran.folder.lines


@pytest.mark.parametrize("text", ["", "{", "[]", '{"set": 3}', '{"set": {}}'])
def test_a_file_that_is_no_request(text: str, tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.path.mkdir()
    (box.path / "hello.json").write_text(text)
    go(tmp_path)
    [change] = read_changes(tmp_path)
    assert change.refused and change.request == "hello" and not box.names()


def test_a_request_that_comes_too_late(tmp_path: Path) -> None:
    go(tmp_path / "a", {12: {"a": 2.0}})
    [change] = read_changes(tmp_path / "a")
    assert change.refused == "the run has ended: finished after step 12" and not Mailbox(tmp_path / "a").names()


def test_a_replay_that_does_not_fit(tmp_path: Path) -> None:
    from edgraph.run.folder import FolderError
    (tmp_path / "changes.jsonl").write_text(json.dumps(Change(2, {"q": 1}, {"q": 2}, "x", 0.0)._asdict()) + "\n")
    with pytest.raises(FolderError, match="there is no parameter 'q'"):
        go(tmp_path / "b", replay=tmp_path)
    (tmp_path / "changes.jsonl").write_text("{")
    with pytest.raises(FolderError, match="damaged"):
        go(tmp_path / "c", replay=tmp_path)


def test_a_region_is_given_parameters_as_arguments(tmp_path: Path) -> None:
    """What is compiled must not hold their values."""
    seen: list[str] = []

    class Watching(ToyCompiler):
        def compile(self, region: Callable[..., Any]) -> Callable[..., Any]:
            seen.append(region.__name__)
            assert "_params" not in region.__code__.co_names
            return super().compile(region)

    asks: dict[int, dict[str, Any]] = {2: {"b": 3.0}, 7: {"a": 0.5, "b": 0.0}}
    with compiling():
        one = go(tmp_path / "a", asks, compiler=Watching)
    ASK.clear()
    other = go(tmp_path / "b", replay=tmp_path / "a")
    assert seen and one.weights == other.weights and said(one) == said(other)


def test_nothing_is_watched_where_nothing_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = []
    monkeypatch.setattr(LiveParams, "_watch", lambda self: watched.append(self))
    run({"params": {"a": 1}, "run": {"num_steps": 2}, "ops": {"say": {"op": "note"}}})
    assert watched == [] and not (tmp_path / "inbox").exists()


def test_what_can_be_set() -> None:
    graph = accepted({
        "params": {"inserted": 2, "through": "${inserted}", "read": 1.0, "index": 0, "many": [1, 2], "both": 0.5,
                   "in_graph": 3, "of_stage": 0.5, "flag": True},
        "run": {"num_steps": 3},
        "ops": {"n": {"op": "clocked"}, "row": {"op": "grid", "with": {"rows": "${inserted}"}},
                "say": {"op": "note", "inputs": ["params.read + params.both", "row[params.index]", "params.many[0]",
                                                 "params.through", "n"], "when": "params.flag"},
                "more": {"op": "constant", "with": {"value": "${both}"}}, "also": {"op": "note", "inputs": "more"},
                "inner": {"op": "loop", "with": {"graph": "rounds", "params": {"in_graph": 5}}},
                "result": {"op": "note", "inputs": "inner.seen"}},
        "stages": {"one": {"until": {"when": "hold(n, 0) > params.of_stage"}}, "two": {}},
        "graphs": {"rounds": {"repeat": 2, "params": {"in_graph": 1},
                              "ops": {"seen": {"op": "constant", "with": {"value": "${in_graph}"}}},
                              "outputs": {"seen": "seen"}}}})
    known = settable(graph)
    why = {name: each.refusal(name) for name, each in known.items()}
    assert {name for name in why if why[name] is None} == {"through", "read", "index", "of_stage", "flag"}
    assert "${inserted} at " in str(why["inserted"]) and "and 1 more" in str(why["inserted"])
    assert why["many"] == "it is not a single value" and "${both}" in str(why["both"])
    assert why["in_graph"] == "no expression reads params.in_graph"  # the graph has one of its own
    assert known["index"].misfit(1.5) is not None and known["index"].misfit(1) is None
    assert known["flag"].misfit(1) is not None and known["read"].misfit(2) is None
    assert known["read"].misfit(float("nan")) is not None
