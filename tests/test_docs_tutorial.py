"""The tutorial's pipeline runs, keeps the state of its own op, and works from its own folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docs_tools import ROOT, workplace

import edgraph

pytest.importorskip("torch")
PIPELINE = str(ROOT / "docs" / "tutorial" / "pipeline.yaml")


def test_it_trains(tmp_path: Path) -> None:
    run = edgraph.load(PIPELINE, ["run.num_epochs=10"]).run(tmp_path / "run")
    losses = [row["report.loss"] for row in run.metrics]
    assert run.end == "finished" and run.step == 200 and len(losses) == 2
    assert losses[1] < 0.8 * losses[0]


def test_the_state_of_its_op_is_resumed(tmp_path: Path) -> None:
    short, long = ["run.num_steps=70"], ["run.num_steps=100"]
    whole = edgraph.load(PIPELINE, long).run(tmp_path / "whole")
    edgraph.load(PIPELINE, short).run(tmp_path / "parts")
    parts = edgraph.load(PIPELINE, long).run(resume=tmp_path / "parts")
    assert parts.values["mean"] == whole.values["mean"]
    assert [row["report.loss"] for row in parts.metrics] == [row["report.loss"] for row in whole.metrics]


def test_the_interpreter_agrees(tmp_path: Path) -> None:
    steps = ["run.num_steps=30"]
    one = edgraph.load(PIPELINE, steps).run(tmp_path / "one")
    two = edgraph.load(PIPELINE, steps).run(tmp_path / "two", interpret=True)
    assert one.values["mean"] == two.values["mean"]


def test_it_runs_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `my_ops.py` is a file of the current folder, as are modules that name their file without a path."""
    monkeypatch.chdir(workplace(tmp_path) / "docs" / "tutorial")
    loaded = edgraph.load("pipeline.yaml", ["run.num_steps=3", "ops.report=null"])
    assert loaded.validate(imports=True) == [] and loaded.run(tmp_path / "run").step == 3


def test_its_ops_are_in_a_schema_of_its_own(tmp_path: Path) -> None:
    from edgraph.cli.main import main
    assert main(["schema", PIPELINE, "-o", str(tmp_path / "schema.json")]) == 0
    assert "huber" in json.dumps(json.loads((tmp_path / "schema.json").read_text()))
