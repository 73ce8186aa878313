"""A resumed run goes on bit for bit as if it had never stopped, wherever that was."""

from __future__ import annotations

import shutil
from pathlib import Path

import everything
import pytest
from twins import run, state

import edgraph

FOREVER = ["run.checkpoint.every=1", "run.checkpoint.keep=1000"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything.write(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def whole(pipeline: Path) -> Path:
    """A run with a checkpoint of every step."""
    folder = pipeline.parent / "whole"
    run(pipeline, folder, FOREVER)
    return folder


def killed(whole: Path, step: int, folder: Path) -> Path:
    """The folder of a run that was killed right after the checkpoint of a step, with whatever came later."""
    shutil.copytree(whole, folder)
    for path in (folder / "checkpoints").glob("step-*"):
        if int(path.stem[5:]) > step:
            path.unlink()
    (folder / "checkpoints" / "best.safetensors").unlink(missing_ok=True)  # it may be of a later step
    (folder / "status.json").write_text('{"state": "running"}')
    return folder


def check(pipeline: Path, whole: Path, step: int, folder: Path, **how: bool) -> None:
    run(pipeline, None, resume=killed(whole, step, folder), **how)  # type: ignore[arg-type]
    assert everything.differing(everything.traces(folder), everything.traces(whole)) == []


# Half-way through an accumulation, the end of an epoch, a stage whose length counts from its start, the last steps.
@pytest.mark.parametrize("step", [20, 23, 60, 92, 129, 130])
def test_from_a_checkpoint(step: int, pipeline: Path, whole: Path, tmp_path: Path) -> None:
    check(pipeline, whole, step, tmp_path / "run")


def test_from_generated_code_to_the_interpreter(pipeline: Path, whole: Path, tmp_path: Path) -> None:
    check(pipeline, whole, 70, tmp_path / "run", interpret=True)


@pytest.mark.slow
@pytest.mark.parametrize("tens", range(13))
def test_from_every_checkpoint(tens: int, pipeline: Path, whole: Path, tmp_path: Path) -> None:
    for step in range(10 * tens + 1, 10 * tens + 11):
        check(pipeline, whole, step, tmp_path / f"run-{step}")


def test_stage_by_condition_is_in_the_middle(whole: Path) -> None:
    """The pipeline is one in which the checkpoints above differ in all that they hold."""
    tree = state(whole, "step-00000020")
    assert tree["models"]["optimizers"]["opt"]["partial"]["firings"] == 2
    assert [state(whole, f"step-{n:08d}")["stages"]["index"] for n in (20, 40, 130)] == [0, 1, 3]
    assert tree["streams"]["pool"][0] > 0 and tree["streams"]["rollout.pool"][0] == 3
    assert all(value is not None for value in tree["graph"]["held"])


def test_a_run_in_parts(pipeline: Path, whole: Path, tmp_path: Path) -> None:
    """The bound is raised again and again."""
    folder = tmp_path / "run"
    for bound in (37, 46, 47, everything.STEPS):  # not within a stage that speaks of its last step
        overrides = [f"run.num_steps={bound}", *(["ops.ended=null"] if bound < everything.STEPS else [])]
        how = {"resume": folder} if folder.exists() else {"folder": folder}
        assert edgraph.load(pipeline, overrides).run(**how).step == bound  # type: ignore[arg-type]
    assert everything.differing(everything.traces(folder), everything.traces(whole)) == []
