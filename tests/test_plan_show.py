"""`edgraph plan`: the timetable as text, as data and as source."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from plan_tools import PIPELINES, golden, graph_of
from toy import accepted

from edgraph.graph.ir import Graph
from edgraph.plan import show
from edgraph.plan.timetable import Timetable

# The output of `edgraph plan --json` is stable: change nothing here, only add.
NAMES = {"type": "array", "items": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object", "required": ["steps", "patterns"], "additionalProperties": False,
    "properties": {
        "steps": {"type": "array", "items": {
            "type": "object", "required": ["step", "ops", "conditional"], "additionalProperties": False,
            "properties": {"step": {"type": "integer", "minimum": 1}, "ops": NAMES, "conditional": NAMES}}},
        "patterns": {"type": "array", "items": {
            "type": "object", "required": ["effects", "ops", "first_step", "count"], "additionalProperties": False,
            "properties": {
                "effects": NAMES, "first_step": {"type": "integer", "minimum": 1},
                "count": {"type": ["integer", "null"], "minimum": 1},
                "ops": {"type": "array", "items": {
                    "type": "object", "required": ["name", "when", "gradients"], "additionalProperties": False,
                    "properties": {"name": {"type": "string"}, "when": {"type": ["string", "null"]},
                                   "gradients": {"type": "boolean"}}}}}}},
        "events": {"type": "array", "items": {
            "type": "object", "required": ["event", "ops", "conditional"], "additionalProperties": False,
            "properties": {"event": {"type": "string"}, "ops": NAMES, "conditional": NAMES}}}}}


@pytest.fixture(params=PIPELINES)
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Graph:
    return graph_of(request.param, tmp_path)


# -- for reading ------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", PIPELINES)
def test_text_as_it_was_read_and_found_good(name: str, tmp_path: Path) -> None:
    golden(f"{name}.txt", show.text(graph_of(name, tmp_path)))


def test_text_of_some_steps_has_a_grid(tmp_path: Path) -> None:
    golden("adversaries_92_to_110.txt", show.text(graph_of("adversaries", tmp_path), 92, 110))


def test_lines_fit_and_have_no_space_at_their_end(graph: Graph) -> None:
    for text in (show.text(graph), show.text(graph, 1, 40), show.text(graph, 995, 1030) if runs(graph, 1030) else ""):
        for line in text.splitlines():
            assert len(line) <= 100 and line == line.rstrip(), line


def runs(graph: Graph, step: int) -> bool:
    return graph.facts.last_step is None or step <= graph.facts.last_step


def test_a_long_window_has_no_grid(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    assert "may run: it depends" in show.text(graph, 1, 40)
    assert "may run: it depends" not in show.text(graph, 1, 41)


def test_the_grid_agrees_with_the_data(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    lines = show.text(graph, 92, 110).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  batch "))
    marks: dict[str, list[str]] = {}
    for line in lines[start:lines.index("", start)]:
        name, *rest = line.split()
        if "─" not in name:
            marks[name] = rest
    for column, step in enumerate(show.json(graph, 92, 110)["steps"]):
        runs = [name for name, found in marks.items() if found[column] != "·"]
        may = [name for name, found in marks.items() if found[column] == "◐"]
        assert sorted(runs) == sorted(step["ops"]) and may == step["conditional"]


def test_a_loop_is_written_out_once(tmp_path: Path) -> None:
    text = show.text(graph_of("open", tmp_path))
    assert text.count("for each batch of 'train':") == 1 and "its graph: see pattern 1" in text


def test_many_patterns_are_cut_short_and_say_so() -> None:
    ops = {f"say{n}": {"op": "note", "inputs": 1.0, "every": n} for n in (2, 3, 5, 7, 11, 13)}
    text = show.text(accepted({"run": {"over": "none", "num_steps": 30030}, "ops": ops}))
    assert "64 firing patterns" in text and "… and 24 more patterns" in text and "Pattern 40 " in text


# -- for tools --------------------------------------------------------------------------------------

def test_data_has_its_stable_shape(graph: Graph) -> None:
    for found in (show.json(graph), show.json(graph, 3, 60)):
        jsonschema.validate(found, SCHEMA)
    assert [step["step"] for step in show.json(graph, 3, 60)["steps"]] == list(range(3, 61))
    assert len(show.json(graph)["steps"]) == 100


def test_digits_as_data(tmp_path: Path) -> None:
    found = show.json(graph_of("digits", tmp_path), 1, 24)
    train = ["batch", "logits", "loss", "update"]
    epoch = [*train, "fixed", "guess", "panel", "score", "record", "best", "enough"]
    assert found["steps"][0] == {"step": 1, "ops": [*train, "report"], "conditional": []}
    assert found["steps"][1] == {"step": 2, "ops": train, "conditional": []}
    assert found["steps"][22] == {"step": 23, "ops": epoch, "conditional": ["best", "enough"]}
    assert [(p["effects"], p["first_step"], p["count"]) for p in found["patterns"]] == [
        (["update", "report"], 1, 1), (["update"], 2, 22), (["update", "panel", "best", "enough"], 23, 1)]
    assert found["patterns"][2]["ops"][1] == {"name": "logits", "when": None, "gradients": True}
    assert {op["name"]: op["when"] for op in found["patterns"][2]["ops"] if op["when"]} == {
        "best": "record", "enough": "record.since >= 5"}
    assert [op["name"] for op in found["patterns"][2]["ops"] if op["gradients"]] == ["logits", "loss"]


def test_patterns_count_the_steps_of_the_whole_run(tmp_path: Path) -> None:
    graph = graph_of("digits", tmp_path)
    counts = [pattern["count"] for pattern in show.json(graph)["patterns"]]
    assert counts == [10, 430, 20] and sum(counts) == graph.facts.last_step


def test_counts_agree_with_the_steps(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    found = show.json(graph, 1, 3000)
    seen: dict[tuple[str, ...], list[int]] = {}
    for step in found["steps"]:
        seen.setdefault((*step["ops"], "?", *step["conditional"]), []).append(step["step"])
    assert [(steps[0], len(steps)) for steps in seen.values()] == [
        (pattern["first_step"], pattern["count"]) for pattern in found["patterns"]]
    assert found["patterns"] == show.json(graph)["patterns"]


def test_what_only_the_run_knows_is_conditional(tmp_path: Path) -> None:
    graph = graph_of("open", tmp_path)
    first, second = show.json(graph, 1, 2)["steps"]
    assert first["ops"][:4] == ["batch", "out", "loss", "first_update"]
    assert first["conditional"] == ["ends", "score", "tell", "save"]  # only the first stage can have step 1
    assert second["conditional"][:2] == ["first_update", "second_update"] and "loss" not in second["conditional"]
    found = show.json(graph)
    assert all(pattern["count"] is None for pattern in found["patterns"])
    when = {op["name"]: op["when"] for op in found["patterns"][1]["ops"]}
    assert when["save"] == "on the last step of each epoch or every 5 minutes"
    assert when["first_update"] == "while stage 'warm' lasts"
    assert when["tell"] == "on the last step of each epoch and ((score.mean < 3) or (step > 5))"


def test_events_are_data_too(tmp_path: Path) -> None:
    assert show.json(graph_of("adversaries", tmp_path))["events"] == [
        {"event": "start", "ops": ["hello"], "conditional": []},
        {"event": "end", "ops": ["bye"], "conditional": ["bye"]},
        {"event": "exception", "ops": ["bye"], "conditional": ["bye"]}]
    assert "events" not in show.json(graph_of("digits", tmp_path))


def test_the_default_checkpoint_makes_no_patterns(tmp_path: Path) -> None:
    graph = graph_of("adversaries", tmp_path)
    assert "run.checkpoint" in graph.nodes
    assert "run.checkpoint" not in str(show.json(graph))
    assert "saved every 500 steps, and at the end" in show.text(graph)
    assert len(show.json(graph)["patterns"]) == 5


@pytest.mark.parametrize(("first", "last", "message"), [
    (0, 5, "step 0: steps count from 1"), (9, 5, "steps 9..5: the first comes after the last"),
    (461, 470, "step 461: the run ends at step 460")])
def test_steps_that_there_are_not(first: int, last: int, message: str, tmp_path: Path) -> None:
    graph = graph_of("digits", tmp_path)
    for shown in (show.text, show.json, show.code):
        with pytest.raises(show.NoSuchSteps, match=re.escape(message)):
            shown(graph, first, last)


def test_a_window_ends_with_the_run(tmp_path: Path) -> None:
    assert [step["step"] for step in show.json(graph_of("digits", tmp_path), 455, 999)["steps"]] == [*range(455, 461)]


# -- source -----------------------------------------------------------------------------------------

def test_code_is_python_with_a_function_for_each_pattern(graph: Graph) -> None:
    text = show.code(graph)
    compile(text, "<code>", "exec")
    names = re.findall(r"^def (pattern_\d+)\(", text, re.M)
    assert names and len(names) == len(set(names))


def test_code_says_when_each_function_runs(tmp_path: Path) -> None:
    text = show.code(graph_of("digits", tmp_path))
    assert "# step 1 and every 50 steps: steps 1, 50, 100, 150, 200, 250, 300, 350, …\ndef pattern_1(" in text
    assert "# Loop 'score': graph 'evaluate', for each batch of 'validation'." in text
    assert "# every 10 minutes, with what else is due on most steps\n" in text
    assert "def score_1(" in text
    assert len(re.findall(r"^def pattern_", show.code(graph_of("digits", tmp_path), 2, 10), re.M)) == 2


def test_code_says_which_functions_are_one() -> None:
    ops = {"a": {"op": "note", "inputs": 1.0, "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
           "b": {"op": "note", "inputs": 1.0, "every": 6}}
    graph = accepted({"run": {"over": "none", "num_steps": 600, "checkpoint": False}, "ops": ops})
    assert ("# steps 1..600 are rounds of 6, for which the loops of pattern_1, pattern_2 stand in one function\n"
            in show.code(graph))
    assert "are rounds of" not in show.code(graph, 1, 5)


def test_code_tries_each_stage_that_only_the_run_will_know(tmp_path: Path) -> None:
    text = show.code(graph_of("open", tmp_path))
    for name in ("warm", "main", "tail"):
        assert f"# while stage '{name}' lasts, every 20 steps: " in text


# -- the same bytes ---------------------------------------------------------------------------------

SCRIPT = """
import json, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from plan_tools import PIPELINES, graph_of
from edgraph.plan import show
from edgraph.plan.explain import explain
for name in PIPELINES:
    graph = graph_of(name, Path(sys.argv[1]))
    print(show.text(graph), show.text(graph, 90, 110), json.dumps(show.json(graph)), show.code(graph))
    for node in graph.nodes.values():
        if node.visible:
            print(explain(graph, node.name), explain(graph, node.name, 50))
"""


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    script = SCRIPT.format(tests=str(Path(__file__).parent))
    outputs = [subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True,
                              env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")]
    assert outputs[0] == outputs[1] and len(outputs[0]) > 10_000


def test_patterns_that_a_run_plans_are_those_that_are_shown(tmp_path: Path) -> None:
    """Before the run there is one plan where the run has one for each of its moments; without such moments they
    are the same."""
    graph = graph_of("digits", tmp_path)
    table = Timetable(graph)
    masks = {mask for mask, _, _ in table.stretches(1, graph.facts.last_step)}
    assert len(masks) == len(show.json(graph)["patterns"])


def test_a_source_that_only_training_moves_says_so() -> None:
    ops = {"batch": {"op": "load_batch", "with": {"data": "other"}}, "x": {"op": "total", "inputs": "batch.x"},
           "y": {"op": "forward", "inputs": "x", "with": {"model": "net"}},
           "update": {"op": "optimize", "inputs": "y", "with": {"optimizer": "sgd"}, "every": 2},
           "say": {"op": "note", "inputs": "y", "every": 3}}
    numbers = {"use": "numbers", "batch_size": 2}
    text = show.text(accepted({
        "run": {"over": "none", "num_steps": 12, "checkpoint": False}, "data": {"other": numbers}, "ops": ops,
        "models": {"net": {"use": "toy"}}, "optimizers": {"sgd": {"use": "sgd", "updates": ["net"]}}}))
    rows = [line for line in text.splitlines() if line.startswith(("  ● batch", "  ● y"))]
    looked = "looked at without moving on: only training moves it"
    assert [looked in row for row in rows[::2]] == [False, True, False]  # the update alone, the note alone, both
    assert [row.split(maxsplit=3)[3] for row in rows[1::2]] == [
        "train mode, records gradients", "train mode, buffers unchanged", "train mode, records gradients"]
