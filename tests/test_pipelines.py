"""Every pipeline of the folder runs: a few steps, by generated code and by the interpreter, with the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from twins import differences, rows, run, saved_weights

import edgraph

ROOT = Path(__file__).parent.parent
ALL = sorted((ROOT / "pipelines").glob("*.yaml"))
AFTERWARDS = ("evaluate-digits", "rescore-digits")  # of a run that there must be: test_pipelines_evaluation
PIPELINES = [path for path in ALL if path.stem not in AFTERWARDS]
# Stages and intervals so short that everything of a pipeline runs within a few steps.
SHORT: dict[str, list[str]] = {
    "staged-autoencoder": ["stages.outer.until=1 steps", "stages.inner.until=2 steps"],
    "vae-gan": ["switch=2"],
    "char-lm": ["files=json/*.py", "ops.written.every=3"],
    "meta-learning": ["updates=2", "graphs.examine.repeat=2"],
    "distillation": ["stages.teach.until=1 steps"],
}


def short_run(pipeline: Path, folder: Path, steps: int = 3, **how: Any) -> Path:
    """A few steps. In place of Fashion-MNIST, which few machines have, digits of the same size in files of its kind."""
    overrides = [f"run.num_steps={steps}", *SHORT.get(pipeline.stem, ())]
    if pipeline.stem == "fashion-cnn":
        write_idx(folder.parent / "idx")
        overrides += [f"folder={folder.parent / 'idx'}"]
    run(pipeline, folder, overrides, **how)
    return folder


def write_idx(folder: Path) -> None:
    """256 and 64 digits of 28 x 28 pixels under the names of the MNIST family."""
    from edgraph.data.digits import read

    folder.mkdir(exist_ok=True)
    arrays = read(split="all").arrays
    for name, part in (("train", slice(0, 256)), ("t10k", slice(256, 320))):
        pixels = np.pad(np.kron(arrays["image"][part, 0] * 255, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
        for kind, values in (("images-idx3", pixels.astype(np.uint8)), ("labels-idx1", arrays["label"][part])):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
            (folder / f"{name}-{kind}-ubyte").write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_three_steps(pipeline: Path, tmp_path: Path) -> None:
    code = short_run(pipeline, tmp_path / "code")
    slow = short_run(pipeline, tmp_path / "interpreter", interpret=True)
    assert differences(saved_weights(code), saved_weights(slow)) == []
    assert rows(code) == rows(slow)
    pictures = [sorted(path.relative_to(folder) for path in folder.glob("images/**/*.png")) for folder in (code, slow)]
    assert pictures[0] == pictures[1]


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_resumed_after_two_steps(pipeline: Path, tmp_path: Path) -> None:
    """The third and fourth step after a break leave the same weights as without one."""
    whole = short_run(pipeline, tmp_path / "whole", 4)
    parts = short_run(pipeline, tmp_path / "parts", 2)
    overrides = ["run.num_steps=4", *SHORT.get(pipeline.stem, ())]
    if pipeline.stem == "fashion-cnn":
        overrides.append(f"folder={tmp_path / 'idx'}")
    edgraph.load(pipeline, overrides).run(resume=parts)
    assert differences(saved_weights(parts), saved_weights(whole)) == []


def test_a_machine_without_fashion_mnist(tmp_path: Path) -> None:
    """The message names the package that has it, and where else it could be."""
    (tmp_path / "empty").mkdir()
    pipeline = edgraph.load(ROOT / "pipelines" / "fashion-cnn.yaml", [f"folder={tmp_path / 'empty'}"])
    said = {d.code: d.message for d in pipeline.validate(data=True)}
    assert "Debian's package dataset-fashion-mnist has such files" in said["missing-file"]


@pytest.mark.parametrize("pipeline", ALL, ids=lambda path: path.stem)
def test_nothing_to_say(pipeline: Path) -> None:
    """Neither errors nor warnings, with the pipeline's own modules too."""
    assert [str(d.message) for d in edgraph.load(pipeline).validate(imports=True)] == []


@pytest.mark.parametrize("pipeline", ALL, ids=lambda path: path.stem)
def test_the_comment_on_top(pipeline: Path) -> None:
    lines = pipeline.read_text(encoding="utf-8").splitlines()
    comment = [line for line in lines[1:12] if line.startswith("#")]
    assert len(comment) >= 3, "say what it shows"
