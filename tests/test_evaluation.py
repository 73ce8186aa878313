"""Runs over checkpoints: what they evaluate, what they record, how they are resumed, and what is wrong before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from evaluated import EVALUATE, EVERY, rows, run, write

import edgraph
from edgraph.cli.main import main
from edgraph.run.folder import FolderError
from edgraph.text.diagnostics import PipelineError
from edgraph.text.render import render_text


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.yaml, evaluate.yaml and a run called `run`."""
    folder = tmp_path_factory.mktemp("trained")
    write(folder)
    run(folder / "train.yaml", folder / "run")
    return folder


def evaluate(trained: Path, folder: Path, *overrides: str, ops: dict[str, Any] | None = None, **how: Any) -> Any:
    """evaluate.yaml with other ops, run in a folder."""
    tree = yaml.safe_load(EVALUATE)
    tree["ops"] = ops or tree["ops"]
    path = trained / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return run(path, folder, f"run.of={trained / 'run'}", *overrides, **how)


def test_all_give_what_was_measured_as_they_were_trained(trained: Path, tmp_path: Path) -> None:
    """The same weights on the same examples, of the average too: the same numbers, each once, at its own step."""
    ended = evaluate(trained, tmp_path / "e")
    assert rows(tmp_path / "e") == rows(trained / "run")
    assert [row["step"] for row in rows(tmp_path / "e")] == list(range(EVERY, 41, EVERY))
    assert ended.step == 10 and ended.reason == "all 10 checkpoints" and ended.evaluates
    assert ended.values["score"]["net"] == rows(trained / "run")[-1]["report.score.net"]


def test_the_interpreter_does_the_same(trained: Path, tmp_path: Path) -> None:
    ops = {"score": {"op": "loop", "with": {"graph": "evaluate"}},
           "noise": {"op": "normal", "with": {"shape": [2]}},
           "drawn": "sum(noise)",
           "sum": "previous(sum, 0.0) + step",
           "report": {"op": "log_scalars", "inputs": ["score.net", "drawn", "sum", "epoch"]},
           "now_and_then": {"op": "log_scalars", "inputs": ["step", "hold(score.ema, 0)"], "every": ["first", 3]},
           "ends": {"op": "log_scalars", "inputs": {"at_end": "hold(sum, 0)"}, "at": "end"}}
    evaluate(trained, tmp_path / "e", ops=ops)
    evaluate(trained, tmp_path / "i", ops=ops, interpret=True)
    assert rows(tmp_path / "e") == rows(tmp_path / "i")
    found = rows(tmp_path / "e")
    assert [row["step"] for row in found if "now_and_then.step" in row] == [4, 12, 24, 36]  # 1, 3, 6, 9
    assert [row["report.epoch"] for row in found if "report.epoch" in row] == [1, 2, 2, 3, 4, 4, 5, 6, 6, 7]
    assert found[-1] == {"step": 40, "epoch": 7, "ends.at_end": sum(range(4, 41, 4))}


def test_random_numbers_are_those_of_the_checkpoint(trained: Path, tmp_path: Path) -> None:
    """Whichever checkpoints came before."""
    ops = {"noise": {"op": "normal", "with": {"shape": [2]}}, "drawn": "sum(noise)",
           "report": {"op": "log_scalars", "inputs": "drawn"}}
    evaluate(trained, tmp_path / "all", ops=ops)
    evaluate(trained, tmp_path / "few", "run.filter=step % 20 == 0", ops=ops)
    few = rows(tmp_path / "few")
    assert [row["step"] for row in few] == [20, 40]
    assert few == [row for row in rows(tmp_path / "all") if row["step"] in (20, 40)]


@pytest.mark.parametrize(("which", "steps"), [("latest", [40]), ("20", [20]), ("all", list(range(4, 41, 4)))])
def test_which(which: str, steps: list[int], trained: Path, tmp_path: Path) -> None:
    evaluate(trained, tmp_path / "e", f"run.which={which}")
    assert [row["step"] for row in rows(tmp_path / "e")] == steps


def test_the_best(trained: Path, tmp_path: Path) -> None:
    best = max(rows(trained / "run"), key=lambda row: row["report.score.ema"])
    evaluate(trained, tmp_path / "e", "run.which=best")
    assert rows(tmp_path / "e") == [best]


def test_a_filter_by_epoch_and_parameters(trained: Path, tmp_path: Path) -> None:
    evaluate(trained, tmp_path / "e", "run.filter=epoch > 3 and step != 32")
    assert [row["step"] for row in rows(tmp_path / "e")] == [20, 24, 28, 36, 40]


def test_models_with_weights_of_their_own_keep_them(trained: Path, tmp_path: Path) -> None:
    """A model to compare with, that the run does not have, or has in another state."""
    ops = {"fixed": {"op": "fixed_examples", "with": {"data": "validation"}},
           "now": {"op": "forward", "inputs": "fixed.image", "with": {"model": "net"}},
           "then": {"op": "forward", "inputs": "fixed.image", "with": {"model": "old"}},
           "far": "mean(abs(now - then))", "report": {"op": "log_scalars", "inputs": "far"}}
    path = trained / "weights.yaml"
    path.write_text(yaml.safe_dump({
        "include": [{"file": "train.yaml", "only": ["data"]}], "ops": ops,
        "run": {"over": "checkpoints", "of": str(trained / "run"), "which": "all"},
        "models": {"net": {"use": "mlp", "with": {"sizes": [64, 16, 10], "dropout": 0.2, "batch_norm": True}},
                   "old": {"copy": "net", "weights": f"{trained / 'run'}@20"}}}))
    # the weights are of the model `net` there: the checkpoint has several, and none called `old`
    with pytest.raises(PipelineError, match="no model 'old'"):
        run(path, tmp_path / "e")
    tree = yaml.safe_load(path.read_text())
    tree["models"]["ema"] = {**tree["models"].pop("old"), "weights": f"{trained / 'run'}@20"}
    tree["ops"]["then"]["with"]["model"] = "ema"
    path.write_text(yaml.safe_dump(tree))
    run(path, tmp_path / "e")
    ema_at_20 = rows(tmp_path / "e")
    tree["models"]["ema"].pop("weights")
    path.write_text(yaml.safe_dump(tree))
    run(path, tmp_path / "loaded")
    loaded = rows(tmp_path / "loaded")
    same = [one["step"] for one, two in zip(ema_at_20, loaded, strict=True) if one == two]
    assert same == [20]


def test_it_keeps_no_weights(trained: Path, tmp_path: Path) -> None:
    evaluate(trained, tmp_path / "e")
    [*kept] = (tmp_path / "e" / "checkpoints").iterdir()
    assert len(kept) == 2 and all(path.stat().st_size < 4000 for path in kept)


def test_going_on_with_it(trained: Path, tmp_path: Path) -> None:
    """In two parts it gives what it gives as a whole; what was done is not done again."""
    ops = {"score": {"op": "loop", "with": {"graph": "evaluate"}},
           "record": {"op": "improved", "inputs": "score.ema", "with": {"mode": "max"}},
           "best": "max(previous(best, 0.0), score.ema)",
           "report": {"op": "log_scalars", "inputs": ["score.net", "record.since", "best"]},
           "third": {"op": "log_scalars", "inputs": "step", "every": 3}}
    evaluate(trained, tmp_path / "whole", ops=ops)
    evaluate(trained, tmp_path / "e", "run.filter=step <= 16", ops=ops)
    before = (tmp_path / "e" / "metrics.jsonl").read_bytes()
    assert [row["step"] for row in rows(tmp_path / "e")] == [4, 8, 12, 12, 16]
    ended = evaluate(trained, tmp_path / "e", ops=ops, resume=tmp_path / "e")
    assert ended.step == 10
    assert (tmp_path / "e" / "metrics.jsonl").read_bytes().startswith(before)
    assert rows(tmp_path / "e") == rows(tmp_path / "whole")
    again = evaluate(trained, tmp_path / "e", ops=ops, resume=tmp_path / "e")
    assert again.step == 10 and rows(tmp_path / "e") == rows(tmp_path / "whole")


def test_an_op_that_fails(trained: Path, tmp_path: Path) -> None:
    """The checkpoint's step is named; what was evaluated stands; the rest is evaluated when it is resumed."""
    (trained / "moody.py").write_text("MOOD = 'bad'\ndef rate(value, step):\n    if step == 12 and MOOD == 'bad':\n"
                                      "        raise RuntimeError('not now')\n    return value * 2\n")
    ops = {"score": {"op": "loop", "with": {"graph": "evaluate"}},
           "first": {"op": "log_scalars", "inputs": "score.net"},
           "rated": {"op": "call", "inputs": ["score.net", "step"], "with": {"function": "moody.rate"}},
           "report": {"op": "log_scalars", "inputs": "rated"}}
    tree = {**yaml.safe_load(EVALUATE), "ops": ops, "imports": ["moody"]}
    path = trained / "failing.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    ended = edgraph.load(path, [f"run.of={trained / 'run'}"]).run(tmp_path / "e")
    assert ended.failure is not None and (ended.end, ended.exit_code, ended.step, ended.saved) == ("failed", 1, 2, 2)
    assert re.match(r".*failing\.yaml:\d+:3: 'rated' failed at step 12: RuntimeError: not now", ended.failure.text())
    import moody
    moody.MOOD = "good"
    run(path, tmp_path / "e", f"run.of={trained / 'run'}", resume=tmp_path / "e")
    steps = [row["step"] for row in rows(tmp_path / "e")]
    assert steps == [step for at in range(4, 41, 4) for step in (at, at)]


def test_stop_ends_it(trained: Path, tmp_path: Path) -> None:
    ops = {"score": {"op": "loop", "with": {"graph": "evaluate"}},
           "report": {"op": "log_scalars", "inputs": "score.net"},
           "enough": {"op": "stop", "when": "step >= 12"}}
    ended = evaluate(trained, tmp_path / "e", ops=ops)
    assert ended.reason == "stopped by 'enough'" and [row["step"] for row in rows(tmp_path / "e")] == [4, 8, 12]
    with pytest.raises(FolderError, match=r"ops\.enough=null"):
        evaluate(trained, tmp_path / "e", ops=ops, resume=tmp_path / "e")


# -- what is wrong before anything runs ----------------------------------------------------------------

def said(trained: Path, tmp_path: Path, *overrides: str, **how: Any) -> str:
    with pytest.raises(PipelineError) as error:
        edgraph.load(trained / "evaluate.yaml", overrides).run(None if "resume" in how else tmp_path / "e", **how)
    assert "resume" in how or not (tmp_path / "e").exists()
    return render_text(error.value.diagnostics).replace(str(trained), "HERE").replace(str(tmp_path), "THERE")


def test_there_is_no_such_run(trained: Path, tmp_path: Path) -> None:
    text = said(trained, tmp_path, f"run.root={trained}", "run.of=rum")
    assert "error[no-run]: no run 'rum' in HERE; there is run; did you mean 'run'?" in text
    assert "command line:1:8" in text
    text = said(trained, tmp_path, f"run.root={trained}", "run.of=run@best")
    assert "help: which checkpoint is said by `which`: of: run, which: best" in text
    assert main(["validate", "--data", str(trained / "evaluate.yaml")]) == 2


def test_there_is_no_such_checkpoint(trained: Path, tmp_path: Path) -> None:
    of = f"run.of={trained / 'run'}"
    text = said(trained, tmp_path, of, "run.which=bset")
    assert "error[no-checkpoint]: HERE/run has no checkpoint 'bset'; it has " in text and "did you mean 'best'?" in text
    assert "passes the filter 'step > 100'" in said(trained, tmp_path, of, "run.filter=step > 100")
    empty = tmp_path / "empty"
    (empty / "checkpoints").mkdir(parents=True)
    for which in ("all", "latest", "new", "best"):
        assert "error[no-checkpoint]: THERE/empty has no checkpoints" in said(trained, tmp_path, f"run.of={empty}",
                                                                              f"run.which={which}")


def test_a_filter_that_cannot_be_computed(trained: Path, tmp_path: Path) -> None:
    text = said(trained, tmp_path, f"run.of={trained / 'run'}", "run.filter=step % (epoch - 1) == 0")
    assert "error[bad-expression]: the filter cannot be computed for the checkpoint of step 4" in text


def test_models_that_the_run_does_not_have(trained: Path, tmp_path: Path) -> None:
    of = f"run.of={trained / 'run'}"
    text = said(trained, tmp_path, of, "models.nett={use: mlp, with: {sizes: [64, 10]}}")
    assert "error[other-model]: the checkpoints of HERE/run have no model 'nett'" in text
    assert "help: did you mean 'net'?" in text
    text = said(trained, tmp_path, of, "models.ema={use: mlp, with: {sizes: [64, 8, 10], dropout: 0.2, batch_norm: true}}")
    assert "error[other-model]: model 'ema' is not that of HERE/run" in text and "has shape" in text
    assert "'net'" not in text


def test_it_is_not_started_from_weights(trained: Path, tmp_path: Path) -> None:
    run_ = trained / "run"
    assert "not --from" in said(trained, tmp_path, f"run.of={run_}", start_from=f"{run_}@20")


def test_it_is_resumed_with_the_same_run(trained: Path, tmp_path: Path) -> None:
    run(trained / "train.yaml", tmp_path / "other", "run.num_steps=8")
    evaluate(trained, tmp_path / "e", "run.filter=step < 10")
    text = said(trained, tmp_path, f"run.of={tmp_path / 'other'}", resume=tmp_path / "e")
    assert "error[resume-mismatch]: the run evaluates the checkpoints of HERE/run, not of THERE/other" in text
    with pytest.raises(PipelineError, match=r"run\.over"):
        edgraph.load(trained / "train.yaml").run(resume=tmp_path / "e")


def test_a_checkpoint_of_an_evaluation_has_no_weights(trained: Path, tmp_path: Path) -> None:
    evaluate(trained, tmp_path / "e")
    assert "have no model 'net'" in said(trained, tmp_path / "none", f"run.of={tmp_path / 'e'}")


def test_what_the_command_line_says(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "e"
    assert main(["run", str(trained / "evaluate.yaml"), f"run.of={trained / 'run'}", "--folder", str(folder)]) == 0
    assert f"finished after 10 checkpoints; run folder: {folder}" in capsys.readouterr().out
    assert main(["plan", str(trained / "evaluate.yaml")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("evaluate: each checkpoint of 'RUN', the oldest first; 1 firing pattern\n"
                          "  a step is a checkpoint; what is done is kept after each of them\n")
