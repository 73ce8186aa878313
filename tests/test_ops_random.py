"""Streams of random numbers: fixed for all time, one for each seed, node, step and iteration."""

from __future__ import annotations

from edgraph.ops.random import loop_key, mix, node_base, rng, stream_seed


def test_streams_are_fixed_for_all_time() -> None:
    # A changed number here means that every run and every hand-written twin gives other results.
    assert stream_seed(0, "logits", 1) == 1155183699545043390
    assert stream_seed(0, "logits", 1, 3) == 7359272452032367096
    assert rng(0, "logits", 1).integers(0, 1000, 4).tolist() == [140, 705, 949, 4]


def test_the_parts_make_the_whole() -> None:
    base = node_base(7, "noise")
    assert mix(base, 12) == stream_seed(7, "noise", 12)
    assert mix(base, loop_key(12, 5)) == stream_seed(7, "noise", 12, 5)
    assert loop_key(12, 0) == 12


def test_seeds_are_distinct_and_fit_63_bits() -> None:
    seeds = [
        stream_seed(seed, node, step, iteration)
        for seed in (0, 1)
        for node in ("a", "b", "a.b")
        for step in range(200)
        for iteration in range(10)
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert 0.45 < sum(bin(seed).count("1") for seed in seeds) / (63 * len(seeds)) < 0.55


def test_nested_loops_do_not_meet() -> None:
    keys = {
        loop_key(loop_key(step, i), j) for step in range(1, 30) for i in range(1, 30) for j in range(1, 30)
    }
    assert len(keys) == 29**3
