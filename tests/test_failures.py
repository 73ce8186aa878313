"""Runs that fail: what is said, what is saved, and that going on from there is exact."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from twins import differences, rows, run, saved_weights, state

import edgraph
from edgraph.cli.main import main
from edgraph.run.folder import RunFolder
from edgraph.text.diagnostics import PipelineError

Captured = pytest.CaptureFixture[str]
PIPELINE = """
name: failing
imports: [failing_ops]
run: {num_steps: 30, seed: 4, checkpoint: {every: 10}}
data:
  train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
models:
  net: {use: mlp, with: {sizes: [64, 16, 10], dropout: 0.1}}
optimizers:
  opt: {use: Adam, updates: [net], with: {lr: 0.003}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: opt}}
"""
OPS = '''
import math
import torch
import edgraph

AT, KIND = 0, "raise"
step = 0


class Trouble(Exception):
    pass


def fail():
    raise Trouble("it went wrong")


@edgraph.op(passes=("global_step",))
def trouble(global_step, value, other=None):
    """Gives its value back, and at a step trouble."""
    global AT
    if global_step != AT:
        return value
    AT = 0
    if KIND == "raise":
        fail()
    if KIND == "exit":
        raise SystemExit(3)
    if KIND == "late inf":  # finite, with a gradient that is not
        return (value - value.detach()).abs().sqrt().sum() + 1.0
    return value * float(KIND)


@edgraph.op(effect=True, passes=("global_step",))
class keeping:
    """Fails half-way through a change of its state."""

    def __init__(self):
        self.seen = 0

    def __call__(self, global_step, value):
        self.seen += 1
        trouble(global_step, value)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


def broken_function(image, label):
    return image.reshape(3, -1)


class BrokenModel(torch.nn.Module):
    def __init__(self, *, width: int):
        raise RuntimeError(f"no width {width} today")


@edgraph.op(effect=True, state=None)
class broken_op:
    def __init__(self, *, value: int = 0):
        raise RuntimeError("this op cannot be")

    def __call__(self, value):
        pass


class BrokenLogger:
    def __init__(self, *, at: int = 3):
        self.at = at

    def scalars(self, step, values):
        if step >= self.at:
            raise OSError(111, "the server is away")


def augment(example):
    if AT and int(example["label"]) == 7:
        fail()
    return example
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failing_ops.py").write_text(OPS)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    sys.modules.pop("failing_ops", None)


def write(ops: dict[str, Any] | None = None, **sections: Any) -> None:
    """The pipeline with other entries, in the order of what is given: ops that are given come where they stand."""
    tree = yaml.safe_load(PIPELINE)
    for section, entries in {**sections, "ops": ops or {}}.items():
        tree[section] = {**tree.get(section, {}), **entries}
    Path("pipeline.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def trouble(step: int, kind: str = "raise") -> None:
    """At a step of the next run, once."""
    edgraph.load("pipeline.yaml").check(imports=True)
    module = sys.modules["failing_ops"]
    module.AT, module.KIND = step, kind  # type: ignore[attr-defined]


def fails(*overrides: str, **how: Any) -> edgraph.api.Run:
    ended = edgraph.load("pipeline.yaml", overrides).run(Path("run"), **how)
    assert ended.end == "failed" and ended.exit_code == 1 and ended.failure is not None
    return ended


def said(ended: edgraph.api.Run) -> str:
    assert ended.failure is not None
    return ended.failure.text()


def same_as_never_failed() -> None:
    assert edgraph.load("pipeline.yaml").run(resume="run").end == "finished"
    run("pipeline.yaml", Path("whole"))
    assert differences(saved_weights(Path("run")), saved_weights(Path("whole"))) == []
    assert rows(Path("run")) == rows(Path("whole"))


TROUBLE = {"odd": {"op": "trouble", "inputs": "loss"},
           "update": {"op": "optimize", "inputs": "odd", "with": {"optimizer": "opt"}}}
AFTER = {"odd": {"op": "trouble", "inputs": "loss"}, "of_odd": {"op": "log_scalars", "inputs": "odd"}}


# -- an op that raises ---------------------------------------------------------------------------------

@pytest.mark.parametrize("interpret", [False, True])
def test_what_is_said(interpret: bool, capsys: Captured) -> None:
    write(TROUBLE)
    trouble(14)
    flags = ["--interpret"] if interpret else []
    assert main(["run", "pipeline.yaml", "--folder", "run", "--quiet", *flags]) == 1
    text = capsys.readouterr().err
    message, _, trace = text.partition("Traceback (most recent call last):")
    lines = message.splitlines()
    assert lines[0].startswith("error: pipeline.yaml:") and lines[0].endswith(
        ": 'odd' failed at step 14: Trouble: it went wrong")
    assert lines[1].strip().startswith("loss: Tensor of shape (), torch.float32, value ")
    assert lines[2].strip().startswith("the batch had the examples ") and lines[2].endswith("of 'train' (64 in all)")
    assert 'failing_ops.py", line' in trace and "in fail" in trace  # the original traceback, down to its line
    assert text.replace("error: ", "", 1).strip() in log_without_times()
    status = RunFolder.open(Path("run")).status()
    assert status is not None and (status.state, status.step, status.reason) == ("failed", 13, "it went wrong")


def log_without_times() -> str:
    return "\n".join(line[20:] for line in Path("run/log.txt").read_text().splitlines())


@pytest.mark.parametrize("interpret", [False, True])
def test_before_anything_was_written_the_last_step_is_saved(interpret: bool) -> None:
    write(TROUBLE)
    trouble(14)
    assert fails(interpret=interpret).step == 13
    assert state(Path("run"))["step"] == 13
    same_as_never_failed()


@pytest.mark.parametrize("interpret", [False, True])
@pytest.mark.parametrize("ops", [
    AFTER,  # after the update
    {"count": {"op": "improved", "inputs": "loss"}, "odd": {"op": "trouble", "inputs": ["loss", "count.best"]},
     "update": TROUBLE["update"]},  # after an op with state
    {"count": {"op": "keeping", "inputs": "loss"}},  # within one
    {"bias": {"op": "load_batch", "with": {"data": "train", "stream": "other"}}, "odd": {
        "op": "trouble", "inputs": ["loss", "bias.label"]}, "update": TROUBLE["update"]},  # after a stream was moved
])
def test_once_something_was_written_the_newest_checkpoint_stands(ops: Any, interpret: bool) -> None:
    write(ops)
    trouble(14)
    assert fails(interpret=interpret).step == 13
    assert state(Path("run"))["step"] == 10
    same_as_never_failed()


def test_batch_norm_has_changed_its_buffers() -> None:
    write(TROUBLE, models={"net": {"use": "mlp", "with": {"sizes": [64, 16, 10], "batch_norm": True}}})
    trouble(14)
    fails()
    assert state(Path("run"))["step"] == 10
    same_as_never_failed()


def test_at_the_first_step_of_an_epoch() -> None:
    """What happened at the end of the epoch before does not happen again."""
    write({**TROUBLE, "over": {"op": "log_scalars", "inputs": "hold(loss, 0)", "at": ["epoch_end", "epoch_start"]}})
    trouble(24)
    fails()
    assert state(Path("run"))["step"] == 23
    same_as_never_failed()


def test_ops_of_the_exception() -> None:
    write({**TROUBLE, "alarm": {"op": "log_scalars", "inputs": {"last": "hold(loss, 0)"}, "at": "exception"},
           "rescue": {"op": "checkpoint", "at": "exception"}})
    trouble(14)
    fails()
    assert rows(Path("run"))[-1] == {"step": 13, "epoch": 1, "alarm.last": pytest.approx(2.2, abs=0.3)}
    assert state(Path("run"), "rescue")["step"] == 13


def test_no_rescue_of_a_step_that_was_begun() -> None:
    """A checkpoint of a half-done step would be wrong."""
    write({**AFTER, "rescue": {"op": "checkpoint", "at": "exception"}})
    trouble(14)
    fails()
    assert not Path("run/checkpoints/rescue.safetensors").exists()


def test_an_op_of_the_exception_fails_too() -> None:
    write({**TROUBLE, "alarm": {"op": "call", "inputs": "hold(loss, 0)", "with": {"function": "failing_ops.fail"}},
           "say": {"op": "print", "inputs": "alarm", "at": "exception"}})
    trouble(14)
    text = said(fails())
    assert "'odd' failed at step 14" in text and "an op of `at: exception` failed too:" in text


@pytest.mark.parametrize("step", [3, 17, 18])
def test_in_a_cycle_the_step_is_right(step: int) -> None:
    """Cycles of steps run as one function."""
    write({**TROUBLE, "often": {"op": "log_scalars", "inputs": "loss", "every": 2},
           "seldom": {"op": "log_scalars", "inputs": "2 * loss", "every": 3}})
    trouble(step)
    assert f"failed at step {step}: " in said(fails())
    assert state(Path("run"))["step"] == step - 1
    same_as_never_failed()


def test_in_a_loop() -> None:
    """The loop's op is named, with the shapes of its inputs."""
    write({"score": {"op": "loop", "with": {"graph": "evaluate"}, "every": 7},
           "of_score": {"op": "log_scalars", "inputs": "score.loss"}},
          graphs={"evaluate": {"over": "train", "ops": {
              "batch": {"op": "load_batch"},
              "fine": {"op": "call", "inputs": ["batch.image", "batch.label"],
                       "with": {"function": "failing_ops.broken_function"}},
              "loss": {"op": "mean", "inputs": "fine"}}, "outputs": {"loss": "loss"}}})
    text = said(fails())
    assert "'fine' failed at step 7: RuntimeError: shape '[3, -1]' is invalid" in text
    assert "batch.image: Tensor of shape (64, 1, 8, 8), torch.float32" in text
    assert "batch.label: Tensor of shape (64,), torch.int64" in text


def test_in_an_event() -> None:
    write({"odd": {"op": "call", "with": {"function": "failing_ops.fail"}},
           "say": {"op": "print", "inputs": "odd", "at": "epoch_end"}})
    ended = fails()
    assert ended.step == 23 and "'odd' failed at epoch_end, after step 23" in said(ended)
    assert state(Path("run"))["step"] == 23  # nothing had changed since


@pytest.mark.parametrize("workers", [0, 2])
def test_in_the_data(workers: int) -> None:
    write(data={"train": {"use": "digits", "with": {"split": "train"}, "batch_size": 64, "shuffle": True,
                          "transform": "failing_ops.augment", "workers": workers}})
    trouble(1)
    ended = fails()
    assert "'batch' failed at step 1: Trouble: it went wrong" in said(ended)
    assert ended.failure is not None and "in augment" in ended.failure.traceback()


# -- what does not fit ---------------------------------------------------------------------------------

def test_lists_are_described_by_what_is_in_them() -> None:
    from edgraph.run.failure import describe

    assert describe([np.zeros((2, 3)), None]) == "list of 2: ndarray of shape (2, 3), float64; NoneType None"
    assert describe((np.zeros(1),) * 4).endswith("ndarray of shape (1,), float64; …")
    assert describe([1, 2]) == "list [1, 2]"


@pytest.mark.parametrize(("rows", "found"), [("batch", "a dict"), ("batch.count", "a int"), ("mean(batch.image)", "a Tensor")])
def test_noise_for_what_has_no_rows(rows: str, found: str) -> None:
    """A batch is as long as it has fields."""
    write({"batch": {"op": "load_batch"}, "noise": {"op": "normal", "inputs": {"rows": rows}, "with": {"shape": [2]}},
           "say": {"op": "print", "inputs": "noise"}})
    assert f"'rows' is {found}" in said(fails())


@pytest.mark.parametrize(("value", "found"), [
    ("nan", "would be nan"), ("0 - loss", "would be -"), ("batch.label", "would be an array of shape (64,)")])
def test_a_learning_rate_that_is_none(value: str, found: str) -> None:
    """It would take effect when the step has ended, where no op runs any more."""
    write({"slower": {"op": "set_learning_rate", "inputs": value, "with": {"optimizer": "opt"}}})
    assert "'slower' failed at step 1: ValueError: the learning rate " + found in said(fails())


def test_an_op_whose_name_cannot_be_that_of_a_checkpoint() -> None:
    write({"latest": {"op": "checkpoint", "every": 20}})
    with pytest.raises(PipelineError, match="'latest' cannot name a checkpoint"):
        edgraph.load("pipeline.yaml").run(Path("run"))


def test_in_a_sampler() -> None:
    """Which examples the step had is then not known."""
    with Path("failing_ops.py").open("a") as file:
        file.write("\n\ndef shrinking(length, rng):\n    return rng.permutation(length)[:rng.integers(64, length)]\n")
    write(data={"train": {"use": "digits", "batch_size": 64, "sampler": "failing_ops.shrinking"}})
    ended = fails("run.num_steps=100")
    assert "it must give equally many in each" in said(ended)
    assert ended.failure is not None and not any("the batch had" in note for note in ended.failure.notes)


def test_wrong_shapes(capsys: Captured) -> None:
    assert main(["run", "pipeline.yaml", "models.net.with.sizes=[32, 10]", "--folder", "run"]) == 1
    text = capsys.readouterr().err
    assert "pipeline.yaml:13:3: 'logits' failed at step 1: RuntimeError: mat1 and mat2 shapes cannot be" in text
    assert "batch.image: Tensor of shape (64, 1, 8, 8), torch.float32" in text


def test_an_op_that_exits(capsys: Captured) -> None:
    write(TROUBLE)
    trouble(14, "exit")
    assert main(["run", "pipeline.yaml", "--folder", "run", "--quiet"]) == 1
    assert "'odd' failed at step 14: SystemExit: 3" in capsys.readouterr().err
    same_as_never_failed()


def test_a_part_that_the_backend_makes(capsys: Captured, recwarn: pytest.WarningsRecorder) -> None:
    """What is known of it is the whole."""
    write({"odd": {"op": "keeping", "inputs": "logits.argmax"}})
    trouble(4)
    assert main(["run", "pipeline.yaml", "--folder", "run", "--quiet"]) == 1
    assert "  logits: Tensor of shape (64, 10), torch.float32\n" in capsys.readouterr().err
    assert not list(recwarn)


@pytest.mark.parametrize(("change", "message"), [
    ({"models": {"net": {"use": "failing_ops.BrokenModel", "with": {"width": 3}}}}, "no width 3 today"),
    ({"ops": {"odd": {"op": "broken_op", "inputs": "loss", "every": 20}}}, "this op cannot be"),
    ({"ops": {"odd": {"op": "call", "inputs": "loss", "with": {"function": "failing_ops.absent"}}, "say": {
        "op": "print", "inputs": "odd"}}}, "absent"),
    ({"loggers": {"web": {"use": "failing_ops.BrokenLogger", "with": {"at": 1, "colour": 2}}}}, "colour"),
])
def test_what_cannot_be_made_is_said_before_the_first_step(change: Any, message: str, capsys: Captured) -> None:
    """With its place, and no folder is left."""
    write(change.pop("ops", None), **change)
    assert main(["run", "pipeline.yaml", "--folder", "run"]) == 2
    text = capsys.readouterr().err
    assert message in text and "pipeline.yaml:" in text and "Traceback" not in text
    assert not Path("run").exists()


# -- losses that are not finite ------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["inf", "nan"])
def test_stop_leaves_the_weights_as_they_were(kind: str, capsys: Captured) -> None:
    write(TROUBLE)
    trouble(14, kind)
    assert main(["run", "pipeline.yaml", "--folder", "run", "--quiet"]) == 1
    text = capsys.readouterr().err
    assert f"'update' failed at step 14: NonFiniteLoss: the loss is {kind}" in text and "Traceback" not in text
    assert "the weights are as they were before this step" in text
    order = edgraph.rng(4, "data.train", 1).permutation(1437)[13 * 64:]
    assert f"the batch had the examples {', '.join(map(str, order[:16]))}, … of 'train' (64 in all)" in text
    assert state(Path("run"))["step"] == 13
    same_as_never_failed()


@pytest.mark.parametrize("interpret", [False, True], ids=["generated", "interpreted"])
def test_an_update_that_came_before_is_not_denied(interpret: bool) -> None:
    again = {"again": {"op": "forward", "inputs": "batch.image", "with": {"model": "net"}, "after": ["update"]},
             "more": {"op": "cross_entropy", "inputs": {"input": "again", "target": "batch.label"}},
             "second": {"op": "optimize", "inputs": "more * (nan if step == 3 else 1)", "with": {"optimizer": "sgd"},
                        "after": ["update"]}}
    write(again, optimizers={"sgd": {"use": "SGD", "updates": ["net"], "with": {"lr": 0.1}}})
    text = said(fails(interpret=interpret))
    assert "'second' failed at step 3" in text and "the weights may not be as they were before this step" in text


def test_the_op_of_a_loop_that_the_interpreter_runs(capsys: Captured) -> None:
    write({"inner": {"op": "loop", "inputs": {"value": "loss"}, "with": {"graph": "inner"}},
           "tell": {"op": "print", "inputs": "inner.x"}},
          graphs={"inner": {"repeat": 2, "ops": {"x": {"op": "trouble", "inputs": "value"}}, "outputs": {"x": "x"}}})
    trouble(2)
    text = said(fails(interpret=True))
    assert "'inner' failed at step 2: Trouble: it went wrong" in text


def test_skip_leaves_out_the_update() -> None:
    write({**TROUBLE, "report": {"op": "log_scalars", "inputs": ["update.updates", "odd"]}},
          run={"num_steps": 30, "seed": 4, "nonfinite": "skip"})
    trouble(14, "nan")
    run("pipeline.yaml", Path("run"))
    found = {row["step"]: row["report.update.updates"] for row in rows(Path("run"))}
    assert [found[step] for step in (13, 14, 15, 30)] == [13, 13, 14, 29]


def test_ignore_updates_all_the_same() -> None:
    write(TROUBLE, run={"num_steps": 30, "seed": 4, "nonfinite": "ignore"})
    trouble(14, "nan")
    run("pipeline.yaml", Path("run"))
    import numpy as np
    assert np.isnan(np.frombuffer(saved_weights(Path("run"))["net/4.bias"], np.float32)).all()


def test_gradients_are_looked_at_where_that_is_asked_for() -> None:
    settings = {"optimizer": "opt", "check": "gradients"}
    write({**TROUBLE, "update": {"op": "optimize", "inputs": "odd", "with": settings}})
    trouble(14, "late inf")
    assert "'update' failed at step 14: NonFiniteLoss: the loss is 1, and the norm of its gradients" in said(fails())
    assert state(Path("run"))["step"] == 13
    same_as_never_failed()


# -- loggers and disks ---------------------------------------------------------------------------------

def test_a_logger_that_fails_is_left_out(capsys: Captured) -> None:
    write({"report": {"op": "log_scalars", "inputs": "loss", "every": 1}},
          loggers={"web": {"use": "failing_ops.BrokenLogger", "with": {"at": 3}}})
    assert main(["run", "pipeline.yaml", "--folder", "run"]) == 0
    text = capsys.readouterr().out
    assert text.count("warning: logger 'web' failed and is left out from now on: ") == 1
    assert "the server is away" in text
    assert len(rows(Path("run"))) == 30


def full_disk(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> None:
    """From the n-th write on, files of that name cannot be written to."""
    from edgraph.run import checkpoints
    from edgraph.run.files import AppendFile
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    written = 0
    append, write_state = AppendFile.append, checkpoints.write_state

    def spent(path: Path) -> bool:
        nonlocal written
        written += path.name.startswith(name)
        return path.name.startswith(name) and written > after

    def refuse(self: AppendFile, data: bytes) -> None:
        if spent(self.path):
            raise OSError(*full.args, str(self.path))
        append(self, data)

    def refuse_state(path: Path, *arguments: Any) -> None:
        if spent(path):
            raise OSError(*full.args, str(path))
        write_state(path, *arguments)

    monkeypatch.setattr(AppendFile, "append", refuse)
    monkeypatch.setattr(checkpoints, "write_state", refuse_state)


@pytest.mark.parametrize(("name", "after", "step"), [("metrics", 12, 13), ("step-", 1, 20)])
def test_a_full_disk(name: str, after: int, step: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    write({"report": {"op": "log_scalars", "inputs": "loss", "every": 1}})
    with monkeypatch.context() as patch:
        full_disk(patch, name, after)
        assert main(["run", "pipeline.yaml", "--folder", "run"]) == 1
    text = capsys.readouterr().err
    assert f"failed at step {step}: OSError: [Errno 28] No space left on device: 'run/" in text
    assert "Traceback" not in text
    assert state(Path("run"))["step"] == 10
    same_as_never_failed()


def test_the_last_checkpoint_does_not_fit(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """All else was done; what was saved before stands."""
    with monkeypatch.context() as patch:
        full_disk(patch, "step-", 1)
        assert main(["run", "pipeline.yaml", "run.num_steps=15", "--folder", "run"]) == 1
    text = capsys.readouterr()
    assert "the last checkpoint could not be written: [Errno 28] No space left on device" in text.err
    assert "Traceback" not in text.err
    assert state(Path("run"))["step"] == 10


def test_nothing_more_can_be_written(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """What the op said is not lost with the log."""
    write(TROUBLE)
    trouble(14)
    with monkeypatch.context() as patch:
        full_disk(patch, "log.txt", 1)
        assert main(["run", "pipeline.yaml", "--folder", "run"]) == 1
    text = capsys.readouterr().err
    assert "'odd' failed at step 14: Trouble: it went wrong" in text
    assert "how the run ended could not be written: [Errno 28] No space left on device: 'run/log.txt'" in text


def test_a_run_that_could_not_begin_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    from edgraph.run.folder import RunFolder
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_text", lambda *_: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))
        assert main(["run", "pipeline.yaml", "--folder", "run"]) == 1
    assert "the run cannot go on: [Errno 28]" in capsys.readouterr().err
    assert not Path("run").exists()


@pytest.mark.parametrize("root", ["file", "/proc/none/runs"])
def test_a_folder_that_cannot_be_made(root: str, capsys: Captured) -> None:
    Path("file").touch()
    assert main(["run", "pipeline.yaml", f"run.root={root}"]) == 2
    text = capsys.readouterr().err
    assert root in text and "Traceback" not in text


def test_an_error_of_the_pipeline_leaves_nothing() -> None:
    with pytest.raises(PipelineError):
        edgraph.load("pipeline.yaml", ["ops.loss=null"]).run("run")
    assert not Path("run").exists()
