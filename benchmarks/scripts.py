"""The same training as a pipeline and as a script, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PIPELINE = """\
imports: [marks]
run: {{num_steps: {steps}, seed: 0, checkpoint: {checkpoint}}}
data:
  train: {{use: arrays, with: {{file: data.npz}}, batch_size: 64, shuffle: true}}
models:
  classifier: {{use: mlp, with: {{sizes: [64, {hidden}, 10]}}}}
optimizers:
  adam: {{use: Adam, updates: [classifier], with: {{lr: 1.0e-3}}}}
ops:
  batch:  {{op: load_batch}}
  logits: {{op: forward, inputs: batch.image, with: {{model: classifier}}}}
  loss:   {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}}}
  update: {{op: optimize, inputs: loss, with: {{optimizer: adam}}}}
  start:  {{op: first_step, every: first, after: [update]}}
  end:    {{op: memory, every: last, after: [update]}}
"""


class Scripts:
    """Runs either; each prints lines `what number`."""

    def __init__(self, folder: Path, hidden: list[int], steps: int) -> None:
        self.folder = folder
        self.arguments = [",".join(map(str, hidden)), str(steps)]
        random = np.random.default_rng(0)
        np.savez(folder / "data.npz", image=random.random((1437, 1, 8, 8), np.float32),
                 label=random.integers(0, 10, 1437))
        self.text = {"steps": steps, "hidden": ", ".join(map(str, hidden))}
        (folder / "marks.py").write_text((HERE / "marks.py").read_text())
        self.runs = 0

    def edgraph(self, checkpoint: str = "false") -> dict[str, float]:
        self.runs += 1
        (self.folder / "pipeline.yaml").write_text(PIPELINE.format(**self.text, checkpoint=checkpoint))
        return self._run([sys.executable, "-m", "edgraph", "run", str(self.folder / "pipeline.yaml"), "--quiet",
                          "--folder", str(self.folder / f"run-{self.runs}")])

    def by_hand(self) -> dict[str, float]:
        return self._run([sys.executable, str(HERE / "by_hand.py"), str(self.folder / "data.npz"), *self.arguments])

    def _run(self, command: list[str]) -> dict[str, float]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        rows = [line.rpartition(" ") for line in done.stdout.splitlines()]
        return {what: float(number) for what, _, number in rows if what in ("first step", "memory")}


@contextmanager
def scripts(hidden: list[int], steps: int) -> Iterator[Scripts]:
    with tempfile.TemporaryDirectory() as folder:
        yield Scripts(Path(folder), hidden, steps)
