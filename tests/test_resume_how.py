"""Stopping a run and going on with it: signals, ends, checkpoints that are damaged, pipelines that were changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from twins import differences, rows, run, saved_weights, state

import edgraph
from edgraph.cli.main import main
from edgraph.run.checkpoints import NoCheckpoint
from edgraph.run.folder import FolderError, RunFolder
from edgraph.text.diagnostics import PipelineError

PIPELINE = """
name: small
imports: [resume_ops]
params: {lr: 0.003}
run: {num_steps: 60, seed: 4, checkpoint: {every: 20}}
data:
  train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
models:
  net: {use: mlp, with: {sizes: [64, 16, 10], dropout: 0.1}}
optimizers:
  opt: {use: Adam, updates: [net], with: {lr: "${lr}"}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: net}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: opt}}
  report: {op: log_scalars, inputs: loss, every: 5}
  signal: {op: send, inputs: loss}
"""
OPS = '''
import os
import signal
import edgraph

AT, SIGNALS = 0, []

@edgraph.op(effect=True, passes=("global_step",))
def send(global_step, value):
    """Sends signals to the own process at a step."""
    global AT
    if global_step == AT:
        AT = 0
        for number in SIGNALS:
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 0)
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resume_ops.py").write_text(OPS)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    sys.modules.pop("resume_ops", None)


def start(*overrides: str, folder: str = "run", **how: Any) -> edgraph.api.Run:
    return edgraph.load("pipeline.yaml", overrides).run(folder, **how)


def go_on(*overrides: str, folder: str = "run", **how: Any) -> edgraph.api.Run:
    return edgraph.load("pipeline.yaml", overrides).run(resume=folder, **how)


def signalled(step: int, *signals: int) -> None:
    """The next run gets these signals during a step."""
    edgraph.load("pipeline.yaml").check(imports=True)
    module = sys.modules["resume_ops"]
    module.AT, module.SIGNALS = step, list(signals)  # type: ignore[attr-defined]


def change(section: str, **entries: Any) -> None:
    """Edits the pipeline's file."""
    tree = yaml.safe_load(PIPELINE)
    tree[section].update(entries)
    Path("pipeline.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def same_as_never_stopped(folder: str = "run") -> None:
    run("pipeline.yaml", Path("whole"))
    assert differences(saved_weights(Path(folder)), saved_weights(Path("whole"))) == []
    assert rows(Path(folder)) == rows(Path("whole"))


def log(folder: str = "run") -> str:
    return path.read_text() if (path := Path(folder, "log.txt")).exists() else ""


# -- signals -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_its_step(signum: int, code: int) -> None:
    signalled(33, signum)
    ended = start()
    assert (ended.end, ended.step, ended.exit_code, ended.reason) == (
        "interrupted", 33, code, signal.Signals(signum).name)
    assert state(Path("run"))["step"] == 33
    status = RunFolder.open(Path("run")).status()
    assert status is not None and (status.state, status.step) == ("interrupted", 33)
    assert go_on().step == 60
    same_as_never_stopped()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_it_at_once(signum: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    signalled(33, signum, signum)
    assert main(["run", "pipeline.yaml", "--folder", "run"]) == code
    assert "stopped at once; there is the checkpoint of step 20" in capsys.readouterr().out
    assert state(Path("run"))["step"] == 20
    assert signal.getsignal(signum) is not None
    assert go_on().step == 60
    same_as_never_stopped()


def test_a_signal_while_the_last_checkpoint_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked for, in effect: the checkpoint is finished, and the run as well."""
    from edgraph.run import checkpoints
    write = checkpoints.write_state

    def slow(path: Path, *arguments: Any) -> None:
        if path.stem.endswith("60"):
            os.kill(os.getpid(), signal.SIGTERM)
        write(path, *arguments)

    monkeypatch.setattr(checkpoints, "write_state", slow)
    assert start("run.checkpoint.every=7").end == "finished"
    assert state(Path("run"))["step"] == 60


# -- a run that ended by itself ------------------------------------------------------------------------

def test_it_goes_on_only_with_a_later_end(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    with pytest.raises(FolderError, match=r"ended by itself after 60 steps; .* run.num_steps=120"):
        go_on()
    assert main(["run", "--resume", "run"]) == 2
    assert main(["run", "--resume", "run", "run.num_steps=50"]) == 2
    assert "ended by itself after 60 steps" in capsys.readouterr().err
    assert go_on("run.num_steps=75").step == 75
    assert main(["run", "--resume", "run", "run.num_steps=80", "--quiet"]) == 0
    run("pipeline.yaml", Path("whole"), ["run.num_steps=80"])
    assert differences(saved_weights(Path("run")), saved_weights(Path("whole"))) == []
    assert rows(Path("run")) == rows(Path("whole"))


def test_by_epochs() -> None:
    epochs = ["run.num_steps=null", "run.num_epochs=2"]
    assert start(*epochs).step == 46
    with pytest.raises(FolderError, match=r"a greater run.num_epochs"):
        go_on(*epochs)
    assert go_on("run.num_steps=null", "run.num_epochs=3").step == 69


def test_by_updates() -> None:
    assert start("run.num_updates=30").step == 30
    with pytest.raises(FolderError, match=r"after 30 steps \(30 updates\).*greater run.num_updates"):
        go_on("run.num_updates=30")
    assert go_on("run.num_updates=31").step == 31
    assert go_on().step == 60


def test_by_a_stop() -> None:
    """It stopped for a reason, which has to be taken away; a greater number of steps is none."""
    change("ops", enough={"op": "stop", "when": "step >= 26"})
    assert start().step == 26
    with pytest.raises(FolderError, match=r"after 26 steps \(stopped by 'enough'\); .*ops.enough=null"):
        go_on("run.num_steps=100")
    assert go_on('ops.enough.when="step >= 40"').step == 40
    assert go_on("ops.enough=null").step == 60


def test_killed_when_its_stop_was_saved() -> None:
    """The step's checkpoint knows that the run is over."""
    change("ops", enough={"op": "stop", "when": "step >= 20"})
    assert start().step == 20
    Path("run/status.json").write_text('{"state": "running"}')
    ended = go_on()
    assert (ended.end, ended.step, ended.reason) == ("finished", 20, "stopped by 'enough'")


def test_an_end_before_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    signalled(33, signal.SIGINT)
    start()
    assert main(["run", "--resume", "run", "run.num_steps=30"]) == 2
    assert "the run has 33 steps already, and is to end after 30" in capsys.readouterr().err


# -- which checkpoint ----------------------------------------------------------------------------------

def test_a_damaged_checkpoint_is_skipped() -> None:
    signalled(45, signal.SIGINT)
    start()
    newest = Path("run/checkpoints/step-00000045.safetensors")
    data = bytearray(newest.read_bytes())
    data[-100] ^= 1
    newest.write_bytes(data)
    assert go_on().step == 60
    assert "warning: checkpoint skipped" in log() and "step-00000045" in log()
    same_as_never_stopped()


def test_all_are_damaged(capsys: pytest.CaptureFixture[str]) -> None:
    signalled(45, signal.SIGINT)
    start()
    for path in Path("run/checkpoints").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(NoCheckpoint, match="no valid checkpoint"):
        go_on()
    assert main(["run", "--resume", "run"]) == 2
    assert "no valid checkpoint" in capsys.readouterr().err


def test_killed_before_the_first_one() -> None:
    """There is nothing to go on from but the beginning."""
    signalled(12, signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        start()
    assert rows(Path("run"))
    assert go_on().step == 60
    assert "from the beginning" in log()
    same_as_never_stopped()


# -- which run -----------------------------------------------------------------------------------------

def test_by_its_name_and_the_beginning_of_it() -> None:
    for stop, name in ((10, None), (20, "runs/{}"), (30, "{}"), (40, "first")):
        signalled(stop, signal.SIGINT)
        if name is None:
            ended = edgraph.load("pipeline.yaml").run()
            ended.folder.rename("runs/first-one")
        else:
            ended = go_on(folder=name.format("first-one"))
        assert (ended.step, ended.end) == (stop, "interrupted")
    signalled(50, signal.SIGTERM)
    assert main(["run", "--resume", "first-one", "--quiet"]) == 143
    assert main(["run", "pipeline.yaml", "--resume", "first", "--quiet"]) == 0
    assert RunFolder.open(Path("runs/first-one")).status().step == 60  # type: ignore[union-attr]


def test_another_process_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    signalled(10, signal.SIGINT)
    start()
    holder = subprocess.Popen([sys.executable, "-c", "import sys; from pathlib import Path\n"
                               "from edgraph.run.folder import RunFolder\n"
                               "RunFolder.open(Path('run'), writing=True); print('held', flush=True)\n"
                               "sys.stdin.read()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(FolderError, match="another process"):
            go_on()
        assert main(["run", "--resume", "run"]) == 2
        assert "another process" in capsys.readouterr().err
    finally:
        holder.communicate()
    assert go_on().step == 60


def test_a_folder_that_is_not_empty() -> None:
    Path("full").mkdir()
    Path("full/thesis.tex").touch()
    with pytest.raises(FolderError, match="not empty"):
        start(folder="full")
    start()
    with pytest.raises(FolderError, match=r"has a run in it.*--resume"):
        start()
    assert sorted(path.name for path in Path("full").iterdir()) == ["thesis.tex"]


# -- with which pipeline -------------------------------------------------------------------------------

def test_without_a_pipeline_it_is_the_recorded_one() -> None:
    """As it was resolved: overrides and all, wherever its file is by now. Its modules are found where they were."""
    signalled(25, signal.SIGINT)
    start("lr=0.01", "ops.report.every=3")
    Path("pipeline.yaml").rename("moved.yaml")
    os.chdir("/")
    try:
        folder = Path(sys.modules["resume_ops"].__file__ or "").parent
        assert main(["run", "--resume", str(folder / "run"), "--quiet"]) == 0
    finally:
        os.chdir(folder)
    run("moved.yaml", Path("whole"), ["lr=0.01", "ops.report.every=3"])
    assert differences(saved_weights(Path("run")), saved_weights(Path("whole"))) == []
    assert rows(Path("run")) == rows(Path("whole"))


def test_a_changed_file_is_used_and_the_change_said(capsys: pytest.CaptureFixture[str]) -> None:
    signalled(25, signal.SIGINT)
    start()
    change("ops", report={"op": "log_scalars", "inputs": "loss", "every": 10},
           more={"op": "log_scalars", "inputs": "2 * loss"})
    assert main(["run", "pipeline.yaml", "--resume", "run", "lr=0.001"]) == 0
    said = ("the pipeline is not as it was: params.lr: 0.003 is now 0.001; optimizers.opt.with.lr: 0.003 is now 0.001; "
            "ops.report.every: 5 is now 10; ops.more is new")
    assert said in capsys.readouterr().out and said in log()
    assert [row["step"] for row in rows(Path("run")) if "report.loss" in row] == [5, 10, 15, 20, 25, 30, 40, 50, 60]
    # the folder tells both, and the new one is the run's from now on
    assert "every: 5" in Path("run/resolved-until-00000025.yaml").read_text()
    assert "every: 10" in Path("run/resolved.yaml").read_text()
    assert Path("run/pipeline.yaml").read_text() == Path("pipeline.yaml").read_text()
    assert len(json.loads(Path("run/environment.json").read_text())["resumed"]) == 1


def test_a_new_op_does_not_move_what_is_remembered() -> None:
    """Remembered values are known by what they are of, not by their place in the file."""
    memory = {"drift": {"op": "log_scalars", "inputs": {"value": "previous(2 * loss, 0) + hold(loss + 1, 0)"}}}
    change("ops", **memory)
    run("pipeline.yaml", Path("whole"))
    signalled(25, signal.SIGINT)
    start()
    tree = yaml.safe_load(Path("pipeline.yaml").read_text())
    tree["ops"] = {"first": {"op": "log_scalars", "inputs": {"value": "previous(3 * loss, 0)"}, "every": 30}, **tree["ops"]}
    Path("pipeline.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    go_on()
    assert [row for row in rows(Path("run")) if "first.value" not in row] == rows(Path("whole"))


def test_nothing_is_said_of_bounds() -> None:
    signalled(25, signal.SIGINT)
    start()
    go_on("run.num_steps=70", "run.checkpoint.every=30")
    assert "not as it was" not in log()


@pytest.mark.parametrize(("override", "message"), [
    ("run.seed=5", "the run's seed is 4, not 5"),
    ("data.train.batch_size=32", "data.train.batch_size: 64 is now 32"),
    ("data.train.shuffle=false", "data.train.shuffle: True is now False"),
    ("models.net.with.sizes=[64, 17, 10]", "parameter '1.weight' of model 'net' has shape (17, 64), and (16, 64)"),
    ("models.net.with.sizes=[64, 16, 16, 10]", "the checkpoint has no parameter '7.weight'"),
    ("optimizers.opt.use=SGD", "optimizer 'opt' is of another kind"),
])
def test_a_change_that_cannot_be(override: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused, and the run is as it was."""
    signalled(25, signal.SIGINT)
    start()
    before = {path: path.read_bytes() for path in sorted(Path("run").rglob("*")) if path.is_file()}
    assert main(["run", "pipeline.yaml", "--resume", "run", override]) == 2
    said = capsys.readouterr().err
    assert message in said and "resume-mismatch" in said and "--from" in said and "Traceback" not in said
    after = {path: path.read_bytes() for path in sorted(Path("run").rglob("*")) if path.is_file()}
    assert {path for path in after if before.get(path) != after[path]} <= {Path("run/log.txt")}
    assert go_on().step == 60
    same_as_never_stopped()


# -- from the weights of another run -------------------------------------------------------------------

def test_from_a_checkpoint_the_global_step_is_0() -> None:
    signalled(40, signal.SIGINT)
    start()
    ended = edgraph.load("pipeline.yaml", ["run.num_steps=1", "lr=0.0", "run.seed=9"]).run("new", start_from="run@20")
    assert ended.step == 1 and [row["step"] for row in rows(Path("new"))] == []
    old = saved_weights(Path("run"), "step-00000020")
    assert differences(saved_weights(Path("new")), old) == []


def test_killed_early_it_needs_that_checkpoint_no_more() -> None:
    signalled(40, signal.SIGINT)
    start()
    signalled(7, signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        start(folder="new", start_from="run@latest")
    edgraph.load("pipeline.yaml").run("whole", start_from="run@latest")
    Path("run").rename("gone")
    assert go_on(folder="new").step == 60
    assert differences(saved_weights(Path("new")), saved_weights(Path("whole"))) == []


def test_weights_of_a_model_are_needed_once() -> None:
    """A run that begins with another's weights is resumed when that one is gone."""
    signalled(20, signal.SIGINT)
    start()
    change("models", net={"use": "mlp", "with": {"sizes": [64, 16, 10], "dropout": 0.1}, "weights": "run@20"})
    signalled(30, signal.SIGINT)
    start(folder="new")
    start(folder="whole")
    Path("run").rename("gone")
    assert go_on(folder="new").step == 60
    assert differences(saved_weights(Path("new")), saved_weights(Path("whole"))) == []


@pytest.mark.parametrize(("given", "message"), [
    ("nothing@best", "no run 'nothing'"), ("run@best", "no checkpoint 'best'"), ("run@99", "no checkpoint '99'"),
    ("damaged.safetensors", "cannot be read")])
def test_from_what_is_not_there(given: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    start("run.num_steps=5")
    Path("damaged.safetensors").write_bytes(next(Path("run/checkpoints").iterdir()).read_bytes()[:-9])
    assert main(["run", "pipeline.yaml", "--from", given, "--folder", "new"]) == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said
    assert not Path("new").exists()


def test_from_another_model(capsys: pytest.CaptureFixture[str]) -> None:
    start("run.num_steps=5")
    with pytest.raises(PipelineError, match="does not fit this pipeline") as caught:
        start("models.net.with.sizes=[64, 12, 10]", folder="new", start_from="run")
    assert "--from RUN" not in str(caught.value.diagnostics[0].help)  # that is what was done
    change("models", other={"copy": "net"})
    with pytest.raises(PipelineError, match="in the checkpoint to start from there is no model 'other'; it has net"):
        start(folder="new", start_from="run")
    assert not Path("new").exists()


# -- the folder ----------------------------------------------------------------------------------------

def test_a_run_without_checkpoints_cannot_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    start("run.checkpoint=false")
    before = rows(Path("run"))
    assert main(["run", "--resume", "run", "run.num_steps=70"]) == 2
    assert "run has no checkpoint to go on from" in capsys.readouterr().err
    assert rows(Path("run")) == before


def test_the_pipeline_is_kept_as_it_was_written() -> None:
    """With the files that it includes, and what became of them."""
    Path("parts").mkdir()
    Path("pipeline.yaml").rename("parts/base.yaml")
    Path("pipeline.yaml").write_text("include: [parts/base.yaml]\nrun: {num_steps: 5}  # short\n")
    start("lr=0.1")
    assert Path("run/pipeline.yaml").read_text() == Path("pipeline.yaml").read_text()
    assert [path.read_text() for path in Path("run/includes").iterdir()] == [PIPELINE]
    resolved = yaml.safe_load(Path("run/resolved.yaml").read_text())
    assert resolved["params"] == {"lr": 0.1} and resolved["run"]["num_steps"] == 5 and resolved["run"]["seed"] == 4


def test_a_mapping_can_be_resumed_from_its_folder() -> None:
    sys.path.insert(0, str(Path.cwd()))
    edgraph.load(yaml.safe_load(PIPELINE), ["run.num_steps=10"]).run("run")
    assert main(["run", "--resume", "run", "run.num_steps=60", "--quiet"]) == 0
    same_as_never_stopped()
