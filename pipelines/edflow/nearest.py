"""A model of plain Python: the class whose mean picture is nearest."""

from __future__ import annotations

from typing import Any

import numpy as np


class Nearest:
    """image: (n, 1, 8, 8) pictures, label: (n,) classes 0 to 9."""

    def __init__(self) -> None:
        self.sums = np.zeros((10, 64))
        self.counts = np.zeros(10)

    def learn(self, image: Any, label: Any) -> None:
        np.add.at(self.sums, label, image.reshape(-1, 64))
        np.add.at(self.counts, label, 1)

    def __call__(self, image: Any) -> Any:
        """(n, 10) scores: the less far, the higher."""
        means = self.sums / np.maximum(self.counts, 1)[:, None]
        return -np.square(image.reshape(-1, 1, 64) - means).sum(-1)
