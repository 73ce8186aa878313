"""The data, the transformer and the samples of `char-lm.yaml`."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from edgraph.data.arrays import ArrayData

CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))  # the same on every machine; anything else is written as ?


class StandardLibrary(ArrayData):
    """The sources of Python's standard library as they are on this machine: `input` (length,) int64, places in
    CHARACTERS, and `target`, the same moved on by one character.

    files: which of them, a pattern. length: characters in an example. split: the first nine tenths, or the rest.
    """

    def __init__(self, *, files: str = "asyncio/*.py", length: int = 96,
                 split: Literal["train", "validation"] = "train") -> None:
        folder = Path(sysconfig.get_path("stdlib"))
        found = sorted(folder.glob(files))
        if not found:
            raise FileNotFoundError(f"no file matches {folder / files}")
        text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in found)
        places = {character: place for place, character in enumerate(CHARACTERS)}
        codes = np.array([places.get(c, places["?"]) for c in text.expandtabs()], np.int64)
        border = len(codes) * 9 // 10
        codes = codes[:border] if split == "train" else codes[border:]
        starts = np.arange(0, len(codes) - length, length if split == "validation" else length // 2)
        rows = codes[starts[:, None] + np.arange(length + 1)]
        super().__init__({"input": rows[:, :-1], "target": rows[:, 1:]})


class Transformer(nn.Module):
    """Scores (batch, characters, length) of each next character, from codes (batch, length)."""

    def __init__(self, *, length: int = 96, width: int = 96, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.length = length
        self.embed = nn.Embedding(len(CHARACTERS), width)
        self.place = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for embedding in (self.embed, self.place):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        x = self.embed(codes) + self.place.weight[:codes.shape[1]]
        for block in self.blocks:
            x = block(x)
        return (self.norm(x) @ self.embed.weight.T).transpose(1, 2)

    @torch.no_grad()
    def write(self, prompt: torch.Tensor, *, start: int = 32, more: int = 400,
              temperature: float = 0.7) -> torch.Tensor:
        """Goes on after the first `start` codes of prompts (batch, length): (batch, start + more)."""
        codes = prompt[:, :start]
        for _ in range(more):
            scores = self(codes[:, -self.length:])[:, :, -1] / temperature
            codes = torch.cat([codes, torch.multinomial(scores.softmax(1), 1)], 1)
        return codes


class Block(nn.Module):
    """Causal self-attention and two linear layers, each after a layer norm and around a short cut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norms[0](x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norms[1](x))


def decode(codes: torch.Tensor) -> dict[str, Any]:
    """The text of each row of codes (batch, length), as `one`, `two`, …"""
    names = ("one", "two", "three", "four")
    return {name: "".join(CHARACTERS[code] for code in row) for name, row in zip(names, codes.tolist(), strict=False)}
