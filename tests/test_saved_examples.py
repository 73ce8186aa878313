"""Saved examples: written as a whole or not at all, and read again as a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from evaluated import EVALUATE, rows, run, write
from in_memory import MemoryLogger

from edgraph.data.digits import read as digits
from edgraph.data.saved import SavedExamples, saved_sets
from edgraph.ops.library.saving import save_examples
from edgraph.run.examples import ExampleSet
from edgraph.run.files import remove_partial
from edgraph.run.loggers import FileLogger, Loggers
from edgraph.text.diagnostics import PipelineError
from edgraph.text.render import render_text

pytest.importorskip("PIL")


def save(path: Path, batches: int = 3, **more: Any) -> dict[str, Any]:
    """A set of random examples in a few batches; what it should hold."""
    draw = np.random.default_rng(0)
    whole = {"origin": draw.permutation(8 * batches), "logits": draw.normal(size=(8 * batches, 10)).astype(np.float32),
             "label": draw.integers(0, 10, 8 * batches), "hit": draw.random(8 * batches) > 0.5,
             "picture": draw.integers(0, 256, (8 * batches, 3, 5, 4)).astype(np.uint8), **more}
    made = ExampleSet(path, ("picture",))
    for number in range(batches):
        part = {name: values[8 * number:8 * number + 8] for name, values in whole.items()}
        made.add(part.pop("origin"), part)
    assert not path.exists()
    assert made.finish() == 8 * batches
    return whole


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    whole = save(tmp_path / "examples" / "outputs" / "step-00000010")
    data = SavedExamples(folder=str(tmp_path))
    assert len(data) == 24
    order = np.array([23, 0, 7, 8, 7])
    batch = data.fetch(order)
    assert batch.keys() == whole.keys()
    for name in ("origin", "logits", "label", "hit"):
        assert type(batch[name]) is np.ndarray and batch[name].dtype == whole[name].dtype
        np.testing.assert_array_equal(batch[name], whole[name][order])
    assert batch["picture"].dtype == np.float32
    np.testing.assert_array_equal(np.rint(batch["picture"] * 255), whole["picture"][order])
    assert data.fields == {"origin": "int64", "logits": "float32 (10,)", "label": "int64", "hit": "bool",
                           "picture": "float32 (3, 5, 4), 0 to 1"}
    np.testing.assert_array_equal(data[3]["logits"], whole["logits"][3])


def test_the_files_are_what_others_read(tmp_path: Path) -> None:
    whole = save(tmp_path / "set")
    np.testing.assert_array_equal(np.load(tmp_path / "set" / "logits.npy", allow_pickle=False), whole["logits"])
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "examples.json", "hit.npy", "label.npy", "logits.npy", "origin.npy", "picture"]
    assert len(list((tmp_path / "set" / "picture").glob("*.png"))) == 24


@pytest.mark.parametrize("shape", [(8, 6, 7), (8, 1, 6, 7), (8, 6, 7, 1)])
def test_pictures_of_one_channel(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 8 * 42, dtype=np.float32).reshape(shape)
    made = ExampleSet(tmp_path / "set", ("grey",), (-1.0, 1.0))
    made.add(np.arange(8), {"grey": values})
    made.finish()
    read = SavedExamples(folder=str(tmp_path / "set")).fetch(np.arange(8))["grey"]
    assert read.shape == (8, 1, 6, 7)
    np.testing.assert_allclose(read, (values.reshape(8, 1, 6, 7) + 1) / 2, atol=0.5 / 255 + 1e-6)


def test_half_of_a_set_is_never_seen(tmp_path: Path) -> None:
    """Neither while it is written, nor after the process was killed; and one that is written anew replaces the old."""
    path = tmp_path / "examples" / "outputs" / "step-00000010"
    made = ExampleSet(path)
    made.add(np.arange(4), {"x": np.ones(4)})
    assert saved_sets(tmp_path) == {}
    assert len(remove_partial(tmp_path)) == 1  # what the next process does
    assert list(path.parent.iterdir()) == []
    for number in (1.0, 2.0):
        made = ExampleSet(path)
        made.add(np.arange(4), {"x": np.full(4, number)})
        made.finish()
        assert [each.name for each in path.parent.iterdir()] == ["step-00000010"]
        assert SavedExamples(folder=str(tmp_path))[0]["x"] == number
    dropped = ExampleSet(path)
    dropped.add(np.arange(4), {"x": np.ones(4)})
    dropped.drop()
    assert [each.name for each in path.parent.iterdir()] == ["step-00000010"]


def test_which_set(tmp_path: Path) -> None:
    for name, step in (("score.outputs", 10), ("score.outputs", 200), ("other", 30)):
        save(tmp_path / "examples" / name / f"step-{step:08d}", 1)
    assert SavedExamples(folder=str(tmp_path), name="outputs").path.name == "step-00000200"
    assert SavedExamples(folder=str(tmp_path), name="score.outputs", step=10).path.name == "step-00000010"
    for wrong, message in (({}, "several ops: say `name`, one of other, score.outputs"),
                           ({"name": "othr"}, "no op 'othr' has saved examples in .*did you mean 'other'"),
                           ({"name": "other", "step": 10}, "no examples of 'other' at step 10; there are those of 30")):
        with pytest.raises(ValueError, match=message):
            SavedExamples(folder=str(tmp_path), **wrong)
    with pytest.raises(ValueError, match="there is no folder"):
        SavedExamples(folder=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no saved examples in"):
        SavedExamples(folder=str(tmp_path / "empty"))


def test_the_examples_that_they_came_from(tmp_path: Path) -> None:
    original = digits(split="validation")
    origin = np.array([359, 3, 3])
    made = ExampleSet(tmp_path / "set")
    made.add(origin, {"guess": np.array([1, 2, 3])})
    made.finish()
    data = SavedExamples(folder=str(tmp_path / "set"), original=original)
    batch = data.fetch(np.array([0, 2]))
    np.testing.assert_array_equal(batch["image"], original.arrays["image"][[359, 3]])
    assert set(batch) == {"image", "label", "guess", "origin"} == set(data.fields or ())
    with pytest.raises(ValueError, match="has 100 examples, but the saved ones came from a data set with at least 360"):
        SavedExamples(folder=str(tmp_path / "set"), original=[{}] * 100)


def test_damage_is_found(tmp_path: Path) -> None:
    save(tmp_path / "set", 1)
    about = json.loads((tmp_path / "set" / "examples.json").read_text())
    (tmp_path / "set" / "examples.json").write_text(json.dumps({**about, "count": 9}))
    with pytest.raises(ValueError, match=r"has 8 rows, but examples\.json beside it says 9"):
        SavedExamples(folder=str(tmp_path / "set"))
    (tmp_path / "set" / "examples.json").write_text("{")
    with pytest.raises(ValueError, match=r"examples\.json is damaged"):
        SavedExamples(folder=str(tmp_path / "set"))


@pytest.mark.parametrize(("values", "message"), [
    ({"x": np.ones(3)}, "'x' is an array of shape .3,. for 4 examples; expected a row for each"),
    ({"x": 0.5}, "'x' is one number for 4 examples"),
    ({"x": ["a", "b", "c", "d"]}, "arrays of numbers can be saved"),
    ({"x": {"y": np.ones(4)}}, "'x' is a dict"),
])
def test_what_is_no_row_an_example(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    files, memory = ExampleSet(tmp_path / "set"), MemoryLogger(lambda: 0).examples(1, "x", (), None)
    for made in (files, memory):
        with pytest.raises((ValueError, TypeError), match=message):
            made.add(np.arange(4), values)


def test_rows_that_change_their_shape(tmp_path: Path) -> None:
    made = ExampleSet(tmp_path / "set")
    made.add(np.arange(2), {"x": np.ones((2, 3))})
    with pytest.raises(ValueError, match=r"'x' was float64 \(3,\) for each example before, and is float64 \(4,\) now"):
        made.add(np.arange(2), {"x": np.ones((2, 4))})


class Given:
    """What the engine gives an op."""

    def __init__(self, loggers: Loggers) -> None:
        self.loggers, self.name, self.input_names = loggers, "outputs", ("index", "x")

    def to_numpy(self, value: Any) -> Any:
        return value


def test_the_op_in_files_and_in_memory(tmp_path: Path) -> None:
    """A loop that fails leaves nothing; what was saved after a checkpoint is gone on resuming."""
    memory, files = MemoryLogger(lambda: 0), FileLogger(tmp_path, lambda: 0)
    positions = []
    for logger in (memory, files):
        loggers = Loggers({"files": logger})
        saver = save_examples()
        saver.attach(Given(loggers))
        for step in (10, 20):
            saver.reset()
            saver.update(step, np.arange(3), np.full(3, step))
            saver.reset()  # the loop failed
            saver.update(step, np.arange(3), np.full(3, step))
            saver.update(step, np.arange(3, 5), np.full(2, step))
            assert saver.compute() == 5
            positions.append(loggers.position())
    assert memory.sets["outputs", 20]["x"].tolist() == [20] * 5
    assert SavedExamples(folder=str(tmp_path)).fetch(np.arange(5))["x"].tolist() == [20] * 5
    Loggers({"files": files}).restore(positions[2])
    assert SavedExamples(folder=str(tmp_path)).fetch(np.arange(5))["x"].tolist() == [10] * 5
    assert [path.name for path in (tmp_path / "examples" / "outputs").iterdir()] == ["step-00000010"]


# -- in runs -------------------------------------------------------------------------------------------

SAVES = {"outputs": {"op": "save_examples", "inputs": {"index": "batch.index", "logits": "logits", "label": "batch.label",
                                                       "picture": "batch.image"}, "with": {"images": ["picture"]}}}
AGAIN = """
name: again
run: {over: none, num_steps: 1}
data:
  outputs: {use: examples, with: {folder: FOLDER}, batch_size: 77}
ops:
  score:  {op: loop, with: {graph: measure}}
  report: {op: log_scalars, inputs: [score.net, score.loss, score.sure]}
graphs:
  measure:
    over: outputs
    ops:
      batch: {op: load_batch}
      each:  {op: cross_entropy, inputs: {input: batch.logits, target: batch.label}}
      net:   {op: accuracy, inputs: {input: batch.logits, target: batch.label}}
      two:   {op: accuracy, inputs: {input: batch.logits, target: batch.label}, with: {top_k: 2}}
      loss:  {op: mean, inputs: each}
    outputs: {net: net, loss: loss, sure: two}
"""


def evaluates(folder: Path) -> Path:
    """A run that was trained, and a pipeline that saves what the model says at each checkpoint."""
    write(folder)
    run(folder / "train.yaml", folder / "run", "run.num_steps=12")
    tree = yaml.safe_load(EVALUATE)
    graph = yaml.safe_load((folder / "train.yaml").read_text())["graphs"]["evaluate"]
    tree["graphs"] = {"evaluate": {**graph, "ops": {**graph["ops"], **SAVES}, "outputs": {
        **graph["outputs"], "saved": "outputs"}}}
    tree["ops"]["report"]["inputs"].append("score.saved")
    tree["run"]["of"] = str(folder / "run")
    (folder / "saves.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return folder / "saves.yaml"


def test_a_metric_that_is_added_later_needs_no_model(tmp_path: Path) -> None:
    """From the saved scores the same accuracy is computed, exactly; in batches of another size, without a model."""
    run(evaluates(tmp_path), tmp_path / "e")
    (tmp_path / "again.yaml").write_text(AGAIN.replace("FOLDER", str(tmp_path / "e")))
    for row in rows(tmp_path / "e"):
        assert row["report.score.saved"] == 360
        folder = tmp_path / f"again-{row['step']}"
        run(tmp_path / "again.yaml", folder, f"data.outputs.with.step={row['step']}")
        [again] = rows(folder)
        assert again["report.score.net"] == row["report.score.net"]
        assert again["report.score.loss"] == pytest.approx(row["report.score.loss"], rel=1e-6)
        assert again["report.score.sure"] > again["report.score.net"]
    latest = SavedExamples(folder=str(tmp_path / "e"), original=digits(split="validation"))
    assert latest.path.name == "step-00000012"
    batch = latest.fetch(np.arange(360))
    assert batch["origin"].tolist() == list(range(360))
    np.testing.assert_allclose(batch["picture"], batch["image"], atol=0.5 / 255 + 1e-6)


def test_a_resumed_evaluation_has_each_set_once(tmp_path: Path) -> None:
    """Also one that was saved when the process was killed, before that was noted."""
    pipeline = evaluates(tmp_path)
    run(pipeline, tmp_path / "whole")
    run(pipeline, tmp_path / "e", "run.filter=step < 6")
    sets = tmp_path / "e" / "examples" / "score.outputs"
    made = ExampleSet(sets / "step-00000008")
    made.add(np.arange(3), {"logits": np.zeros(3)})
    made.finish()
    ExampleSet(sets / "step-00000012")  # begun, not ended
    run(pipeline, tmp_path / "e", resume=tmp_path / "e")
    assert rows(tmp_path / "e") == rows(tmp_path / "whole")
    assert sorted(path.name for path in sets.iterdir()) == ["step-00000004", "step-00000008", "step-00000012"]
    for path in (path for path in (tmp_path / "whole" / "examples").rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / "e" / path.relative_to(tmp_path / "whole")).read_bytes()


def test_outside_of_a_loop_it_is_a_batch(tmp_path: Path) -> None:
    write(tmp_path)
    run(tmp_path / "train.yaml", tmp_path / "run", "run.num_steps=4",
        "ops.kept={op: save_examples, inputs: {index: batch.index, loss: logits}, every: 2}")
    data = SavedExamples(folder=str(tmp_path / "run"), step=2)
    assert len(data) == 256 and len(set(data.fetch(np.arange(256))["origin"].tolist())) == 256


def test_a_folder_that_has_none(tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(AGAIN.replace("FOLDER", str(tmp_path)))
    with pytest.raises(PipelineError) as error:
        run(tmp_path / "again.yaml", tmp_path / "run")
    assert "error[cannot-construct]: data set 'examples' could not be made: there are no saved examples in" in render_text(
        error.value.diagnostics)
