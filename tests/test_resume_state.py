"""Checkpoints hold all state: every leaf of it is there, is restored as it was, and no op can keep some back."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import everything
import pytest
from twins import run, state

import edgraph
from edgraph.api import prepare, restored, take_up
from edgraph.backends.load import load_backend
from edgraph.ops.registry import RegistrationError
from edgraph.run.start import Job, Runner, build_backend
from edgraph.run.warm import WarmStart
from edgraph.text.diagnostics import Diagnostics, PipelineError

STOP = 52  # in a stage that ends by a condition, and after the first of three firings of an accumulation


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything.write(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def folder(pipeline: Path) -> Path:
    """A run up to there."""
    folder = pipeline.parent / "run"
    run(pipeline, folder, [f"run.num_steps={STOP}", "ops.ended=null"])
    return folder


def test_what_there_is(folder: Path) -> None:
    tree = state(folder)
    assert set(tree) == {"edgraph", "step", "passed", "halt", "seed", "models", "graph", "streams", "alarms", "stages",
                         "params", "loggers"}
    assert tree["params"] == {"written": {}, "now": {}, "taken": 0}
    assert (tree["step"], tree["seed"], tree["passed"], tree["halt"]) == (STOP, 11, "", [])
    assert tree["stages"] == {"index": 1, "started": 31}
    assert {name: place[0] for name, place in tree["streams"].items()} == {"pool": STOP // 3,
                                                                           "rollout.pool": 3 * (STOP // 11)}
    assert tree["streams"]["pool"][1] == STOP // 3 * 3  # the step at which it was asked for last
    assert set(tree["alarms"]) == {"spent"}
    models, optimizers = tree["models"]["models"], tree["models"]["optimizers"]
    assert set(models) == {"net", "ema", "critic"}
    assert set(models["net"]["buffers"]) == {"2.running_mean", "2.running_var", "2.num_batches_tracked"}
    assert set(models["critic"]["buffers"]) == {"calls"}  # though it is not persistent
    assert models["critic"]["extra"][""]["scale"] > 1.0
    opt, of_critic = optimizers["opt"], optimizers["of_critic"]
    assert opt["updates"] == STOP // 3 and opt["partial"]["firings"] == STOP % 3 == 1
    assert opt["partial"]["weight"] and all(gradient is not None for gradient in opt["partial"]["gradients"])
    assert all(set(m["values"]) >= {"exp_avg", "exp_avg_sq", "step"} for m in opt["optimizer"]["moments"])
    assert len(opt["optimizer"]["groups"]) == 2
    assert all(m["values"]["momentum_buffer"] for m in of_critic["optimizer"]["moments"])
    assert of_critic["bases"][0] < 0.01  # lowered by 'lower'
    graph = tree["graph"]
    assert set(graph["ops"]) == {"smooth", "quality", "counted"}
    assert graph["ops"]["smooth"]["count"] == STOP
    assert {"k", "extra", "loss", "quality.best"} <= set(graph["slots"]) and all(graph["held"])
    assert sorted(graph["counts"].values()) == [STOP // 3, sum(step % 4 in (1, 2) for step in range(1, STOP + 1))]


def runner_of(pipeline: Path, folder: Path, stack: Any) -> Runner:
    """A run that has been taken up and stands still."""
    loaded = edgraph.load(pipeline)
    checked = loaded.check(data=True)
    graph = checked.require()
    opened = stack.enter_context(take_up(str(folder), Path()))
    backend = load_backend(graph.pipeline, Diagnostics())
    params = build_backend(backend, restored(graph.pipeline, opened), checked.folder, lambda text: None)
    job = Job(graph, backend, params, checked.data, opened, resume=True, extended=True, quiet=True)
    return prepare(job, checked, loaded, WarmStart(Path()))


def test_every_leaf_is_restored(pipeline: Path, folder: Path) -> None:
    with ExitStack() as stack:
        found = runner_of(pipeline, folder, stack).state(STOP)
        expected = state(folder)
        spent = found["alarms"].pop("spent") - expected["alarms"].pop("spent")
        assert spent >= 0
        assert dict(leaves(found)) == dict(leaves(expected))


def leaves(tree: Any, path: str = "") -> Any:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, everything.plain(tree)


# -- ops -----------------------------------------------------------------------------------------------

SMALL = """
name: small
imports: [state_ops]
run: {num_steps: 4, over: none}
ops:
  noise: {op: normal, with: {shape: [3]}}
  op:    {op: OP, inputs: noise}
"""


def check(tmp_path: Path, code: str, op: str) -> list[str]:
    """The errors of a pipeline with an op of the user's, when it is run."""
    sys.modules.pop("state_ops", None)
    (tmp_path / "state_ops.py").write_text(f"import edgraph\n\n{code}")
    (tmp_path / "pipeline.yaml").write_text(SMALL.replace("OP", op))
    try:
        ended = edgraph.load(tmp_path / "pipeline.yaml").run(tmp_path / f"run-{op}")
    except PipelineError as error:
        return [found.message for found in error.diagnostics]
    return [] if ended.failure is None else [ended.failure.text()]


CALL = "    def __call__(self, value):\n        pass\n"
SAVE = "    def state_dict(self):\n        return {}\n"
LOAD = "    def load_state_dict(self, state):\n        pass\n"


@pytest.mark.parametrize(("name", "body", "fine"), [
    ("neither", CALL, False), ("only_saves", CALL + SAVE, False), ("only_loads", CALL + LOAD, False),
    ("both", CALL + SAVE + LOAD, True)])
def test_a_class_has_to_save_and_load(name: str, body: str, fine: bool, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    errors = check(tmp_path, f"@edgraph.op(effect=True)\nclass {name}:\n{body}", name)
    assert errors == [] if fine else "state_dict" in errors[0] and "state=None" in errors[0], errors


def test_or_to_say_that_it_keeps_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, f"@edgraph.op(effect=True, state=None)\nclass forgets:\n{CALL}", "forgets") == []


def test_every_class_of_the_library_has_done_so() -> None:
    from edgraph.backends.torch.library import IMPLEMENTATIONS
    from edgraph.ops.registry import registry
    for name, spec in registry.ops.items():
        target = IMPLEMENTATIONS.get(name, spec.implementation)
        if isinstance(target, type) and not spec.engine:
            saves = hasattr(target, "state_dict") and hasattr(target, "load_state_dict")
            # a metric that writes does so within its loop, which no checkpoint falls into
            assert saves == (spec.state or (spec.metric and not spec.effect)), name


@pytest.mark.parametrize(("name", "returned", "message"), [
    ("strange", "{'lock': object()}", "the state of 'op' cannot be saved and restored: .*object"),
    ("failing", "1 / 0", "the state of 'op' cannot be saved and restored: ZeroDivisionError")])
def test_state_that_cannot_be_saved_is_found_at_once(name: str, returned: str, message: str, tmp_path: Path) -> None:
    """Not at the first checkpoint, ten minutes later."""
    code = (f"@edgraph.op(effect=True)\nclass {name}:\n{CALL}    def state_dict(self):\n        return {returned}\n"
            f"{LOAD}")
    assert re.match(message, check(tmp_path, code, name)[0])
    assert not (tmp_path / f"run-{name}").exists()


def test_state_that_cannot_be_saved_any_more_is_named(tmp_path: Path) -> None:
    code = (f"@edgraph.op(effect=True)\nclass grows:\n    seen = None\n    def __call__(self, value):\n"
            f"        self.seen = object()\n    def state_dict(self):\n        return {{'seen': self.seen}}\n{LOAD}")
    assert "the state of 'op': a value of type builtins.object cannot be kept" in check(tmp_path, code, "grows")[0]


def test_registering_says_where() -> None:
    with pytest.raises(RegistrationError, match=r"test_resume_state.py:\d+"):
        @edgraph.op
        class silent:
            def __call__(self, value: Any) -> Any:
                return value
