"""Streams of random numbers: one for each (seed of the run, node, step, iteration), and no other state.

The 63-bit seed of a stream is `mix(node_base(seed, node), key)`. `node_base` hashes seed and node with
BLAKE2b, once a node; `mix` is splitmix64's finalizer, cheap enough for every firing. The key is the step, and
inside a loop `loop_key(key outside, iteration)`. So no op can shift the random numbers of another.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15


@lru_cache(maxsize=65536)
def node_base(run_seed: int, node: str) -> int:
    """The 64-bit start of all streams of a node: BLAKE2b of `<seed>/<node>`, big endian."""
    return int.from_bytes(blake2b(f"{run_seed}/{node}".encode(), digest_size=8).digest(), "big")


def _splitmix64(x: int) -> int:
    x = (x + _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def mix(base: int, key: int) -> int:
    """A 63-bit seed (every framework takes one) from a node's base and a key."""
    return _splitmix64(base ^ _splitmix64(key & _MASK)) >> 1


def loop_key(key: int, iteration: int) -> int:
    """The key inside a loop, from the key outside it and the iteration, counted from 1; 0 is outside."""
    return key if iteration == 0 else _splitmix64(_splitmix64(key & _MASK) + iteration)


def stream_seed(run_seed: int, node: str, step: int, iteration: int = 0) -> int:
    """The 63-bit seed that the node draws from at a step, and at an iteration of a loop within it.

    step, iteration: counted from 1; iteration 0 is outside of a loop.

    The hand-written twin of a node of the main loop: `torch.manual_seed(stream_seed(seed, "logits", step))`.
    """
    return mix(node_base(run_seed, node), loop_key(step, iteration))


def rng(run_seed: int, node: str, step: int, iteration: int = 0) -> np.random.Generator:
    """NumPy's counter-based generator (Philox) keyed by `stream_seed`, which says what the arguments are."""
    import numpy as np

    return np.random.Generator(np.random.Philox(key=stream_seed(run_seed, node, step, iteration)))
