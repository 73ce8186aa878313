"""Pipelines of the folder `pipelines` and the loops that one would write by hand: the same weights bit for bit."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from by_hand import SEED, apply, finish, follow, full_batches, made, seeded, update
from torch import nn
from torch.nn import functional as F
from twins import batches, differences, digits, module_weights, saved_weights


def test_wgan_gp(tmp_path: Path) -> None:
    gan = finish("wgan-gp", tmp_path / "run", ["run.num_steps=120"])
    generator, critic = made("generator", gan.Generator), made("critic", gan.Critic)
    smooth = copy.deepcopy(generator)
    of_critic, of_generator = (torch.optim.Adam(net.parameters(), lr=3e-4, betas=(0.0, 0.9))
                               for net in (critic, generator))
    for step, real in full_batches(120):
        seeded("noise", step)
        noise = torch.randn(len(real), 16)
        if step % 6:  # the critic's turn
            with torch.no_grad():
                fake = generator(noise)
            fake_score, real_score = critic(fake), critic(real)
            seeded("share", step)
            share = torch.rand(len(real), 1, 1, 1)
            between = (share * real + (1 - share) * fake).requires_grad_()
            slope, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = ((torch.linalg.vector_norm(slope, dim=(1, 2, 3)) - 1) ** 2).mean()
            update(of_critic, 10.0 * penalty - (real_score.mean() - fake_score.mean()))
        else:
            update(of_generator, -critic(generator(noise)).mean())
            follow(smooth, generator, 0.995)
    assert differences(saved_weights(tmp_path / "run"),
                       module_weights(generator=generator, critic=critic, smooth=smooth)) == []


def test_began(tmp_path: Path) -> None:
    overrides = ["run.num_steps=120", "lr=0.001", "diversity=0.7", "gain=0.01", "repel=0.1"]  # whatever the file has
    gan = finish("began", tmp_path / "run", overrides)
    generator, judge = made("generator", gan.Generator), made("discriminator", gan.Autoencoder)
    adam_d, adam_g = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999)) for net in (judge, generator))
    k: torch.Tensor | float = 0.0
    for step, real in full_batches(120):
        seeded("noise", step)
        fake = generator(torch.rand(len(real), 16) * 2.0 - 1.0)
        real_loss = F.l1_loss(judge(real), real)
        fake_loss = F.l1_loss(judge(fake.detach()), fake.detach())
        fool_loss = F.l1_loss(judge(fake), fake)
        fool = fool_loss + 0.1 * gan.likeness(judge.encoder(fake))
        of_d = torch.autograd.grad(real_loss - k * fake_loss, list(judge.parameters()))
        of_g = torch.autograd.grad(fool, list(generator.parameters()))
        apply(adam_d, of_d)
        apply(adam_g, of_g)
        with torch.no_grad():
            k = torch.clamp(k + 0.01 * (0.7 * real_loss - fake_loss), 0, 1)
    assert differences(saved_weights(tmp_path / "run"), module_weights(generator=generator, discriminator=judge)) == []


def test_distillation(tmp_path: Path) -> None:
    """The teacher for 60 steps, then the students for 60."""
    finish("distillation", tmp_path / "run", ["run.num_steps=120", "stages.teach.until=60 steps"])
    teacher = made("teacher", lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same"), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same"), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10)))
    student = made("student", lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)))
    plain = copy.deepcopy(student)
    of_teacher, of_student, of_plain = (torch.optim.Adam(net.parameters(), lr=2e-3)
                                        for net in (teacher, student, plain))
    images, labels = digits()
    for step, _, chosen in batches(SEED, len(images), 64, 60):
        seeded("logits", step)
        of_teacher.param_groups[0]["lr"] = 2e-3 * (
            0.05 + (1.0 - 0.05) * 0.5 * (1.0 + float(np.cos(np.pi * (step - 1) / 500))))
        update(of_teacher, F.cross_entropy(teacher(images[chosen]), labels[chosen]))
    teacher.eval()
    known = torch.nonzero(labels != 3).squeeze(1)
    for _, _, chosen in batches(SEED, len(known), 64, 60, "known"):
        image, label = images[known[chosen]], labels[known[chosen]]
        with torch.no_grad():
            soft = torch.softmax(teacher(image) / 8.0, dim=1)
        update(of_student, F.cross_entropy(student(image) / 8.0, soft) * 8.0 ** 2)
        update(of_plain, F.cross_entropy(plain(image), label))
    assert differences(saved_weights(tmp_path / "run"),
                       module_weights(teacher=teacher, student=student, plain=plain)) == []


def test_byol(tmp_path: Path) -> None:
    byol = finish("byol", tmp_path / "run", ["run.num_steps=100"])
    online = made("online", byol.Encoder)
    target, untrained = copy.deepcopy(online), copy.deepcopy(online)
    predictor = made("predictor", lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 128), nn.BatchNorm1d(128),
                                                        nn.ReLU(), nn.Linear(128, 32)))
    heads = {name: made(f"on_{name}", lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
             for name in ("learned", "untrained", "pixels")}
    adams = {name: torch.optim.AdamW(head.parameters(), lr=1e-2) for name, head in heads.items()}
    optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=1e-3)
    images, labels = digits()
    few, few_labels = images[:100], labels[:100]
    for step, image in full_batches(100, 128):
        views = []
        for node in ("one", "two"):
            seeded(node, step)
            views.append(byol.view(image))
        with torch.no_grad():
            online.eval()
            features = {"learned": online.features(few), "untrained": untrained.eval().features(few),
                        "pixels": few.flatten(1)}
            online.train()
            kept = [buffer.clone() for buffer in target.buffers()]
            wanted = [target(one) for one in views]
            for buffer, old in zip(target.buffers(), kept, strict=True):
                buffer.copy_(old)
        projected = [online(one) for one in views]
        predicted = [predictor(one) for one in projected]
        loss = (4 - 2 * torch.cosine_similarity(predicted[0], wanted[1]).mean()
                - 2 * torch.cosine_similarity(predicted[1], wanted[0]).mean())
        optimizer.param_groups[0]["lr"] = 1e-3 * (step / 100)
        update(optimizer, loss)
        follow(target, online, 0.99)
        for name, head in heads.items():
            update(adams[name], F.cross_entropy(head(features[name]), few_labels))
    twin = module_weights(online=online, target=target, untrained=untrained, predictor=predictor,
                          **{f"on_{name}": head for name, head in heads.items()})
    assert differences(saved_weights(tmp_path / "run"), twin) == []
