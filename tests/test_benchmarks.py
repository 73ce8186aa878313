"""The benchmarks can be run: what they import is there, and the engine that they make does its steps."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks.__main__ import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_is_there(name: str) -> None:
    assert callable(import_module(f"benchmarks.{name}").main)


def test_the_engine_of_the_dispatch_benchmark_does_its_steps() -> None:
    from benchmarks.dispatch import PIPELINE
    from benchmarks.plain import engine_of, go_on

    engine = engine_of(PIPELINE)
    go_on(engine, 1500)
    go_on(engine, 700)
    assert engine.done == 2200
