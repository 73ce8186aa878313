"""SIGKILL at random moments of every pipeline of the folder: resumed each time, it ends as if nothing had happened."""

from __future__ import annotations

import random
import time
from pathlib import Path

import everything
import pytest
from test_crash_kill import start, wait_for_steps
from test_pipelines import PIPELINES, write_idx
from twins import state

STEPS, KILLS = 60, 3
# Stages and intervals so short that everything of a pipeline comes several times between its checkpoints; two of them
# accumulate gradients, over other numbers of steps than lie between two checkpoints.
GROWING = "every={steps: 2, grow: 3, max: 20}"
SHORT: dict[str, list[str]] = {
    "began": ["ops.record.every=4", f"ops.pictures.{GROWING}", "ops.report.every=3"],
    "byol": ["ops.report.every=3", *(f"ops.score_{name}.every=14" for name in ("learned", "untrained", "pixels"))],
    "char-lm": ["files=json/*.py", "length=32", "data.train.batch_size=8", "ops.update.with.accumulate=3",
                "ops.score.every=14", f"ops.written.{GROWING}", "ops.report.every=3"],
    "cyclegan-digits": ["ops.score.every=14", f"ops.there.{GROWING}", "ops.report.every=3"],
    "digits": ["ops.report.every=3"],
    "digits-gan": ["ops.train.critic.with.accumulate=3", "ops.report.every=4", "ops.pictures.every=12"],
    "distillation": ["stages.teach.until=22 steps", "ops.of_teacher.every={steps: 7, until: 22}",
                     "ops.of_student.every=7", "ops.of_plain.every=7", "ops.report.every=3"],
    "fashion-cnn": ["data.train.batch_size=16", "data.validation.batch_size=32", "ops.report.every=3"],
    "meta-learning": ["updates=3", "graphs.examine.repeat=4", "ops.exam.every=14", "ops.exam_naive.every=14",
                      "ops.report.every=3"],
    "sklearn-digits": ["stages.measure.until=12 steps", "ops.score.every=7"],
    "staged-autoencoder": ["stages.outer.until=17 steps", "ops.record.every=3", "ops.record.with.min_delta=1.0",
                           "ops.report.every=3", "ops.score.every=7", "ops.score_whole.every=7"],
    "vae-gan": ["switch=22", "ops.report.every=3", "ops.report_gan.every={steps: 3, from: 22}", "ops.its.every=14",
                "ops.before.every=14", "ops.dreamed.every=14"],
    "wgan-gp": ["ops.report.every={cycle: 6, positions: [1]}", f"ops.pictures.{GROWING}"],
}


def overrides_of(pipeline: Path, folder: Path) -> list[str]:
    """In place of Fashion-MNIST, which few machines have, digits of the same size in files of its kind."""
    overrides = [f"run.num_steps={STEPS}", "run.checkpoint.every=5", *SHORT[pipeline.stem]]
    if pipeline.stem == "fashion-cnn":
        write_idx(folder / "idx")
        overrides.append(f"folder={folder / 'idx'}")
    return overrides


def uninterrupted(pipeline: Path, folder: Path, overrides: list[str]) -> float:
    """A whole run; gives the seconds that it took to train."""
    process = start(pipeline, folder, overrides)
    wait_for_steps(folder, process)
    started = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - started


def killed_on_the_way(pipeline: Path, folder: Path, overrides: list[str], seconds: float) -> int:
    """A run killed up to so many times: within its first `seconds` of every attempt. Gives how often it was."""
    draw = random.Random(pipeline.stem)
    for kills in range(KILLS):
        process = start(pipeline, folder, overrides)
        wait_for_steps(folder, process)
        process.join(draw.uniform(0.0, seconds))
        if process.exitcode is not None:  # faster this time
            assert process.exitcode == 0
            return kills
        process.kill()
        process.join()
    process = start(pipeline, folder, overrides)
    process.join()
    assert process.exitcode == 0
    return KILLS


def test_no_pipeline_is_left_out() -> None:
    assert SHORT.keys() == {path.stem for path in PIPELINES}


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_kills(pipeline: Path, tmp_path: Path) -> None:
    overrides = overrides_of(pipeline, tmp_path)
    seconds = uninterrupted(pipeline, tmp_path / "whole", overrides)
    assert killed_on_the_way(pipeline, tmp_path / "run", overrides, 0.5 * seconds) > 0, "no kill came in time"
    one, other = everything.traces(tmp_path / "run"), everything.traces(tmp_path / "whole")
    assert everything.differing(one, other) == []


@pytest.mark.slow
def test_accumulation_is_half_way(tmp_path: Path) -> None:
    """In checkpoints of the runs above."""
    pipeline = next(path for path in PIPELINES if path.stem == "digits-gan")
    uninterrupted(pipeline, tmp_path / "run", [*overrides_of(pipeline, tmp_path), "run.num_steps=5"])
    assert state(tmp_path / "run")["models"]["optimizers"]["adam_critic"]["partial"]["firings"] == 2
