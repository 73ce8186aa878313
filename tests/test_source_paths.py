"""Generated source reads no variable that was freed, that is of another step, or that was not made, on any path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from random_pipelines import Drawn, pipelines
from source_paths import check_source, run_paths
from toy import check
from toy_regions import PURE

from edgraph import compile as compiler
from edgraph.plan.codegen import StepSource
from edgraph.plan.pattern import Call
from edgraph.plan.regions import static_traces

PIPELINES = sorted((Path(__file__).parent.parent / "pipelines").glob("*.yaml"))
QUIET: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck),
                         "phases": [Phase.explicit, Phase.reuse, Phase.generate]}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_pipelines(path: Path) -> None:
    assert check_source(compiler.check(path, imports=True).require(), static_traces)


def toy_traces(call: Call) -> bool:
    return call.node.op in PURE or static_traces(call)


@settings(max_examples=30, **QUIET)
@given(pipelines())
def test_random_pipelines(drawn: Drawn) -> None:
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    check_source(checked.require(), toy_traces)


@pytest.mark.slow
@settings(max_examples=500, **QUIET)
@given(pipelines(trains=True) | pipelines())
def test_many_random_pipelines(drawn: Drawn) -> None:
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    check_source(checked.require(), toy_traces)


@pytest.mark.parametrize("wrong", [
    "a = do_a()\n        a = None\n        do_b(a)",
    "if do_w():\n            a = do_a()\n        do_b(a)",
    "w = do_w()\n        a = do_a()\n        if w:\n            a = None\n        do_b(a)",
    "w = do_w()\n        if w or do_w():\n            a = do_a()\n        b = do_b(a) if w else 0\n        do_b(b if not w else 1, a)"])
def test_it_finds_mistakes(wrong: str) -> None:
    text = f"def f(steps, do_a=do_a, do_b=do_b, do_w=do_w):\n    for step in steps:\n        {wrong}\n    return step\n"
    source = StepSource("f", text, {name: ("call", name) for name in ("do_a", "do_b", "do_w")}, {})
    with pytest.raises(AssertionError, match=r"'a' is read|'a' where it is not associated"):
        run_paths(source, 1, False)
