"""fp16: each optimizer scales its losses by a factor of its own, as torch's GradScaler does in a loop by hand. torch
can compute in fp16 on a processor too, only slowly; edgraph offers it where there is a GPU, and here it is let."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from trainers import GAN, Gan, bce, data
from twins import differences, module_weights, pipeline, run, saved_weights, state

import edgraph
from edgraph.backends.torch import backend

STEPS = 120
HALF = partial(torch.autocast, "cpu", dtype=torch.float16)
OPS = {
    "d_loss": "50 * (real_loss + found_loss)",  # larger gradients: they overflow sooner
    "train_d": {"op": "optimize", "inputs": "d_loss", "with": {"optimizer": "adam_d"}},
    "train_g": {"op": "optimize", "inputs": "g_loss", "with": {"optimizer": "adam_g"}},
    "follow": {"op": "update_ema", "with": {"target": "smooth", "source": "generator", "decay": 0.9}},
    "report": {"op": "log_scalars", "inputs": {"d": "train_d.applied", "g": "train_g.applied"}},
}


@pytest.fixture(autouse=True)
def halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """fp16 on a processor, and factors that begin too large and grow after three good updates."""
    before = backend.autocast
    monkeypatch.setattr(backend, "autocast", lambda precision, device: HALF if precision == "fp16"
                        else before(precision, device))
    monkeypatch.setattr(torch.amp, "GradScaler", partial(torch.amp.GradScaler, init_scale=2.0**20, growth_interval=3))


def tree(accumulate: int = 1) -> dict[str, Any]:
    made = pipeline(GAN, ops=OPS, models={"smooth": {"copy": "generator"}})
    made["run"] |= {"precision": "fp16", "num_steps": STEPS}
    made["optimizers"]["adam_d"]["clip_norm"] = 0.5
    made["optimizers"]["adam_g"]["schedule"] = "0.001 * 0.9 ** updates"
    if accumulate > 1:
        made["ops"]["train_d"] = {**OPS["train_d"], "with": {"optimizer": "adam_d", "accumulate": accumulate}}
    return made


class HalfGan(Gan):
    """Networks that compute in fp16."""

    def __init__(self) -> None:
        super().__init__()
        for net in (self.critic, self.generator):
            net.forward = self.halved(net.forward)  # type: ignore[method-assign]

    @staticmethod
    def halved(forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(x: torch.Tensor) -> Any:
            with HALF():
                return forward(x)
        return call

    def losses(self, images: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        fake_score = self.score("fake_score", self.made_from(images, step), step).float()
        real_loss = bce(self.score("real_score", images, step).float(), 1.0)
        return 50 * (real_loss + bce(fake_score, 0.0)), bce(fake_score, 1.0)


class Training:
    """An optimizer with its GradScaler, as torch's documentation has it."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.adam, self.scaler = net, torch.optim.Adam(net.parameters(), lr=0.001), torch.amp.GradScaler("cpu")
        self.updates, self.applied, self.scales = 0, [], []  # type: ignore[var-annotated]

    def gradients(self, loss: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad(self.scaler.scale(loss), list(self.net.parameters()), retain_graph=True))

    def update(self, gradients: list[torch.Tensor], clip: float | None = None) -> bool:
        for parameter, gradient in zip(self.net.parameters(), gradients, strict=True):
            parameter.grad = gradient
        self.scaler.unscale_(self.adam)
        if clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), clip)
        before = self.scaler.get_scale()
        self.scaler.step(self.adam)
        self.scaler.update()
        self.scales.append(self.scaler.get_scale())
        self.applied.append(self.scaler.get_scale() >= before)
        self.updates += self.applied[-1]
        return self.applied[-1]


def by_hand(accumulate: int = 1) -> tuple[Training, Training, nn.Module]:
    gan, smooth = HalfGan(), HalfGan().generator
    d, g = Training(gan.critic), Training(gan.generator)
    kept: list[list[torch.Tensor]] = []
    for step, images, _ in data(STEPS):
        d_loss, g_loss = gan.losses(images, step)
        kept.append(d.gradients(d_loss))
        of_g = g.gradients(g_loss)
        if len(kept) == accumulate:
            d.update([sum(parts[1:], parts[0]) / accumulate for parts in zip(*kept, strict=True)], clip=0.5)
            kept.clear()
        g.adam.param_groups[0]["lr"] = 0.001 * 0.9 ** g.updates
        if g.update(of_g):
            with torch.no_grad():
                for old, new in zip(smooth.parameters(), gan.generator.parameters(), strict=True):
                    old.lerp_(new, 1.0 - 0.9)
    return d, g, smooth


@pytest.mark.parametrize("accumulate", [1, 4])
def test_by_hand(accumulate: int, tmp_path: Path) -> None:
    """Updates left out where a gradient overflows, with half the factor for the next; twice the factor after three
    good ones. Clipping, schedule and average as if the updates that were left out had not been."""
    ended = run(tree(accumulate), tmp_path / "run")
    assert ended.values["fake"].dtype == torch.float16 and ended.values["g_loss"].dtype == torch.float32
    d, g, smooth = by_hand(accumulate)
    for one in (d, g):
        assert one.applied.count(False) >= 2 and one.applied.count(True) >= 8
        assert max(after / before for before, after in zip(one.scales, one.scales[1:], strict=False)) == 2.0
    assert set(d.scales) != set(g.scales)  # a factor each
    assert differences(saved_weights(tmp_path / "run"),
                       module_weights(critic=d.net, generator=g.net, smooth=smooth)) == []
    saved = state(tmp_path / "run")["models"]["optimizers"]
    assert [saved[name]["updates"] for name in ("adam_d", "adam_g")] == [d.updates, g.updates]
    assert [saved[name]["scaler"] for name in ("adam_d", "adam_g")] == [one.scaler.state_dict() for one in (d, g)]


@pytest.mark.parametrize("accumulate", [1, 4])
def test_resumed(accumulate: int, tmp_path: Path) -> None:
    """The factors, and how many good updates there were since they changed, are in the checkpoint."""
    run(tree(accumulate), tmp_path / "whole")
    run(tree(accumulate), tmp_path / "cut", ["run.num_steps=18"])
    for until in (39, STEPS):
        edgraph.load(tree(accumulate), [f"run.num_steps={until}"]).run(resume=tmp_path / "cut")
    assert differences(saved_weights(tmp_path / "cut"), saved_weights(tmp_path / "whole")) == []
    one, other = (state(tmp_path / name)["models"]["optimizers"] for name in ("cut", "whole"))
    assert [one[name]["scaler"] for name in one] == [other[name]["scaler"] for name in other]


@pytest.mark.parametrize(("precision", "codes"), [("fp32", []), ("bf16", []), ("fp16", ["stale-input"])])
def test_an_update_may_be_left_out(precision: str, codes: list[str]) -> None:
    """So that a clock which promises the port `applied` promises too much; as with `nonfinite: skip`."""
    made = tree()
    made["ops"] = {**made["ops"], "promise": {"op": "log_scalars", "inputs": "train_d.applied", "every": 2}}
    assert [found.code for found in edgraph.load(made, [f"run.precision={precision}"]).validate()] == codes
