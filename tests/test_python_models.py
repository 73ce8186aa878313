"""Plain Python objects as models: calling, training and saving them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import python_ops
from test_crash_kill import kill_again_and_again
from twins import batches, pipeline, rows, run, saved_weights, state

import edgraph
from edgraph.backends.base import CannotSave
from edgraph.backends.python.backend import PythonBackend
from edgraph.backends.python.state import ObjectState, pack, unpack
from edgraph.ops.random import stream_seed
from edgraph.run.statefile import read_state, write_state
from edgraph.text.diagnostics import PipelineError
from edgraph.text.render import render_text

TEXT = """
name: plain
imports: [python_ops]
run: {backend: python, num_steps: 50, seed: 3, checkpoint: {every: 7, keep: 100}}
data: {train: {use: python_ops.Rows, batch_size: 6, shuffle: true}}
models: {mean: {use: python_ops.Mean, with: {rate: 0.2}}}
ops:
  batch:  {op: load_batch}
  noise:  {op: normal, inputs: {rows: batch.x}, with: {shape: [3], std: 0.1}}
  away:   {op: forward, inputs: {x: batch.x + noise, scale: 2}, with: {model: mean}}
  moving: 0.9 * previous(moving, 0.0) + 0.1 * mean(away)
  learn:  {op: fit_batch, inputs: batch.x + noise, with: {model: mean, method: learn}}
  moved:  {op: shift, with: {model: mean, by: 0.01}, every: 11, after: [learn]}
  far:    {op: size, with: {model: mean}}
  report: {op: log_scalars, inputs: [moving, far, mean(away)]}
"""


def plain(**sections: Any) -> dict[str, Any]:
    return pipeline(TEXT, **sections)


def said(source: Any, *overrides: str) -> str:
    """What is wrong with a pipeline, before its first step."""
    with pytest.raises(PipelineError) as error:
        edgraph.load(source, overrides).run()
    assert all(item.span is not None for item in error.value.diagnostics)
    return render_text(error.value.diagnostics)


# -- runs ----------------------------------------------------------------------------------------------

def test_a_run_is_the_loop_by_hand(tmp_path: Path) -> None:
    """First what trains, then what looks at it, each with the random numbers of its own."""
    run(plain(), tmp_path / "run", ["run.num_steps=30"])
    backend, model, logged = PythonBackend(), python_ops.Mean(rate=0.2), []
    data, moving = python_ops.Rows(), 0.0
    for step, _, indices in batches(3, 64, 6, 30):
        x = np.stack([data[int(i)]["x"] for i in indices])
        x = x + backend.random("normal", stream_seed(3, "noise", step), x.shape, std=0.1)
        backend.seed(stream_seed(3, "learn", step))
        model.learn(x)
        if step % 11 == 0:
            model.mean += 0.01
        backend.seed(stream_seed(3, "away", step))
        away = model(x, scale=2)
        moving = 0.9 * moving + 0.1 * away.mean()
        logged.append((moving, np.abs(model.mean).sum(), away.mean()))
    assert [(r["moving"], r["far"], r["mean(away)"]) for r in flat(tmp_path / "run")] == logged


def flat(folder: Path) -> list[dict[str, Any]]:
    return [{key.removeprefix("report."): value for key, value in row.items()} for row in rows(folder)]


def test_sklearn_by_hand(tmp_path: Path) -> None:
    from sklearn.linear_model import SGDClassifier
    from sklearn.preprocessing import StandardScaler

    from edgraph.data.digits import read

    source = Path(__file__).parent.parent / "pipelines" / "sklearn-digits.yaml"
    ended = run(source, tmp_path / "run", ["run.num_epochs=5"])
    arrays, scaler = read(split="train").arrays, StandardScaler()
    classifier = SGDClassifier(loss="log_loss", alpha=1e-4, learning_rate="constant", eta0=0.03)
    for step, epoch, indices in batches(0, 1437, 32, 225):
        pixels = arrays["image"][indices].reshape(len(indices), -1)
        if epoch == 1:
            scaler.partial_fit(pixels)
            continue
        np.random.seed(stream_seed(0, "learn", step) & 0xFFFFFFFF)
        classifier.partial_fit(scaler.transform(pixels), arrays["label"][indices], classes=np.arange(10))
    for name, model in (("scaler", scaler), ("classifier", classifier)):
        saved = {key: unpack(tree) for key, tree in state(ended.folder)["models"]["models"][name]["attributes"].items()}
        assert len(saved) >= 5
        for key, value in saved.items():
            assert np.array_equal(getattr(model, key), value), (name, key)
    accuracy = classifier.score(scaler.transform(read(split="validation").arrays["image"].reshape(360, -1)),
                                read(split="validation").arrays["label"])
    assert rows(ended.folder)[-1]["report.score.accuracy"] == accuracy > 0.9


def test_the_interpreter_does_the_same(tmp_path: Path) -> None:
    run(plain(), tmp_path / "code")
    run(plain(), tmp_path / "slow", interpret=True)
    assert rows(tmp_path / "code") == rows(tmp_path / "slow")
    assert saved_weights(tmp_path / "code") == saved_weights(tmp_path / "slow")


@pytest.mark.parametrize("step", [7, 14, 35, 49])
def test_resumed_in_the_middle_of_an_epoch(step: int, tmp_path: Path) -> None:
    run(plain(), tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    for path in (tmp_path / "part" / "checkpoints").glob("step-*"):
        if int(path.stem[5:]) > step:
            path.unlink()
    (tmp_path / "part" / "status.json").write_text('{"state": "running"}')
    edgraph.load(plain()).run(resume=tmp_path / "part")
    assert rows(tmp_path / "part") == rows(tmp_path / "whole")
    assert saved_weights(tmp_path / "part") == saved_weights(tmp_path / "whole")


def test_killed_and_resumed(tmp_path: Path) -> None:
    """A classifier of scikit-learn and the scaler before it, SIGKILL at moments that nobody chose."""
    source = Path(__file__).parent.parent / "pipelines" / "sklearn-digits.yaml"
    overrides = ["run.checkpoint.every=20", "ops.enough=null", "run.num_epochs=12"]
    run(source, tmp_path / "whole", overrides)
    kill_again_and_again(source, tmp_path / "run", 3, 0, overrides)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert saved_weights(tmp_path / "run") == saved_weights(tmp_path / "whole")
    assert saved_weights(tmp_path / "run", "best") == saved_weights(tmp_path / "whole", "best")


def test_settings_of_a_resumed_run_are_those_of_the_file(tmp_path: Path) -> None:
    """What the constructor set is no state, unless training changed it."""
    ended = run(plain(), tmp_path / "run", ["run.num_steps=20"])
    saved = state(ended.folder)["models"]["models"]["mean"]["attributes"]
    assert sorted(saved) == ["mean", "seen"]
    again = edgraph.load(plain(models={"mean": {"use": "python_ops.Mean", "with": {"rate": 0.0}}})) \
        .run(resume=ended.folder)
    assert again.end == "finished"
    assert rows(again.folder) != rows(run(plain(), tmp_path / "other").folder)


WARM = """
run: {backend: python, num_steps: 3, over: none}
models:
  mean: {use: python_ops.Mean}
  twin: {copy: mean}                      # made before the run takes up the other one's
  old:  {use: python_ops.Mean, frozen: true, from: {run: "${run}", model: mean}}
  kin:  {copy: old}
params: {run: ""}
imports: [python_ops]
ops:
  a: {op: size, with: {model: mean}}
  b: {op: size, with: {model: twin}}
  c: {op: size, with: {model: old}}
  d: {op: size, with: {model: kin}}
  report: {op: log_scalars, inputs: [a, b, c, d]}
"""


def test_warm_starts(tmp_path: Path) -> None:
    """`--from` and `from`: also of models that are not trained, in a run that is resumed twice."""
    first = run(plain(), tmp_path / "first")
    far = flat(first.folder)[-1]["far"]
    second = edgraph.load(pipeline(WARM), [f"run={first.folder}"]).run(tmp_path / "second", start_from=str(first.folder))
    shutil.rmtree(first.folder)
    for steps in (6, 9):
        edgraph.load(pipeline(WARM), [f"run={first.folder}", f"run.num_steps={steps}"]).run(resume=second.folder)
    assert [tuple(row[name] for name in "abcd") for row in flat(second.folder)] == [(far, 0.0, far, far)] * 9


# -- what is wrong -------------------------------------------------------------------------------------

@pytest.mark.parametrize(("override", "message"), [
    ("ops.learn.with.method=lern", "error[unknown-method]: model 'mean' has no method 'lern'"),
    ("ops.learn.with={model: mean}", "error[unknown-method]: model 'mean' has no method 'partial_fit'"),
    ("models.mean.use=python_ops.nothing", "error[not-a-model]: 'python_ops.nothing' gave nothing"),
    ("models.mean.use=python_ops.Slots", "error[cannot-save]: model 'mean' is a Slots, which has no attributes to save"),
    ("models.mean.use=python_ops.Counter", "error[not-callable]: model 'mean' is a Counter, which cannot be called"),
    ("models.mean.frozen=true", "error[frozen-model]: 'learn' updates 'mean', which is frozen"),
    ("ops.away.with.model=mean.center", "error[unknown-model]: model 'mean' has no part 'center'"),
    ("models.mean.state=[seen]", "error[cannot-save]: model 'mean' has 'mean', of which its `state` says nothing; add it, or "
                                 "with a ! in front what the model makes anew by itself: state: [seen, mean]"),
    ("run.backend=torch", "error[not-on-backend]: op 'fit_batch' does not exist on the backend 'torch'"),
])
def test_before_the_first_step(override: str, message: str) -> None:
    source = plain(models={"mean": {"use": "python_ops.Mean"}})
    if override.startswith("models.mean.use="):
        source["ops"]["learn"]["with"]["method"] = "partial_fit"
        source["ops"] = {name: op for name, op in source["ops"].items() if name not in ("moved", "far", "report")}
        if "Slots" in override:
            source["ops"] = {name: op for name, op in source["ops"].items() if name not in ("away", "moving")}
    assert message in said(source, override)


def test_what_training_makes_and_nobody_named(tmp_path: Path) -> None:
    """It is found at the first update, and the message says what to write."""
    source = pipeline(TEXT, models={"mean": {"use": "sklearn.naive_bayes.GaussianNB", "state": ["*_", "!class_prior_"]}})
    source["ops"] = {"batch": {"op": "load_batch"}, "learn": {
        "op": "fit_batch", "inputs": ["batch.x", "batch.label"], "with": {"model": "mean", "classes": [0, 1]}}}
    run(source, tmp_path / "fine")
    source["models"]["mean"]["state"] = ["theta_", "var_"]
    ended = edgraph.load(source).run(tmp_path / "forgotten")
    assert ended.failure is not None and ended.failure.traceback() == ""
    assert isinstance(ended.failure.error, CannotSave)
    assert "state: [theta_, var_, classes_, n_features_in_, epsilon_, class_count_, class_prior_]" in ended.failure.text()
    source["models"]["mean"] = {"use": "sklearn.linear_model.SGDClassifier"}
    ended = edgraph.load(source).run(tmp_path / "unsaveable")
    assert ended.failure is not None and 'say state: ["*", "!_loss_function_"]' in ended.failure.text()


# -- state ---------------------------------------------------------------------------------------------

def test_attributes_of_many_kinds(tmp_path: Path) -> None:
    model = python_ops.Growing()
    kept = ObjectState("m", model)
    model.partial_fit(None)
    kept.check()
    write_state(tmp_path / "state", kept.capture())
    tree = read_state(tmp_path / "state").tree
    other = python_ops.Growing()
    taken = ObjectState("m", other)
    taken.restore(tree)
    assert other.history == model.history and other.settings == model.settings
    assert np.array_equal(other.table, model.table) and other.table.flags.f_contiguous
    assert other.same is other.table, "one array under two names stays one"
    assert other.table is not model.table and other.table.flags.writeable
    assert type(other.number) is np.float32 and other.number == model.number
    for name in ("generator", "old_generator"):
        one, two = getattr(model, name), getattr(other, name)
        assert type(one) is type(two) and np.array_equal(one.normal(size=4), two.normal(size=4))


def test_what_is_not_in_the_state_any_more() -> None:
    """A model that goes from one checkpoint to an earlier one has nothing left of the later one."""
    model = python_ops.Mean()
    kept = ObjectState("m", model, ("*",))
    early = kept.capture()
    model.extra = 3
    model.learn(np.ones((2, 3)))
    kept.restore(early)
    assert not hasattr(model, "extra") and model.seen == 0


def test_its_own_state() -> None:
    model = python_ops.Counter()
    kept = ObjectState("m", model)
    model.partial_fit([1, 2, 3])
    tree = kept.capture()
    other = python_ops.Counter()
    ObjectState("m", other).restore(tree)
    assert other.count == 3
    with pytest.raises(ValueError, match="was saved by a state_dict of its own"):
        ObjectState("m", python_ops.Mean()).restore(tree)


def test_a_state_dict_with_what_cannot_be_saved() -> None:
    model = python_ops.Counter()
    model.count = object()  # type: ignore[assignment]
    with pytest.raises(CannotSave, match=r"the state_dict of model 'm' has a value of type builtins\.object"):
        ObjectState("m", model).capture()


@pytest.mark.parametrize("value", [None, True, 3, 0.1, "a", [1, (2, 3)], {"a": {1: 2}}, np.float64(0.1)])
def test_values(value: Any) -> None:
    again = unpack(pack(value))
    assert again == value and type(again) is type(value)
