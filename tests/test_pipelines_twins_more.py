"""More pipelines of the folder `pipelines` and the loops that one would write by hand: the same weights bit for bit."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import SEED, apply, finish, follow, full, made, seeded, update
from test_pipelines import write_idx
from torch import nn
from torch.nn import functional as F
from twins import batches, differences, digits, module_weights, run, saved_weights

import edgraph
from edgraph.run.folder import RunFolder

FOLDER = Path(__file__).parent.parent / "pipelines"


def cosine(base: float, position: int, steps: int, warmup: int, end: float) -> float:
    if position < warmup:
        return base * ((position + 1) / warmup)
    return base * (end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, (position - warmup) / (steps - warmup)))))


def gradients(loss: torch.Tensor, *nets: nn.Module) -> Any:
    return torch.autograd.grad(loss, [p for net in nets for p in net.parameters()], retain_graph=True)


def test_cyclegan(tmp_path: Path) -> None:
    """Both ways in turn, all gradients at the weights of the step's start; the pools of earlier pictures by hand."""
    cycle = finish("cyclegan-digits", tmp_path / "run", ["run.num_steps=60"])
    to = {name: made(f"to_{name}", lambda: cycle.Generator(width=32)) for name in ("black", "white")}
    judges = {name: made(f"judge_{name}", lambda: cycle.Judge(width=32)) for name in ("black", "white")}
    adam = torch.optim.Adam([p for net in to.values() for p in net.parameters()], lr=1e-3, betas=(0.5, 0.999))
    adams = {name: torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999)) for name, net in judges.items()}
    white = torch.from_numpy(cycle.Half(half="first").arrays["image"])
    black = torch.from_numpy(cycle.Half(half="second", black=True).arrays["image"])
    pools: dict[str, torch.Tensor] = {}
    for (step, of_white), (_, of_black) in zip(full(60, len(white), 32, "white"), full(60, len(black), 32, "black"),
                                               strict=True):
        real = {"white": white[of_white], "black": black[of_black]}
        losses, found = [], {}
        for target, source in (("black", "white"), ("white", "black")):
            fake = to[target](real[source])
            there_and_back = F.l1_loss(to[source](fake), real[source])
            losses.append(((judges[target](fake) - 1) ** 2).mean() + 10.0 * there_and_back)
            seeded(f"{target}.pool", step)
            given = cycle.refresh(pools.get(target, fake.detach()), fake.detach())
            pools[target] = given["kept"]
            judge = judges[target]
            found[target] = gradients(0.5 * ((judge(real[target]) - 1) ** 2).mean()
                                      + 0.5 * (judge(given["given"]) ** 2).mean(), judge)
        apply(adam, gradients(losses[0] + losses[1], *to.values()))
        for name in found:
            apply(adams[name], found[name])
    assert differences(saved_weights(tmp_path / "run"), module_weights(
        to_black=to["black"], to_white=to["white"], judge_black=judges["black"], judge_white=judges["white"])) == []


def test_vae_gan(tmp_path: Path) -> None:
    """40 steps without the discriminator, 40 with it."""
    vaegan = finish("vae-gan", tmp_path / "run", ["run.num_steps=80", "switch=41"])
    encoder, decoder = (made(name, kind) for name, kind in (("encoder", vaegan.Encoder), ("decoder", vaegan.Decoder)))
    judge = made("discriminator", vaegan.Discriminator)
    of_vae = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, betas=(0.5, 0.9))
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-3, betas=(0.5, 0.9))
    images, _ = digits()
    for step, _, chosen in batches(SEED, len(images), 64, 80):
        image = images[chosen]
        code = encoder(image)
        seeded("noise", step)
        made_again = decoder(code.mean + torch.exp(0.5 * code.logvar) * torch.randn(len(image), 8))
        kl = 0.5 * (code.mean ** 2 + torch.exp(code.logvar) - 1 - code.logvar).mean()
        loss = F.l1_loss(made_again, image) + 0.02 * kl
        if step > 40:
            fool, last = -judge(made_again).mean(), decoder.last.weight
            of_nll, = torch.autograd.grad(loss, last, retain_graph=True)
            of_fool, = torch.autograd.grad(fool, last, retain_graph=True)
            weight = torch.clamp((of_nll ** 2).sum().sqrt() / ((of_fool ** 2).sum().sqrt() + 1e-4), 0, 10)
            loss = loss + 0.5 * weight * fool
            hinge = F.relu(1 - judge(image)).mean() + F.relu(1 + judge(made_again.detach())).mean()
            of_d = gradients(hinge, judge)
        apply(of_vae, gradients(loss, encoder, decoder))
        if step > 40:
            apply(of_judge, of_d)
    assert differences(saved_weights(tmp_path / "run"),
                       module_weights(encoder=encoder, decoder=decoder, discriminator=judge)) == []


def test_char_lm(tmp_path: Path) -> None:
    """Two groups of weights, warm-up and cosine, clipping by the norm of all of them."""
    charlm = finish("char-lm", tmp_path / "run", [
        "run.num_steps=40", "files=json/*.py", "length=32", "data.train.batch_size=8", "ops.written.every=17",
        "ops.score.every=20", "optimizers.adam.schedule={use: cosine, steps: 35, warmup: 10, end: 0.05}"])
    arrays = charlm.StandardLibrary(files="json/*.py", length=32).arrays
    codes, targets = (torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in ("input", "target"))
    writer = made("writer", lambda: charlm.Transformer(length=32))
    plain = [p for name, p in writer.named_parameters() if name.endswith(".bias") or "norm" in name]
    rest = [p for p in writer.parameters() if all(p is not other for other in plain)]
    adam = torch.optim.AdamW([{"params": plain, "weight_decay": 0.0}, {"params": rest}], lr=3e-3, betas=(0.9, 0.98),
                             weight_decay=0.1)
    for step, chosen in full(40, len(codes), 8):
        adam.zero_grad()
        F.cross_entropy(writer(codes[chosen]), targets[chosen]).backward()
        torch.nn.utils.clip_grad_norm_([*plain, *rest], 1.0)
        for group in adam.param_groups:
            group["lr"] = cosine(3e-3, step - 1, 35, 10, 0.05)
        adam.step()
    assert differences(saved_weights(tmp_path / "run"), module_weights(writer=writer)) == []


def test_fashion_cnn(tmp_path: Path) -> None:
    """On digits in files of the same kind: two steps an epoch, each followed by an evaluation and pictures."""
    from edgraph.data.idx import read

    write_idx(tmp_path / "idx")
    run(FOLDER / "fashion-cnn.yaml", tmp_path / "run", [
        f"folder={tmp_path / 'idx'}", "epochs=10", "optimizers.adam.schedule={use: cosine, steps: 16, warmup: 5, end: 0.01}"])
    layers = [layer for one, two in ((1, 16), (16, 32), (32, 64)) for layer in (
        lambda one=one, two=two: nn.Conv2d(one, two, 3, padding="same"), lambda two=two: nn.BatchNorm2d(two), nn.ReLU,
        lambda: nn.MaxPool2d(2))]
    classifier = made("classifier", lambda: nn.Sequential(
        *(layer() for layer in layers), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, 10)))
    adam = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.01)
    arrays = read(folder=tmp_path / "idx", split="train").arrays
    images, labels = (torch.from_numpy(arrays[name]) for name in ("image", "label"))
    for step, chosen in full(20, 256, 128):
        seeded("logits", step)
        loss = F.cross_entropy(classifier(images[chosen]), labels[chosen], label_smoothing=0.05)
        adam.param_groups[0]["lr"] = cosine(2e-3, step - 1, 16, 5, 0.01)
        update(adam, loss)
    assert differences(saved_weights(tmp_path / "run"), module_weights(classifier=classifier)) == []


def test_staged_autoencoder(tmp_path: Path) -> None:
    """Outer pair, inner pair until it is no longer much better, everything; and the one that is trained as a whole."""
    finish("staged-autoencoder", tmp_path / "run", [
        "run.num_steps=150", "stages.outer.until=40 steps", "ops.record.every=5", "ops.record.with.min_delta=0.08"])
    sizes = {"down_outer": (64, 32), "down_inner": (32, 2), "up_inner": (2, 32), "up_outer": (32, 64)}
    nets = {name: made(name, lambda size=size: nn.Sequential(
        nn.Flatten(), nn.Linear(size[0], 128), nn.ELU(), nn.Linear(128, size[1]))) for name, size in sizes.items()}
    whole = {name: copy.deepcopy(net) for name, net in nets.items()}
    order = list(sizes)
    adams = {names: torch.optim.Adam([p for name in names for p in nets[name].parameters()], lr=1e-3)
             for names in (("down_outer", "up_outer"), ("down_inner", "up_inner"), tuple(order))}
    of_outer, of_inner, of_all = adams.values()
    of_whole = torch.optim.Adam([p for name in order for p in whole[name].parameters()], lr=1e-3)
    images, _ = digits()
    smooth, best, since, joint = None, math.inf, 0, 0
    for step, _, chosen in batches(SEED, len(images), 64, 150):
        image, pixels = images[chosen], images[chosen].flatten(1)
        if step <= 40:
            update(of_outer, F.mse_loss(nets["up_outer"](nets["down_outer"](image)), pixels))
        elif since < 5:
            with torch.no_grad():
                code = nets["down_outer"](image)
            loss = F.mse_loss(nets["up_inner"](nets["down_inner"](code)), code)
            now = loss.detach()
            smooth = 0.99 * (now if smooth is None else smooth) + 0.01 * now
            update(of_inner, loss)
            if step % 5 == 0:
                better = float(smooth) < best - 0.08
                best, since = (float(smooth), 0) if better else (best, since + 1)
        else:
            joint += 1
            picture = image
            for name in order:
                picture = nets[name](picture)
            update(of_all, F.mse_loss(picture, pixels))
        picture = image
        for name in order:
            picture = whole[name](picture)
        update(of_whole, F.mse_loss(picture, pixels))
    assert 20 < joint < 90, joint  # each stage had its steps
    assert differences(saved_weights(tmp_path / "run"), module_weights(
        flat=nn.Flatten(), **nets, **{f"whole_{name}": net for name, net in whole.items()})) == []


class Meta:
    """Reptile by hand, with the examination."""

    def __init__(self, meta: Any) -> None:
        self.meta = meta
        self.slow = made("slow", meta.Curve)
        self.fast, self.trial, self.naive = (copy.deepcopy(self.slow) for _ in range(3))
        self.of_fast, self.of_trial = (torch.optim.SGD(net.parameters(), lr=0.02) for net in (self.fast, self.trial))

    def seeded(self, node: str, step: int, iteration: int) -> None:
        torch.manual_seed(edgraph.stream_seed(SEED, node, step, iteration))

    def train(self, step: int) -> None:
        seeded("dice", step)
        task = self.meta.task(torch.rand(1, 2))
        for iteration in range(1, 11):
            self.seeded("inner.x", step, iteration)
            x = torch.rand(10, 1) * 10.0 - 5.0
            y = self.meta.wave(x, task["amplitude"], task["phase"])
            update(self.of_fast, F.mse_loss(self.fast(x), y))

    def move(self) -> None:
        follow(self.slow, self.fast, 0.9)
        self.fast.load_state_dict(self.slow.state_dict())

    def examine(self, loop: str, start: nn.Module, step: int) -> tuple[float, float]:
        """The errors before and after, each a mean over five tasks."""
        errors = []
        line = self.meta.line(200)
        for iteration in range(1, 6):
            self.seeded(f"{loop}.dice", step, iteration)
            task = self.meta.task(torch.rand(1, 2))
            self.seeded(f"{loop}.x", step, iteration)
            x = torch.rand(10, 1) * 10.0 - 5.0
            y = self.meta.wave(x, task["amplitude"], task["phase"])
            self.trial.load_state_dict(start.state_dict())
            for _ in range(10):
                update(self.of_trial, F.mse_loss(self.trial(x), y))
            truth = self.meta.wave(line, task["amplitude"], task["phase"])
            with torch.no_grad():
                errors.append([F.mse_loss(net(line), truth).item() for net in (start, self.trial)])
        before, after = zip(*errors, strict=True)
        return sum(before) / 5, sum(after) / 5


def test_meta_learning(tmp_path: Path) -> None:
    """Loops within loops: the points of each task and iteration, the outer step, and an examination before it."""
    by_hand = Meta(finish("meta-learning", tmp_path / "run", ["run.num_steps=60", "ops.exam.every=20",
                                                              "ops.exam_naive.every=20", "graphs.examine.repeat=5"]))
    logged = []
    for step in range(1, 61):
        by_hand.train(step)
        exam = by_hand.examine("exam", by_hand.slow, step) if step % 20 == 0 else None
        by_hand.move()
        if exam:
            logged.append((*exam, *by_hand.examine("exam_naive", by_hand.naive, step)))
    assert differences(saved_weights(tmp_path / "run"), module_weights(
        slow=by_hand.slow, fast=by_hand.fast, trial=by_hand.trial, naive=by_hand.naive)) == []
    found: dict[int, dict[str, float]] = {}
    for row in RunFolder.open(tmp_path / "run").metrics():
        found.setdefault(row["step"], {}).update(row)
    assert [[found[step][f"{who}.{when}"] for who in ("learned", "untrained") for when in ("before", "after")]
            for step in (20, 40, 60)] == [pytest.approx(row, rel=1e-6) for row in logged]
