"""Trainers in which losses take turns, and the same loops written by hand: the same weights bit for bit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from trainers import STEPS, Gan, adam, apply, check, data, descend, tree
from twins import differences, run, saved_weights

import edgraph

BOTH = "losses: {critic: d_loss, generator: g_loss}, optimizers: {critic: adam_d, generator: adam_g}"
COSINE = {"schedule": {"use": "cosine", "steps": 200, "end": 0.1}}


def cosine(position: int) -> float:
    return 0.1 + 0.9 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, position / 200)))


@pytest.mark.parametrize("per", ["step", "update"])
def test_five_critic_steps_and_one_of_the_generator(per: str, tmp_path: Path) -> None:
    """The generator's schedule counts every step of the run; with `per: update` its own updates."""
    gan = Gan()
    critic, generator = adam(gan.critic), adam(gan.generator)
    for step, images, _ in data():
        if (step - 1) % 6 < 5:
            descend(gan.critic, gan.critic_loss(images, step), critic)
        else:
            generator.param_groups[0]["lr"] = 0.001 * cosine(step - 1 if per == "step" else step // 6 - 1)
            descend(gan.generator, gan.generator_loss(images, step), generator)
    pipeline = tree("frequency_trainer", f"{{{BOTH}, frequency: {{critic: 5, generator: 1}}, per: {per}}}")
    pipeline["optimizers"]["adam_g"] |= COSINE
    check(pipeline, tmp_path / "run", critic=gan.critic, generator=gan.generator)


def test_a_list_of_steps(tmp_path: Path) -> None:
    """Losses of the same step are updated together: both gradients are those of the weights at its start."""
    gan = Gan()
    critic, generator = adam(gan.critic), adam(gan.generator)
    for step, images, _ in data():
        turn = (step - 1) % 4
        if turn in (0, 1):
            descend(gan.critic, gan.critic_loss(images, step), critic)
        elif turn == 2:
            of_critic, of_generator = gan.both_gradients(images, step)
            apply(gan.critic, of_critic, critic)
            apply(gan.generator, of_generator, generator)
        else:
            descend(gan.generator, gan.generator_loss(images, step), generator)
    check(tree("frequency_trainer", f"{{{BOTH}, frequency: [critic, critic, [critic, generator], generator]}}"),
          tmp_path / "run", critic=gan.critic, generator=gan.generator)


def test_a_list_of_sets(tmp_path: Path) -> None:
    """Three sets in turn, each with optimizers of its own: their moments are apart."""
    gan = Gan()
    first, second = adam(gan.critic), adam(gan.generator, lr=0.001 * 0.5)
    third_critic, third_generator = (torch.optim.SGD(net.parameters(), lr=0.02 * 2.0)
                                     for net in (gan.critic, gan.generator))
    for step, images, _ in data():
        turn = (step - 1) % 3
        if turn == 0:
            descend(gan.critic, gan.critic_loss(images, step), first)
        elif turn == 1:
            second.param_groups[0]["lr"] = 0.001 * 0.5 * cosine(step - 1)
            descend(gan.generator, gan.generator_loss(images, step), second)
        else:
            of_critic, of_generator = gan.both_gradients(images, step)
            third_critic.param_groups[0]["lr"] = 2.0 * (0.02 * 0.99 ** step)
            apply(gan.critic, of_critic, third_critic)
            apply(gan.generator, of_generator, third_generator)
    pipeline = tree("list_trainer", f"""
        sets:
          - {{losses: {{critic: d_loss}}, optimizers: {{critic: adam_d}}}}
          - {{losses: {{generator: g_loss}}, optimizers: {{generator: adam_g}}, lr_multiplier: 0.5}}
          - {{{BOTH.replace("adam", "sgd")}, lr_multiplier: 2.0}}
        """, optimizers={"sgd_d": {"use": "SGD", "updates": ["critic"], "with": {"lr": 0.02},
                                   "schedule": "0.02 * 0.99 ** step"},
                         "sgd_g": {"use": "SGD", "updates": ["generator"], "with": {"lr": 0.02}}})
    pipeline["optimizers"]["adam_g"] |= COSINE
    check(pipeline, tmp_path / "run", critic=gan.critic, generator=gan.generator)


def test_a_set_that_is_repeated(tmp_path: Path) -> None:
    """Two steps of the first set, three of the second, one of the third: a place of the list each. The generator is
    in two of them, by the gradients of one loss and the moments of two optimizers."""
    gan = Gan()
    critic, generator, late = adam(gan.critic), adam(gan.generator), adam(gan.generator, lr=0.001 * 0.1)
    for step, images, _ in data():
        turn = (step - 1) % 6
        if turn < 2:
            descend(gan.critic, gan.critic_loss(images, step), critic)
        else:
            descend(gan.generator, gan.generator_loss(images, step), generator if turn < 5 else late)
    pipeline = tree("list_trainer", """
        sets:
          - {losses: {critic: d_loss}, optimizers: {critic: adam_d}, repeat: 2}
          - {losses: {generator: g_loss}, optimizers: {generator: adam_g}, repeat: 3}
          - {losses: {generator: g_loss}, optimizers: {generator: adam_late}, lr_multiplier: 0.1}
        """, optimizers={"adam_late": {"use": "Adam", "updates": ["generator"], "with": {"lr": 0.001}}})
    check(pipeline, tmp_path / "run", critic=gan.critic, generator=gan.generator)


def test_stages(tmp_path: Path) -> None:
    """The critic alone, then nobody for ten steps, then both until the critic is good, then the generator alone."""
    gan = Gan()
    critic, generator = adam(gan.critic), adam(gan.generator)
    tail = None
    for step, images, _ in data():
        if step <= 46:  # two epochs
            descend(gan.critic, gan.critic_loss(images, step), critic)
        elif step <= 56:
            pass
        elif tail is None:
            with torch.no_grad():  # the loss that the condition looks at when the step is over
                d_loss = float(gan.critic_loss(images, step))
            of_critic, of_generator = gan.both_gradients(images, step)
            apply(gan.critic, of_critic, critic)
            apply(gan.generator, of_generator, generator)
            tail = step + 1 if d_loss < 0.8 else None
        else:
            descend(gan.generator, gan.generator_loss(images, step), generator)
    assert tail is not None and 57 < tail < STEPS, tail  # both of the last stages had their steps
    check(tree("stage_trainer", f"""
        {{{BOTH}, stages: {{
          warm: {{until: 2 epochs, losses: [critic]}},
          wait: {{for: 10 steps, losses: []}},
          both: {{until: {{when: "hold(d_loss, 9.0) < 0.8"}}, losses: [critic, generator]}},
          tail: {{losses: [generator]}}}}}}"""),
          tmp_path / "run", critic=gan.critic, generator=gan.generator)


STAGES = f"""{{{BOTH}, stages: {{warm: {{until: 46, losses: [critic]}}, wait: {{for: 10 steps, losses: []}},
  both: {{until: {{when: "hold(d_loss, 9.0) < 0.8"}}, losses: [critic, generator]}},
  tail: {{losses: [generator]}}}}}}"""


@pytest.mark.parametrize(("trainer", "settings"), [
    ("frequency_trainer", f"{{{BOTH}, frequency: [critic, critic, [critic, generator], generator]}}"),
    ("list_trainer", "sets: [{losses: {critic: d_loss}, optimizers: {critic: adam_d}}, "
                     "{losses: {generator: g_loss}, optimizers: {generator: adam_g}, lr_multiplier: 0.5}]"),
    ("stage_trainer", STAGES)], ids=["frequency", "list", "stage"])
def test_a_resumed_run_goes_on_in_the_middle(trainer: str, settings: str, tmp_path: Path) -> None:
    """In the middle of a cycle, of the waiting stage, and of those that end by a condition."""
    pipeline = tree(trainer, settings)
    run(pipeline, tmp_path / "whole")
    run(pipeline, tmp_path / "cut", ["run.num_steps=51"])
    for until in (150, STEPS):
        edgraph.load(pipeline, [f"run.num_steps={until}"]).run(resume=tmp_path / "cut")
    assert differences(saved_weights(tmp_path / "cut"), saved_weights(tmp_path / "whole")) == []
