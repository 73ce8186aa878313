"""A training script as an engineer would write it, for comparison: `by_hand.py DATA.npz HIDDEN,... STEPS`.

Prints the time (of the system's monotonic clock) at the end of its first step, and its peak memory in KiB.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    path, hidden, steps = sys.argv[1], [int(size) for size in sys.argv[2].split(",")], int(sys.argv[3])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with np.load(path) as data:
        images, labels = torch.from_numpy(data["image"]), torch.from_numpy(data["label"])
    sizes = [images[0].numel(), *hidden, 10]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    step = 0
    while step < steps:
        for chosen in torch.randperm(len(images)).split(64):
            loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step == 1:
                print("first step", time.monotonic(), flush=True)
            if step == steps:
                break
    print("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
