"""The evaluator and saved examples on the other backends: the numbers of the training, at the checkpoints' steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluated import rows, run

PIPELINES = Path(__file__).parent.parent / "pipelines"
SKLEARN = """
name: sklearn-evaluation
include: [{file: PIPELINES/sklearn-digits.yaml, only: [params, data, models, graphs]}]
run: {backend: python, over: checkpoints, of: RUN, which: all}
ops:
  score:  {op: loop, with: {graph: evaluate}}
  result: {op: log_scalars, inputs: [score.accuracy, score.loss]}
  kept:   {op: loop, with: {graph: keep}}
graphs:
  keep:
    over: validation
    ops:
      batch:  {op: load_batch}
      pixels: {op: call, inputs: batch.image, with: {function: models.pixels.flat}}
      scaled: {op: forward, inputs: pixels, with: {model: scaler, method: transform}}
      chance: {op: forward, inputs: scaled, with: {model: classifier, method: predict_proba}}
      saved:  {op: save_examples,
               inputs: {index: batch.index, logits: chance, guess: chance.argmax, label: batch.label}}
"""


def rescored(backend: str, evaluation: Path, folder: Path) -> float:
    run(PIPELINES / "rescore-digits.yaml", folder, f"run.backend={backend}", f"folder={evaluation}")
    [row] = rows(folder)
    return float(row["result.score.first"])


def test_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    on = "run.backend=tensorflow"
    run(PIPELINES / "digits.yaml", tmp_path / "run", on, "run.num_epochs=3", "run.checkpoint={every: 23, keep: 9}")
    run(PIPELINES / "evaluate-digits.yaml", tmp_path / "e", on, f"of={tmp_path / 'run'}")
    name = "result.score.accuracy"
    measured = [(row["step"], row[name]) for row in rows(tmp_path / "run") if name in row]
    assert [(row["step"], row[name]) for row in rows(tmp_path / "e")] == measured and len(measured) == 3
    assert rescored("tensorflow", tmp_path / "e", tmp_path / "again") == measured[-1][1]


def test_python(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    run(PIPELINES / "sklearn-digits.yaml", tmp_path / "run", "run.num_epochs=4", "run.checkpoint={every: 45, keep: 9}")
    (tmp_path / "models").symlink_to(PIPELINES / "models")
    path = tmp_path / "evaluation.yaml"
    path.write_text(SKLEARN.replace("PIPELINES", str(PIPELINES)).replace("RUN", str(tmp_path / "run")))
    run(path, tmp_path / "e", "run.filter=epoch > 1")
    names = ("accuracy", "loss")
    measured = [(row["step"], *(row[f"report.score.{name}"] for name in names)) for row in rows(tmp_path / "run")]
    found = [(row["step"], *(row[f"result.score.{name}"] for name in names)) for row in rows(tmp_path / "e")]
    assert found == measured and len(measured) == 3
    assert rescored("python", tmp_path / "e", tmp_path / "again") == measured[-1][1]
