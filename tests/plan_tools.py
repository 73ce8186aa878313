"""Pipelines whose plans and explanations are tested, and what the tests share."""

from __future__ import annotations

import os
from pathlib import Path

from edgraph.compile import check
from edgraph.graph.ir import Graph
from edgraph.text.render import render_text

GOLDEN = Path(__file__).parent / "golden" / "plan"

# section 1 of the design
DIGITS = """\
name: digits
params: {lr: 1.0e-3}
run: {num_epochs: 20, seed: 0}
data:
  train:      {use: digits, with: {split: train}, batch_size: 64, shuffle: true}
  validation: {use: digits, with: {split: validation}, batch_size: 256}
models:
  classifier: {use: mlp, with: {sizes: [64, 128, 10]}}
optimizers:
  adam: {use: Adam, updates: [classifier], with: {lr: "${lr}"}}
ops:
  batch:  {op: load_batch}
  logits: {op: forward, inputs: batch.image, with: {model: classifier}}
  loss:   {op: cross_entropy, inputs: {input: logits, target: batch.label}}
  update: {op: optimize, inputs: loss, with: {optimizer: adam}}
  report: {op: log_scalars, inputs: [loss, update.lr], every: [first, 50 steps], doc: What a person watches.}
  fixed:  {op: fixed_examples, with: {data: validation}}
  guess:  {op: forward, inputs: fixed.image, with: {model: classifier}}
  panel:  {op: log_images, inputs: {image: fixed.image, label: guess.argmax}, every: 1 epoch}
  score:  {op: loop, with: {graph: evaluate, params: {model: classifier}}, every: 1 epoch}
  record: {op: improved, inputs: score.accuracy, with: {mode: max}}
  best:   {op: checkpoint, with: {name: best}, when: record}
  enough: {op: stop, when: record.since >= 5}
graphs:
  evaluate:
    params: {model: null, data: validation}
    over: ${data}
    ops:
      batch:    {op: load_batch}
      logits:   {op: forward, inputs: batch.image, with: {model: "${model}"}}
      accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}
    outputs: {accuracy: accuracy}
"""

# a critic and a generator in turn: cycles, a stage of known steps, conditions, either, hold, previous, counts, events
ADVERSARIES = """\
name: adversaries
run: {num_steps: 3000, checkpoint: {every: 500}}
data:
  train: {use: digits, batch_size: 64, shuffle: true}
models:
  generator: {use: mlp, with: {sizes: [16, 64]}}
  critic: {use: mlp, with: {sizes: [64, 1]}}
  ema: {copy: generator}
optimizers:
  adam_g: {use: Adam, updates: [generator], with: {lr: 1.0e-4}}
  adam_c: {use: Adam, updates: [critic], with: {lr: 1.0e-4}}
stages:
  warm: {until: 100 steps}
  main: {}
ops:
  batch: {op: load_batch}
  noise: {op: normal, inputs: {rows: batch.image}, with: {shape: [16]}}
  fake: {op: forward, inputs: noise, with: {model: generator}}
  real_score: {op: forward, inputs: batch.image, with: {model: critic}}
  fake_score: {op: forward, inputs: fake, with: {model: critic}}
  critic_loss: mean(fake_score) - mean(real_score)
  generator_loss: 0.0 - mean(fake_score)
  k: clip(previous(k, 0.0) + 0.001 * (0.5 * mean(real_score) - mean(fake_score)), 0, 1)
  critic_update: {op: optimize, inputs: critic_loss, with: {optimizer: adam_c},
                  every: {cycle: 6, positions: [1, 2, 3, 4, 5]}}
  generator_update: {op: optimize, inputs: generator_loss, with: {optimizer: adam_g},
                     every: {cycle: 6, positions: [6]}, during: main}
  follow: {op: update_ema, with: {target: ema, source: generator, decay: 0.99}}
  rate: either(generator_update.lr, 0.0) + hold(critic_loss, 0.0)
  report: {op: log_scalars, inputs: [k, rate], every: 50}
  slow: {op: log_scalars, inputs: critic_loss, every: {firings: 100, of: critic_update}}
  alarm: {op: print, inputs: critic_loss, when: critic_loss > 100 and (step > 20 or k > 0.5)}
  save: {op: checkpoint, every: 5 minutes}
  hello: {op: print, inputs: 1.0, at: start}
  bye: {op: print, inputs: "hold(k, 0.0)", at: [end, exception], when: "hold(k, 0.0) > 0.5"}
"""

# what only the run will know: the length of an epoch, when stages end, which updates are applied
OPEN = """\
name: open
imports: [mine]
run: {num_epochs: 3, num_updates: 5000, max_time: 3 h, checkpoint: false}
data:
  train: {use: my_data.Set, batch_size: 64, shuffle: true}
models:
  net: {use: mlp, with: {sizes: [16, 1]}}
optimizers:
  a: {use: Adam, updates: [net], with: {lr: 1.0e-4}}
  b: {use: SGD, updates: [net], with: {lr: 1.0e-4}}
stages:
  warm: {until: {when: "hold(score.mean, 9.0) < 1.0"}}
  main: {for: 200 steps}
  tail: {}
ops:
  batch: {op: load_batch}
  out: {op: forward, inputs: batch.x, with: {model: net}}
  loss: mean(out * out)
  first_update: {op: optimize, inputs: loss, with: {optimizer: a}, during: warm}
  second_update: {op: optimize, inputs: loss, with: {optimizer: b, accumulate: 4}, during: [main, tail]}
  report: {op: log_scalars, inputs: [loss], every: 10}
  entered: {op: print, inputs: loss, every: {first: main}}
  ends: {op: print, inputs: loss, every: [{last: main}, last]}
  score: {op: loop, with: {graph: evaluate, params: {model: net}}, every: 1 epoch}
  tell: {op: print, inputs: score.mean, when: score.mean < 3 or step > 5}
  counts: {op: print, inputs: second_update.lr, every: {updates: 10, of: b}}
  applied: {op: print, inputs: second_update.applied}
  save: {op: checkpoint, every: [5 minutes, 1 epoch]}
  inner: {op: loop, inputs: {start: loss}, with: {graph: refine}, every: 20}
  seen: {op: print, inputs: inner.value}
graphs:
  evaluate:
    params: {model: null}
    over: train
    ops:
      batch: {op: load_batch}
      out: {op: forward, inputs: batch.x, with: {model: "${model}"}}
      size: mean(out)
      mean: {op: mean, inputs: size}
      double: 2 * mean
      say: {op: print, inputs: size, every: [first, 5]}
    outputs: {mean: mean, double: double}
  refine:
    repeat: 5
    ops:
      value: previous(value, 0.0) * 0.5 + start
      tell: {op: print, inputs: value, every: 2, when: value > 1}
    outputs: {value: value}
"""

PIPELINES = {"digits": DIGITS, "adversaries": ADVERSARIES, "open": OPEN}


def graph_of(name: str, folder: Path) -> Graph:
    """The checked graph of a pipeline above, written into a folder from which it is read by its bare name."""
    path = folder / f"{name}.yaml"
    path.write_text(PIPELINES[name])
    before = Path.cwd()
    os.chdir(folder)
    try:
        checked = check(f"{name}.yaml")
    finally:
        os.chdir(before)
    assert not checked.diagnostics.failed, render_text(checked.diagnostics)
    return checked.require()


def golden(name: str, found: str) -> None:
    """Compares with tests/golden/plan/NAME. With EDGRAPH_GOLDEN=write it is written: read the difference then."""
    path = GOLDEN / name
    if os.environ.get("EDGRAPH_GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()
