"""The training of pipelines/digits-gan.yaml as one writes it who wants it fast: `gan_by_hand.py DATA.npz FOLDER STEPS`.

On the critic's steps the generator runs without gradients; on the generator's the critic's weights get none.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

BATCH, LATENT = 64, 16
REPORT, PICTURES = 60, 600


class ByHand:
    """Goes on for so many steps at every call."""

    def __init__(self, data: Path, folder: Path, steps: int) -> None:
        with np.load(data) as arrays:
            self.images = torch.from_numpy(arrays["image"]).flatten(1)
        self.generator = nn.Sequential(nn.Linear(LATENT, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64))
        self.critic = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(), nn.Dropout(0.3), nn.Linear(128, 1))
        self.of_critic = torch.optim.Adam(self.critic.parameters(), lr=5e-4, betas=(0.5, 0.999))
        self.of_generator = torch.optim.Adam(self.generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
        self.ones, self.zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
        self.folder, self.log = folder, (folder / "by-hand.jsonl").open("w")
        self.steps, self.step = steps, 0
        self.stream = self.batches()

    def batches(self) -> Iterator[torch.Tensor]:
        while True:
            for chosen in torch.randperm(len(self.images)).split(BATCH):
                yield self.images[chosen]

    def __call__(self) -> None:
        for _ in range(self.steps):
            self.step += 1
            real = next(self.stream)
            if self.step % 6:
                self.train_critic(real)
            else:
                self.train_generator(real)

    def critic_loss(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        critic, rows = self.critic, len(real)
        return bce(critic(real), self.ones[:rows]) + bce(critic(fake), self.zeros[:rows])

    def train_critic(self, real: torch.Tensor) -> None:
        with torch.no_grad():
            fake = self.generator(torch.randn(len(real), LATENT))
        loss = self.critic_loss(real, fake)
        self.of_critic.zero_grad()
        loss.backward()
        self.of_critic.step()

    def train_generator(self, real: torch.Tensor) -> None:
        self.critic.requires_grad_(False)
        fake = self.generator(torch.randn(len(real), LATENT))
        loss = bce(self.critic(fake), self.ones[:len(real)])
        if self.step % REPORT == 0:
            with torch.no_grad():
                critic_loss = self.critic_loss(real, fake)
        self.of_generator.zero_grad()
        loss.backward()
        self.of_generator.step()
        self.critic.requires_grad_(True)
        if self.step % REPORT == 0:
            self.report({"d_loss": critic_loss.item(), "g_loss": loss.item()})
        if self.step % PICTURES == 0:
            self.pictures(fake.detach())

    def report(self, values: dict[str, float]) -> None:
        self.log.write(json.dumps({"step": self.step, "time": time.time(), **values}) + "\n")
        self.log.flush()

    def pictures(self, fake: torch.Tensor) -> None:
        """Sixteen in a row, each pixel four by four."""
        from PIL import Image

        rows = -(-len(fake) // 16)
        sheet = np.zeros((rows * 16, 8, 8), np.uint8)
        sheet[:len(fake)] = (fake.clamp(0, 1) * 255).to(torch.uint8).reshape(-1, 8, 8).numpy()
        grid = sheet.reshape(rows, 16, 8, 8).swapaxes(1, 2).reshape(rows * 8, 128)
        Image.fromarray(grid.repeat(4, 0).repeat(4, 1)).save(self.folder / f"by-hand-{self.step}.png")

    def save(self) -> None:
        torch.save({"critic": self.critic.state_dict(), "generator": self.generator.state_dict(),
                    "of_critic": self.of_critic.state_dict(), "of_generator": self.of_generator.state_dict()},
                   self.folder / "by-hand.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run = ByHand(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    run()
    run.save()
