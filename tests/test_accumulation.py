"""Accumulated gradients give what one large batch gives, with clipping, a schedule and a moving average of the weights;
what is often done in their place does not."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twins import Weights, batches, digits, module_weights, pipeline, rows, run, saved_weights, started

import edgraph

SEED, LR, CLIP, WARMUP, STEPS_OF_COSINE, DECAY, LEFT_OUT = 6, 0.5, 0.3, 4, 24, 0.9, 3
UPDATES = 24
TOLERANCE, WRONG_BY = 2e-5, 2e-3  # of weights in the order of 1: what rounding does, and any of the wrong ways
PIPELINE = f"""
name: accumulation
run: {{seed: {SEED}}}
data:
  train: {{use: digits, with: {{split: train}}, batch_size: 64, shuffle: true}}
models:
  net: {{use: mlp, with: {{sizes: [64, 24, 10]}}}}
  ema: {{copy: net}}
optimizers:
  opt:
    use: SGD
    updates: [net]
    with: {{lr: {LR}, momentum: 0.9}}
    clip_norm: {CLIP}
    schedule: {{use: cosine, steps: {STEPS_OF_COSINE}, warmup: {WARMUP}, end: 0.1}}
ops:
  batch:  {{op: load_batch}}
  logits: {{op: forward, inputs: batch.image, with: {{model: net}}}}
  loss:   {{op: cross_entropy, inputs: {{input: logits, target: batch.label}}, with: {{ignore_index: {LEFT_OUT}}}}}
  update: {{op: optimize, inputs: loss, with: {{optimizer: opt}}}}
  follow: {{op: update_ema, with: {{target: ema, source: net, decay: {DECAY}}}}}
  report: {{op: log_scalars, inputs: [update.lr, update.grad_norm], every: {{updates: 1, of: opt}}}}
"""
Batch = tuple[torch.Tensor, torch.Tensor]  # images and labels


@dataclass(frozen=True)
class Case:
    """How small batches make large ones."""

    size: int
    accumulate: Any
    limit: int  # the examples of an epoch
    left_out: int = -100  # a label whose examples are not in the loss
    count: str | None = None

    def micro_batches(self) -> Iterator[Batch]:
        images, labels = digits()
        for _, _, chosen in batches(SEED, self.limit, self.size, 10**6):
            yield images[chosen], labels[chosen]

    def counted(self, labels: torch.Tensor) -> int:
        return int((labels != self.left_out).sum())

    def updates(self) -> list[list[Batch]]:
        """The small batches of each update."""
        found, small = [], self.micro_batches()
        while len(found) < UPDATES:
            group = [next(small)]
            while (len(group) < self.accumulate if isinstance(self.accumulate, int)
                   else sum(self.counted(labels) for _, labels in group) < self.accumulate["until"]):
                group.append(next(small))
            found.append(group)
        return found

    def run(self, folder: Path) -> Path:
        """By edgraph, accumulated."""
        update = {"op": "optimize", "inputs": {"loss": "loss", **({"count": self.count} if self.count else {})},
                  "with": {"optimizer": "opt", "accumulate": self.accumulate}}
        return self._run(folder, sum(map(len, self.updates())), self.size, update=update)

    def run_large(self, folder: Path) -> Path:
        """By edgraph, in batches of 64."""
        return self._run(folder, UPDATES, 64)

    def _run(self, folder: Path, steps: int, size: int, **ops: Any) -> Path:
        tree = pipeline(PIPELINE, run={"num_steps": steps}, ops=ops)
        tree["data"]["train"] |= {"batch_size": size, "limit": self.limit}
        tree["ops"]["loss"]["with"]["ignore_index"] = self.left_out
        run(tree, folder)
        return folder


CASES = {
    "4 x 16": Case(16, 4, limit=256),
    "until 64": Case(20, {"until": 64}, limit=64, count="batch.count"),  # 20, 20, 20 and 4
    "until 64, across epochs": Case(16, {"until": 64}, limit=150, count="batch.count"),  # 6 at the end of each
    "until 200": Case(33, {"until": 200}, limit=1437, count="batch.count"),  # which is passed by many
    "unmasked": Case(16, 4, limit=256, left_out=LEFT_OUT, count=f"sum(batch.label != {LEFT_OUT})"),
}
ALIGNED = ["4 x 16", "until 64", "unmasked"]  # each update is one batch of 64 of the same data
UNEQUAL = [name for name, case in CASES.items() if case.count]


class ByHand:
    """Updates as one writes them, right or with one of the mistakes that are made."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.net = started(nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10)), "net", SEED)
        self.ema = copy.deepcopy(self.net)
        self.params = list(self.net.parameters())
        self.optimizer = torch.optim.SGD(self.params, lr=LR, momentum=0.9)
        self.logged: list[tuple[float, float]] = []  # learning rate, and norm before clipping

    def gradients(self, images: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
        loss = F.cross_entropy(self.net(images), labels, ignore_index=self.case.left_out)
        return list(torch.autograd.grad(loss, self.params))

    def update(self, gradients: list[torch.Tensor], position: int, clip: float = CLIP) -> None:
        for p, gradient in zip(self.params, gradients, strict=True):
            p.grad = gradient
        norm = torch.nn.utils.clip_grad_norm_(self.params, clip)
        self.optimizer.param_groups[0]["lr"] = LR * factor(position)
        self.optimizer.step()
        self.logged.append((LR * factor(position), float(norm)))

    @torch.no_grad()
    def follow(self) -> None:
        for old, new in zip(self.ema.parameters(), self.params, strict=True):
            old.lerp_(new, 1.0 - DECAY)

    def weights(self) -> Weights:
        return module_weights(net=self.net, ema=self.ema)

    def large(self) -> ByHand:
        """Each update from one batch of all examples of the small ones."""
        for position, group in enumerate(self.case.updates()):
            self.update(self.gradients(torch.cat([images for images, _ in group]),
                                       torch.cat([labels for _, labels in group])), position)
            self.follow()
        return self

    def small(self, mistake: str = "") -> ByHand:
        """Each update from the sum over small batches."""
        steps = 0
        for position, group in enumerate(self.case.updates()):
            counts = [1 if mistake == "unweighted" else self.case.counted(labels) for _, labels in group]
            sums = [torch.zeros_like(p) for p in self.params]
            for number, ((images, labels), count) in enumerate(zip(group, counts, strict=True), start=1):
                steps += 1
                found = self.gradients(images, labels)
                if mistake == "clipped each":
                    clipped(found)
                for total, gradient in zip(sums, found, strict=True):
                    total.add_(gradient, alpha=count)
                if mistake == "average at every step" and number < len(group):
                    self.follow()
            if mistake == "clipped before the mean":
                clipped(sums)
            if mistake != "sum":
                for total in sums:
                    total.div_(sum(counts))
            self.update(sums, steps - 1 if mistake == "schedule counts steps" else position,
                        math.inf if mistake.startswith("clipped") else CLIP)
            self.follow()
        return self


def clipped(gradients: list[torch.Tensor]) -> None:
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    for gradient in gradients:
        gradient.mul_(min(1.0, CLIP / (float(norm) + 1e-6)))


def factor(position: int) -> float:
    """The schedule."""
    if position < WARMUP:
        return (position + 1) / WARMUP
    share = min(1.0, (position - WARMUP) / (STEPS_OF_COSINE - WARMUP))
    return 0.1 + 0.9 * 0.5 * (1.0 + math.cos(math.pi * share))


def distance(one: Weights, other: Weights) -> float:
    """The largest difference of two numbers."""
    assert one.keys() == other.keys()
    return max(float(np.abs(np.frombuffer(one[key], np.float32) - np.frombuffer(other[key], np.float32)).max())
               for key in one)


@pytest.fixture(scope="module", params=CASES)
def accumulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    case = CASES[request.param]
    return case, case.run(tmp_path_factory.mktemp("accumulated") / "run")


def test_as_one_large_batch_by_hand(accumulated: tuple[Case, Path]) -> None:
    """The weights, their average, every learning rate and every norm."""
    case, folder = accumulated
    hand = ByHand(case).large()
    assert distance(saved_weights(folder), hand.weights()) < TOLERANCE
    logged = [(row["report.update.lr"], row["report.update.grad_norm"]) for row in rows(folder)]
    assert [lr for lr, _ in logged] == [lr for lr, _ in hand.logged]
    assert [norm for _, norm in logged] == pytest.approx([norm for _, norm in hand.logged], rel=1e-3)
    assert 0 < sum(norm > CLIP for _, norm in logged) < UPDATES  # some are clipped


@pytest.mark.parametrize("name", ALIGNED)
def test_as_batches_of_64(name: str, tmp_path: Path) -> None:
    """By edgraph both; and a test that would see the difference."""
    case = CASES[name]
    small, large = saved_weights(case.run(tmp_path / "small")), saved_weights(case.run_large(tmp_path / "large"))
    assert distance(small, large) < TOLERANCE
    assert distance(small, ByHand(case).weights()) > 0.1


MISTAKES = [(name, mistake) for mistake in ("clipped each", "clipped before the mean", "sum", "average at every step",
                                            "schedule counts steps") for name in CASES]


@pytest.mark.parametrize(("name", "mistake"), [*MISTAKES, *((name, "unweighted") for name in UNEQUAL)])
def test_mistakes_would_be_found(name: str, mistake: str) -> None:
    """Each gives other weights than one large batch, and without it the same loop does not."""
    large = ByHand(CASES[name]).large().weights()
    assert distance(ByHand(CASES[name]).small().weights(), large) < TOLERANCE
    assert distance(ByHand(CASES[name]).small(mistake).weights(), large) > WRONG_BY


def test_small_batches_without_examples(tmp_path: Path) -> None:
    """Their loss is NaN, which a large batch would not have noticed: they weigh nothing."""
    case = Case(1, 16, limit=256, left_out=LEFT_OUT, count=f"sum(batch.label != {LEFT_OUT})")
    assert distance(saved_weights(case.run(tmp_path / "run")), ByHand(case).large().weights()) < TOLERANCE


def test_updates_without_examples(tmp_path: Path) -> None:
    """There is no update, and no step of the schedule or of the average."""
    tree = pipeline(PIPELINE, run={"num_steps": 8})
    tree["data"]["train"]["limit"] = 64
    tree["ops"]["loss"]["inputs"]["target"] = "batch.label * 0 + 3"
    tree["ops"]["update"] = {"op": "optimize", "inputs": {"loss": "loss", "count": "0 * step"},
                             "with": {"optimizer": "opt", "accumulate": 4}}
    run(tree, tmp_path / "run")
    assert distance(saved_weights(tmp_path / "run"), ByHand(CASES["4 x 16"]).weights()) == 0.0
    assert rows(tmp_path / "run") == []


def test_a_count_that_is_none(tmp_path: Path) -> None:
    tree = pipeline(PIPELINE, run={"num_steps": 8})
    tree["ops"]["update"] = {"op": "optimize", "inputs": {"loss": "loss", "count": "3 - step"},
                             "with": {"optimizer": "opt", "accumulate": 4}}
    ended = edgraph.load(tree).run(tmp_path / "run")
    assert ended.failure is not None and ended.failure.step == 4
    assert "'count' is -1; expected the number of examples" in ended.failure.text()
