"""Random pipelines: the interpreter and the generated code do the same, and what an oracle says; a run that was saved
in the middle goes on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from in_memory import MemoryStore
from oracle import Oracle
from random_pipelines import Drawn, core_pipelines, pipelines
from toy import Ran, check, forward_in_order, run, same, text

from edgraph.graph.ir import EdgeKind, Node

QUIET: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck),
                         "phases": [Phase.explicit, Phase.reuse, Phase.generate]}  # shrinking takes minutes
FAST, SLOW = settings(max_examples=70, **QUIET), settings(max_examples=1000, **QUIET)


def compare(drawn: Drawn) -> Ran:
    """Runs a pipeline both ways."""
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    for graph in checked.require().graphs():
        forward_in_order(graph)
    generated = run(checked)
    same(generated, run(checked, interpret=True))
    assert generated.outcome.end == "finished", generated.outcome
    return generated


def follows_the_oracle(drawn: Drawn) -> None:
    ran = compare(drawn)
    fired, given = Oracle(drawn).run()
    assert ran.outcome.step == len(fired)
    told = [name for name, entry in drawn.pipeline["ops"].items() if not isinstance(entry, str)]  # others are inline
    conditions = any(drawn.conditions.values())
    for step, (demanded, effects) in enumerate(zip(fired, given, strict=True), 1):
        firings = [firing for at, _, firing in ran.by_step() if at == step]
        names = [firing.node for firing in firings]
        assert len(names) == len(set(names))
        assert set(names) >= demanded & set(told), (step, demanded - set(names))
        if not conditions:  # else some run before it is known that nobody needs them
            assert set(names) == demanded & set(told), (step, set(names) - demanded)
        found = sorted((firing.node, firing.inputs) for firing in firings
                       if drawn.pipeline["ops"][firing.node]["op"] in ("note", "report", "tally"))
        assert found == sorted(effects), step


def goes_on(drawn: Drawn) -> None:
    """From each checkpoint that a run has saved."""
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    marks: list[tuple[int, int, dict[str, Any]]] = []
    store = MemoryStore(keep=None)

    def ready(runner: Any) -> None:
        save = runner.save

        def marking(name: str | None, step: int, *rest: Any) -> None:
            save(name, step, *rest)
            newest = max(store._files.items(), key=lambda item: item[1][0].serial)
            marks.append((step, len(runner.context.backend.journal.firings), dict([newest])))
        runner.save = marking
    whole = run(checked, store=store, ready=ready)
    for step, done, file in marks[::max(1, len(marks) // 3)]:
        part = MemoryStore(keep=None)
        part._files = file
        rest = run(checked, store=part, resume=True)
        assert rest.journal.firings == whole.journal.firings[done:], step
        assert rest.outcome.step == whole.outcome.step and text(rest.weights) == text(whole.weights)


def _steers(node: Node, inside: bool = False) -> bool:
    """Whether it changes how the run goes on, itself or in its loop."""
    if node.op == "stop":
        return not inside or bool(node.settings.get("run"))
    return node.op == "set_learning_rate" or (
        node.body is not None and any(_steers(inner, True) for inner in node.body.nodes.values()))


def _reached(names: set[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """These, and all that edges lead to."""
    found, stack = set(names), list(names)
    while stack:
        new = set(edges[stack.pop()]) - found
        found |= new
        stack += new
    return found


def ignores_observers(drawn: Drawn) -> None:
    """Without what observes, the weights are the same: of everything else only what changes a setting is kept."""
    checked = check(drawn.pipeline)
    assume(not checked.diagnostics.failed)
    graph = checked.require()
    kept = {node.name for node in graph.nodes.values() if node.training or _steers(node)}
    assume(any(node.op == "optimize" for node in graph.nodes.values()))
    kept |= {target.node for stage in graph.stages if stage.condition for target in graph.targets.values()}
    before = graph.predecessors(EdgeKind)
    while True:
        kept = _reached(kept, before)
        # What steers by a source of its own depends on all who make that advance.
        sources = {name for name in kept if graph.nodes[name].op == "load_batch" and not graph.nodes[name].training}
        shares = {name for name in before if name not in kept and _reached({name}, before) & sources}
        if not shares:
            break
        kept |= shares
    ops = {name: entry for name, entry in drawn.pipeline["ops"].items() if name in kept}
    bare = check({**drawn.pipeline, "ops": ops})
    assert not bare.diagnostics.failed
    one, two = run(checked), run(bare)
    assert text(one.weights) == text(two.weights) and one.backend.buffers == two.backend.buffers
    for name in kept:
        if name.endswith((".gradients", "_update")):
            assert one.inputs(name) == two.inputs(name)


@FAST
@given(core_pipelines())
def test_what_an_oracle_says(drawn: Drawn) -> None:
    follows_the_oracle(drawn)


@FAST
@given(pipelines())
def test_interpreter_and_generated_code(drawn: Drawn) -> None:
    compare(drawn)


@settings(FAST, max_examples=50)
@given(pipelines())
def test_saved_and_resumed(drawn: Drawn) -> None:
    goes_on(drawn)


@settings(FAST, max_examples=50)
@given(pipelines(trains=True))
def test_observers_never_change_training(drawn: Drawn) -> None:
    ignores_observers(drawn)


@pytest.mark.slow
@SLOW
@given(core_pipelines())
def test_what_an_oracle_says_at_length(drawn: Drawn) -> None:
    follows_the_oracle(drawn)


@pytest.mark.slow
@SLOW
@given(pipelines())
def test_interpreter_and_generated_code_at_length(drawn: Drawn) -> None:
    compare(drawn)


@pytest.mark.slow
@SLOW
@given(pipelines())
def test_saved_and_resumed_at_length(drawn: Drawn) -> None:
    goes_on(drawn)


@pytest.mark.slow
@SLOW
@given(pipelines(trains=True))
def test_observers_never_change_training_at_length(drawn: Drawn) -> None:
    ignores_observers(drawn)
