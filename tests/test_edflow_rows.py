"""Every iterator and hook of EDFlow has a pipeline that does what EDFlow's documentation promises of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docs_tools import blocks
from twins import rows, run, saved_weights, state

import edgraph
from edgraph.cli.main import main
from edgraph.run.folder import RunFolder

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "pipelines" / "edflow"
PAGE = ROOT / "docs" / "coming-from-edflow.md"
BASES = {"classifier", "two-losses"}
Row = Callable[[Path], None]
ROWS: dict[str, tuple[str, Row]] = {}  # what EDFlow calls it -> the pipeline, the test


def row(name: str, pipeline: str) -> Callable[[Row], Row]:
    def register(test: Row) -> Row:
        ROWS[name] = pipeline, test
        return test
    return register


def file(name: str) -> Path:
    return FOLDER / f"{name}.yaml"


def fires(name: str, *ops: str) -> list[tuple[str, ...]]:
    """Which of these ops each step has, by the plan."""
    return [tuple(op for op in ops if op in step["ops"]) for step in edgraph.load(file(name)).plan(1, 12)["steps"]]


def logged(folder: Path, key: str) -> list[int]:
    """The steps at which a value was logged."""
    return [found["step"] for found in rows(folder) if key in found]


def broken_off(name: str, whole: Path, steps: int, folder: Path) -> None:
    """A run in two parts is the same run."""
    run(file(name), folder, [f"run.num_steps={steps}"])
    edgraph.load(file(name)).run(resume=folder)
    assert saved_weights(folder) == saved_weights(whole)


@row("PyHookedModelIterator", "python")
def any_callable(folder: Path) -> None:
    """num_steps trumps num_epochs, in the middle of an epoch; hooks on an interval and between epochs."""
    ended = run(file("python"), folder / "run")
    assert ended.step == 100 and state(ended.folder)["step"] == 100
    assert logged(ended.folder, "report.hits") == list(range(10, 101, 10))
    assert rows(ended.folder)[-1]["report.hits"] > 0.8
    assert {found["epoch"] for found in rows(ended.folder)} == {1, 2, 3}  # of 45, 45 and 10 steps
    broken_off("python", ended.folder, 50, folder / "parts")


@row("TorchHookedModelIterator", "torch")
def torch_steps(folder: Path) -> None:
    """As many epochs are begun as the steps take; batches keep their type and layout."""
    ended = run(file("torch"), folder / "run", ["run.num_epochs=1"])
    assert ended.step == 100 and rows(ended.folder)[-1]["epoch"] == 5
    assert str(ended.values["batch"]["image"].dtype) == "torch.float32"
    assert tuple(ended.values["batch"]["image"].shape[1:]) == (1, 8, 8)
    assert run(file("torch"), folder / "epochs", ["run.num_steps=null"]).step == 4 * 23


@row("TFHookedModelIterator", "tensorflow")
def tensorflow_steps(folder: Path) -> None:
    """The same steps as on torch."""
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    losses = [[found["report.loss"] for found in rows(run(file(name), folder / name).folder)]
              for name in ("torch", "tensorflow")]
    assert np.allclose(*losses, atol=1e-4)


@row("TemplateIterator", "template")
def template(folder: Path) -> None:
    """A growing interval of logs, validation beside; evaluation and a checkpoint after each epoch."""
    ended = run(file("template"), folder / "run")
    growing = [1, 2, 4, 8, 16, 32, 64]
    assert logged(ended.folder, "train.log.net") == logged(ended.folder, "train.log_validation.loss") == growing
    assert logged(ended.folder, "train.result.score.accuracy") == [23, 46, 69, 92]
    assert {int(path.stem[5:]) for path in (ended.folder / "checkpoints").glob("step-*")} >= {92, 100}


@row("TFBaseTrainer", "base-trainer")
def base_trainer(folder: Path) -> None:
    """Both losses at every step, a learning rate that falls on a line, an op that runs once."""
    assert fires("base-trainer", "train.critic", "train.generator") == [("train.critic", "train.generator")] * 12
    ended = run(file("base-trainer"), folder / "run", ["run.num_steps=13", "ops.train.log.every=1"])
    rates = [found["train.log.critic_lr"] for found in rows(ended.folder)]
    assert np.allclose(rates, np.interp(range(1, 14), [4, 10], [1e-3, 1e-4]))
    assert (ended.folder / "log.txt").read_text().count("begins with") == 1
    broken_off("base-trainer", run(file("base-trainer"), folder / "whole").folder, 5, folder / "parts")
    assert (folder / "parts" / "log.txt").read_text().count("begins with") == 1


@row("TFFrequencyTrainer", "frequency-trainer")
def frequency_trainer(folder: Path) -> None:
    """Five of one and one of the other, also where the run was broken off within a cycle."""
    turn = [("train.critic",)] * 5 + [("train.generator",)]
    assert fires("frequency-trainer", "train.critic", "train.generator") == turn * 2
    broken_off("frequency-trainer", run(file("frequency-trainer"), folder / "whole").folder, 3, folder / "parts")


@row("TFListTrainer", "list-trainer")
def list_trainer(folder: Path) -> None:
    """One set after the other, each with its own optimizers and learning rate."""
    ops = ("train.critic_1", "train.generator_2", "train.critic_3")
    assert fires("list-trainer", *ops) == [(op,) for op in ops] * 4
    ended = run(file("list-trainer"), folder / "run", ["ops.rate={op: log_scalars, inputs: train.critic_3.lr}"])
    assert {found["rate.train.critic_3.lr"] for found in rows(ended.folder)} == {0.05}
    broken_off("list-trainer", run(file("list-trainer"), folder / "whole").folder, 5, folder / "parts")


@row("TFMultiStageTrainer", "stage-trainer")
def stage_trainer(folder: Path) -> None:
    """The losses of each stage, and of one that has none."""
    found = fires("stage-trainer", "train.critic", "train.generator")
    assert found == [("train.critic",)] * 4 + [()] * 2 + [("train.critic", "train.generator")] * 6
    broken_off("stage-trainer", run(file("stage-trainer"), folder / "whole").folder, 5, folder / "parts")


@row("TFBaseEvaluator", "evaluator")
def evaluator(folder: Path) -> None:
    """Waits for checkpoints while another process trains, takes those that the filter lets through, each once."""
    waits = subprocess.Popen([sys.executable, "-m", "edgraph", "run", str(file("evaluator")), f"of={folder / 'run'}",
                              "--folder", str(folder / "evaluation"), "run.timeout=60 s"])
    try:
        run(file("checkpoints"), folder / "run", ["run.checkpoint={every: 10, keep: 100}", "ops.record=null",
                                                  "ops.best=null", "ops.score=null"])
        assert waits.wait(60) == 0, "it ends when the run that it waits for has ended"
    finally:
        waits.kill()
    assert logged(folder / "evaluation", "result.score.accuracy") == [20, 40, 60]


@row("IntervalHook", "intervals")
def intervals(folder: Path) -> None:
    """start, stop, and an interval that grows up to a maximum."""
    ended = run(file("intervals"), folder / "run")
    assert logged(ended.folder, "tens.tens") == [100, 110, 120, 130]
    assert logged(ended.folder, "growing.growing") == [2 ** n for n in range(10)] + [1000, 2000, 3000]


@row("CheckpointHook, RestoreHook", "checkpoints")
def checkpoints(folder: Path) -> None:
    """Saved on an interval; what is restored goes on bit for bit, step included."""
    ended = run(file("checkpoints"), folder / "run")
    assert [path.stem for path in sorted((ended.folder / "checkpoints").glob("step-*"))] == \
        ["step-00000020", "step-00000040", "step-00000060"]
    assert (ended.folder / "checkpoints" / "best.safetensors").exists()
    broken_off("checkpoints", ended.folder, 30, folder / "parts")


@row("RetrainHook", "checkpoints")
def retrain(folder: Path) -> None:
    """The weights of a run, and the global step from 0."""
    first = run(file("checkpoints"), folder / "first")
    second = edgraph.load(file("checkpoints"), ["run.num_steps=5"]).run(folder / "second", start_from=str(first.folder))
    assert logged(second.folder, "report.loss") == [5]
    assert rows(second.folder)[0]["report.loss"] < rows(first.folder)[0]["report.loss"] - 0.1


def rates(folder: Path) -> list[float]:
    return [found["report.train.lr"] for found in RunFolder.open(folder).metrics()]


def until(what: Callable[[], Any], process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit and process.poll() is None
        time.sleep(0.02)


@row("RuntimeInputHook", "live")
def runtime_input(folder: Path) -> None:
    """A value that is changed while the run goes on holds from the next step, and the run remembers it."""
    trains = subprocess.Popen([sys.executable, "-m", "edgraph", "run", "--quiet", str(file("live")),
                               "run.num_steps=1000000", "--folder", str(folder / "run")])
    try:
        until(lambda: (folder / "run" / "status.json").exists() and rates(folder / "run"), trains)
        assert main(["set", str(folder / "run"), "lr=2.0"]) == 2, "more than its bounds allow"
        assert main(["set", str(folder / "run"), "lr=1e-4"]) == 0
        until(lambda: rates(folder / "run")[-1] == 1e-4, trains)
        trains.send_signal(signal.SIGTERM)
        assert trains.wait(60) == 143
    finally:
        trains.kill()
    found = rates(folder / "run")
    change = found.index(1e-4)
    assert set(found[:change]) == {1e-3} and set(found[change:]) == {1e-4}
    ended = edgraph.load(file("live"), [f"run.num_steps={len(found) + 3}"]).run(resume=folder / "run")
    assert [found["report.train.lr"] for found in ended.metrics[-3:]] == [1e-4] * 3


@row("get_fixed_examples", "fixed-examples")
def fixed_examples(folder: Path) -> None:
    """By index where they are named; else drawn once, within the length, and the same in every epoch and run."""
    ended = run(file("fixed-examples"), folder / "run")
    recorded = RunFolder.open(ended.folder).read_json("fixed_examples.json")
    assert recorded["train"] == [0, 1, 2, 3]
    drawn = recorded["validation"]
    assert len(set(drawn)) == 64 and min(drawn) >= 0 and max(drawn) < 360
    again = run(file("fixed-examples"), folder / "again")
    assert RunFolder.open(again.folder).read_json("fixed_examples.json") == recorded
    assert logged(ended.folder, "report.metric") == [23, 46, 69, 92]


@row("EvalHook", "save-examples")
def eval_hook(folder: Path) -> None:
    """What was kept of each example, in the order of the data set and with its indices."""
    from edgraph.data.digits import read
    from edgraph.data.saved import SavedExamples

    ended = run(file("save-examples"), folder / "run")
    kept = SavedExamples(folder=str(ended.folder)).fetch(np.arange(360))
    assert kept["origin"].tolist() == list(range(360)) and kept["logits"].shape == (360, 10)
    assert kept["label"].tolist() == read(split="validation").arrays["label"].tolist()


@row("edeval", "edeval")
def edeval(folder: Path) -> None:
    """A metric of what was kept, the same as that of the evaluation, and one more."""
    first = run(file("save-examples"), folder / "run", ["ops.shown={op: log_scalars, inputs: score.accuracy}"])
    second = run(file("edeval"), folder / "metrics", [f"of={first.folder}"])
    [found] = rows(second.folder)
    assert found["result.score.first"] == pytest.approx(rows(first.folder)[-1]["shown.score.accuracy"])
    assert found["result.score.second"] >= found["result.score.first"]


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str, tmp_path: Path) -> None:
    ROWS[name][1](tmp_path)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_to_say(path: Path) -> None:
    said = edgraph.load(path).validate(imports=True)
    assert said == [] or (path.stem in BASES and all(item.severity == "warning" for item in said))


def test_every_pipeline_has_its_row_and_its_place_on_the_page() -> None:
    assert {pipeline for pipeline, _ in ROWS.values()} == {path.stem for path in FOLDER.glob("*.yaml")} - BASES
    shown = {block.marked("file") for block in blocks(PAGE)}
    assert {f"pipelines/edflow/{path.name}" for path in FOLDER.glob("*.yaml")} <= shown
    text = PAGE.read_text(encoding="utf-8")
    for name in ROWS:
        assert all(f"`{part}`" in text for part in re.split(", ", name)), name
