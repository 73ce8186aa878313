"""Every pipeline of the folder runs: a few steps, by generated code and by the interpreter, with the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twins import differences, rows, run, saved_weights

import edgraph
from edgraph.text.diagnostics import PipelineError

ROOT = Path(__file__).parent.parent
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))
# Stages and intervals so short that everything of a pipeline runs within a few steps.
SHORT: dict[str, list[str]] = {
    "staged-autoencoder": ["stages.outer.until=1 steps", "stages.inner.until=2 steps"],
    "distillation": ["stages.teach.until=1 steps"],
}


def short_run(pipeline: Path, folder: Path, **how: Any) -> Path:
    """Three steps; pipelines whose data this machine does not have are left out."""
    overrides = ["run.num_steps=3", *SHORT.get(pipeline.stem, ())]
    try:
        run(pipeline, folder, overrides, **how)
    except PipelineError as error:
        missing = [d for d in error.diagnostics.sorted() if "dataset-fashion-mnist" in f"{d.message}{d.help}"]
        if not missing:
            raise
        pytest.skip("Fashion-MNIST is not installed")
    return folder


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_three_steps(pipeline: Path, tmp_path: Path) -> None:
    code = short_run(pipeline, tmp_path / "code")
    slow = short_run(pipeline, tmp_path / "interpreter", interpret=True)
    assert differences(saved_weights(code), saved_weights(slow)) == []
    assert rows(code) == rows(slow)
    pictures = [sorted(path.relative_to(folder) for path in folder.glob("images/**/*.png")) for folder in (code, slow)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_nothing_to_say(pipeline: Path) -> None:
    """Neither errors nor warnings, with the pipeline's own modules too."""
    assert [str(d.message) for d in edgraph.load(pipeline).validate(imports=True)] == []


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_the_comment_on_top(pipeline: Path) -> None:
    lines = pipeline.read_text(encoding="utf-8").splitlines()
    comment = [line for line in lines[1:12] if line.startswith("#")]
    assert len(comment) >= 3, "say what it shows"
