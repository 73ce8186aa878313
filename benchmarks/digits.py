"""(b) A small network on handwritten digits (64-128-10, batches of 64, Adam, a log line every 50 steps, one thread),
against a torch loop written by hand, fed from tensors in memory and by a DataLoader without workers."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import edgraph
from benchmarks.timing import Report
from benchmarks.turns import WARM_UP, Turns

BATCH = 64
STEPS = 230  # a round: ten epochs
ROUNDS = 60
IN_MEMORY, DATA_LOADER = 0.97, 1.8

PIPELINE: dict[str, Any] = {
    "name": "digits",
    "run": {"num_steps": STEPS * (ROUNDS + WARM_UP), "seed": 0},
    "data": {"train": {"use": "digits", "with": {"split": "train"}, "batch_size": BATCH, "shuffle": True}},
    "models": {"classifier": {"use": "mlp", "with": {"sizes": [64, 128, 10]}}},
    "optimizers": {"adam": {"use": "Adam", "updates": ["classifier"], "with": {"lr": 1e-3}}},
    "ops": {
        "batch": {"op": "load_batch"},
        "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "classifier"}},
        "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "adam"}},
        "report": {"op": "log_scalars", "inputs": ["loss", "update.lr"], "every": 50},
        "others": {"op": "take_turns", "every": STEPS},
    },
}


class ByHand:
    """The same loop as an engineer would write it."""

    def __init__(self, folder: Path, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels
        self.model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.loader: DataLoader[tuple[torch.Tensor, ...]] | None = None
        self.log = (folder / f"by-hand-{id(self)}.jsonl").open("w")
        self.step = 0

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch."""
        if self.loader is not None:
            yield from self.loader  # type: ignore[misc]
            return
        order = torch.randperm(len(self.images))
        for chosen in order.split(BATCH):
            yield self.images[chosen], self.labels[chosen]

    def __call__(self) -> None:
        model, optimizer = self.model, self.optimizer
        last = self.step + STEPS
        while self.step < last:
            for image, label in self.batches():
                loss = functional.cross_entropy(model(image), label)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.step += 1
                if self.step % 50 == 0:
                    row = {"step": self.step, "time": time.time(), "loss": loss.item(),
                           "lr": optimizer.param_groups[0]["lr"]}
                    self.log.write(json.dumps(row) + "\n")
                    self.log.flush()


def main() -> None:
    torch.set_num_threads(1)
    report = Report("(b) digits: samples per second")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline = edgraph.load(PIPELINE)
        arrays = pipeline.check(data=True).data["train"].arrays
        images, labels = torch.from_numpy(arrays["image"]).flatten(1), torch.from_numpy(arrays["label"])
        in_memory, by_loader = ByHand(folder, images, labels), ByHand(folder, images, labels)
        by_loader.loader = DataLoader(TensorDataset(images, labels), batch_size=BATCH, shuffle=True)
        turns = Turns({"by hand, in memory": in_memory, "by hand, DataLoader": by_loader}, torch.enable_grad)
        run = pipeline.run(folder / "run")
        assert run.end == "finished", run.failure
    rounds = turns.rounds()
    for contender in rounds.times:
        samples = len(images) * STEPS / (-(-len(images) // BATCH))
        report.say(f"{contender}: {samples / rounds.seconds(contender):,.0f} samples/s")
    report.at_least("edgraph / by hand, in memory", rounds.ratio("by hand, in memory", "edgraph"), IN_MEMORY)
    report.at_least("edgraph / by hand, DataLoader", rounds.ratio("by hand, DataLoader", "edgraph"), DATA_LOADER)
    report.end()


if __name__ == "__main__":
    main()
