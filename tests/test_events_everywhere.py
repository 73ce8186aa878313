"""Ops of every kind at every event between steps: their order, on a resumed run too, and when one of them fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from toy import TRAIN
from toy import run as toy_run
from twins import differences, rows, run, saved_weights, state

import edgraph
from edgraph.run.start import Runner

PIPELINE = """
name: events
imports: [event_ops]
run: {num_steps: 8, seed: 3, checkpoint: {every: 1, keep: 99}}
data:
  train: {use: digits, with: {split: train}, batch_size: 25, shuffle: true, limit: 100}   # 4 steps
  validation: {use: digits, with: {split: validation}, batch_size: 50, limit: 100}
  pool: {use: digits, with: {split: train}, batch_size: 8, shuffle: true}
fixed_examples: {validation: [0, 1, 2, 3]}
models:
  net: {use: mlp, with: {sizes: [64, 16, 10], dropout: 0.2, batch_norm: true}}
  ema: {copy: net}
optimizers:
  sgd: {use: SGD, updates: [net], with: {lr: 0.1, momentum: 0.9}}
stages: {first: {for: 1 epoch}, second: {}}
ops:
  batch:   {op: load_batch}
  logits:  {op: forward, inputs: batch.image, with: {model: net}}
  loss:    {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update:  {op: optimize, inputs: loss, with: {optimizer: sgd}}
  each:    {op: log_scalars, inputs: loss, every: 1}
  # an update of its own between steps, and an average that moves there
  fixed:   {op: fixed_examples, with: {data: validation}}
  guess:   {op: forward, inputs: fixed.image, with: {model: net}}
  extra:   {op: cross_entropy, inputs: {input: guess, target: fixed.label}}
  between: {op: optimize, inputs: extra, with: {optimizer: sgd}, at: [start, epoch_start, epoch_end]}
  follow:  {op: update_ema, with: {target: ema, source: net, decay: 0.9}, at: [start, epoch_end]}
  # what is made on demand, a loop, random numbers, state, conditions, settings
  other:   {op: load_batch, with: {data: pool}}
  noise:   {op: normal, inputs: {rows: other.image}, with: {shape: [1, 8, 8], std: 0.1}}
  noisy:   {op: forward, inputs: other.image + noise, with: {model: ema}}
  far:     {op: cross_entropy, inputs: {input: noisy, target: other.label}}
  drawn:   {op: log_scalars, inputs: far, at: [start, epoch_start, epoch_end, end]}
  score:   {op: loop, with: {graph: evaluate}, at: [start, epoch_end, end]}
  result:  {op: log_scalars, inputs: score.accuracy}
  record:  {op: improved, inputs: score.accuracy, with: {mode: max}}
  best:    {op: checkpoint, when: record}
  counted: {op: tally, at: [start, epoch_start, epoch_end, end]}
  count:   {op: log_scalars, inputs: counted}
  lower:   {op: set_learning_rate, inputs: "hold(update.lr, 0.1) * 0.5", with: {optimizer: sgd}, at: epoch_end}
  rate:    {op: log_scalars, inputs: update.lr, every: 1}
  panel:   {op: log_images, inputs: {image: fixed.image, label: guess.argmax}, at: [start, epoch_end, end, exception]}
  spread:  {op: log_histogram, inputs: guess, at: [epoch_start, exception]}
  begin:   {op: checkpoint, at: start}
  epochs:  {op: checkpoint, with: {keep: 9}, at: [epoch_start]}
  final:   {op: checkpoint, at: end}
  called:  {op: call, with: {function: event_ops.call}, at: [start, end]}
  # says where the run is
  early:   {op: say, inputs: [step, epoch], with: {text: early}, at: [start, resume, epoch_start, epoch_end, end, exception]}
  trouble: {op: trouble, inputs: "hold(loss, 0.0)", at: [start, resume, epoch_start, epoch_end, end], every: 1}
  late:    {op: say, inputs: [step, epoch], with: {text: late}, at: [start, resume, epoch_start, epoch_end, end], after: [trouble]}
  staged:  {op: log_scalars, inputs: {first: 1.0 * (stage == 'first')}, at: [start, epoch_start, epoch_end, end]}
  during:  {op: log_scalars, inputs: {step: step}, at: [epoch_start, epoch_end], during: first}
  again:   {op: log_text, inputs: {step: step}, at: resume}
graphs:
  evaluate:
    over: validation
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: ema}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""
OPS = '''
import edgraph

SAID = []
WHEN = None  # the call in which there is trouble: "early 4 1" has just been said


def call():
    return None


@edgraph.op(effect=True)
class say:
    def __init__(self, *, text: str):
        self.text = text

    def __call__(self, step, epoch):
        SAID.append(f"{self.text} {step} {epoch}")

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@edgraph.op(effect=True, passes=("global_step",))
def trouble(global_step, value):
    """Fails between steps, after what was said last, or in a step."""
    global WHEN
    if WHEN is not None and WHEN in (len(SAID), f"step {global_step}" if SAID[-1].split()[1] != str(global_step) else 0):
        WHEN = None
        raise ValueError("as it was told")


@edgraph.op(effect=True)
class tally:
    def __init__(self):
        self.seen = 0

    def __call__(self) -> float:
        self.seen += 1
        return float(self.seen)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]
'''
# At the start, at both epochs' ends and beginnings, and at the end: (completed steps, epoch).
MOMENTS = ["0 1", "0 1", "4 1", "4 2", "8 2", "8 2"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("event_ops.py").write_text(OPS)
    Path("events.yaml").write_text(PIPELINE)


def go(folder: str, resume: bool = False, **how: Any) -> list[str]:
    """What the run said."""
    run("events.yaml", None if resume else Path(folder), resume=folder if resume else None, **how)  # type: ignore[arg-type]
    return told()


def told() -> list[str]:
    import event_ops  # type: ignore[import-not-found]
    said: list[str] = list(event_ops.SAID)
    event_ops.SAID.clear()
    return said


def untimed(folder: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "time"} for row in rows(Path(folder))]


def cut(folder: str, newest: str) -> None:
    """As if the run had been killed when this checkpoint was the newest."""
    path = Path(folder) / "checkpoints" / f"{newest}.safetensors"
    latest = path.stat().st_mtime_ns
    for each in path.parent.glob("*.safetensors"):
        if each.stat().st_mtime_ns > latest:
            each.unlink()
    (Path(folder) / "status.json").write_text('{"state": "running", "step": 0}')


@pytest.mark.parametrize("interpret", [False, True])
def test_every_event_in_order(interpret: bool) -> None:
    assert go("a", interpret=interpret) == [f"{word} {moment}" for moment in MOMENTS for word in ("early", "late")]
    assert {path.stem for path in Path("a/checkpoints").glob("*.safetensors")} == {
        "begin", "best", "epochs-step-00000000", "epochs-step-00000004", "final",
        *(f"step-{step:08d}" for step in range(1, 9))}
    logged: dict[str, list[Any]] = {}
    for row in untimed("a"):
        for name, value in row.items():
            if "." in name:
                logged.setdefault(name, []).append((row["step"], value))
    assert [step for step, _ in logged["drawn.far"]] == [0, 0, 4, 4, 8, 8]
    assert len(set(logged["drawn.far"])) == 3  # random numbers and batches belong to a step
    assert [step for step, _ in logged["result.score.accuracy"]] == [0, 4, 8, 8]
    assert logged["count.counted"] == [(0, 1), (0, 2), (4, 3), (4, 4), (8, 5), (8, 6)]
    assert [value for _, value in logged["rate.update.lr"]] == pytest.approx([0.1] * 4 + [0.05] * 4)
    assert {path.name for path in Path("a/images/panel").iterdir()} == {f"step-0000000{step}.png" for step in (0, 4, 8)}
    assert not Path("a/text").exists()  # nothing was resumed


@pytest.mark.parametrize(("newest", "moments"), [
    ("begin", MOMENTS[1:]), ("epochs-step-00000000", MOMENTS[2:]), ("step-00000003", MOMENTS[2:]),
    ("step-00000004", MOMENTS[2:]), ("epochs-step-00000004", MOMENTS[4:]), ("step-00000006", MOMENTS[4:]),
    ("final", [])])
def test_a_resumed_run_goes_on_between_the_same_events(newest: str, moments: list[str]) -> None:
    """`start` is not run again, `resume` is, and whatever had not been done at the moment of the checkpoint is."""
    go("whole")
    go("a")
    cut("a", newest)
    said = go("a", resume=True)
    step = state(Path("a"), newest)["step"]
    assert [line.split()[:2] for line in said[:2]] == [["early", str(step)], ["late", str(step)]]  # of `resume`
    assert said[2:] == [f"{word} {moment}" for moment in moments for word in ("early", "late")]
    assert differences(saved_weights(Path("a"), "final"), saved_weights(Path("whole"), "final")) == []
    assert untimed("a") == untimed("whole")
    assert len(list(Path("a/text").glob(f"*/step-{step:08d}.txt"))) == 1


@pytest.mark.parametrize(("at", "event", "step"), [
    (1, "start, after step 0", 0), (3, "epoch_start, after step 0", 0), (5, "epoch_end, after step 4", 4),
    (7, "epoch_start, after step 4", 4), (11, "end, after step 8", 8), ("step 6", None, 5)])
def test_an_op_that_fails(at: Any, event: str | None, step: int) -> None:
    """Ops at `exception` run and see the last completed step, and the run goes on from the newest checkpoint."""
    go("whole")
    import event_ops
    event_ops.WHEN = at
    ended = edgraph.load("events.yaml").run("a")
    assert ended.failure is not None and ended.step == step and ended.failure.node == "trouble"
    assert f"'trouble' failed at {event or 'step 6'}: ValueError: as it was told" in ended.failure.text()
    said = told()
    assert said[-1].startswith(f"early {step} ") and (event is None or said[-2].startswith(f"early {step} "))
    assert (Path("a/images/panel") / f"step-{step:08d}.png").exists()
    assert json.loads(Path("a/histograms/spread.guess.jsonl").read_text().splitlines()[-1])["step"] == step
    go("a", resume=True)
    assert differences(saved_weights(Path("a")), saved_weights(Path("whole"))) == []
    assert untimed("a") == untimed("whole")


def test_what_changed_nothing_before_it_failed_costs_nothing() -> None:
    """The run stands where it stood before the event, although no checkpoint was due."""
    pipeline = yaml.safe_load(PIPELINE)
    for name in ("between", "follow", "drawn", "count", "counted", "result", "best", "record", "score", "lower", "panel",
                 "spread", "begin", "epochs", "final", "called", "early", "late", "other", "noise", "noisy", "far", "staged", "during",
                 "again"):
        del pipeline["ops"][name]
    pipeline["run"]["checkpoint"] = {"every": 100}
    pipeline["ops"]["trouble"]["at"] = ["epoch_end"]
    Path("events.yaml").write_text(yaml.safe_dump(pipeline))
    go("whole")
    import event_ops
    event_ops.SAID.append("early 0 0")
    event_ops.WHEN = 1
    pipeline["ops"]["trouble"].pop("every")
    Path("events.yaml").write_text(yaml.safe_dump(pipeline))
    ended = edgraph.load("events.yaml").run("a")
    assert ended.failure is not None and (ended.step, ended.saved) == (4, 4)
    go("a", resume=True)
    assert differences(saved_weights(Path("a")), saved_weights(Path("whole"))) == []


def test_the_end_is_not_that_of_a_run_that_is_interrupted() -> None:
    ops = {"n": {"op": "clocked"}, "step": {"op": "note", "inputs": "n"}, "end": {"op": "note", "at": "end"}}
    pipeline = {"run": {"num_steps": 9, "checkpoint": False}, "data": {"train": TRAIN}, "ops": ops}

    def interrupted(runner: Runner) -> None:
        runner.engine.on_signal(2)
    ran = toy_run({**pipeline, "ops": {"say" if name == "step" else name: op for name, op in ops.items()}}, ready=interrupted)
    assert ran.outcome.end == "interrupted" and ran.values("end") == []
